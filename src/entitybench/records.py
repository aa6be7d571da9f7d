"""A record: everything one evaluation was and gave. Tables and plots are made from records only.

A record file is JSON; `record_schema()` is its JSON schema. A row is one item (an episode, a clip,
a problem …) of one training seed; on disk rows are columns, a quarter of the size. Each record says
what its numbers mean: the metrics as they were when it was written.
"""

from __future__ import annotations

import html
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from entitybench.errors import BadValue, NoRecord, RecordError
from entitybench.files import read_file, write_atomic
from entitybench.kinds import METRICS
from entitybench.schema1 import lifted
from entitybench.texts import parsed
from entitybench.words import squeezed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from entitybench.kinds import Metric

SCHEMA_VERSION: Literal[2] = 2

# What an error in a row begins with. A policy that fails counts as a failure of its agent; physics,
# memory or disk that fail are counted apart and enter no mean.
POLICY = "policy"
INFRASTRUCTURE = "infrastructure"
UNSTABLE = f"{INFRASTRUCTURE}: unstable"  # the simulation went wrong, not the machine

DIGEST = 16  # hex digits of a row's digest
NOTE = 500  # characters of a row's note
# Numbers beyond are no measurement, and their squares overflow in the statistics.
MOST = 1e100
_Number = Annotated[float, Field(ge=-MOST, le=MOST)]
_Seed = Annotated[int, Field(ge=0)]


class _Model(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, populate_by_name=True, allow_inf_nan=False
    )


@dataclass(frozen=True, slots=True)
class Row:
    """One item of one training seed."""

    training_seed: int
    item: int  # which one: of an episode the seed of its start
    values: dict[str, float | None]  # by metric, and what else is worth keeping, e.g. "length"
    digest: str = ""  # of what came out: the last state, frames, tokens
    note: str | None = None  # text worth reading: an explanation, an answer
    error: str | None = None

    @property
    def counts(self) -> bool:
        """False where the infrastructure failed, so that the row says nothing about the agent."""
        return self.error is None or not self.error.startswith(INFRASTRUCTURE)


class Columns(_Model):
    """Rows, a list for each of their fields."""

    training_seed: list[_Seed]
    item: list[_Seed] = Field(description="of an episode the seed of its start state and goal")
    values: dict[str, list[_Number | None]] = Field(description="by name, null where there is none")
    digest: list[str] = Field([], description="of what came out, 16 hex digits")
    note: list[str | None] = []
    error: list[str | None] = []

    @model_validator(mode="after")
    def _of_equal_length(self) -> Self:
        count = len(self.training_seed)
        if not count:
            raise ValueError("a record needs at least one row")
        columns: dict[str, Sequence[Any]] = {"item": self.item, **self.values}
        optional: dict[str, Sequence[Any]] = {
            "digest": self.digest,
            "note": self.note,
            "error": self.error,
        }
        columns |= {name: column for name, column in optional.items() if column}
        for name, column in columns.items():
            if len(column) != count:
                raise ValueError(f"{name} has {len(column)} rows, and training_seed {count}")
        if len(set(zip(self.training_seed, self.item, strict=True))) != count:
            raise ValueError("a row occurs twice")
        return self

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Self:
        """The columns of rows that have values of the same names."""
        names = rows[0].values if rows else {}
        return cls(
            training_seed=[row.training_seed for row in rows],
            item=[row.item for row in rows],
            values={name: [row.values[name] for row in rows] for name in names},
            digest=[row.digest for row in rows],
            note=_unless_empty([row.note for row in rows]),
            error=_unless_empty([row.error for row in rows]),
        )

    def rows(self) -> list[Row]:
        """One object a row."""
        count = len(self.training_seed)
        nothing = [None] * count
        return [
            Row(seed, item, dict(zip(self.values, numbers, strict=True)), digest, note, error)
            for seed, item, digest, note, error, *numbers in zip(
                self.training_seed,
                self.item,
                self.digest or [""] * count,
                self.note or nothing,
                self.error or nothing,
                *self.values.values(),
                strict=True,
            )
        ]


def _unless_empty(texts: list[str | None]) -> list[str | None]:
    return texts if any(text is not None for text in texts) else []


