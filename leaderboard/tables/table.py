"""`table(records)`: a row for each agent and task, a column for each metric."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from entitybench.errors import RecordError, unknown
from entitybench.leaderboard.statistics.intervals import NONE, hierarchical
from entitybench.leaderboard.tables.data import cell, matrix, metric_of, metrics_of, shown
from entitybench.leaderboard.tables.grid import Grid
from entitybench.leaderboard.tables.render import Rendered
from entitybench.records import Columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from entitybench.leaderboard.statistics.intervals import Interval
    from entitybench.records import DataInfo, MetricInfo, Record

_ONE = "†"  # marks rows whose interval says nothing about other training seeds


@dataclass(frozen=True)
class Row:
    """One agent in one task."""

    record: Record
    cells: dict[str, Interval]

    @property
    def one_seed(self) -> bool:
        return len(self.record.training_seeds) == 1


@dataclass(frozen=True, repr=False)
class Table(Rendered):
    """Rows in the order of the records."""

    rows: tuple[Row, ...]

    @property
    def metrics(self) -> dict[str, MetricInfo]:
        """The columns."""
        return metrics_of([row.record for row in self.rows])

    @property
    def size(self) -> str:
        """What the numbers are means over."""
        items = sorted({f"{row.record.item}s" for row in self.rows})
        return f"training seeds × {' or '.join(items)}"

    def ranked(self, name: str) -> Table:
        """Best first by a metric, task by task; rows without a value come last.

        Raises UnknownId for a metric that none of the records has.
        """
        if name not in self.metrics:
            raise unknown("metric", name, self.metrics)
        sign = -1.0 if self.metrics[name].higher_is_better else 1.0
        tasks = list(dict.fromkeys(row.record.task.id for row in self.rows))

        def place(row: Row) -> tuple[int, bool, float]:
            mean = row.cells[name].mean
            missing = math.isnan(mean)
            return tasks.index(row.record.task.id), missing, 0.0 if missing else sign * mean

        return Table(tuple(sorted(self.rows, key=place)))

    def parts(self) -> list[Table]:
        """A table for each thing that is counted first: kinds with other metrics stand apart."""
        found: dict[str, list[Row]] = {}
        for row in self.rows:
            found.setdefault(row.record.metrics[0].name, []).append(row)
        return [Table(tuple(rows)) for rows in found.values()]

    def grid(self) -> Grid:
        """Words."""
        metrics = list(self.metrics.values())
        legend = [
            f"{metric.short.split()[0]}: {metric.legend}" for metric in metrics if metric.legend
        ]
        # A narrow terminal does without the last columns first.
        spare = (*(metric.short for metric in reversed(metrics[1:])), "n")
        short = replace(
            self._grid(short=True),
            notes=("; ".join([*legend, f"n: {self.size}."]), *self._notes(short=True)),
            spare=spare,
        )
        return replace(self._grid(), short=short)

    def _grid(self, *, short: bool = False) -> Grid:
        several = len({row.record.task.id for row in self.rows}) > 1
        metrics = self.metrics
        heads = [metric.short if short else metric.title for metric in metrics.values()]
        header = ["agent", *(["task"] if several else []), *heads]
        lines = []
        for row in self.rows:
            name = row.record.label + (f" {_ONE}" if row.one_seed else "")
            task = [row.record.task.id] if several else []
            numbers = [
                shown(row.cells[key], metric, short=short) for key, metric in metrics.items()
            ]
            lines.append((name, *task, *numbers, _size(row.record)))
        first = self.rows[0].record.task
        title = "mean [95 % interval]"
        title = title if several else f"{first.id} version {first.version}: {title}"
        last = "n" if short else self.size.removeprefix("training ")
        return Grid(title, (*header, last), tuple(lines), tuple(self._notes()))

    def _notes(self, *, short: bool = False) -> Iterable[str]:
        several = [row for row in self.rows if not row.one_seed]
        items = self.size.rpartition("× ")[2]
        if several:
            yield (
                f"Intervals: Student's t over training seeds, at least as wide as over all {items}."
            )
        if any(row.one_seed for row in self.rows):
            yield (
                f"{_ONE} one training seed: the interval is over its {items} and says nothing "
                "about other training seeds."
            )
        if any(c.method.startswith(NONE) for row in self.rows for c in row.cells.values()):
            yield "[–]: no interval, since there is one value or all are equal."
        block = self.rows[0].record.block
        for metric in self.metrics.values():
            if metric.sentence:
                name = metric.short if short else metric.title.partition(" ")[0].capitalize()
                yield f"{name}: {metric.sentence.replace('{block}', str(block))}"
        for row in self.rows:
            for cause, count in row.record.failures().items():
                if count:
                    left = ", left out" if cause == "infrastructure" else ", counted as failures"
                    if cause == "infrastructure" and (unstable := row.record.unstable()):
                        left += f" ({unstable} of them: the simulation became unstable)"
                    items = f"{row.record.item}s"
                    yield f"{row.record.label}: {count} {items} ended by {cause} errors{left}."

    def values(self) -> list[dict[str, Any]]:
        """Flat rows of numbers."""
        return [
            {
                "agent": row.record.agent.id,
                "weights_from": row.record.agent.weights_from,
                "preset": row.record.agent.preset,
                "dataset": ", ".join(sorted({d.dataset for d in row.record.data if d.dataset}))
                or None,
                "task": row.record.task.id,
                "task_version": row.record.task.version,
                "training_seeds": len(row.record.training_seeds),
                "episodes": len(row.record.columns.item),
                **{
                    f"{name}{end}": number(getattr(found, part))
                    for name, found in row.cells.items()
                    for end, part in (("", "mean"), ("_low", "low"), ("_high", "high"))
                },
                "interval": row.cells[row.record.metrics[0].name].method,
            }
            for row in self.rows
        ]

    def to_json(self) -> dict[str, Any]:
        """Rows with nested intervals; the hierarchical bootstrap is beside each."""
        rows = []
        for row, flat in zip(self.rows, self.values(), strict=True):
            kept = {k: flat[k] for k in list(flat)[:8]}
            own = {metric.name for metric in row.record.metrics}  # others are of other kinds
            metrics = {
                name: {
                    **as_json(found),
                    "hierarchical_bootstrap": _bootstrap(row.record, name),
                }
                for name, found in row.cells.items()
                if name in own
            }
            rows.append({**kept, "metrics": metrics})
        return {"rows": rows}


def number(x: float) -> float | None:
    """NaN as None: JSON and CSV have no NaN."""
    return None if math.isnan(x) else x


def as_json(found: Interval) -> dict[str, Any]:
    """An interval for machines."""
    return {
        "mean": number(found.mean),
        "low": number(found.low),
        "high": number(found.high),
        "method": found.method,
        "count": found.count,
    }


def _bootstrap(record: Record, name: str) -> list[float | None]:
    if metric_of(record, name).reduce != "mean":
        return [None, None]  # its rows do not add up to it
    found = hierarchical(matrix(record, name), replicates=2000)
    return [number(found.low), number(found.high)]


def _size(record: Record) -> str:
    return f"{len(record.training_seeds)} × {len(record.items)}"


def table(records: Sequence[Record], sources: Sequence[str | Path] | None = None) -> Table:
    """A table of records; those of one agent and task with different training seeds share a row.

    Args:
        records: at least one.
        sources: their files, named where two records do not go together.

    Raises:
        RecordError: none given, a task in two versions, or two records that cannot share their row.
    """
    if not records:
        raise RecordError("no records to make a table of.")
    named = [
        Named(record, str(source))
        for record, source in zip(records, sources or [""] * len(records), strict=True)
    ]
    firsts: dict[str, Named] = {}
    groups: dict[tuple[str, str | None, str, str], list[Named]] = {}
    for each in named:
        task, first = each.record.task, firsts.setdefault(each.record.task.id, each)
        if first.record.task.version != task.version:
            raise RecordError(
                f"{task.id} occurs in versions {first.version} and {each.version}, which cannot be "
                "compared; evaluate again what has the older one."
            )
        key = (each.record.label, each.record.agent.preset, task.id, each.record.kind)
        groups.setdefault(key, []).append(each)
    merged = [merge(group) for group in groups.values()]
    names = metrics_of(merged)
    return Table(tuple(Row(r, {name: cell(r, name) for name in names}) for r in merged))


@dataclass(frozen=True)
class Named:
    """A record and its file, or "" where it has none."""

    record: Record
    source: str

    @property
    def version(self) -> str:
        """Of the task, and where that stands."""
        number = self.record.task.version
        return f"{number} ({self.source})" if self.source else str(number)


def _learned_from(record: Record) -> set[tuple[str | None, ...]]:
    """Hashes of the data and names of the parts; records of schema 1 name no dataset."""
    return {_content(each) for each in record.data}


def _content(data: DataInfo) -> tuple[str | None, ...]:
    return (data.sha256, *sorted(data.parts))


def check_data(each: Named) -> None:
    """Raise RecordError where training seeds of one record learned from different data."""
    record = each.record
    for other in record.data:
        first = record.data[0]
        if _content(first) != _content(other):
            raise RecordError(
                f"training seeds {first.training_seed} and {other.training_seed} of {record.label} "
                f"on {record.task.id} learned from different data or parts"
                f"{f' ({each.source})' if each.source else ''} and cannot share a row; evaluate "
                "them apart."
            )
    told = {each.training_seed for each in record.data}
    if told and (untold := [seed for seed in record.training_seeds if seed not in told]):
        raise RecordError(
            f"the record of {record.label} on {record.task.id}"
            f"{f' ({each.source})' if each.source else ''} does not say what training seed "
            f"{untold[0]} learned from; evaluate it again."
        )


def _both(a: Named, b: Named) -> str:
    return f" ({a.source} and {b.source})" if a.source and b.source else ""


def merge(group: Sequence[Named]) -> Record:
    """One record of all training seeds. Raises RecordError where records do not belong together."""
    first, owners = group[0].record, dict[int, Named]()
    for each in group:
        check_data(each)
        other = each.record
        both = _both(group[0], each)
        for what, mine, its in (
            ("tasks", first.hashes.task, other.hashes.task),
            ("configurations", first.agent.config, other.agent.config),
            ("MuJoCo versions", first.versions.get("mujoco"), other.versions.get("mujoco")),
            (f"{first.item} seeds", first.items, other.items),
            ("datasets", _learned_from(first), _learned_from(other)),
        ):
            if mine != its:
                raise RecordError(
                    f"two records{both} of {first.label} on {first.task.id} have different {what} "
                    "and cannot share a row."
                )
    for each in group:
        for seed in each.record.training_seeds:
            owner = owners.setdefault(seed, each)
            if owner is not each:
                raise RecordError(
                    f"training seed {seed} of {first.label} on {first.task.id} is in two "
                    f"records{_both(owner, each)}; give one of them."
                )
    if len(group) == 1:
        return first
    records = [each.record for each in group]
    return first.model_copy(
        update={
            "columns": Columns.of([row for record in records for row in record.rows]),
            "data": [each for record in records for each in record.data],
            "diagnostics": {k: v for record in records for k, v in record.diagnostics.items()},
            "hashes": first.hashes.model_copy(
                update={"weights": {k: v for r in records for k, v in r.hashes.weights.items()}}
            ),
        }
    )
