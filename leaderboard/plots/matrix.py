"""Who scored against whom: goal differences as a heat map, with ratings beside it."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.errors import BadValue
from entitybench.files import write_atomic
from entitybench.leaderboard.plots import style
from entitybench.words import one_line

if TYPE_CHECKING:
    from entitybench.leaderboard.crossplay.summary import Summary

_CELL = 0.44  # inches
_WORDS = 12  # players up to which cells show their numbers
_BESIDE, _BAR = 2.0, 0.9  # inches of the ratings, and of the scale of colours


def draw(found: Summary, out: str | Path, *, title: str) -> Path:
    """Draw goal differences, row minus column, and ratings into `out`.

    Args:
        found: of methods or of teams.
        out: the picture: .pdf, .svg, .png or .html.
        title: above it.

    Raises BadValue for another suffix, MissingExtra where matplotlib is not installed.
    """
    out = Path(out)
    if out.suffix not in style.SUFFIXES:
        raise BadValue(f"a plot is {', '.join(style.SUFFIXES)}: got {str(out)!r}.")
    with style.of_papers():
        figure = _figure(found, title)
        drawn = style.drawn(figure, out.suffix)
    return write_atomic(out, drawn)


def _figure(found: Summary, title: str) -> Any:
    from matplotlib.figure import Figure

    order = found.order
    names = [style.wrapped(found.names[k]) for k in order]
    size = max(_CELL * len(order), 1.6)
    letters = max(len(line) for name in names for line in name.splitlines())
    figure = Figure(
        figsize=(size + _BESIDE + _BAR + 0.08 * letters, size + 0.7 + 0.08 * letters),
        layout="constrained",
    )
    cells, ratings = figure.subplots(1, 2, sharey=True, width_ratios=(size, _BESIDE))
    goals = np.array([[found.difference[i][j].mean for j in order] for i in order])
    most = max(float(np.nanmax(np.abs(goals), initial=0.0)), 1.0)
    image = cells.imshow(goals, cmap="PuOr", vmin=-most, vmax=most, aspect="auto")
    cells.set_xticks(range(len(order)), names, rotation=90)
    cells.set_yticks(range(len(order)), names)
    cells.tick_params(length=0)
    figure.suptitle("\n".join(textwrap.wrap(one_line(title), 60)), fontsize="medium")
    if len(order) <= _WORDS:
        for i, j in np.argwhere(np.isfinite(goals)).tolist():
            dark = abs(goals[i, j]) > 0.6 * most
            ink = "white" if dark else style.INK
            cells.text(
                j, i, f"{round(goals[i, j], 2) + 0.0:+.2f}", color=ink, ha="center", va="center"
            )
    figure.colorbar(image, ax=ratings, label="goals a game, row − column")
    means = np.array([found.ratings[k].mean for k in order])
    ends = np.array([[found.ratings[k].low, found.ratings[k].high] for k in order])
    reach = np.nan_to_num(np.abs(ends - means[:, None])).T
    ratings.errorbar(
        means,
        range(len(order)),
        xerr=reach,
        fmt="o",
        color=style.colour(0),
        ecolor=style.INK,
        markersize=4,
        elinewidth=0.8,
        capsize=2,
    )
    ratings.set_xlabel("rating (Elo)")
    ratings.grid(axis="x")
    ratings.tick_params(axis="y", length=0)
    ratings.spines[["top", "right", "left"]].set_visible(False)
    return figure
