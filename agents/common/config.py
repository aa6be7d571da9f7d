"""Configurations are frozen dataclasses; these helpers turn them to JSON and back."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from entitybench.datasets.sampling.goals import GoalMix  # noqa: TC001 - read at run time
from entitybench.errors import BadValue, CheckpointError

if typing.TYPE_CHECKING:
    from entitybench.types import AgentSpec

C = TypeVar("C")
_PLAIN: Mapping[Any, tuple[type, ...]] = {
    bool: (bool,),
    int: (int,),
    float: (int, float),
    str: (str,),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stage:
    """A stretch of training with one policy objective."""

    updates: int
    alpha: float  # weight of the behaviour-cloning term
    learning_rate: float  # at the beginning of the stage
    final_learning_rate: float  # reached linearly at its end
    policy: GoalMix  # which goals the policy learns


def pick_preset(
    spec: AgentSpec, preset: str, presets: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """A preset's fields with what the agent's id changes. Raises BadValue for an unknown preset."""
    if preset not in presets:
        raise BadValue(f"{spec.id} has no preset {preset!r}; it has {', '.join(presets)}.")
    return {"agent": spec.id, "preset": preset, **presets[preset], **spec.config}


def to_json(config: Any) -> dict[str, Any]:
    """Plain dicts, lists and numbers."""
    return dataclasses.asdict(config)


def from_json(cls: type[C], data: Mapping[str, Any]) -> C:
    """The dataclass that `to_json` wrote. Raises CheckpointError for unknown or missing fields."""
    assert dataclasses.is_dataclass(cls)
    hints = typing.get_type_hints(cls)
    known = {f.name for f in dataclasses.fields(cls)}
    if not isinstance(data, Mapping) or set(data) - known:
        extra = sorted(set(data) - known) if isinstance(data, Mapping) else data
        raise CheckpointError(
            f"the stored {cls.__name__} does not fit this version: unknown {extra}."
        )
    try:
        return cls(**{name: _build(hints[name], value) for name, value in data.items()})
    except (TypeError, ValueError, BadValue) as error:
        raise CheckpointError(
            f"the stored {cls.__name__} does not fit this version: {error}."
        ) from error


def _build(hint: Any, value: Any) -> Any:
    origin = typing.get_origin(hint)
    if hint in _PLAIN and type(value) not in _PLAIN[hint]:
        raise TypeError(f"{value!r} is no {hint.__name__}")
    if dataclasses.is_dataclass(hint) and isinstance(hint, type) and value is not None:
        return from_json(hint, value)
    if origin is tuple:
        return tuple(_build(typing.get_args(hint)[0], item) for item in value)
    if origin in (typing.Union, types.UnionType) and value is not None:
        return _build(next(a for a in typing.get_args(hint) if a is not type(None)), value)
    return value
