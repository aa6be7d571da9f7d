"""The configuration of an agent as a record can hold it: JSON, whatever the agent has in it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from entitybench.words import class_name, squeezed

MOST = 100  # entries that are written out
DEEPEST = 8
LONGEST = 500  # characters of a text


def config_of(agent: Any) -> dict[str, Any]:
    """What the attribute `config` of an agent holds, a dataclass or a mapping; else nothing."""
    found = stored(getattr(agent, "config", None))
    return found if isinstance(found, dict) else {}


def stored(value: Any, depth: int = 0) -> Any:
    """A value as JSON: large arrays by shape, deep and foreign things by their class.

    Numbers that JSON does not know become texts, and texts one line.
    """
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, str):
        return squeezed(value, LONGEST)
    if isinstance(value, np.generic):
        return stored(value.item(), depth + 1) if depth < DEEPEST else class_name(value)
    if isinstance(value, np.ndarray):
        small = value.size <= MOST and value.dtype.kind in "biufU"
        return stored(value.tolist(), depth) if small else f"array {value.dtype} {value.shape}"
    if depth >= DEEPEST:
        return class_name(value)
    if is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, Mapping):
        return {squeezed(str(k), 100): stored(x, depth + 1) for k, x in [*value.items()][:MOST]}
    if isinstance(value, list | tuple | set | frozenset):
        return [stored(x, depth + 1) for x in [*value][:MOST]]
    return squeezed(value.__name__, 100) if isinstance(value, type) else class_name(value)
