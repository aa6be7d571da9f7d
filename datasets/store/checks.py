"""What a manifest and its offsets must hold before anything is made of them.

A manifest may come from anywhere: names in it become files, and numbers become sizes.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from entitybench.datasets.store.schema import (
    EPISODES,
    MANIFEST,
    OFFSETS,
    SCHEMA_VERSION,
    Column,
    content_hash,
    manifest_hash,
)
from entitybench.texts import parsed
from entitybench.words import reason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from entitybench.datasets.store.schema import Manifest

MOST_FILES = 1000
MOST_BYTES = 2**50  # of one file
MOST_NUMBER = 10**300  # a float holds it
LONGEST_NAME = 200  # characters
# What columns of these names have an entry of, and its axes where every reader counts on them.
KNOWN: Mapping[str, tuple[tuple[str, ...], int | None]] = {
    "observations": (("row",), None),
    "actions": (("row",), None),
    "rewards": (("row",), None),
    "terminals": (("row",), 0),
    "masks": (("row",), 0),
    "successes": (("row",), 0),
    "entities": (("row",), None),
    "poses": (("row",), 1),
    "contacts": (("row",), None),
    "desired_goals": (("row", "episode"), None),
    "achieved_goals": (("row",), None),
    "entity_masks": (("row", "episode"), None),
    "states": (("state",), 1),
    "frames": (("row",), 3),
}
_HASH = re.compile(r"[0-9a-f]{64}")
_DTYPE = re.compile(r"[<>|][biuf](1|2|4|8)")


class Fault(ValueError):
    """What is wrong with something that was read, as the end of a sentence about it."""


def read_json(data: bytes) -> Any:
    """The value that JSON text stands for. Raises Fault, whatever the bytes are."""
    try:
        return parsed(data, finite=True)
    except ValueError as error:
        reason = str(error) if type(error) is ValueError else "it is no JSON"
        raise Fault(f"is corrupt: {reason}") from None


def is_hash(value: Any) -> bool:
    """Whether the value is a sha256 in hexadecimal."""
    return isinstance(value, str) and _HASH.fullmatch(value) is not None


def is_name(value: Any) -> bool:
    """Whether the value can only name a file in the folder it is put into, on any system."""
    return (
        isinstance(value, str)
        and 0 < len(value) <= LONGEST_NAME
        and value.isprintable()
        and not value.startswith(".")
        and not any(sign in value for sign in '/\\:*?"<>|')
    )


def shown(value: Any, longest: int = 60) -> str:
    """The value for a message, cut where it is long."""
    text = repr(value)
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def why(error: BaseException, longest: int = 200) -> str:
    """What a library says of an error, as one line, cut where it is long."""
    return reason(error, longest)


def check_manifest(manifest: Any) -> Manifest:
    """The manifest of an episode store as it is. Raises Fault."""
    if not isinstance(manifest, dict):
        raise Fault("is corrupt: it is no JSON object")
    schema = manifest.get("schema")
    if "manifest_hash" not in manifest or schema is None:
        raise Fault("is corrupt: it lacks its schema or hash")
    if schema != SCHEMA_VERSION or isinstance(schema, bool):
        newer = isinstance(schema, int) and schema > SCHEMA_VERSION
        hint = "; a newer entitybench reads it" if newer else ""
        raise Fault(
            f"follows schema {shown(schema)}, this version reads schema {SCHEMA_VERSION}{hint}"
        )
    try:
        right = manifest_hash(manifest) == manifest["manifest_hash"]
    except (ValueError, RecursionError):  # such as NaN, which no JSON has
        raise Fault("is corrupt: it holds what JSON does not know") from None
    if not right:
        raise Fault("was changed after it was written")
    _check_fields(manifest)
    check_files(manifest["files"], is_name)
    _check_columns(manifest["columns"], manifest["files"])
    _check_splits(manifest["splits"])
    if manifest["content_hash"] != content_hash(manifest["files"], manifest.get("drawn", ())):
        raise Fault("misstates content_hash")
    return manifest


def check_files(files: Any, is_right: Callable[[Any], bool]) -> None:
    """Raises Fault unless `files` maps names that `is_right` to their size and sha256."""
    if not isinstance(files, dict) or not files:
        raise Fault("misstates files: it is no JSON object with names in it")
    if len(files) > MOST_FILES:
        raise Fault(f"lists {len(files)} files, {MOST_FILES} are the most")
    seen: set[str] = set()
    for name, about in files.items():
        if not is_right(name):
            raise Fault(f"names a file {shown(name)}, which no such file may be called")
        if name.casefold() in seen:
            raise Fault(f"names {shown(name)} twice, but for upper and lower case")
        seen.add(name.casefold())
        if not isinstance(about, dict) or set(about) != {"bytes", "sha256"}:
            raise Fault(f"misstates files[{shown(name)}]: it is not just bytes and sha256")
        if not _is_whole(about["bytes"], most=MOST_BYTES):
            raise Fault(f"misstates the bytes of {shown(name)}: {shown(about['bytes'])}")
        if not is_hash(about["sha256"]):
            raise Fault(f"misstates the sha256 of {shown(name)}: {shown(about['sha256'])}")


def check_offsets(offsets: Any, manifest: Mapping[str, Any]) -> None:
    """Raises Fault unless `offsets` (E + 1,) int64 begin at 0, rise, and fit the manifest."""
    if offsets.dtype.str != "<i8" or offsets.ndim != 1 or len(offsets) < 1 or offsets[0] != 0:
        raise Fault("is no list of row numbers that begins at 0")
    steps = offsets[1:] - offsets[:-1]
    if (steps < 1).any() or (offsets < 0).any():
        raise Fault("has rows that do not follow one another")
    if int(offsets[-1]) - len(steps) != manifest["transitions"]:
        raise Fault("does not give the transitions that the manifest says")
    if len(steps) < max(last for _, last in manifest["splits"].values()):
        raise Fault("has fewer episodes than the manifest's splits")


def check_rows(rows: Any, manifest: Mapping[str, Any]) -> None:
    """Raises Fault unless there is one JSON object an episode, their lengths as in the manifest."""
    for number, row in enumerate(rows):
        if not isinstance(row, dict):
            raise Fault(f"is corrupt: line {number + 1} is no JSON object")
        for name, is_right in _ROW.items():
            if not is_right(row.get(name)):
                raise Fault(f"misstates {name} in line {number + 1}: {shown(row.get(name))}")
        for name, value in row.items():
            if not _is_plain(value):
                raise Fault(f"misstates {shown(name)} in line {number + 1}: {shown(value)}")
        if row.get("index") not in (None, number):
            raise Fault(f"misstates index in line {number + 1}: {shown(row['index'])}")
    if sum(row["length"] for row in rows) != manifest["transitions"]:
        raise Fault("does not give the transitions that the manifest says")
    if len(rows) < max(last for _, last in manifest["splits"].values()):
        raise Fault("has fewer episodes than the manifest's splits")


def _check_fields(manifest: Mapping[str, Any]) -> None:
    rules: dict[str, Callable[[Any], bool]] = {
        "dataset": _is_text,
        "task": lambda value: value is None or _is_text(value),
        "task_version": lambda value: value is None or _is_whole(value),
        "state_every": lambda value: _is_whole(value, least=1),
        "transitions": _is_whole,
        "content_hash": is_hash,
        "files": lambda value: isinstance(value, dict),
        "columns": lambda value: isinstance(value, dict),
        "splits": lambda value: isinstance(value, dict),
    }
    for name, is_right in rules.items():
        if name not in manifest:
            raise Fault(f"lacks {name}")
        if not is_right(manifest[name]):
            raise Fault(f"misstates {name}: {shown(manifest[name])}")
    for name, is_right in _OPTIONAL.items():
        if name in manifest and not is_right(manifest[name]):
            raise Fault(f"misstates {name}: {shown(manifest[name])}")


def _check_columns(columns: Mapping[str, Any], files: Mapping[str, Any]) -> None:
    for name, about in columns.items():
        if check_column(name, about) not in files:
            raise Fault(f"lists a column {shown(name)} without a file")
    for name in (OFFSETS, EPISODES):
        if name not in files:
            raise Fault(f"lists no {name}")
    if MANIFEST in files:
        raise Fault(f"lists {MANIFEST} among its own files")


def check_column(name: Any, about: Any) -> str:
    """The file of a column, as a manifest tells of it. Raises Fault."""
    if not isinstance(about, dict) or not _is_column(about):
        raise Fault(f"misstates the column {shown(name)}: {shown(about)}")
    column = Column.from_json(about)
    file = column.file_name(name)
    if not is_name(file) or file.casefold() in (OFFSETS, EPISODES, MANIFEST):
        raise Fault(f"names a column {shown(name)}, which no column may be called")
    per, axes = KNOWN.get(name, ((column.per,), None))
    if column.per not in per or axes not in (None, len(column.shape)):
        raise Fault(f"misstates the column {shown(name)}: {shown(about)}")
    return file


def _is_column(about: Mapping[str, Any]) -> bool:
    shape = about.get("shape")
    return (
        set(about) <= {"dtype", "shape", "per", "format"}
        and isinstance(about.get("dtype"), str)
        and _DTYPE.fullmatch(about["dtype"]) is not None
        and isinstance(shape, list)
        and len(shape) <= 8
        and all(_is_whole(length, most=2**31) for length in shape)
        and math.prod(shape) <= MOST_BYTES
        and about.get("per") in ("row", "episode", "state")
        and about.get("format", "npy") in ("npy", "hdf5")
    )


def _check_splits(splits: Mapping[str, Any]) -> None:
    for name, ends in splits.items():
        right = isinstance(ends, list) and len(ends) == 2 and all(map(_is_whole, ends))
        if not right or ends[0] > ends[1]:
            raise Fault(f"misstates the split {shown(name)}: {shown(ends)}")
    if not splits:
        raise Fault("has no splits")


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_number(value: Any) -> bool:
    """Whether a float can hold it, as it is."""
    whole = isinstance(value, int) and not isinstance(value, bool) and abs(value) < MOST_NUMBER
    return whole or (isinstance(value, float) and math.isfinite(value))


def _is_plain(value: Any) -> bool:
    """Whether its numbers are such that a float can hold."""
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | str) or _is_number(value)


def _is_return(value: Any) -> bool:
    """A number, or one for each of several rewards: lists of equal shape."""
    return _shape(value) is not None


def _shape(value: Any) -> tuple[int, ...] | None:
    """That of numbers in lists; None where they are none, or of different lengths."""
    if not isinstance(value, list):
        return () if _is_number(value) else None
    shapes = {_shape(inner) for inner in value}
    inside = shapes.pop() if len(shapes) == 1 else None
    return None if inside is None else (len(value), *inside)


def _is_numbers(value: Any) -> bool:
    return _is_number(value) or (isinstance(value, list) and all(map(_is_numbers, value)))


def _are_scores(value: Any) -> bool:
    """Of policies by name: None, or numbers by name; beside them, how they were measured."""
    return isinstance(value, dict) and all(
        score is None
        or (isinstance(score, dict) and all(n is None or _is_number(n) for n in score.values()))
        for who, score in value.items()
        if who in ("random", "oracle", "expert")
    )


def _or_none(is_right: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or is_right(value)


def _is_whole(value: Any, least: int = 0, most: int = 2**53) -> bool:
    return type(value) is int and least <= value <= most  # true is no number


# Fields of a manifest that it need not have.
_OPTIONAL: Mapping[str, Callable[[Any], bool]] = {
    "drawn": _is_texts,
    "custom": lambda value: isinstance(value, bool),
    "interactions": lambda value: isinstance(value, bool),
    "absent": lambda value: _is_number(value) or _is_texts(value),
    "task_kwargs": _or_none(lambda value: isinstance(value, dict)),
    "seed": _or_none(_is_whole),
    "mujoco": _or_none(_is_text),
    "behaviour": _or_none(_is_text),
    "reference_scores": _or_none(_are_scores),
    "gymnasium": lambda value: (
        isinstance(value, dict) and all(text is None or _is_text(text) for text in value.values())
    ),
    "action_bounds": _or_none(lambda value: _is_numbers(value) and len(value) == 2),
}
# Fields of a line of episodes.jsonl.
_ROW: Mapping[str, Callable[[Any], bool]] = {
    "length": _is_whole,
    "split": _is_text,
    "seed": _or_none(lambda value: _is_whole(value, most=2**64)),
    "return": _or_none(_is_return),
    "success": _or_none(lambda value: isinstance(value, bool)),
    "labels": _or_none(lambda value: isinstance(value, dict)),
    "captions": _or_none(lambda value: _is_text(value) or _is_texts(value)),
    "failure_step": _or_none(_is_whole),
}
