"""What agents reach in a suite, from records alone: scores, aggregates, what is lacking."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from entitybench.leaderboard.statistics import aggregate, bootstrap
from entitybench.leaderboard.statistics.intervals import LEVEL, NO_DATA, Interval, gap, seed_means
from entitybench.leaderboard.statistics.proportions import superiority
from entitybench.leaderboard.suites.fitting import (
    fits,
    is_scripted,
    lacks,
    opens,
    other_data,
    restricted,
)
from entitybench.leaderboard.suites.protocol import Entry, entries, kind_of, metric_of
from entitybench.leaderboard.tables.data import aligned, by_seed, cell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from entitybench.kinds import Metric
    from entitybench.leaderboard.tables.merge import Origin
    from entitybench.records import Record
    from entitybench.types import Array, SuiteSpec

REPLICATES = 2_000  # of tables: their ends move by a hundredth of their width
CLOSED, OPEN, SCRIPTED = "closed", "open", "scripted"


@dataclass(frozen=True)
class Part:
    """One entry of a suite."""

    entry: Entry
    record: Record | None  # of the suite's training seeds and starts alone
    lacks: str = ""  # what is lacking of what the suite asks for; "": nothing
    opens: str = ""  # why it is of the open division; "": it is of the closed one

    def score(self, metric: Metric) -> Interval:
        """The mean score of the task."""
        if self.record is None:
            return NO_DATA
        return _scaled(cell(self.record, metric.name), metric)


@dataclass(frozen=True)
class Standing:
    """One agent in a suite."""

    suite: SuiteSpec
    agent: str
    bank: str
    parts: tuple[Part, ...]
    origin: Origin = ""
    preset: str | None = None  # where the agent has several in one task
    beside: tuple[str, ...] = ()  # other records of its entries, which were left out

    @property
    def name(self) -> str:
        """The agent, its starts unless they are the public ones, and whether it is yours."""
        preset = "" if self.preset is None else f", {self.preset}"
        bank = f" ({self.bank} starts)" if self.bank != "public" else ""
        return self.agent + preset + bank + (" (yours)" if self.origin == "yours" else "")

    @property
    def presets(self) -> list[str]:
        """Those of its records, as far as they are told."""
        return sorted({r.agent.preset for r in self.records if r.agent.preset is not None})

    @property
    def lacking(self) -> dict[str, str]:
        """What is lacking, by entry."""
        return {part.entry.id: part.lacks for part in self.parts if part.lacks}

    @property
    def opens(self) -> dict[str, str]:
        """Why it is of the open division, by entry."""
        return {part.entry.id: part.opens for part in self.parts if part.opens}

    @property
    def records(self) -> list[Record]:
        """Those of entries that have one."""
        return [part.record for part in self.parts if part.record is not None]

    @property
    def division(self) -> str:
        """Closed: the suite's data and no more updates than it allows; scripted: not trained."""
        if all(is_scripted(record) for record in self.records):
            return SCRIPTED
        return OPEN if self.opens else CLOSED

    @property
    def size(self) -> str:
        """Training seeds × items, the least and the most of its tasks."""
        seeds = [len(record.training_seeds) for record in self.records]
        items = [len(record.items) for record in self.records]
        return f"{_range(seeds)} × {_range(items)}"

    @cached_property
    def aggregates(self) -> dict[str, Interval]:
        """Over the tasks that have scores, those of each entry alike."""
        metric = metric_of(self.suite)
        found = [scores(part.record, metric) for part in self.parts if part.record is not None]
        bounds = (0.0, 1.0) if metric.share else (-math.inf, math.inf)
        return aggregate.summary(found, bounds=bounds, replicates=REPLICATES)


def scores(record: Record, metric: Metric, seeds: list[int] | None = None) -> Array:
    """Scores (S, E) by training seed and item; (S, 1) of a metric that is no mean over items.

    `seeds` are those that they are of; None: all.
    """
    which = record.training_seeds if seeds is None else seeds
    if metric.reduce == "mean":
        found = aligned(record, metric.name, which, record.items)
    else:
        found = by_seed(record, metric.name, which)[:, None]
    return as_score(found, metric)


def as_score(values: Array, metric: Metric) -> Array:
    """Values of the metric as scores, 0 at chance and 1 at the expert."""
    if not metric.share:
        return values / 100
    return values if metric.higher_is_better else 1 - values


def _scaled(found: Interval, metric: Metric) -> Interval:
    """An interval of the metric as one of the score."""
    if not metric.share:
        ends = found.mean / 100, found.low / 100, found.high / 100
    elif metric.higher_is_better:
        return found
    else:
        ends = 1 - found.mean, 1 - found.high, 1 - found.low
    return Interval(*ends, found.method, found.count)


