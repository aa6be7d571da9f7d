"""`table(records)`: a row for each agent and task, a column for each metric."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from entitybench.errors import RecordError, seed_names
from entitybench.leaderboard.statistics.intervals import NONE, hierarchical
from entitybench.leaderboard.tables.data import cell, matrix, metrics_of, shown
from entitybench.leaderboard.tables.extras import columns_named, extra_cell, extras_of
from entitybench.leaderboard.tables.grid import Grid
from entitybench.leaderboard.tables.merge import Named, key_of, merge
from entitybench.leaderboard.tables.render import Rendered

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from entitybench.leaderboard.statistics.intervals import Interval
    from entitybench.leaderboard.tables.merge import Key, Origin
    from entitybench.records import MetricInfo, Record

_ONE = "†"  # marks rows whose interval says nothing about other training seeds


@dataclass(frozen=True)
class Row:
    """One agent in one task."""

    record: Record
    cells: dict[str, Interval]
    origin: Origin = ""

    @property
    def name(self) -> str:
        """The agent; of yours also what tells it from the shipped one: preset, training seeds."""
        label, agent = self.record.label, self.record.agent
        if self.origin != "yours":
            return label
        about = [agent.preset] if agent.preset else []
        about += [seed_names(self.record.training_seeds)] if self.record.data else []
        return f"{label} (yours{': ' if about else ''}{', '.join(about)})"

    @property
    def one_seed(self) -> bool:
        return len(self.record.training_seeds) == 1


@dataclass(frozen=True, repr=False)
class Table(Rendered):
    """Rows in the order of the records."""

    rows: tuple[Row, ...]
    remarks: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()  # names of what is shown; none: the metrics of the records

    @property
    def metrics(self) -> dict[str, MetricInfo]:
        """The columns."""
        records = [row.record for row in self.rows]
        own = metrics_of(records)
        if not self.columns:
            return own
        known = {name: each for r in records for name, each in extras_of(r).items()} | own
        return {name: known[name] for name in self.columns if name in known}

    def showing(self, names: Iterable[str]) -> Table:
        """The table with these columns: metrics, and what records hold beside them.

        Args:
            names: of metrics and of `extras.extras_of`; "deployability" are all of the latter
                beside what is counted first, "all" are all there are.

        Raises UnknownId for a name that none of the records can have.
        """
        columns = tuple(columns_named(names, [row.record for row in self.rows]))
        rows = [
            replace(row, cells={**row.cells, **{n: extra_cell(row.record, n) for n in columns}})
            for row in self.rows
        ]
        return replace(self, rows=tuple(rows), columns=columns)

    @property
    def size(self) -> str:
        """What the numbers are means over."""
        items = sorted({f"{row.record.item}s" for row in self.rows})
        return f"training seeds × {' or '.join(items)}"

    def ranked(self, name: str) -> Table:
        """Best first by a metric, task by task; rows without a value come last, shipped ones below.

        Raises UnknownId for a metric that none of the records has.
        """
        if name not in self.metrics:
            return self.showing([*self.metrics, name]).ranked(name)
        tasks = list(dict.fromkeys(row.record.task.id for row in self.rows))

        def place(row: Row) -> tuple[Any, ...]:
            shipped = row.origin == "shipped"
            return tasks.index(row.record.task.id), shipped, self._rank(row, name)

        return replace(self, rows=tuple(sorted(self.rows, key=place)))

    def best_first(self) -> Table:
        """By what is counted first, then by the third metric and the name; small tasks first."""

        def place(row: Row) -> tuple[Any, ...]:
            names = [metric.name for metric in row.record.metrics]
            ranks = [self._rank(row, names[k]) for k in (0, min(2, len(names) - 1))]
            task = row.record.task.id  # push-10blocks comes after push-9blocks
            return len(task), task, row.origin == "shipped", *ranks, row.record.label

        return replace(self, rows=tuple(sorted(self.rows, key=place)))

    def _rank(self, row: Row, name: str) -> tuple[bool, float]:
        mean = row.cells[name].mean
        sign = -1.0 if self.metrics[name].higher_is_better else 1.0
        return math.isnan(mean), 0.0 if math.isnan(mean) else sign * mean

    def parts(self) -> list[Table]:
        """A table for each thing that is counted first: kinds with other metrics stand apart."""
        found: dict[str, list[Row]] = {}
        for row in self.rows:
            found.setdefault(row.record.metrics[0].name, []).append(row)
        parts = [Table(tuple(rows), columns=self.columns) for rows in found.values()]
        return [*parts[:-1], replace(parts[-1], remarks=self.remarks)]

    def grid(self) -> Grid:
        """Words."""
        metrics = list(self.metrics.values())
        legend = [
            f"{metric.short.split()[0]}: {metric.legend}" for metric in metrics if metric.legend
        ]
        # A narrow terminal does without the last columns first.
        spare = (*(metric.short for metric in reversed(metrics[1:])), "n")
        short = self._grid(short=True)
        short = replace(
            short,
            notes=("; ".join([*legend, f"n: {self.size}."]), *short.notes),
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
            name = row.name + (f" {_ONE}" if row.one_seed else "")
            task = [row.record.task.id] if several else []
            numbers = [
                shown(row.cells[key], metric, short=short) for key, metric in metrics.items()
            ]
            lines.append((name, *task, *numbers, _size(row.record)))
        first = self.rows[0].record.task
        title = "mean [95 % interval]"
        title = title if several else f"{first.id} version {first.version}: {title}"
        last = "n" if short else self.size.removeprefix("training ")
        rules = [k for k in range(1, len(lines)) if self._block(k) != self._block(k - 1)]
        notes = (*self._notes(short=short), *self.remarks)
        return Grid(title, (*header, last), tuple(lines), notes, rules=tuple(rules))

    def _block(self, k: int) -> tuple[str, str]:
        """What stands between two lines: of one task yours, or the shipped ones."""
        row = self.rows[k]
        return (row.record.task.id, row.origin) if row.origin else ("", "")

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
                    many = "s" * (count != 1)
                    items = f"{row.record.item}{many}"
                    yield f"{row.name}: {count} {items} ended by {cause} error{many}{left}."

    def values(self) -> list[dict[str, Any]]:
        """Flat rows of numbers."""
        names = list(self.metrics)
        return [
            {
                **_about(row),
                **{
                    f"{name}{end}": number(getattr(row.cells[name], part))
                    for name in names
                    for end, part in (("", "mean"), ("_low", "low"), ("_high", "high"))
                },
                "interval": row.cells[row.record.metrics[0].name].method,
            }
            for row in self.rows
        ]

    def to_json(self) -> dict[str, Any]:
        """Rows with nested intervals; the hierarchical bootstrap is beside each."""
        rows, names = [], list(self.metrics)
        for row in self.rows:
            own = {metric.name for metric in row.record.metrics}  # others are of other kinds
            own |= extras_of(row.record).keys()
            metrics = {
                name: {
                    **as_json(row.cells[name]),
                    "hierarchical_bootstrap": _bootstrap(row.record, name),
                }
                for name in names
                if name in own
            }
            rows.append({**_about(row), "metrics": metrics})
        return {"rows": rows}


def _about(row: Row) -> dict[str, Any]:
    """What a row is of."""
    record = row.record
    return {
        "agent": record.agent.id,
        "origin": row.origin or None,
        "weights_from": record.agent.weights_from,
        "preset": record.agent.preset,
        "dataset": ", ".join(sorted({d.dataset for d in record.data if d.dataset})) or None,
        "task": record.task.id,
        "task_version": record.task.version,
        "training_seeds": len(record.training_seeds),
        "episodes": len(record.columns.item),
    }


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
    known = {metric.name: metric.reduce for metric in record.metrics}
    if known.get(name, "mean") != "mean" or name not in record.columns.values:
        return [None, None]  # its rows do not add up to it, or there are none
    found = hierarchical(matrix(record, name), replicates=2000)
    return [number(found.low), number(found.high)]


def _size(record: Record) -> str:
    return f"{len(record.training_seeds)} × {len(record.items)}"


def table(records: Sequence[Record | Named]) -> Table:
    """A table of records; those of one agent and task with different training seeds share a row.

    Args:
        records: at least one; Named where their files are told, or yours from the shipped ones.

    Raises:
        RecordError: none given, a task in two versions, or two records that cannot share their row.
    """
    if not records:
        raise RecordError("no records to make a table of.")
    firsts: dict[str, Named] = {}
    groups: dict[tuple[Origin, Key], list[Named]] = {}
    for given in records:
        each = given if isinstance(given, Named) else Named(given)
        task, first = each.record.task, firsts.setdefault(each.record.task.id, each)
        if first.record.task.version != task.version:
            raise RecordError(
                f"{task.id} occurs in versions {first.version} and {each.version}, which cannot be "
                "compared; evaluate again what has the older one."
            )
        groups.setdefault((each.origin, key_of(each.record)), []).append(each)
    merged = {key: merge(group) for key, group in groups.items()}
    names = metrics_of(list(merged.values()))
    return Table(
        tuple(
            Row(record, {name: cell(record, name) for name in names}, origin)
            for (origin, _), record in merged.items()
        )
    )
