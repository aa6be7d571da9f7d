"""The table of a suite: one agent task by task, or several by what they reach over all tasks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from entitybench.kinds import Metric
from entitybench.leaderboard.statistics.aggregate import AGGREGATES, EPISODES, SEEDS
from entitybench.leaderboard.statistics.intervals import NO_DATA, NONE
from entitybench.leaderboard.suites.protocol import kind_of, metric_of, title_of
from entitybench.leaderboard.suites.standings import OPEN, SCRIPTED, gap_to_public, improvement
from entitybench.leaderboard.tables.data import shown
from entitybench.leaderboard.tables.grid import Grid
from entitybench.leaderboard.tables.render import Rendered
from entitybench.leaderboard.tables.table import as_json, number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from entitybench.leaderboard.statistics.intervals import Interval
    from entitybench.leaderboard.suites.standings import Standing
    from entitybench.types import SuiteSpec

TITLES = {"iqm": "IQM", "mean": "mean", "median": "median", "optimality_gap": "optimality gap"}
_SCORE = Metric(name="score", title="score (%)", short="score %", scale=100.0)
_BEATEN = Metric(name="beaten", title="P(first better)", short="P %", scale=100.0, digits=0)
_GAP = "gap to public"
_MARK = "‡"  # marks what lacks something
_NAMED = 3  # entries that a note on a table of several agents names


@dataclass(frozen=True, repr=False)
class SuiteTable(Rendered):
    """Agents in a suite, in their order."""

    suite: SuiteSpec
    standings: tuple[Standing, ...]
    remarks: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every agent has all that the suite asks for."""
        return not any(each.lacking for each in self.standings)

    def grid(self) -> Grid:
        """Words: of one agent a row for each task, of several a row for each agent."""
        if len(self.standings) == 1:
            return self._of_one(self.standings[0])
        full = self.of_several()
        least = ("seeds × items", "division", _BEATEN.title, "median", "mean", "optimality gap")
        spare = tuple(name for name in least if name in full.header)
        return replace(full, short=replace(full, spare=spare))

    @cached_property
    def _title(self) -> str:
        suite = self.suite
        seeds = len(suite.training_seeds)
        items = f"{suite.episodes} {kind_of(suite).item}s"
        size = f"{len(suite.data)} tasks × {seeds} training seeds × {items}"
        return f"{suite.id} ({size}): {title_of(suite)}, % [95 % interval]"

    def _of_one(self, standing: Standing) -> Grid:
        metric = metric_of(self.suite)
        rows = []
        for part in standing.parts:
            mark = f" {_MARK}" if part.lacks else ""
            record = part.record
            size = "–" if record is None else f"{len(record.training_seeds)} × {len(record.items)}"
            rows.append((part.entry.id + mark, _text(part.score(metric)), size))
        rule = len(rows)
        mark = f" {_MARK}" if standing.lacking else ""
        rows += [
            (TITLES[name] + mark, _text(standing.aggregates[name]), f"{_tasks(standing)} tasks")
            for name in AGGREGATES
        ]
        header = ("task", standing.name, "seeds × items")
        notes = [*self._lacking(standing), *self._division(standing), *self._about()]
        return Grid(self._title, header, tuple(rows), (*notes, *self.remarks), rules=(rule,))

    def of_several(self) -> Grid:
        """A row for each agent."""
        gaps = {each.name: self.gap(each) for each in self.standings}
        banks = any(found is not None for found in gaps.values())
        first = self.first
        rows = [
            (
                standing.name + (f" {_MARK}" if standing.lacking else ""),
                *(_text(standing.aggregates[name]) for name in AGGREGATES),
                *([shown(self.beaten(standing), _BEATEN)] if first else []),
                *([_text(gaps[standing.name])] if banks else []),
                _tasks(standing),
                standing.size,
                standing.division,
            )
            for standing in self.standings
        ]
        marked = [bool(standing.lacking) for standing in self.standings]
        rules = [k for k in range(1, len(rows)) if marked[k] != marked[k - 1]]
        extra = [*([_BEATEN.title] if first else []), *([_GAP] if banks else [])]
        header = ("agent", *map(TITLES.__getitem__, AGGREGATES), *extra)
        header = (*header, "tasks", "seeds × items", "division")
        notes = [words for each in self.standings for words in self._lacking(each, most=_NAMED)]
        notes += self._about()
        if first:
            notes.append(
                f"{_BEATEN.title}: that a run of {first.name} is better than one of this row, mean "
                "over the tasks that both have."
            )
        if banks:
            notes.append(f"{_GAP}: public starts minus these, the mean over tasks that have both.")
        return Grid(self._title, header, tuple(rows), (*notes, *self.remarks), rules=tuple(rules))

    @property
    def first(self) -> Standing | None:
        """The best of those that were trained, complete ones before others."""
        return next((each for each in self.standings if each.division != SCRIPTED), None)

    def beaten(self, standing: Standing) -> Interval:
        """P(a run of `first` is better than one of this); no data of itself."""
        first = self.first
        return NO_DATA if first in (None, standing) else improvement(first, standing)

    def gap(self, standing: Standing) -> Interval | None:
        """Of a row of other starts: the same agent's public score minus it; None without both."""
        public = next(
            (
                each
                for each in self.standings
                if each.bank == "public" != standing.bank
                and (each.agent, each.preset, each.origin)
                == (standing.agent, standing.preset, standing.origin)
            ),
            None,
        )
        return None if public is None else gap_to_public(standing, public)

    def _lacking(self, standing: Standing, most: int | None = None) -> Iterator[str]:
        """What an agent lacks; entries that lack the same thing together."""
        lacks: dict[str, list[str]] = {}
        for id, why in standing.lacking.items():
            lacks.setdefault(why, []).append(id)
        every = len(standing.parts)
        texts = [
            f"{_some(ids, most) if len(ids) < every else 'all tasks'}: {why}"
            for why, ids in lacks.items()
        ]
        if texts:
            yield f"{_MARK} {standing.name} is incomplete: {'; '.join(texts)}."
        if len(standing.presets) > 1:
            yield f"{standing.name}: of several presets, {' and '.join(standing.presets)}."
        if standing.beside:
            yield f"{standing.name}: left out beside its records: {', '.join(standing.beside)}."

    def _division(self, standing: Standing) -> Iterator[str]:
        if standing.division == SCRIPTED:
            yield "Nothing was trained."
        elif standing.division == OPEN:
            texts = [f"{id}: {why}" for id, why in standing.opens.items()]
            yield f"Open division: {'; '.join(texts)}."
        else:
            yield f"Closed division: the suite's data, at most {self.suite.updates} updates."

    def _about(self) -> Iterator[str]:
        found = [x for each in self.standings for x in each.aggregates.values()]
        if any(x.method.startswith(SEEDS) for x in found):
            yield f"Intervals: {SEEDS}, at least as wide as over all their episodes."
        if any(x.method == EPISODES for x in found):
            yield f"Of one training seed, or of several that agree: {EPISODES}."
        if any(x.method.startswith(NONE) for x in found):
            yield "[–]: no interval, since there is one value or all are equal."
        yield "Optimality gap: what scores lack of 100 on average; less is better."

    def values(self) -> list[dict[str, Any]]:
        """Flat rows of numbers: of each agent the aggregates, then the tasks."""
        metric = metric_of(self.suite)
        return [
            {
                "suite": self.suite.id,
                "agent": standing.agent,
                "origin": standing.origin or None,
                "bank": standing.bank,
                "of": name,
                "score": number(found.mean),
                "low": number(found.low),
                "high": number(found.high),
                "interval": found.method,
                "lacks": lacks,
            }
            for standing in self.standings
            for name, found, lacks in (
                *((name, found, "") for name, found in standing.aggregates.items()),
                *((part.entry.id, part.score(metric), part.lacks) for part in standing.parts),
            )
        ]

    def to_json(self) -> dict[str, Any]:
        """The suite, and of each agent aggregates, tasks, division and what is lacking."""
        suite, metric = self.suite, metric_of(self.suite)
        return {
            "suite": suite.id,
            "metric": suite.metric,
            "data": list(suite.data),
            "training_seeds": list(suite.training_seeds),
            "episodes": suite.episodes,
            "updates": suite.updates,
            "agents": [
                {
                    "agent": each.agent,
                    "origin": each.origin or None,
                    "bank": each.bank,
                    "presets": each.presets,
                    "beaten_by_first": as_json(self.beaten(each)),
                    "gap_to_public": None if (gap := self.gap(each)) is None else as_json(gap),
                    "complete": not each.lacking,
                    "division": each.division,
                    "lacking": each.lacking,
                    "open": each.opens,
                    "aggregates": {k: as_json(x) for k, x in each.aggregates.items()},
                    "tasks": {p.entry.id: as_json(p.score(metric)) for p in each.parts},
                }
                for each in self.standings
            ],
        }


def _text(found: Interval | None) -> str:
    return "–" if found is None else shown(found, _SCORE)


def _tasks(standing: Standing) -> str:
    return f"{len(standing.records)} of {len(standing.parts)}"


def _some(ids: list[str], most: int | None) -> str:
    left = 0 if most is None else len(ids) - most
    return ", ".join(ids[:most]) + (f" and {left} more" if left > 0 else "")
