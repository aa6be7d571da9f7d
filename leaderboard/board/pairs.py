"""Rows of one task against one another: paired differences and performance profiles."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from entitybench.errors import BenchError
from entitybench.kinds import Metric
from entitybench.leaderboard.board.entries import score
from entitybench.leaderboard.board.model import Curve, Paired
from entitybench.leaderboard.board.standings import LEVELS, curve
from entitybench.leaderboard.tables.data import by_seed, matrix, metric_of
from entitybench.leaderboard.tables.joined import paired

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.leaderboard.board.standings import Evidence

_BETTER = Metric(name="better", title="P(better)", short="P %", scale=100.0, digits=0)


def pairs_of(evidence: Sequence[Evidence]) -> list[Paired]:
    """Every two ranked rows of one task that can be compared, in both directions."""
    ranked = [each for each in evidence if each.entry.ranked]
    found = []
    for a, b in combinations(ranked, 2):
        found += [each for each in (against(a, b), against(b, a)) if each is not None]
    return found


def against(a: Evidence, b: Evidence) -> Paired | None:
    """The first minus the second in the metric that ranks them; None where they do not compare.

    As rows of other versions or definitions of the task, or without a start in common.
    """
    if a.entry.main != b.entry.main or a.entry.bank != b.entry.bank:
        return None
    try:
        difference, better, (seeds, items) = paired(a.record, b.record, a.entry.main)
    except BenchError:
        return None
    if not difference.count:
        return None
    metric = metric_of(a.record, a.entry.main)
    return Paired(
        a=a.entry.id,
        b=b.entry.id,
        difference=score(difference, metric),
        better=score(better, _BETTER),
        pairs=seeds,
        items=items,
    )


def profiles_of(evidence: Sequence[Evidence]) -> list[Curve]:
    """The share of runs above each level of the metric that ranks, of ranked rows of one kind.

    Runs are episodes where the metric differs from one to the other, else training seeds: of
    successes and failures, or of a metric that is no mean over items.
    """
    ranked = [each for each in evidence if each.entry.ranked]
    values = {}
    for each in ranked:
        metric = metric_of(each.record, each.entry.main)
        share = metric.share or metric.reduce != "mean"
        own = by_seed(each.record, metric.name) if share else matrix(each.record, metric.name)
        own = metric.scale * own[~np.isnan(own)].ravel()
        if len(own):
            values[each.entry.id] = own if metric.higher_is_better else -own
    if not values:
        return []
    share = metric_of(ranked[0].record, ranked[0].entry.main).share
    every = np.concatenate(list(values.values()))
    ends = (0.0, 100.0) if share else (float(every.min()), float(every.max()))
    if share and every.min() < 0:
        ends = -100.0, 0.0
    levels = np.linspace(*ends, LEVELS)
    names = {each.entry.id: each.entry.label for each in ranked}
    return [curve(names[id], id, own[:, None] / 100, levels / 100) for id, own in values.items()]
