"""A record: everything one evaluation was and gave. Tables and plots are made from records only.

A record file is JSON; `record_schema()` is its JSON schema. A row is one item (an episode, a clip,
a problem …) of one training seed; on disk rows are columns, a quarter of the size. Each record says
what its numbers mean: the metrics as they were when it was written.
"""

from __future__ import annotations

import html
import json
import math
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from entitybench.errors import NoRecord, RecordError
from entitybench.files import read_file, write_atomic
from entitybench.forms import short
from entitybench.record_infos import (
    AgentInfo,
    Costs,
    DataInfo,
    Hashes,
    MetricInfo,
    Revision,
    TaskInfo,
)
from entitybench.record_rows import (
    DIGEST,
    INFRASTRUCTURE,
    MOST,
    POLICY,
    UNSTABLE,
    Columns,
    RecordModel,
    Row,
)
from entitybench.schema1 import lifted
from entitybench.texts import parsed
from entitybench.words import squeezed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

__all__ = [
    "DIGEST",
    "INFRASTRUCTURE",
    "MOST",
    "POLICY",
    "SCHEMA_VERSION",
    "UNSTABLE",
    "AgentInfo",
    "Columns",
    "Costs",
    "DataInfo",
    "Hashes",
    "MetricInfo",
    "Record",
    "Revision",
    "Row",
    "TaskInfo",
    "read_records",
    "record_schema",
]

SCHEMA_VERSION: Literal[2] = 2


