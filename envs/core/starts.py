"""Drawing start states: again until one fits, but not for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

from entitybench.errors import BadValue

if TYPE_CHECKING:
    from collections.abc import Callable

    from entitybench.types import Array

T = TypeVar("T")
TRIES = 10_000  # after which a start that never fits is an error; the worst task needs some tens


def drawn(draw: Callable[[], T], fits: Callable[[T], object], what: str, tries: int = TRIES) -> T:
    """The first of what is drawn that fits.

    Args:
        what: is drawn and must hold, with its numbers; for the error.

    Raises:
        BadValue: none of `tries` did.
    """
    for _ in range(tries):
        found = draw()
        if fits(found):
            return found
    raise BadValue(f"no start found: none of {tries} draws gave {what}. Ask for fewer, or smaller.")


def spread(
    rng: np.random.Generator,
    count: int,
    low: float | Array | list[float],
    high: float | Array | list[float],
    apart: float,
    tries: int = TRIES,
) -> Array:
    """Points (count, 2), uniform in a rectangle, at least `apart` from each other.

    Args:
        low: corner of the rectangle, (2,) or one number for both.
        high: the opposite corner.
        tries: of as many points each as fifty times those wanted.

    Raises:
        BadValue: so many do not fit.
    """

    def scatter() -> Array:
        points = np.empty((0, 2))
        for _ in range(50 * count):
            point = rng.uniform(low, high, 2)
            if np.all(np.hypot(*(points - point).T) >= apart):
                points = np.vstack([points, point])
                if len(points) == count:
                    break
        return points

    what = f"{count} points, {apart:g} m apart, between {_shown(low)} and {_shown(high)} m"
    return drawn(scatter, lambda points: len(points) == count, what, tries)


def all_apart(points: Array, apart: float) -> bool:
    """Whether all of some points (n, 2) are at least so far from each other."""
    gaps = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
    return bool(np.all(gaps[np.triu_indices(len(points), 1)] >= apart))


def _shown(corner: float | Array | list[float]) -> str:
    return ", ".join(f"{x:g}" for x in np.atleast_1d(corner))
