"""What the board holds: frozen, made of plain values, written to JSON and read back whole.

Numbers are in the units that are shown: percent for shares. `None` is what there is no number of.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Literal, Self

from entitybench.errors import RecordError
from entitybench.texts import parsed

if TYPE_CHECKING:
    from collections.abc import Iterable

SCHEMA_VERSION: Literal[1] = 1
Origin = Literal["host", "submitted"]
State = Literal["queued", "accepted", "quarantined", "withdrawn", "corrected", "rejected"]
RANKED: frozenset[State] = frozenset({"accepted"})  # the others are shown, and have no place
SCORE = "score"  # the metric of what is comparable over tasks: 0 is chance, 100 the expert


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One metric with its 95 % interval, in the unit in which it is shown."""

    metric: str
    title: str
    digits: int
    higher: bool  # whether more is better
    mean: float | None
    low: float | None
    high: float | None
    method: str = ""  # of the interval, or why there is none
    count: int = 0  # training seeds or episodes that it is over

    def same(self, x: float | None) -> str:
        """A number with this metric's digits; a dash for none."""
        if x is None:
            return "–"
        text = f"{x:.2e}" if abs(x) >= 1e9 else f"{x:.{self.digits}f}"
        negative = text.startswith("-") and float(text) != 0
        return "−" * negative + text.removeprefix("-")

    @property
    def text(self) -> str:
        """The mean, such as "81.4"."""
        return self.same(self.mean)

    @property
    def ends(self) -> str:
        """The interval, such as "76.0 to 86.8"; empty where there is none."""
        if self.low is None or self.high is None:
            return ""
        return f"{self.same(self.low)} to {self.same(self.high)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One breach of a rule, or as a warning what readers should know."""

    severity: Literal["error", "warning"]
    rule: str
    file: str
    where: str
    what: str
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What looking at a bundle gave."""

    level: int | None  # a place in LEVELS of the rules; None: it is no bundle
    checks: dict[str, str]  # of each rule: done, skipped and why, or failed
    findings: tuple[Finding, ...] = ()
    measured: dict[str, float] = field(default_factory=dict)
    signed_by: str = ""  # public key, hex; empty: unsigned

    @classmethod
    def of(cls, report: dict[str, Any]) -> Self:
        """Of a report as `bench verify --json` prints it."""
        return cls(
            level=report["level"],
            checks=dict(report["checks"]),
            findings=tuple(Finding(**each) for each in report["findings"]),
            measured=dict(report["measured"]),
            signed_by=report["signed_by"] or "",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A line of the log, which only grows: what became of a submission, when and why."""

    submission: str  # id of an entry
    at: str  # UTC, ISO 8601
    state: State
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row: an agent in one task, from one record."""

    id: str  # also in addresses: letters, digits, ".", "_", "@" and "-"
    agent: str
    label: str  # as tables name it, with its data and starts where they are not the usual ones
    preset: str | None
    task: str
    version: int  # of the task
    kind: str  # of the evaluation
    family: str  # of worlds
    datasets: tuple[str, ...]  # ids of what was learned from; empty: nothing, or it is not told
    bank: str  # where start states come from
    division: str  # closed, open or scripted
    opens: str  # why it is of the open division
    origin: Origin
    level: int | None  # of trust
    state: State
    reason: str  # of a state that is not accepted
    main: str  # name of the metric that ranks it in its task
    scores: tuple[Score, ...]  # by metric; last SCORE, where it is known
    training_seeds: tuple[int, ...]
    items: int  # of each training seed
    item: str  # what they are: episode, problem, …
    errors: int  # rows in which the agent failed, counted as failures
    broken: int  # rows in which the infrastructure failed, not counted
    created: str  # UTC, ISO 8601
    versions: dict[str, str]
    hashes: dict[str, str]  # sha256 of task, model, record, bundle, weights of each seed, data
    revision: str = ""  # commit of the source; "+" behind it: with changes
    device: str = ""
    updates: int | None = None
    seconds: float = 0.0  # wall time of the evaluation
    command: str = ""  # that makes the record again
    verification: Verification | None = None  # None: there is no bundle, such as of the hosts' rows

    def score(self, metric: str) -> Score | None:
        """By the metric's name; None where it has none, or no number."""
        found = next((x for x in self.scores if x.metric == metric), None)
        return None if found is None or found.mean is None else found

    @property
    def ranked(self) -> bool:
        """Whether it has a place in tables."""
        return self.state in RANKED

    @property
    def learned(self) -> bool:
        """Whether it has weights."""
        return any(name.startswith("weights") for name in self.hashes)

    @property
    def size(self) -> str:
        """Training seeds × items."""
        return f"{len(self.training_seeds)} × {self.items}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """One row of a record."""

    training_seed: int
    item: int
    values: tuple[float | None, ...]
    note: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Episodes:
    """The rows of an entry; values are in the order of `columns`."""

    item: str
    columns: tuple[Score, ...]  # what the values are: only title and digits count
    rows: tuple[Episode, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """One entry minus another on the same starts, in the metric that ranks them."""

    a: str  # ids of entries
    b: str
    difference: Score
    better: Score  # P(better), in percent
    pairs: int  # training seeds in pairs
    items: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A performance profile: the share of runs above each level, in percent."""

    name: str
    entry: str  # its id; "" where it is of several
    levels: tuple[float, ...]
    share: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What is known of a task."""

    id: str
    version: int
    kind: str
    family: str
    horizon: int
    summary: str
    datasets: tuple[str, ...]
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """What is known of a registered agent."""

    id: str
    kind: str
    summary: str
    paper: str
    learns_from: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """What is known of a registered dataset."""

    id: str
    task: str
    summary: str
    episodes: int
    length: int
    transitions: int
    size: int | None  # bytes
    sha256: str  # of its content; "" where it was not measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One task of an agent in a suite."""

    id: str  # of the suite's entry: a dataset, or a task
    task: str
    score: Score | None
    entry: str  # id of the row it is from; "" where there is none
    lacks: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An agent in a suite."""

    name: str
    agent: str
    origin: Origin
    division: str
    level: int | None  # the least of its tasks
    complete: bool
    size: str  # training seeds × items
    aggregates: tuple[Score, ...]
    beaten: Score | None  # P(a run of the first is better)
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """A suite with its standings, best first."""

    id: str
    kind: str
    summary: str
    title: str  # what a score is
    training_seeds: int
    episodes: int
    item: str
    updates: int
    standings: tuple[Standing, ...]
    profiles: tuple[Curve, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Inequality:
    """A check behind a verdict."""

    says: str
    shown: str
    holds: bool
    required: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A claim as it came out."""

    preset: str
    ours: str
    word: str
    training_seeds: int
    episodes: int
    item: str
    checks: tuple[Inequality, ...]
    created: str
    revision: str
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A statement of a paper."""

    method: str
    name: str
    statement: str
    published: str
    tasks: tuple[str, ...]
    presets: tuple[str, ...]
    verdicts: tuple[Verdict, ...]  # committed ones; empty: not judged yet


@dataclass(frozen=True, kw_only=True)
class Board:
    """All of it."""

    schema_version: Literal[1] = SCHEMA_VERSION
    package: str  # version of entitybench that scored
    entries: tuple[Entry, ...]
    tasks: tuple[Task, ...] = ()
    agents: tuple[Agent, ...] = ()
    datasets: tuple[Dataset, ...] = ()
    suites: tuple[Suite, ...] = ()
    claims: tuple[Claim, ...] = ()
    events: tuple[Event, ...] = ()

    @cached_property
    def by_id(self) -> dict[str, Entry]:
        """Entries."""
        return {entry.id: entry for entry in self.entries}

    @cached_property
    def by_task(self) -> dict[str, tuple[Entry, ...]]:
        """Entries of each task, best first: those that have a place before those that have none."""
        found: dict[str, list[Entry]] = {}
        for entry in self.entries:
            found.setdefault(entry.task, []).append(entry)
        return {task: tuple(best_first(some)) for task, some in found.items()}

    def to_json(self) -> str:
        """One text that `from_json` reads."""
        found: bytes = _adapter().dump_json(self, indent=1)
        return found.decode() + "\n"

    @classmethod
    def from_json(cls, text: str | bytes, name: str = "the board") -> Self:
        """The board that a text is. Raises RecordError, one line; `name` is what it calls it."""
        from pydantic import ValidationError

        try:
            value = parsed(text, finite=True)
        except ValueError as error:
            raise RecordError(f"{name} is no JSON of a board: {error}.") from error
        version = value.get("schema_version") if isinstance(value, dict) else None
        if version != SCHEMA_VERSION:
            raise RecordError(
                f"{name} is no board of schema {SCHEMA_VERSION}: got {version!r:.40}."
            )
        try:
            found: Self = _adapter().validate_python(value)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise RecordError(f"{name} is no board: {where}: {first['msg']}.") from error
        return found

    def with_entries(self, entries: Iterable[Entry]) -> Self:
        """The same with other rows."""
        return replace(self, entries=tuple(entries))


def best_first(entries: Iterable[Entry]) -> list[Entry]:
    """Of one task: by kind of evaluation, then by the metric that ranks, what has none last."""

    def place(entry: Entry) -> tuple[Any, ...]:
        score = entry.score(entry.main)
        mean = 0.0 if score is None or score.mean is None else score.mean
        own = -mean if score is None or score.higher else mean
        return entry.kind, not entry.ranked, score is None, own, entry.label, entry.id

    return sorted(entries, key=place)


@cache
def _adapter() -> Any:
    """Pydantic's reader and writer of a board."""
    from pydantic import TypeAdapter

    return TypeAdapter(Board)
