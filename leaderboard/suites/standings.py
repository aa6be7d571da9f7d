"""What agents reach in a suite, from records alone: scores, aggregates, what is lacking."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from entitybench.datasets.catalogue.shapes import measured
from entitybench.leaderboard.statistics import aggregate
from entitybench.leaderboard.statistics.intervals import NO_DATA, Interval
from entitybench.leaderboard.suites.plan import without
from entitybench.leaderboard.suites.protocol import Entry, entries, kind_of, metric_of
from entitybench.leaderboard.tables.data import aligned, by_seed, cell
from entitybench.registry import agents, datasets

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from entitybench.kinds import Metric
    from entitybench.leaderboard.tables.merge import Origin
    from entitybench.records import DataInfo, Record
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

    @property
    def name(self) -> str:
        """The agent, its starts unless they are the public ones, and whether it is yours."""
        bank = f" ({self.bank} starts)" if self.bank != "public" else ""
        return self.agent + bank + (" (yours)" if self.origin == "yours" else "")

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
        if all(_is_scripted(record) for record in self.records):
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


def scores(record: Record, metric: Metric) -> Array:
    """Scores (S, E) by training seed and item; (S, 1) of a metric that is no mean over items."""
    if metric.reduce == "mean":
        found = aligned(record, metric.name, record.training_seeds, record.items)
    else:
        found = by_seed(record, metric.name)[:, None]
    if not metric.share:
        return found / 100
    return found if metric.higher_is_better else 1 - found


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

    Records with weights of other tasks are left out. Where an agent has several presets in one
    task, the preset that it has in most tasks counts.

    Args:
        suite: the protocol.
        records: of any task; those of one agent, preset, task and dataset merged.
        origin: where they come from.
        lacking: why there is no record, by the id of an entry, where that is known.
    """
    kind = kind_of(suite)
    groups: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        if record.kind == kind.id and record.agent.weights_from is None:
            groups.setdefault((record.agent.id, record.task.bank), []).append(record)
    found = []
    for (agent, bank), own in groups.items():
        chosen = _chosen(suite, own)
        parts = tuple(_part(suite, entry, record, lacking) for entry, record in chosen)
        if any(part.record is not None for part in parts):
            found.append(Standing(suite, agent, bank, parts, origin))
    return found


def _chosen(suite: SuiteSpec, records: Sequence[Record]) -> list[tuple[Entry, Record | None]]:
    """The record of each entry, of all those of an agent."""
    fit = [(entry, [r for r in records if _fits(r, entry, suite)]) for entry in entries(suite)]
    presets = [r.agent.preset for _, some in fit for r in some]

    def rank(record: Record, entry: Entry) -> tuple[bool, int, str]:
        preset = record.agent.preset
        return bool(_opens_by_data(record, entry)), -presets.count(preset), str(preset)

    return [
        (entry, min(some, key=lambda r: rank(r, entry)) if some else None) for entry, some in fit
    ]


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
    why = _lacks(own, suite) + ([f"{n} failed"] if (n := int(np.isnan(number).sum())) else [])
    return Part(entry, own, ", ".join(why), _opens(own, entry, suite))


def restricted(record: Record, suite: SuiteSpec) -> Record | None:
    """The rows that a suite asks for; None where there are none.

    All training seeds of what has no weights, and so none of the suite's to choose from.
    """
    columns, learned = record.columns, bool(record.hashes.weights)
    kept = [
        k
        for k, (seed, item) in enumerate(zip(columns.training_seed, columns.item, strict=True))
        if 0 <= item < suite.episodes and (not learned or seed in suite.training_seeds)
    ]
    if len(kept) == len(columns.item):
        return record
    if not kept:
        return None
    rows = columns.rows()
    return record.model_copy(update={"columns": type(columns).of([rows[k] for k in kept])})


def _lacks(record: Record, suite: SuiteSpec) -> list[str]:
    """What rows are not there."""
    found = []
    seeds = [seed for seed in suite.training_seeds if seed not in record.training_seeds]
    if seeds and record.hashes.weights:
        found.append(without(seeds))
    if len(record.items) < suite.episodes:
        found.append(f"{len(record.items)} of {suite.episodes} {record.item}s")
    elif len(record.columns.item) < len(record.items) * len(record.training_seeds):
        found.append(f"not all {record.item}s of each training seed")
    return found


def _fits(record: Record, entry: Entry, suite: SuiteSpec) -> bool:
    """Whether a record is of the entry: its task as it is today, and its data or data of one's own.

    Data of one's own, where the suite has the task once.
    """
    mine = record.task.id, record.task.version, record.task.horizon, record.task.kwargs
    task = entry.task
    if mine != (task.id, task.version, task.horizon, dict(task.kwargs)):
        return False
    if not record.hashes.weights or not _opens_by_data(record, entry):
        return True
    known = {data.dataset for data in record.data if data.registered} & set(datasets().ids)
    once = sum(each.task.id == task.id for each in entries(suite)) == 1
    return once and not known - {entry.dataset}


def _opens_by_data(record: Record, entry: Entry) -> str:
    """How the data are not those of the suite; "" where they are."""
    if not record.hashes.weights:
        return ""
    if not record.data:
        return "not told what it learned from"
    if all(_is_of(data, entry) for data in record.data):
        return ""
    return "data of its own content"


def _is_of(data: DataInfo, entry: Entry) -> bool:
    if data.dataset is not None:
        return data.dataset == entry.dataset and data.registered
    known = measured().get(entry.dataset or "")
    return known is not None and data.sha256 == known.sha256


def _opens(record: Record, entry: Entry, suite: SuiteSpec) -> str:
    """Why a record is not of the closed division; "" where it is."""
    if _is_scripted(record):
        return ""
    if not record.hashes.weights:
        return "not told what it learned from"
    if why := _opens_by_data(record, entry):
        return why
    updates = record.agent.updates
    if updates is None:
        return "not told how long it learned"
    return f"{updates} updates, not {suite.updates}" if updates > suite.updates else ""


def _is_scripted(record: Record) -> bool:
    """Whether it is a registered agent that learns nothing."""
    id = record.agent.id
    return not record.hashes.weights and id in agents() and not agents()[id].trains


def _range(numbers: Sequence[int]) -> str:
    least, most = min(numbers), max(numbers)
    return str(least) if least == most else f"{least}–{most}"


def complete_first(found: Sequence[Standing]) -> list[Standing]:
    """Best first by the interquartile mean; incomplete ones come last."""
    return sorted(
        found,
        key=lambda s: (bool(s.lacking), -s.aggregates["iqm"].mean, s.origin != "yours", s.name),
    )
