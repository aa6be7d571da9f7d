"""What the quantities that are made of others came to: differences, ratios, averages, tests."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from entitybench.errors import RecordError
from entitybench.kinds import Metric
from entitybench.leaderboard.claims import pairing
from entitybench.leaderboard.claims.finding import Results, find
from entitybench.leaderboard.claims.pairing import Found, no_value, one_number
from entitybench.leaderboard.statistics import correlation, exact
from entitybench.leaderboard.statistics.intervals import (
    Interval,
    difference,
    over_seeds,
    seed_means,
    wilson,
)
from entitybench.quantities import (
    Average,
    Best,
    Correlation,
    Difference,
    Fisher,
    Mean,
    Quantity,
    Ratio,
    Share,
    SignTest,
    Spread,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.types import Array

_SHARE = Metric(name="share", title="share (%)", short="share %", scale=100.0, digits=0)
_P = Metric(name="p", title="p", short="p", digits=4)


@find.register
def _difference(quantity: Difference, results: Results) -> Found:
    a, b = find(quantity.a, results), find(quantity.b, results)
    pair = pairing.pair(a, b)
    unit = pairing.common_unit((a, b))
    with np.errstate(invalid="ignore"):  # of two infinite numbers
        away = pair.x - pair.y
    values = seed_means(away)
    notes = tuple(dict.fromkeys([*pair.notes, *no_value(pair.seeds, values)]))
    found = difference(pair.x, pair.y) if pair.shared else over_seeds(values)
    bounds = a.bounds[0] - b.bounds[1], a.bounds[1] - b.bounds[0]
    found = found.within(*bounds)
    return Found(found, values, pair.seeds, unit=unit, sign=True, notes=notes, bounds=bounds)


@find.register
def _ratio(quantity: Ratio, results: Results) -> Found:
    a, b = find(quantity.a, results), find(quantity.b, results)
    pair = pairing.pair(a, b)
    found, word = pairing.ratio(pair)
    with np.errstate(divide="ignore", invalid="ignore"):
        values = seed_means(pair.x) / seed_means(pair.y)
    notes = pair.notes
    if not all(_is_primary(operand, results) for operand in (quantity.a, quantity.b)):
        notes = (f"{pairing.number(a)} against {pairing.number(b)}", *notes)
    return Found(found, values, pair.seeds, notes=notes, word=word)


def _is_primary(quantity: Quantity, results: Results) -> bool:
    """Whether it is what each verdict shows of every arm."""
    if not isinstance(quantity, Mean):
        return False
    return results.record(quantity.arm).metrics[0].name == quantity.metric


@find.register
def _best(quantity: Best, results: Results) -> Found:
    found = {each: find(each, results) for each in quantity.of}
    sign = -1 if quantity.lower else 1
    there = {each: x for each, x in found.items() if not math.isnan(x.interval.mean)}
    if not there:
        raise RecordError(f"none of {', '.join(map(str, quantity.of))} has a value.")
    best = max(there, key=lambda each: sign * there[each].interval.mean)
    return replace(
        found[best],
        notes=(*found[best].notes, f"{'lowest' if quantity.lower else 'highest'}: {best}"),
    )


@find.register
def _average(quantity: Average, results: Results) -> Found:
    found = [find(each, results) for each in quantity.of]
    seeds = pairing.common_seeds(found)
    values = np.mean([pairing.at(each, seeds) for each in found], axis=0)
    said = [note for each in found for note in each.notes]
    least, most = np.mean([each.bounds for each in found], axis=0)
    return Found(
        over_seeds(values).within(least, most),
        values,
        seeds,
        unit=pairing.common_unit(found),
        sign=any(each.sign for each in found),
        notes=tuple(dict.fromkeys([*said, *no_value(seeds, values)])),
        bounds=(float(least), float(most)),
    )


@find.register
def _spread(quantity: Spread, results: Results) -> Found:
    found = find(quantity.a, results)
    values = found.values[~np.isnan(found.values)]
    if len(values) < 2:
        return one_number(math.nan, found.unit, word="undefined, one training seed has no spread")
    return one_number(float(np.std(values, ddof=1)), found.unit, found.notes)


@find.register
def _share(quantity: Share, results: Results) -> Found:
    found = find(quantity.a, results)
    there = ~np.isnan(found.values)
    above = np.where(there, found.values > quantity.above, np.nan)
    hits, runs = int(np.nansum(above)), int(there.sum())
    interval = wilson(hits, runs) if runs else over_seeds(above)
    notes = (f"{hits} of {runs} training seeds", *found.notes)
    return Found(interval, above, found.seeds, unit=_SHARE, notes=notes)


@find.register
def _correlation(quantity: Correlation, results: Results) -> Found:
    pair = pairing.pair(find(quantity.a, results), find(quantity.b, results))
    of = correlation.spearman if quantity.rank else correlation.pearson
    if not pair.shared:
        x, y = _both(pair.x[:, 0], pair.y[:, 0])
        return one_number(of(x, y), notes=pair.notes, ends=correlation.interval(of(x, y), len(x)))
    rows = [_both(x, y) for x, y in zip(pair.x, pair.y, strict=True)]
    values = np.array([of(x, y) for x, y in rows])
    notes = (*pair.notes, *no_value(pair.seeds, values))
    found = over_seeds(values).within(-1, 1)
    if len(values) == 1:
        episodes = len(rows[0][0])
        low, high = correlation.interval(values[0], episodes)
        if not math.isnan(low):
            found = Interval(found.mean, low, high, "fisher over episodes", episodes)
    return Found(found, values, pair.seeds, notes=notes)


def _both(x: Array, y: Array) -> tuple[Array, Array]:
    there = ~np.isnan(x) & ~np.isnan(y)
    return x[there], y[there]


@find.register
def _sign_test(quantity: SignTest, results: Results) -> Found:
    signs: list[float] = []
    for a, b in quantity.pairs:
        pair = pairing.pair(find(a, results), find(b, results))
        x, y = _both(seed_means(pair.x), seed_means(pair.y))
        signs += list(np.sign(x - y))
    wins, losses = signs.count(1), signs.count(-1)
    if not signs:
        return one_number(math.nan, _P, word="undefined, no pair has values")
    ties = f", {len(signs) - wins - losses} ties" if wins + losses < len(signs) else ""
    notes = (f"{wins} of {wins + losses} pairs{ties}",)
    return one_number(exact.sign_test(wins, losses), _P, notes)


@find.register
def _fisher(quantity: Fisher, results: Results) -> Found:
    counts = []
    for operand in (quantity.a, quantity.b):
        pooled: Sequence[Quantity] = operand if isinstance(operand, tuple) else (operand,)
        values = np.concatenate([find(each, results).values for each in pooled])
        values = values[~np.isnan(values)]
        counts.append((int((values > quantity.above).sum()), len(values)))
    (hits, runs), (other, others) = counts
    if not runs or not others:
        return one_number(math.nan, _P, word="undefined, no run has a value")
    notes = (f"{hits} of {runs} runs against {other} of {others}",)
    return one_number(exact.fisher(hits, runs, other, others), _P, notes)
