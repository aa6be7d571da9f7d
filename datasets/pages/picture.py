"""The picture of a dataset: what it covers, its returns, and moments of two episodes."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.datasets.pages.coverage import panels
from entitybench.datasets.pages.facts import fields, known, reference, world_like
from entitybench.datasets.pages.moments import EDGE, MOMENTS, strips
from entitybench.errors import MissingExtra

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.datasets.pages.coverage import Panel
    from entitybench.datasets.pages.facts import Facts
    from entitybench.datasets.pages.moments import Strip
    from entitybench.datasets.store.store import EpisodeStore
    from entitybench.types import Array

DPI, WIDTH, CHARTS = 100, 960, 306  # pixels: of the whole, and the height of the upper half
LINE, STEP, GAP = 20, 16, 6  # pixels: words above a strip, steps below it, between pictures
QUALITY = 64  # of WebP
INK, PAPER, DENSITY = "#22262b", "#ffffff", "YlGnBu"
HUES = ("#4878a8", "#e0883a", "#5a9a5a", "#b0536b", "#8a74b8", "#c9a227", "#6b6f76")
MARKS = {"random": "#7a7f87", "oracle": "#1f7a3d"}


def draw(store: EpisodeStore, facts: Facts) -> tuple[bytes, dict[str, Any]]:
    """The picture as WebP, and what is seen on it, for the words below it.

    Raises MissingExtra without matplotlib.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from PIL import Image
    except ImportError:
        raise MissingExtra(
            "matplotlib is not installed, and pictures of datasets need it: "
            "pip install -e '.[plots]'"
        ) from None
    world = world_like(store)
    covered = panels(store, world)
    sheet, reason = strips(store, world)
    height = CHARTS + sum(LINE + strip.frames.shape[1] + STEP + GAP for strip in sheet)
    figure = Figure(figsize=(WIDTH / DPI, height / DPI), dpi=DPI, facecolor=PAPER)
    places = ((66, 262), (400, 240)) if len(covered) > 1 else ((66, 572),)
    for panel, (left, width) in zip(covered, places, strict=False):
        _panel(_axes(figure, left, width, height), panel)
    marks = comparable(facts)
    _returns(_axes(figure, 716, 224, height), store, facts, marks)
    _sheet(figure, sheet, height)
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "WEBP", quality=QUALITY, method=6)
    return file.getvalue(), {
        "panels": [panel.title for panel in covered],
        "marks": sorted(marks),
        "strips": [{"episode": strip.episode, "words": strip.words} for strip in sheet],
        "no_strips": reason,
    }


def comparable(facts: Facts) -> dict[str, float]:
    """Reference returns, by who; none where the data's episodes are cut at another length."""
    measured, scores = facts["measured"], {who: reference(facts, who) for who in MARKS}
    steps = measured["steps"]
    if measured["return"] is None or steps is None:
        return {}
    is_whole = steps["max"] == facts["horizon"] or measured["ended"] == 1.0
    return {who: score["return"] for who, score in scores.items() if is_whole and score}


def _axes(figure: Any, left: int, width: int, height: int) -> Any:
    """Axes in the upper half; pixels from the left."""
    axes = figure.add_axes(
        (left / WIDTH, 1 - (CHARTS - 64) / height, width / WIDTH, (CHARTS - 94) / height)
    )
    axes.spines[["top", "right"]].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(INK)
    axes.tick_params(labelsize=8, colors=INK)
    return axes


def _panel(axes: Any, panel: Panel) -> None:
    from matplotlib.colors import LogNorm

    shown = np.ma.masked_equal(panel.counts, 0)
    most = max(float(panel.counts.max(initial=0)), 2.0)
    axes.imshow(
        shown,
        origin="lower",
        extent=panel.extent,
        aspect="equal" if panel.is_plane else "auto",
        cmap=DENSITY,
        norm=LogNorm(0.3, most),  # a single visit is no white
        interpolation="nearest",
    )
    axes.set_anchor("NW")
    axes.set_title(panel.title, fontsize=9, color=INK, loc="left")
    axes.set_xlabel(panel.across, fontsize=8, color=INK)
    axes.set_ylabel(panel.up, fontsize=8, color=INK)
    if panel.ticks is None:
        axes.locator_params(nbins=6)
    else:  # each column has its own range
        axes.set_yticks([])
        axes.set_xticks(*zip(*panel.ticks, strict=True) if panel.ticks else ((),))
        axes.tick_params(axis="x", rotation=90, labelsize=7)


