"""What a record says beside its rows: of the metrics, the agent, its task, data and hashes."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, model_validator

from entitybench.kinds import METRICS
from entitybench.record_rows import RecordModel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.kinds import Metric


class MetricInfo(RecordModel):
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


class AgentInfo(RecordModel):
    """Who acted."""

    id: str
    preset: str | None = None
    config: dict[str, Any] = Field({})
    updates: int | None = Field(None, description="training steps behind the weights")
    weights_from: str | None = Field(None, description="the task the weights were trained on")


class TaskInfo(RecordModel):
    """Where."""

    id: str
    version: int
    kind: str
    horizon: int = Field(ge=0, description="control steps; 0 where time means nothing")
    kwargs: dict[str, Any] = Field({})
    bank: str = Field("public", description="where the start states come from")


class DataInfo(RecordModel):
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


class Costs(RecordModel):
    """What deciding, evaluating and training took: times, which no two runs share."""

    decision_p50_ms: float | None = Field(
        None, ge=0, description="median time of a decision for a single episode, on one thread"
    )
    decision_p99_ms: float | None = Field(None, ge=0, description="its 99th percentile")
    decisions: int = Field(0, ge=0, description="that were timed")
    unmeasured: str | None = Field(None, description="why no decision was timed")
    evaluation_cpu_s: float | None = Field(None, ge=0, description="of the process, all threads")
    training_cpu_s: dict[str, float] = Field({}, description="by training seed, where known")

    @classmethod
    def together(cls, parts: Sequence[Costs]) -> Costs:
        """Those of records that make one: times of decisions are those of the first that has."""
        timed = next((part for part in parts if part.decisions), parts[0])
        spent = [part.evaluation_cpu_s for part in parts]
        known = [seconds for seconds in spent if seconds is not None]
        total = round(sum(known), 3) if len(known) == len(parts) else None
        learned = {seed: s for part in parts for seed, s in part.training_cpu_s.items()}
        return timed.model_copy(update={"evaluation_cpu_s": total, "training_cpu_s": learned})


class Hashes(RecordModel):
    """sha256 of what the result depends on."""

    task: str
    model: str | None = Field(None, description="of the scene, test split or problem generator")
    weights: dict[str, str] = Field({}, description="by training seed")


class Revision(RecordModel):
    """State of the source checkout."""

    commit: str
    dirty: bool
