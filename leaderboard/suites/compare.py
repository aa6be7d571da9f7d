"""Two agents over the tasks of a suite, on the same starts: differences with intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from entitybench.errors import RecordError, unknown
from entitybench.kinds import Metric
from entitybench.leaderboard.evaluation.weights import REFERENCE
from entitybench.leaderboard.statistics import aggregate
from entitybench.leaderboard.statistics.intervals import (
    NONE,
    Interval,
    difference,
    hierarchical,
    over_tasks,
)
from entitybench.leaderboard.suites.gather import merged, stored
from entitybench.leaderboard.suites.protocol import metric_of, title_of
from entitybench.leaderboard.suites.standings import (
    REPLICATES,
    as_score,
    complete_first,
    improvement,
    standings,
)
from entitybench.leaderboard.tables.compare import BETTER, Difference
from entitybench.leaderboard.tables.data import shown
from entitybench.leaderboard.tables.gather import chosen
from entitybench.leaderboard.tables.grid import Grid
from entitybench.leaderboard.tables.joined import improvement as improvement_in
from entitybench.leaderboard.tables.joined import joined
from entitybench.leaderboard.tables.render import Rendered
from entitybench.leaderboard.tables.table import as_json
from entitybench.records import MetricInfo, Record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.leaderboard.suites.standings import Standing
    from entitybench.types import Array, SuiteSpec

_SCORE = Metric(name="score", title="score (%)", short="score %", scale=100.0)
_HIGHER = MetricInfo.of(_SCORE)
MEAN = "mean over tasks"


@dataclass(frozen=True, repr=False)
class SuiteComparison(Rendered):
    """Two agents in a suite: a line for each task that both have, and one for their mean."""

    suite: SuiteSpec
    a: str
    b: str
    lines: dict[str, Difference]  # of scores, 0 to 1; by entry of the suite, MEAN last
    lacking: tuple[str, ...]  # entries that are left out

    def grid(self) -> Grid:
        """Words."""
        rows = [
            (
                name,
                shown(line.a, _SCORE),
                shown(line.b, _SCORE),
                shown(line.difference, _SCORE, sign=True),
                shown(line.hierarchical, _SCORE, sign=True),
                shown(line.improvement, BETTER),
            )
            for name, line in self.lines.items()
        ]
        last = ("hierarchical bootstrap", "P(better) (%)")
        header = ("task", self.a, self.b, "difference", *last)
        title = f"{self.suite.id}: {self.a} − {self.b}, {title_of(self.suite)}, % [95 % interval]"
        mean = self.lines[MEAN].difference
        notes = [
            "Difference: paired by training seed and start of an episode. Of a task Student's t "
            "over training seeds, at least as wide as over all paired episodes; of the mean "
            f"{mean.method}.",
            "Hierarchical bootstrap: training seeds, then starts of each, drawn anew within tasks.",
            "P(better): that a run of the first is better than one of the second.",
        ]
        if any(x.method.startswith(NONE) for line in self.lines.values() for x in _all(line)):
            notes.append("[–]: no interval, since there is one value or all are equal.")
        if self.lacking:
            notes.append(f"Left out, since not both have it: {', '.join(self.lacking)}.")
        full = Grid(title, header, tuple(rows), tuple(notes), rules=(len(rows) - 1,))
        spare = (*last, *([self.b, self.a] if self.a != self.b else []))
        return replace(full, short=replace(full, spare=spare))

    def values(self) -> list[dict[str, Any]]:
        """Flat rows of numbers."""
        rows = []
        for name, line in self.lines.items():
            row: dict[str, Any] = {"task": name, "a": self.a, "b": self.b, "suite": self.suite.id}
            for part, found in vars(line).items():
                short = as_json(found)
                row |= {f"{part}_{key}": short[key] for key in ("mean", "low", "high")}
            rows.append(row)
        return rows

    def to_json(self) -> dict[str, Any]:
        """Nested intervals by task."""
        return {
            "suite": self.suite.id,
            "a": self.a,
            "b": self.b,
            "lacking": list(self.lacking),
            "tasks": {
                name: {part: as_json(found) for part, found in vars(line).items()}
                for name, line in self.lines.items()
            },
        }


def compare_suite(suite: SuiteSpec, a: Any, b: Any) -> SuiteComparison:
    """Paired over the tasks that both have: by training seed, and by start of each episode.

    Args:
        suite: whose tasks, data, training seeds and starts count.
        a: the agent whose gain is asked for: a record file or folder of its records, or the id of
            one that has shipped records.
        b: the one to compare with.

    Raises:
        RecordError: no record of the suite, those of several agents, or no task in common.
        UnknownId: neither a file or folder, nor an agent with shipped records of the suite.
    """
    return of_standings(_standing(suite, a), _standing(suite, b))


def of_standings(a: Standing, b: Standing) -> SuiteComparison:
    """The comparison of two standings of one suite. Raises RecordError without a common task."""
    metric = metric_of(a.suite)
    ends = (0.0, 1.0) if metric.share else (-math.inf, math.inf)
    bounds = (-1.0, 1.0) if metric.share else ends
    lines: dict[str, Difference] = {}
    values: list[tuple[Array, Array]] = []
    lacking = []
    for mine, other in zip(a.parts, b.parts, strict=True):
        if mine.record is None or other.record is None:
            lacking.append(mine.entry.id)
            continue
        both = joined(mine.record, other.record)
        x, y = (as_score(z, metric) for z in both.values(MetricInfo.of(metric)))
        values.append((x, y))
        lines[mine.entry.id] = Difference(
            mine.score(metric),
            other.score(metric),
            difference(x, y).within(*bounds),
            hierarchical(x - y, replicates=REPLICATES).within(*bounds),
            improvement_in(x, y, _HIGHER, f"{mine.record.item}s"),
        )
    if not lines:
        raise RecordError(f"{a.name} and {b.name} have no task of {a.suite.id} in common.")
    differences = [x - y for x, y in values]

    def mean(of_tasks: Sequence[Array], limits: tuple[float, float]) -> Interval:
        return aggregate.summary(of_tasks, bounds=limits, replicates=REPLICATES)["mean"]

    lines[MEAN] = Difference(
        mean([x for x, _ in values], ends),
        mean([y for _, y in values], ends),
        mean(differences, bounds),
        over_tasks(differences, replicates=REPLICATES).within(*bounds),
        improvement(a, b),
    )
    return SuiteComparison(a.suite, a.name, b.name, lines, tuple(lacking))


def _standing(suite: SuiteSpec, given: Any) -> Standing:
    """The one agent that is named. Raises RecordError, UnknownId."""
    if isinstance(given, Record) or Path(given).exists():
        found = standings(suite, merged(chosen([given]).records))
        if len(found) != 1:
            names = ", ".join(each.name for each in found) or "none"
            raise RecordError(
                f"{given} is to hold records of one agent in the suite {suite.id}: it holds those "
                f"of {names}; name a folder or file for each agent."
            )
        return found[0]
    shipped = standings(suite, stored(suite, REFERENCE / "records"))
    own = [each for each in complete_first(shipped) if each.agent == str(given)]
    if not own:
        agents = list(dict.fromkeys(each.agent for each in shipped))
        raise unknown("file, folder or agent with shipped records:", str(given), agents)
    return own[0]


def _all(line: Difference) -> list[Interval]:
    return [line.a, line.b, line.difference, line.hierarchical, line.improvement]
