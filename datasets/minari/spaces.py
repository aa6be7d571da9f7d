"""Spaces of data that are of no task of ours: what they were, where known, or what holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from entitybench.types import Array

CHOICES = 10_000  # of an action, at most: more are a number


def described(metadata: Mapping[str, Any]) -> dict[str, str | None]:
    """What Minari knows of the environment and its spaces, as texts for a manifest."""
    from minari.serialization import serialize_space

    spec = metadata.get("env_spec")
    return {
        "env_spec": spec if isinstance(spec, str) else None,
        "observation_space": serialize_space(metadata["observation_space"]),
        "action_space": serialize_space(metadata["action_space"]),
    }


def space_of(text: str | None, parts: Iterable[Any], *, actions: bool = False) -> Any:
    """The described space where it holds everything, else the smallest plain one that does.

    Args:
        text: of `described`; None where nothing is known.
        parts: of each episode what is observed or done: an array, or arrays by name.
        actions: whether whole numbers are choices.
    """
    from minari.serialization import deserialize_space

    kept = list(parts)
    if text is not None:
        space = deserialize_space(text)
        if all(holds(space, part) for part in kept):
            return space
    return _plain(kept, actions=actions)


def holds(space: Any, values: Any) -> bool:
    """Whether every entry (count, ...) of values is in a space."""
    from gymnasium import spaces

    if isinstance(space, spaces.Dict):
        return (
            isinstance(values, dict)
            and values.keys() == space.spaces.keys()
            and all(holds(part, values[name]) for name, part in space.spaces.items())
        )
    if isinstance(values, dict):
        return False
    if isinstance(space, spaces.Box):
        return (
            values.shape[1:] == space.shape
            and np.can_cast(values.dtype, space.dtype)
            and bool(((values >= space.low) & (values <= space.high)).all())
        )
    if isinstance(space, spaces.Discrete):
        whole = values.dtype.kind in "iu" and values.shape[1:] == ()
        return whole and bool(((values >= space.start) & (values < space.start + space.n)).all())
    return all(space.contains(value) for value in values)


def _plain(parts: list[Any], *, actions: bool) -> Any:
    from gymnasium import spaces

    if isinstance(parts[0], dict):
        return spaces.Dict(
            {name: _plain([part[name] for part in parts], actions=actions) for name in parts[0]}
        )
    first: Array = parts[0]
    shape, dtype = first.shape[1:], first.dtype
    if dtype.kind == "b":
        return spaces.MultiBinary(shape)
    if not np.issubdtype(dtype, np.integer):
        return spaces.Box(-np.inf, np.inf, shape, dtype.type)
    if actions and shape == ():
        least = min(int(part.min(initial=0)) for part in parts)
        most = max(int(part.max(initial=0)) for part in parts)
        if least >= 0 and most < CHOICES:
            return spaces.Discrete(most + 1)
    limits = np.iinfo(dtype)
    return spaces.Box(limits.min, limits.max, shape, dtype.type)