class Record(RecordModel):
    """One agent in one task: the rows, and what made them."""

    schema_version: Literal[2] = SCHEMA_VERSION
    kind: str = Field(description="of the evaluation, e.g. goal-control")
    item: str = Field("episode", description="what a row is")
    metrics: list[MetricInfo] = Field(min_length=1, description="the first is the primary one")
    agent: AgentInfo
    task: TaskInfo
    data: list[DataInfo] = Field([], description="by training seed; none where nothing was learned")
    hashes: Hashes
    versions: dict[str, str]
    device: str
    revision: Revision | None = None
    arguments: dict[str, Any] = Field({}, description="resolved")
    block: int = Field(ge=1, description="items that an agent is given at once")
    threads: int = Field(ge=1)
    wall_time_s: float = Field(ge=0)
    created: str = Field(description="UTC, ISO 8601")
    columns: Columns = Field(alias="rows")
    diagnostics: dict[str, dict[str, float]] = Field({}, description="mean by training seed")
    costs: Costs | None = Field(None, description="times; absent where nobody measured")

    @model_validator(mode="after")
    def _numbers_fit_their_metrics(self) -> Self:
        for metric in self.metrics:
            column = self.columns.values.get(metric.name)
            if column is None:
                raise ValueError(f"there are no values of the metric {metric.name}")
            if metric.reduce != "mean":
                continue
            numbers = [x for x in column if x is not None]
            outside = [x for x in numbers if metric.share and not 0 <= x <= 1]
            if outside:
                raise ValueError(f"{metric.name} is a share, and {outside[0]} is none")
            least, _ = metric.bounds(0)
            if numbers and min(numbers) < least:
                raise ValueError(f"{metric.name} is at least {least:g}, and {min(numbers)} is not")
        return self

    @property
    def rows(self) -> list[Row]:
        """One object a row, in the order of the file."""
        return self.columns.rows()

    @property
    def training_seeds(self) -> list[int]:
        """Sorted."""
        return sorted(set(self.columns.training_seed))

    @property
    def items(self) -> list[int]:
        """Those of all training seeds, sorted."""
        return sorted(set(self.columns.item))

    @property
    def label(self) -> str:
        """The name of the row in tables, one line whatever the file holds."""
        source, bank = self.agent.weights_from, self.task.bank
        remarks = [f"trained on {source}"] if source else []
        remarks += [f"on {name}" for name in sorted({x.short for x in self.data} - {""})]
        remarks += [f"{bank} starts"] if bank != "public" else []
        name = short(self.agent.id)
        text = f"{name} ({', '.join(remarks)})" if remarks else name
        return squeezed(text, 200)

    def summary(self) -> dict[str, float]:
        """One number for each metric: the mean over training seeds, in the metric's own unit.

        Shares lie in [0, 1]; NaN where no row has a value. Intervals are in `eb.table(record)`.
        """
        by_seed: dict[int, list[dict[str, float | None]]] = {s: [] for s in self.training_seeds}
        for row in self.rows:
            if row.counts:
                by_seed[row.training_seed].append(row.values)
        return {metric.name: _mean(metric, by_seed.values()) for metric in self.metrics}

    def __repr__(self) -> str:
        first = self.metrics[0]
        number = first.scale * self.summary()[first.name]
        unit = " %" if first.share and not math.isnan(number) else ""
        size = f"{len(self.training_seeds)} × {len(self.items)} {self.item}s"
        where = f"{self.task.id}-v{self.task.version}"
        return (
            f"<Record of {self.label} on {where}: {first.name} {_shown(number, 1)}{unit}, {size}>"
        )

    __str__ = __repr__

    def _repr_html_(self) -> str:
        """For notebooks: a line for each metric."""
        title = html.escape(f"{self.label} on {self.task.id}-v{self.task.version}")
        means = self.summary()
        lines = [
            f"<tr><td>{html.escape(metric.title)}</td>"
            f"<td>{_shown(metric.scale * means[metric.name], metric.digits)}</td></tr>"
            for metric in self.metrics
        ]
        seeds, items = len(self.training_seeds), len(self.items)
        size = (
            f"{seeds} training seed{'s' * (seeds != 1)} × {items} {self.item}{'s' * (items != 1)}"
        )
        head = f"<table><caption>{title}: {html.escape(size)}</caption>"
        return head + "".join(lines) + "</table>"

    def failures(self) -> dict[str, int]:
        """Rows with an error, by whose fault it was."""
        errors = [error for error in self.columns.error if error is not None]
        broken = sum(error.startswith(INFRASTRUCTURE) for error in errors)
        return {INFRASTRUCTURE: broken, POLICY: len(errors) - broken}

    def unstable(self) -> int:
        """Rows whose simulation went wrong; they count among the infrastructure's failures."""
        return sum((error or "").startswith(UNSTABLE) for error in self.columns.error)

    def deterministic(self) -> dict[str, Any]:
        """What is equal for any number of threads, at any time, on the same kind of machine."""
        data = self.model_dump(mode="json", by_alias=True)
        for name in ("wall_time_s", "created", "threads", "arguments", "revision", "costs"):
            del data[name]
        for name in [metric.name for metric in self.metrics if not metric.exact]:
            del data["rows"]["values"][name]
        return data

    def to_json(self) -> str:
        """The text of the record file: a line for each column of the rows."""
        data = self.model_dump(mode="json", by_alias=True)
        rows = data.pop("rows")
        if self.costs is None:  # as records were before there were any
            del data["costs"]
        values = {name: _short(column) for name, column in rows.pop("values").items()}
        lines = [f"{json.dumps(name)}: {json.dumps(column)}" for name, column in rows.items()]
        inner = [f"{json.dumps(name)}: {json.dumps(column)}" for name, column in values.items()]
        lines.append('"values": {\n   ' + ",\n   ".join(inner) + "\n  }")
        text = json.dumps(data, indent=1).removesuffix("\n}")
        return text + ',\n "rows": {\n  ' + ",\n  ".join(lines) + "\n }\n}\n"

    def write(self, path: str | Path) -> Path:
        """Write the record file, whole or not at all."""
        return write_atomic(path, self.to_json())

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a record file. Raises RecordError, of what never was one NoRecord; one line."""
        try:
            text = read_file(path).decode()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not text"
            raise RecordError(f"cannot read the record {path}: {reason}.") from error
        return cls.of_text(text, path)

    @classmethod
    def of_text(cls, text: str, path: str | Path) -> Self:
        """The record that a text is; `path` is what errors call it. Raises as `read` does."""
        try:
            data = parsed(text)
        except ValueError as error:
            reason = str(error) if "nest" in str(error) else f"not JSON ({error})"
            raise RecordError(f"{path} is no record: {reason}.") from error
        version = data.get("schema_version") if isinstance(data, dict) else None
        if type(version) is int and version > SCHEMA_VERSION:
            raise RecordError(
                f"{path} is a record of schema {version}, made by a newer entitybench; this one "
                f"reads schemas 1 to {SCHEMA_VERSION}: pip install -U entitybench"
            )
        if type(version) is not int or version < 1:  # True equals 1
            other = not isinstance(data, dict) or "schema_version" not in data
            raise (NoRecord if other else RecordError)(
                f"{path} is no record of schema 1 to {SCHEMA_VERSION}: "
                f"schema_version is {version!r:.60}."
            )
        try:
            # Strict: "yes" is no truth value.
            return cls.model_validate(lifted(data) if version == 1 else data, strict=True)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "the record"
            raise RecordError(f"{path} is no valid record: {where}: {first['msg']}.") from error


def _shown(value: float, digits: int) -> str:
    """A mean as tables show it: "–" where no row has a value."""
    return "–" if math.isnan(value) else f"{value:.{digits}f}"


def _mean(metric: MetricInfo, of_seeds: Iterable[list[dict[str, float | None]]]) -> float:
    """The mean over training seeds, whose rows are given; NaN where none has a value."""
    means = []
    for rows in of_seeds:
        if metric.reduce == "mean":
            numbers = [x for row in rows if (x := row[metric.name]) is not None]
            means.append(math.fsum(numbers) / len(numbers) if numbers else math.nan)
        else:
            means.append(_reduced(metric.reduce, rows))
    kept = [x for x in means if not math.isnan(x)]
    return math.fsum(kept) / len(kept) if kept else math.nan


def _reduced(reduce: str, rows: list[dict[str, float | None]]) -> float:
    """What a metric that is no mean comes to over rows."""
    import numpy as np

    from entitybench.registry import reduction

    if not rows:
        return math.nan
    columns = {
        name: np.array([math.nan if row[name] is None else row[name] for row in rows], float)
        for name in rows[0]
    }
    return reduction(reduce)(columns)


def _short(column: Iterable[float | None]) -> list[float | None]:
    """Whole numbers without the point: a fifth of the file."""
    return [int(x) if x is not None and x.is_integer() and abs(x) < 1e15 else x for x in column]


def read_records(paths: Sequence[str | Path]) -> list[Record]:
    """Records from files."""
    return [Record.read(path) for path in paths]


def record_schema() -> dict[str, Any]:
    """The JSON schema of a record file."""
    return Record.model_json_schema(by_alias=True)
