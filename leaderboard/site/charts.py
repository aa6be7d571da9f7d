"""Charts as inline SVG, drawn when a page is made: no script, nothing that CSP must allow.

Words stand beside them in HTML, so that they keep their size on a phone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from entitybench.leaderboard.board.model import Curve, Score

COLOURS = 8  # classes c0 … c7 of the style; further curves repeat them with dashes


@dataclass(frozen=True, slots=True)
class Scale:
    """The ends of an axis."""

    low: float
    high: float

    def at(self, x: float) -> float:
        """Where a number lies, 0 to 100."""
        width = self.high - self.low
        return round(100 * min(max((x - self.low) / width, 0), 1), 2) if width else 50.0


def scale_of(scores: Iterable[Score], *, zero: bool = True) -> Scale:
    """An axis on which all scores and their intervals lie, and 0 unless told otherwise."""
    found = [0.0] if zero else []
    for each in scores:
        found += [x for x in (each.mean, each.low, each.high) if x is not None]
    return Scale(min(found), max(found)) if found else Scale(0, 1)


PERCENT = Scale(0, 100)


def bar(score: Score | None, scale: Scale, *, zero: bool = False) -> Markup:
    """A row's interval as a line with a mark at the mean; for the eye only, numbers are beside.

    Args:
        score: None: an empty bar.
        scale: the axis.
        zero: whether a line is drawn at 0.
    """
    parts = []
    if zero and scale.low < 0 < scale.high:
        x = scale.at(0)
        parts.append(f'<path class="zero" d="M{x} 0V16"/>')
    if score is not None and score.mean is not None:
        if score.low is not None and score.high is not None:
            low, high = scale.at(score.low), scale.at(score.high)
            parts.append(f'<path class="ci" d="M{low} 8H{high}"/>')
        x = scale.at(score.mean)
        parts.append(f'<path class="mean" d="M{x} 3V13"/>')
    return Markup(
        '<svg class="bar" viewBox="0 0 100 16" preserveAspectRatio="none" aria-hidden="true">'
        '<path class="axis" d="M0 8H100"/>{}</svg>'
    ).format(Markup("").join(map(Markup, parts)))  # of numbers alone


def profiles(curves: Sequence[Curve]) -> Markup:
    """Performance profiles: lines from left to right over the levels, the share upwards."""
    lines = []
    for k, curve in enumerate(curves):
        first, last = curve.levels[0], curve.levels[-1]
        scale = Scale(first, last)
        steps = [
            f"{'L' if j else 'M'}{scale.at(x)} {100 - y:.1f}"
            for j, (x, y) in enumerate(zip(curve.levels, curve.share, strict=True))
        ]
        lines.append(f'<path class="{line_class(k)}" d="{"".join(steps)}"/>')
    grid = "".join(f'<path class="grid" d="M0 {y}H100M{y} 0V100"/>' for y in (0, 25, 50, 75, 100))
    return Markup(
        '<svg class="profile" viewBox="0 0 100 100" preserveAspectRatio="none" '
        'aria-hidden="true">{}{}</svg>'
    ).format(Markup(grid), Markup("").join(map(Markup, lines)))  # of numbers alone


def line_class(k: int) -> str:
    """The classes of the k-th curve: colour, and dashes after the first round of colours."""
    return f"curve c{k % COLOURS}" + (f" d{k // COLOURS % 3}" if k >= COLOURS else "")
