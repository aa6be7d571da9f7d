"""Values by training seed and item, brought together: pairs, means, ratios, and how they read."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from entitybench.errors import RecordError
from entitybench.kinds import Metric
from entitybench.leaderboard.statistics.intervals import (
    ALONE,
    INFINITE,
    NO_DATA,
    Interval,
    over_seeds,
    seed_means,
    without,
)
from entitybench.leaderboard.statistics.ratios import of_means
from entitybench.leaderboard.tables.data import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from entitybench.types import Array

ANYWHERE = (-math.inf, math.inf)
PLAIN = Metric(name="number", title="number", short="number", digits=2)


@dataclass(frozen=True)
class Grid:
    """Values (S, E) by training seed and item."""

    values: Array
    items: tuple[int, ...]
    of: tuple[str, ...]  # where the items are from: those of one place can be paired


@dataclass(frozen=True)
class Found:
    """What a quantity came to."""

    interval: Interval  # the ends NaN where there is none
    values: Array  # (S,) by training seed; (1,) where `seeds` is empty
    seeds: tuple[int, ...] = ()  # empty: one number, paired with every training seed of others
    grid: Grid | None = None
    unit: Metric = PLAIN  # how it is printed
    sign: bool = False  # with + or −
    notes: tuple[str, ...] = ()  # what else must be said
    word: str = ""  # in place of the number
    bounds: tuple[float, float] = ANYWHERE  # that its values cannot be beyond


@dataclass(frozen=True)
class Pair:
    """Two quantities side by side."""

    x: Array  # (S, E) where items are shared, else (S, 1)
    y: Array
    seeds: tuple[int, ...]
    shared: bool  # the columns are the same items
    notes: tuple[str, ...]


def of_seeds(
    values: Mapping[int, float],
    unit: Metric = PLAIN,
    notes: Sequence[str] = (),
    *,
    bounds: tuple[float, float] = ANYWHERE,
) -> Found:
    """One number for each training seed, Student's t over them."""
    seeds = tuple(sorted(values))
    array = np.array([values[seed] for seed in seeds], np.float64)
    said = (*notes, *no_value(seeds, array))
    found = over_seeds(array).within(*bounds)
    return Found(found, array, seeds, unit=unit, notes=said, bounds=bounds)


def one_number(
    value: float,
    unit: Metric = PLAIN,
    notes: Sequence[str] = (),
    *,
    word: str = "",
    ends: tuple[float, float] = (math.nan, math.nan),
) -> Found:
    """A number that is no training seed's."""
    interval = Interval(value, *ends, "of all training seeds", 1)
    return Found(interval, np.array([value]), unit=unit, notes=tuple(notes), word=word)


def no_value(seeds: Sequence[int], values: Array) -> tuple[str, ...]:
    """The note on training seeds whose value is NaN."""
    missing = [str(seed) for seed, x in zip(seeds, values, strict=False) if math.isnan(x)]
    return (f"no value in training seed {', '.join(missing)}",) if missing else ()


def height(steps: Array, heights: Array) -> float:
    """The mean height of a curve (K,) between its first step and its last."""
    if steps[-1] == steps[0]:
        return float(heights[-1])
    area = ((heights[1:] + heights[:-1]) / 2 * np.diff(steps)).sum()
    return float(area / (steps[-1] - steps[0]))


def common_seeds(found: Sequence[Found]) -> tuple[int, ...]:
    """Training seeds of all that have any, sorted. Raises RecordError when there is none."""
    sets = [each.seeds for each in found if each.seeds]
    if not sets:
        return ()
    common = set(sets[0]).intersection(*sets[1:])
    if not common:
        lists = " and ".join(", ".join(map(str, seeds)) for seeds in dict.fromkeys(sets))
        raise RecordError(f"no training seeds in common: {lists}.")
    return tuple(sorted(common))


def at(found: Found, seeds: Sequence[int]) -> Array:
    """Values (S,) at training seeds; (1,) where there are none."""
    values: Array = found.values[_rows(found, seeds)]
    return values


def _rows(found: Found, seeds: Sequence[int]) -> list[int]:
    if not found.seeds:
        return [0] * max(len(seeds), 1)
    return [found.seeds.index(seed) for seed in seeds]


