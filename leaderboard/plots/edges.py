"""Who acted on whom over an episode: what an agent says, beside the truth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.envs.api import task_of, world_of
from entitybench.errors import BadValue
from entitybench.files import write_atomic
from entitybench.leaderboard.evaluation.evaluate import Options, entrant_of
from entitybench.leaderboard.evaluation.graphs import KIND, Graphs
from entitybench.leaderboard.evaluation.pool import Job
from entitybench.leaderboard.plots import style

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.leaderboard.evaluation.graphs import Seen
    from entitybench.types import Array, TaskSpec

NOTHING, FOUND, MISSED, FALSE = range(4)  # what a cell of the picture shows
_WORDS = {FOUND: "active, and named", MISSED: "active, not named", FALSE: "named, not active"}
_COLOURS = {FOUND: style.colour(0), MISSED: style.colour(4), FALSE: style.colour(2)}
_LINES = 30  # edges that a picture shows at most: the most active ones, then the most named
_HEIGHT = 0.155  # inches of a line


class _Keeping(Graphs):
    seen: Seen

    def keep(self, seen: Seen) -> None:
        self.seen = seen


def episode(agent: Any, task: TaskSpec | str, item: int = 0) -> tuple[Array, Array, Array]:
    """An agent's scores (T, N, N + 1) of the edges of an episode, the truth, and what is asked.

    Args:
        agent: it has `infer`.
        task: one whose interactions are known.
        item: seed of the episode, a public start.

    Raises:
        BadValue: an agent that cannot infer, or a task without known interactions.
        BenchError: the agent raised.
    """
    spec, evaluator = task_of(task), _Keeping()
    if KIND not in (spec.kind, *spec.also):
        raise BadValue(f"nobody knows who acts on whom in {spec.id}: it is no {KIND} task.")
    job = Job(entrant_of(agent, evaluator), (item,))
    evaluator.run(job, spec, Options(), lambda _: None)
    scores, truth, asked = (
        x[0, : int(evaluator.seen.lengths[0])] for x in evaluator.seen.stacked()
    )
    return scores, truth, asked


def cells(scores: Array, truth: Array, asked: Array) -> Array:
    """NOTHING, FOUND, MISSED or FALSE of each edge, of the shape of its arguments."""
    named = (scores > 0.5) & asked
    active = truth & asked
    return np.select([active & named, active, named], [FOUND, MISSED, FALSE], NOTHING)


def edges(
    agents: Sequence[tuple[str, Any]], task: TaskSpec | str, out: str | Path, *, item: int = 0
) -> Path:
    """Draw an episode as agents see it, a panel each, into `out` (.pdf, .svg, .png or .html).

    A line is an edge, "cause → target", a column a step. Edges that are neither active nor named by
    anybody are left out, and where there are more than 30, the least active.

    Args:
        agents: (name, agent) of each panel.
        task, item: as in `episode`.
        out: the picture.

    Raises:
        BadValue: as `episode`, no agents, or another suffix.
        MissingExtra: matplotlib is not installed.
    """
    out = Path(out)
    if out.suffix not in style.SUFFIXES:
        raise BadValue(f"a plot is {', '.join(style.SUFFIXES)}: got {str(out)!r}.")
    if not agents:
        raise BadValue("nothing to draw: an episode needs at least one agent.")
    found = {name: cells(*episode(agent, task, item)) for name, agent in agents}
    every = np.stack(list(found.values()))  # (agents, T, N, N + 1)
    active = np.isin(every[0], (FOUND, MISSED)).sum(0)
    shown = active + (every == FALSE).sum((0, 1)) / (every.shape[0] * every.shape[1] + 1)
    order = np.argsort(-shown.ravel(), kind="stable")[: min(_LINES, int((shown > 0).sum()))]
    targets, causes = np.unravel_index(np.sort(order), shown.shape)
    bodies = (*world_of(task_of(task)).bodies, "action")
    names = [f"{bodies[i]} → {bodies[j]}" for j, i in zip(targets, causes, strict=True)]
    with style.of_papers():
        figure, panels = style.axes(
            0.5 + _HEIGHT * max(len(names), 2), len(found), legend=list(_WORDS.values())
        )
        for axes, (name, each) in zip(panels, found.items(), strict=True):
            _panel(axes, name, each[:, targets, causes].T, names)
        panels[-1].set_xlabel("step")
        _legend(figure)
        drawn = style.drawn(figure, out.suffix)
    return write_atomic(out, drawn)


def _panel(axes: Any, name: str, shown: Array, names: Sequence[str]) -> None:
    """One agent: (edges, steps)."""
    from matplotlib.colors import ListedColormap

    colours = ListedColormap(["white", *(_COLOURS[k] for k in (FOUND, MISSED, FALSE))])
    axes.imshow(shown, aspect="auto", interpolation="nearest", cmap=colours, vmin=0, vmax=3)
    axes.set_yticks(range(len(names)), [style.wrapped(word) for word in names])
    axes.tick_params(axis="y", length=0)
    axes.set_title(style.wrapped(name, 80), loc="left")


def _legend(figure: Any) -> None:
    from matplotlib.patches import Patch

    handles = [Patch(facecolor=_COLOURS[k], linewidth=0) for k in _WORDS]
    style.legend(figure, handles, list(_WORDS.values()))
