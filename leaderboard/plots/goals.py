"""Where hindsight puts goals: what episodes ask for, and what their steps are relabelled with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.checkpoints import META, TRAINING, Checkpoint, read_meta
from entitybench.errors import BadValue
from entitybench.leaderboard.plots import style
from entitybench.registry import agent, resolve_agent
from entitybench.seeding import generator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.types import Array

DRAWN = 3_000  # goals of each sort, as in the paper's figure (Chuck et al. 2025)
CELLS = 24  # along the longer edge
_HEIGHT = 1.7  # inches of a panel


def goals(inputs: Sequence[str | Path]) -> Any:
    """A panel of goals that episodes began with, and one of relabelled ones for each run.

    Args:
        inputs: checkpoints that hold what training needs, runs in progress that have one
            (OUT/seed<S>.training), or folders of such.

    Raises:
        BadValue: no replay is there, the agent relabels nothing, or tasks differ.
        CheckpointError: a checkpoint that cannot be read.
    """
    from matplotlib.colors import PowerNorm

    found = [_places(Path(path)) for path in inputs]
    tasks = list(dict.fromkeys(task for task, *_ in found))
    if len(tasks) > 1:
        raise BadValue(f"goals of different tasks lie on different tables: {', '.join(tasks)}.")
    asked = np.concatenate([each for *_, each, _ in found])
    panels = [("asked for", asked), *((name, each) for _, name, _, each in found)]
    every = np.concatenate([each for _, each in panels])
    low, high = every.min(0), every.max(0)
    size = np.maximum(high - low, 1e-3)
    cells = np.maximum(1, np.ceil(CELLS * size / size.max())).astype(int)
    shares = [_shares(each, low, low + size, cells) for _, each in panels]
    most = max(share.max() for share in shares)
    figure, axes = style.axes(_HEIGHT, len(panels))
    # Few cells have most of the goals: by the root, others are seen too.
    colours = PowerNorm(0.5, vmin=0, vmax=100 * most)
    for panel, (name, _), share in zip(axes, panels, shares, strict=True):
        image = panel.imshow(
            100 * share.T,
            origin="lower",
            extent=(low[0], low[0] + size[0], low[1], low[1] + size[1]),
            cmap="viridis",
            norm=colours,
            interpolation="nearest",
        )
        panel.set_title(style.wrapped(name, 80), loc="left")
        panel.set_ylabel("y (m)")
        panel.tick_params(labelbottom=panel is axes[-1])
    axes[-1].set_xlabel("x (m)")
    figure.colorbar(
        image,
        ax=axes,
        location="bottom",
        label="% of the goals, in each cell",
        shrink=0.6,
        aspect=40,
    )
    return figure


def _shares(places: Array, low: Array, high: Array, cells: Array) -> Array:
    """The share of places (n, 2) in each cell, (cells of x, cells of y)."""
    edges = [np.linspace(a, b, int(n) + 1) for a, b, n in zip(low, high, cells, strict=True)]
    count, *_ = np.histogram2d(places[:, 0], places[:, 1], edges)
    found: Array = count / len(places)
    return found


def _places(path: Path) -> tuple[str, str, Array, Array]:
    """The task, a name, and where goals asked for and relabelled ones lie, (n, 2) each, in m."""
    folder = _checkpoint(path)
    meta = read_meta(folder)
    target = resolve_agent(agent(meta["agent"]))
    if not hasattr(target, "goal_places"):
        raise BadValue(f"{meta['agent']} relabels no goals: plot goals of her or hint, say.")
    learner = target.load(folder)
    asked, relabelled = learner.goal_places(DRAWN, generator(Checkpoint(folder, meta).seed, "plot"))
    name = f"{meta['agent']}, relabelled until step {meta['step']:,}, seed {meta['seed']}"
    return str(meta["task"]), name, asked, relabelled


def _checkpoint(path: Path) -> Path:
    """The newest checkpoint for training at a path. Raises BadValue where there is none."""
    if (path / META).is_file() and (path / TRAINING).is_file():
        return path
    found = [*sorted(path.glob("checkpoint-*")), *sorted(path.glob("seed*.training/checkpoint-*"))]
    whole = [each for each in found if (each / TRAINING).is_file()]
    if not whole:
        raise BadValue(
            f"no replay in {str(path)!r}: a finished run keeps its weights alone; plot goals of "
            "one in progress or interrupted, OUT/seed0.training, or of a checkpoint in it."
        )
    newest = [each for each in whole if each.parent == whole[0].parent]
    return newest[-1]