def standings(
    suite: SuiteSpec,
    records: Iterable[Record],
    *,
    origin: Origin = "",
    lacking: Mapping[str, str] | None = None,
) -> list[Standing]:
    """One for each agent and bank of starts that has a record of the suite, in their order.

    Records with weights of other tasks are left out. An agent that has several presets in one task
    has a standing for each preset.

    Args:
        suite: the protocol.
        records: of any task; those of one agent, preset, task and dataset merged.
        origin: where they come from.
        lacking: why there is no record, by the id of an entry, where that is known.
    """
    kind, asked = kind_of(suite), entries(suite)
    groups: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        if record.kind == kind.id and record.agent.weights_from is None:
            groups.setdefault((record.agent.id, record.task.bank), []).append(record)
    found = []
    for (agent, bank), own in groups.items():
        for preset, some in _by_preset(suite, asked, own):
            fit = [(entry, [r for r in some if fits(r, entry, suite)]) for entry in asked]
            best = [(entry, min(x, key=_rank(entry), default=None)) for entry, x in fit]
            parts = tuple(_part(suite, entry, record, lacking) for entry, record in best)
            used = [record for _, record in best]
            beside = [r for _, x in fit for r in x if all(r is not other for other in used)]
            names = tuple(dict.fromkeys(f"{r.label} on {r.task.id}" for r in beside))
            if any(part.record is not None for part in parts):
                found.append(Standing(suite, agent, bank, parts, origin, preset, names))
    return found


def _by_preset(
    suite: SuiteSpec, asked: Sequence[Entry], records: Sequence[Record]
) -> list[tuple[str | None, list[Record]]]:
    """The records of an agent, apart by preset where an entry has those of several."""
    several = any(
        len({r.agent.preset for r in records if fits(r, entry, suite)}) > 1 for entry in asked
    )
    if not several:
        return [(None, list(records))]
    presets = dict.fromkeys(record.agent.preset for record in records)
    return [
        (preset or "no preset", [r for r in records if r.agent.preset == preset])
        for preset in presets
    ]


def _rank(entry: Entry) -> Callable[[Record], bool]:
    """The suite's data come before one's own."""
    return lambda record: bool(other_data(record, entry))


def _part(
    suite: SuiteSpec, entry: Entry, record: Record | None, lacking: Mapping[str, str] | None
) -> Part:
    """What a record is for an entry."""
    told = (lacking or {}).get(entry.id, "")
    own = None if record is None else restricted(record, suite)
    if own is None:
        return Part(entry, None, told or "no record")
    number = scores(own, metric_of(suite))
    if np.isnan(number).all():
        return Part(entry, None, f"no {suite.metric} in its record")
    why = lacks(own, suite) + ([f"{n} failed"] if (n := int(np.isnan(number).sum())) else [])
    return Part(entry, own, ", ".join(why), opens(own, entry, suite))


def _range(numbers: Sequence[int]) -> str:
    least, most = min(numbers), max(numbers)
    return str(least) if least == most else f"{least}–{most}"


def gap_to_public(own: Standing, public: Standing) -> Interval:
    """The score on public starts minus that on others, the mean over the tasks that both have."""
    metric = metric_of(own.suite)
    gaps = []
    for mine, other in zip(own.parts, public.parts, strict=True):
        if mine.record is None or other.record is None:
            continue
        both = set(mine.record.training_seeds) & set(other.record.training_seeds)
        here, there = (scores(r, metric, sorted(both)) for r in (mine.record, other.record))
        gaps.append(gap(there, here, of_share=metric.share))
    return aggregate.together(gaps)


def improvement(a: Standing, b: Standing) -> Interval:
    """P(a run of a is better than one of b), the mean over the tasks that both have.

    Of each task over training seeds, or over items where one of them has a single seed, with
    Newcombe's interval as `compare` has it.
    """
    metric = metric_of(a.suite)
    found = []
    for mine, other in zip(a.parts, b.parts, strict=True):
        if mine.record is None or other.record is None:
            continue
        both = [scores(r, metric) for r in (mine.record, other.record)]
        runs = [seed_means(x) if min(map(len, both)) > 1 else x.ravel() for x in both]
        kept = [x[~np.isnan(x), None] for x in runs]
        if min(map(len, kept)) == 0 or sum(map(len, kept)) < 3:
            continue
        mean = float(bootstrap.probability_of_improvement(*kept))
        ends = superiority(mean, len(kept[0]), len(kept[1]), LEVEL)
        found.append(Interval(mean, *ends, "newcombe", len(kept[0])))
    return aggregate.together(found).within(0.0, 1.0)


def complete_first(found: Sequence[Standing]) -> list[Standing]:
    """Best first by the interquartile mean; incomplete ones come last."""
    return sorted(
        found,
        key=lambda s: (bool(s.lacking), -s.aggregates["iqm"].mean, s.origin != "yours", s.name),
    )
