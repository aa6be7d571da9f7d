"""A problem and an answer as a picture: the start, each step of the answer, and the goal."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

from entitybench.envs.reason import vocabulary as v
from entitybench.envs.reason.drawn import COLUMNS
from entitybench.envs.reason.english import THINGS
from entitybench.leaderboard.plots import style

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.envs.reason.problem import Line, Problem, State
    from entitybench.envs.reason.source import Source

ROW = 4  # panels
WRONG = style.COLOURS[4]


def picture(source: Source, problem: Problem, lines: Sequence[Line], title: str) -> Any:
    """A panel for the start, one for each step that is written, and one for what is wanted.

    A step that is wrong has a red frame and says why; what it shows is what is written there.
    """
    panels: list[tuple[str, State, str]] = [("start", problem.start, "")]
    if any(line.place.startswith("step") for line in lines):  # the answer repeats right steps
        lines = [line for line in lines if line.why or not line.place.startswith("answer")]
    for line in lines:
        if line.place == "start" and not line.why:
            continue  # as it was shown
        action = "" if line.action is None else f": {v.written([line.action])}"
        state = line.real if line.said is None else line.said
        panels.append((f"{line.place}{action}", state, line.why))
    if problem.goal:
        panels.append(("wanted", problem.goal, ""))
    rows = ceil(len(panels) / ROW)
    figure, _ = _grid(rows)
    figure.suptitle(title, x=0.01, ha="left")
    for axes, (name, state, why) in zip(figure.axes, panels, strict=False):
        _kitchen(axes, state) if source.header == v.KITCHEN else _table(axes, state)
        axes.set_title(name, loc="left", color=WRONG if why else style.INK)
        if why:
            axes.set_xlabel(style.wrapped(why, 24), color=WRONG)
        for spine in axes.spines.values():
            spine.set_edgecolor(WRONG if why else style.PALE)
    for axes in figure.axes[len(panels) :]:
        axes.set_visible(False)
    return figure


def _grid(rows: int) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(style.WIDTH, 1.25 * rows + 0.3), layout="constrained")
    return figure, figure.subplots(rows, ROW, squeeze=False)


def _table(axes: Any, state: State) -> None:
    from matplotlib.patches import Rectangle

    for slot, block in enumerate(state):
        row, column = divmod(slot, COLUMNS)
        axes.text(column - 0.42, row - 0.3, str(slot), fontsize=5, va="center")
        if block == v.EMPTY:
            continue
        axes.add_patch(Rectangle((column - 0.25, row - 0.3), 0.6, 0.6, color=style.colour(block)))
        axes.text(column + 0.05, row, v.BLOCKS[block], color="white", ha="center", va="center")
    _bare(axes, (-0.5, COLUMNS - 0.5), (len(state) // COLUMNS - 0.5, -0.5))
    axes.set_aspect("equal")


def _kitchen(axes: Any, state: State) -> None:
    for row, (name, on) in enumerate(zip(THINGS, state, strict=True)):
        axes.plot([0], [row], "s", color=style.INK, mfc=style.INK if on else "white", ms=4)
        axes.text(0.3, row, name, va="center", fontsize=6)
    _bare(axes, (-0.4, 4.0), (len(state) - 0.4, -0.6))


def _bare(axes: Any, x: tuple[float, float], y: tuple[float, float]) -> None:
    axes.set_xlim(x)
    axes.set_ylim(y)
    axes.set_xticks([])
    axes.set_yticks([])
