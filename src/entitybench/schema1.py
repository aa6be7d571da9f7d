"""Records of schema 1, which knew episodes of control alone, as data of schema 2."""

from __future__ import annotations

from dataclasses import asdict
from types import SimpleNamespace
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from entitybench.checkpoints import today
from entitybench.kinds import CONTROL_METRICS, KINDS, NORMALISED, NORMALISER
from entitybench.record_rows import DIGEST
from entitybench.registry import resolve

_MOST_STEPS = 10**9


class _Episode(BaseModel):
    """A row as it was; what does not fit is refused as it was then."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    training_seed: int
    seed: int
    success: bool
    success_any: bool
    success_fraction: float
    steps_to_success: int | None = Field(ge=0, le=_MOST_STEPS)
    return_: float = Field(alias="return")
    length: int = Field(ge=0, le=_MOST_STEPS)
    latency_ms: float = Field(ge=0)
    state_digest: str
    error: str | None = None


class _Rows(BaseModel):
    episodes: list[_Episode]


def lifted(data: dict[str, Any]) -> dict[str, Any]:
    """What schema 2 holds in the place of a record of schema 1.

    Raises pydantic.ValidationError for rows that are none.
    """
    rows = _Rows.model_validate({"episodes": data.get("episodes")}, strict=True).episodes
    task, hashes = data.get("task"), data.get("hashes")
    found = {key: value for key, value in data.items() if key not in ("episodes", "hashes")}
    found |= {"schema_version": 2, "kind": task.get("kind") if isinstance(task, dict) else None}
    found["metrics"] = [asdict(metric) for metric in CONTROL_METRICS]
    agent = data.get("agent")
    if isinstance(agent, dict) and isinstance(agent.get("config"), dict):
        found["agent"] = {**agent, "config": today(agent["config"])}
    if isinstance(hashes, dict):
        found["hashes"] = {key: value for key, value in hashes.items() if key != "dataset"}
        seeds = sorted({row.training_seed for row in rows})
        sha256 = hashes.get("dataset")
        found["data"] = [{"training_seed": seed, "sha256": sha256} for seed in seeds if sha256]
    plain: list[dict[str, Any]] = [row.model_dump(by_alias=True) for row in rows]
    names = [metric.name for metric in CONTROL_METRICS] + ["length"]
    found["rows"] = {
        "training_seed": [row["training_seed"] for row in plain],
        "item": [row["seed"] for row in plain],
        "values": {
            name: [None if row[name] is None else float(row[name]) for row in plain]
            for name in names
        },
        "digest": [row["state_digest"][:DIGEST] for row in plain],
        "error": [row["error"] for row in plain],
    }
    if isinstance(task, dict) and (shares := _normalised(task, [row.return_ for row in rows])):
        found["metrics"].append(asdict(NORMALISED))
        found["rows"]["values"][NORMALISED.name] = shares
    return found


def _normalised(task: dict[str, Any], returns: list[float]) -> list[float | None]:
    """What an evaluation of today writes beside these returns; nothing where it writes nothing."""
    kind = next((kind for kind in KINDS if kind.id == task.get("kind")), None)
    if kind is None or NORMALISED not in kind.metrics or not {"id", "version"} <= task.keys():
        return []
    played = SimpleNamespace(**{"horizon": None, "kwargs": {}, **task})
    if not isinstance(played.id, str) or not isinstance(played.kwargs, dict):
        return []  # as the record's own fields will say
    normalise = resolve(NORMALISER)(played)
    return [normalise(x) for x in returns]