def common_unit(found: Sequence[Found]) -> Metric:
    """That of the first, where all are printed in the same scale."""
    same = len({each.unit.scale for each in found}) == 1
    return found[0].unit if same else PLAIN


def pair(a: Found, b: Found) -> Pair:
    """Rows are training seeds of both; columns items of both where these are of one place.

    Raises RecordError where no training seed is in common.
    """
    seeds = common_seeds((a, b))
    left_out = sorted(set(a.seeds) ^ set(b.seeds)) if a.seeds and b.seeds else []
    notes = [*a.notes, *b.notes]
    if left_out:
        notes.append(f"training seed {', '.join(map(str, left_out))} left out: not of both")
    items: list[int] = []
    if a.grid is not None and b.grid is not None and a.grid.of == b.grid.of:
        items = sorted(set(a.grid.items) & set(b.grid.items))
    x, y = (_aligned(each, seeds, items) for each in (a, b))
    return Pair(x, y, seeds, bool(items), tuple(dict.fromkeys(notes)))


def _aligned(found: Found, seeds: Sequence[int], items: Sequence[int]) -> Array:
    if not items or found.grid is None:
        return at(found, seeds)[:, None]
    place = {item: k for k, item in enumerate(found.grid.items)}
    columns = [place[item] for item in items]
    values: Array = found.grid.values[_rows(found, seeds)][:, columns]
    return values


def ratio(both: Pair) -> tuple[Interval, str]:
    """The ratio a / b with its interval, and a word where it is no number.

    Over the same items, the ratio of means. Of one positive number a training seed, the geometric
    mean of ratios; where one of them is not positive, the ratio of means again.
    """
    x, y = both.x, both.y
    there = ~(np.isnan(x) | np.isnan(y)).all(-1)
    if not there.any():
        return NO_DATA, ""
    if not both.shared:
        ours, theirs = x[there, 0], y[there, 0]
        if (ours > 0).all() and (theirs > 0).all() and np.isfinite([ours, theirs]).all():
            return _geometric(np.log(ours / theirs)), ""
    return _of_means(x[there], y[there])


def _geometric(logs: Array) -> Interval:
    found = over_seeds(logs)
    if math.isnan(found.low):
        return without(float(np.exp(found.mean)), found.method, found.count)
    mean, low, high = (float(np.exp(x)) for x in (found.mean, found.low, found.high))
    return Interval(mean, low, high, "student-t over training seeds, of logarithms", len(logs))


def _of_means(x: Array, y: Array) -> tuple[Interval, str]:
    """Of what both have, by Fieller's method; a word where it is no number."""
    gap = np.isnan(x) | np.isnan(y)
    x, y = np.where(gap, np.nan, x), np.where(gap, np.nan, y)
    above, below = (float(np.nanmean(seed_means(each))) for each in (x, y))
    if below == 0:
        mean = math.copysign(math.inf, above) if above else math.nan
        word = "infinite, the divisor is 0" if above else "undefined, 0 / 0"
        return Interval(mean, math.nan, math.nan, "", len(x)), word
    if x.size == 1 or not math.isfinite(above / below):
        return without(above / below, ALONE if x.size == 1 else INFINITE, len(x)), ""
    return of_means(x, y), ""


def number(found: Found) -> str:
    """The estimate alone."""
    alone = Interval(found.interval.mean, math.nan, math.nan, "", found.interval.count)
    return text(replace(found, interval=alone))


def text(found: Found) -> str:
    """The estimate, its interval in brackets where there is one; or the word for it.

    Without a unit of its own, what would be 0.00 and is not has three digits that count.
    """
    if found.word:
        return found.word
    if math.isnan(found.interval.mean):
        return "undefined, no data" if found.interval.count == 0 else "undefined"
    if math.isinf(found.interval.mean):
        return "infinite"
    return shown(found.interval, found.unit, sign=found.sign, small=found.unit == PLAIN)


def by_seed(found: Found) -> str:
    """The values of training seeds."""
    one = Interval(0.0, math.nan, math.nan, "", 1)
    return ", ".join(
        text(replace(found, interval=replace(one, mean=float(x)), word="")) for x in found.values
    )