class MetricInfo(_Model):
    """A metric as it was when the record was written; see `entitybench.kinds.Metric`."""

    name: str
    title: str
    short: str
    scale: float = 1.0
    digits: int = Field(1, ge=0, le=9)
    unit: str = ""
    higher_is_better: bool = True
    reduce: str = Field("mean", pattern=r"^(mean|[\w.]+:\w+)$", description="mean or function")
    exact: bool = True
    lower: float | None = Field(None, description="what it cannot be below")
    upper: float | Literal["horizon"] | None = Field(
        None, description="what it cannot be above; horizon: the task's"
    )
    legend: str = ""
    sentence: str = ""

    @model_validator(mode="before")
    @classmethod
    def _with_bounds(cls, data: Any) -> Any:
        """Those of today where a record was written before metrics had any."""
        if not isinstance(data, dict) or {"lower", "upper"} & data.keys():
            return data
        named = data.get("name"), data.get("title")
        known = next((m for m in METRICS if (m.name, m.title) == named), None)
        return {**data, "lower": known.lower, "upper": known.upper} if known else data

    @classmethod
    def of(cls, metric: Metric) -> Self:
        """Of a metric of `entitybench.kinds`."""
        return cls(**asdict(metric))

    @property
    def share(self) -> bool:
        """Whether it lies in [0, 1]."""
        return self.scale == 100.0

    def bounds(self, horizon: int) -> tuple[float, float]:
        """What it lies between, infinite where nothing is known.

        Args:
            horizon: of the task; 0 where time means nothing.
        """
        least, most = (0.0, 1.0) if self.share else (-math.inf if self.exact else 0.0, math.inf)
        least = least if self.lower is None else self.lower
        if isinstance(self.upper, str):
            return least, float(horizon) if horizon else most
        return least, most if self.upper is None else self.upper


class AgentInfo(_Model):
    """Who acted."""

    id: str
    preset: str | None = None
    config: dict[str, Any] = {}
    updates: int | None = Field(None, description="training steps behind the weights")
    weights_from: str | None = Field(None, description="the task the weights were trained on")


class TaskInfo(_Model):
    """Where."""

    id: str
    version: int
    kind: str
    horizon: int = Field(ge=0, description="control steps; 0 where time means nothing")
    kwargs: dict[str, Any] = {}
    bank: str = Field("public", description="where the start states come from")


class DataInfo(_Model):
    """What one training seed learned from."""

    training_seed: int = Field(ge=0)
    dataset: str | None = Field(None, description="its id")
    sha256: str | None = Field(None, description="of its content")
    default: bool = Field(True, description="whether its task names it to be trained on")
    registered: bool = Field(True, description="whether the content is that of the registered one")
    parts: dict[str, str] = Field({}, description="sha256 of the weights it was built on, by name")
    devices: list[str] = Field([], description="that trained it, in order; none: not known")

    @property
    def short(self) -> str:
        """What labels say of it; nothing of what its task names, with the content that is known."""
        if not self.dataset or (self.default and self.registered):
            return ""
        name = self.dataset.rpartition("/")[2]
        return name if self.registered else f"{name} of own content {(self.sha256 or '')[:8]}"


class Hashes(_Model):
    """sha256 of what the result depends on."""

    task: str
    model: str | None = Field(None, description="of the scene, test split or problem generator")
    weights: dict[str, str] = Field({}, description="by training seed")


class Revision(_Model):
    """State of the source checkout."""

    commit: str
    dirty: bool


class Record(_Model):
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
        text = f"{self.agent.id} ({', '.join(remarks)})" if remarks else self.agent.id
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
        for name in ("wall_time_s", "created", "threads", "arguments", "revision"):
            del data[name]
        for name in [metric.name for metric in self.metrics if not metric.exact]:
            del data["rows"]["values"][name]
        return data

    def to_json(self) -> str:
        """The text of the record file: a line for each column of the rows."""
        data = self.model_dump(mode="json", by_alias=True)
        rows = data.pop("rows")
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


def record_files(paths: Sequence[str | Path]) -> list[Path]:
    """Record files as named, and those in folders as named. Raises BadValue for one with none."""
    found: list[Path] = []
    for path in map(Path, paths):
        files = sorted(path.glob("*.json")) if path.is_dir() else [path]
        if not files:
            raise BadValue(f"no record (*.json) in {path}.")
        found += files
    return found


def read_records(paths: Sequence[str | Path]) -> list[Record]:
    """Records from files."""
    return [Record.read(path) for path in paths]


def record_schema() -> dict[str, Any]:
    """The JSON schema of a record file."""
    return Record.model_json_schema(by_alias=True)