def _returns(axes: Any, store: EpisodeStore, facts: Facts, marks: dict[str, float]) -> None:
    """A histogram of returns (of steps, where returns are unknown), stacked by a label."""
    rows = store.episodes
    if facts["measured"]["return"] is None:
        groups, title = {"": store.lengths.astype(float)}, "steps of episodes"
    else:
        groups, title = _by_label(rows, facts), "returns"
    numbers = np.concatenate(list(groups.values()))
    shown = [*numbers, *marks.values()]
    low, high = float(min(shown)), float(max(shown))
    edges = np.linspace(low, high, 41) if high > low else low + np.array([-1.5, -0.5, 0.5, 1.5])
    counts = np.array([np.histogram(group, edges)[0] for group in groups.values()])
    axes.hist(
        list(groups.values()),
        edges,
        stacked=True,
        label=list(groups),
        color=[HUES[i % len(HUES)] for i in range(len(groups))],
    )
    whole = counts.sum(0)
    if len(groups) == 1 and whole.max() > 25 * np.median(whole[whole > 0]):
        axes.set_yscale("log")
        axes.set_ylim(0.7, None)
    axes.set_title(f"{title} of {len(rows)} episodes", fontsize=9, color=INK, loc="left")
    for who, value in marks.items():
        axes.axvline(value, color=MARKS[who], linestyle="--", linewidth=1.2)
        axes.annotate(
            who,
            (value, 1),
            (2, -2),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            fontsize=7,
            rotation=90,
            va="top",
            color=MARKS[who],
            bbox={"facecolor": PAPER, "alpha": 0.7, "linewidth": 0, "pad": 0.5},
        )
    if len(groups) > 1:
        axes.legend(fontsize=6.5, framealpha=0.8, edgecolor="none")
    if high > low:
        axes.locator_params(axis="x", nbins=5)
    else:
        axes.set_xticks([low])


def _by_label(rows: Sequence[dict[str, Any]], facts: Facts) -> dict[str, Array]:
    """Returns of episodes by the first label with a handful of values; else all as one group."""
    for label, shares in facts["measured"]["labels"].items():
        if "spread" not in shares and 1 < len(shares) <= len(HUES):
            found = {
                f"{label} {value}": known(
                    row["return"] for row in rows if str(fields(row["labels"]).get(label)) == value
                )
                for value in shares
            }
            return {name: returns for name, returns in found.items() if len(returns)}
    return {"": known(row["return"] for row in rows)}


def _sheet(figure: Any, sheet: Sequence[Strip], height: int) -> None:
    """Two strips of pictures, pixel for pixel, with words above and steps below."""
    top = CHARTS
    style = {"fontsize": 8, "color": INK}
    for strip in sheet:
        words = f"episode {strip.episode}, {strip.words}"
        figure.text(8 / WIDTH, 1 - (top + LINE - 6) / height, words, **style)
        for place, (step, frame) in enumerate(zip(strip.steps, strip.frames, strict=True)):
            left = 8 + place * (EDGE + (WIDTH - 16 - MOMENTS * EDGE) // (MOMENTS - 1))
            bottom = height - top - LINE - len(frame)
            figure.figimage(_framed(frame), left, bottom, origin="upper")
            figure.text(
                left / WIDTH,
                (bottom - STEP + 4) / height,
                f"step {step}",
                **style,
            )
        top += LINE + len(strip.frames[0]) + STEP + GAP


def _framed(frame: Array) -> Array:
    """A picture with an edge of one pixel: some worlds are as white as the paper."""
    framed = np.full_like(frame, 176)
    framed[1:-1, 1:-1] = frame[1:-1, 1:-1]
    return framed
