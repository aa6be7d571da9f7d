"""What agent.json of a checkpoint must hold, checked before anything is made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from entitybench.errors import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_WORDS = {str: "a string", int: "a whole number from 0", dict: "an object"}
_NEEDED: Mapping[str, type] = {"agent": str, "task": str, "task_version": int, "seed": int}
_OPTIONAL: Mapping[str, type] = {
    "preset": str,
    "step": int,
    "total": int,
    "unit": str,
    "parts": dict,
    "dataset": dict,
    "config": dict,
    "sha256": dict,
}


def checked_meta(path: Path, meta: Any) -> dict[str, Any]:
    """The content of agent.json as it is. `path` is for the message.

    Raises CheckpointError when a field is missing or of another type.
    """
    if not isinstance(meta, dict):
        raise CheckpointError(f"{path} lacks a JSON object: it holds {_short(meta)}.")
    missing = sorted(_NEEDED.keys() - meta.keys())
    if missing:
        raise CheckpointError(f"{path} lacks {', '.join(missing)}.")
    for name, kind in {**_NEEDED, **_OPTIONAL}.items():
        value = meta.get(name)
        if value is None and name in _OPTIONAL:
            continue
        if not _is(value, kind):
            raise CheckpointError(
                f"{path} misstates {name}: it is {_short(value)}, not {_WORDS[kind]}."
            )
    for name, key in (("sha256", None), ("dataset", "content_hash")):
        inner = meta.get(name) or {}
        for field, value in inner.items():
            if key in (None, field) and not isinstance(value, str):
                raise CheckpointError(
                    f"{path} misstates {name}.{field}: it is {_short(value)}, not a string."
                )
    return meta


def _is(value: Any, kind: type) -> bool:
    if kind is int:
        return type(value) is int and value >= 0  # true is no number
    return isinstance(value, kind)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
