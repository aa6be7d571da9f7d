"""What `bench eval --video` puts beside a record, and the record that still lacks it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from entitybench.errors import BadValue, RecordError
from entitybench.leaderboard.cli.args import writable_file
from entitybench.leaderboard.cli.output import note
from entitybench.registry import kinds, resolve
from entitybench.words import squeezed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from entitybench.kinds import Kind
    from entitybench.records import Record
    from entitybench.types import TaskSpec


def film_files(out: Path) -> tuple[Path, Path]:
    """The film and the contact sheet of a record."""
    return out.with_suffix(".mp4"), out.with_name(f"{out.stem}-sheet.png")


def check_out(out: Path, video: bool) -> None:
    """Raise BadValue unless a record, and with `video` its film, can be new files there."""
    if out.suffix.lower() in (".mp4", ".png"):
        raise BadValue(
            f"--out {out} is the record: give a .json file; --video puts the film beside it."
        )
    writable_file(out)
    for file in (out, *(film_files(out) if video else ())):
        if _there(file):
            raise BadValue(f"--out {out}: {file} exists already; name a new file, or remove it.")
    if video and out.exists() and not out.is_file():
        raise BadValue(f"--video puts a film beside the record: --out {out} must be a .json file.")


def unfilmed(out: Path, arguments: Mapping[str, Any], version: int) -> Record | None:
    """The record of the same evaluation that was ended before its film was whole; else None.

    Args:
        out: what --out says.
        arguments: of the evaluation that is asked for.
        version: of its task.
    """
    from entitybench.records import Record

    if not _there(out) or all(_there(file) for file in film_files(out)):
        return None
    try:
        record = Record.read(out)
    except (RecordError, BadValue):
        return None  # `check_out` says that something is there
    same = record.arguments == json.loads(json.dumps(arguments))
    return record if same and record.task.version == version else None


def film_options(kind: Kind, task: TaskSpec, video: bool, **given: Any) -> dict[str, Any]:
    """The options of a film that are given, not None; checked before the episodes are run.

    Raises BadValue for what cannot be, or without `video`.
    """
    options = {name: value for name, value in given.items() if value is not None}
    if video:
        resolve(f"{kind.films}:check_video")(task, **options)
    elif options:
        name = next(iter(options))
        raise BadValue(f"--{name} is of the film: give --video too, or leave it out.")
    return options


def make_film(
    loaded: Any, record: Record, out: Path, first_seed: int, options: Mapping[str, Any]
) -> None:
    """The film and the contact sheet of the first four episodes.

    Raises BadValue where the agent's weights are no more those of the record.
    """
    record_video = resolve(f"{kinds()[record.kind].films}:record_video")
    source = getattr(loaded, "source", None)
    known = record.hashes.weights.get(str(record.training_seeds[0]))
    if source is not None and source.weights_sha256 != known:
        raise BadValue(
            f"the weights of {squeezed(record.agent.id, 80)} have changed since {out} was "
            "written; name a new --out."
        )
    seeds = tuple(range(first_seed, first_seed + 4))
    film, sheet = record_video(
        loaded, record.task.id, out.with_suffix(".mp4"), seeds=seeds, **options
    )
    speed = options.get("speed", 1.0)
    note(f"video: {film} ({'real time' if speed == 1 else f'{speed:g} times real time'})")
    note(f"video: {sheet}")


def _there(file: Path) -> bool:
    return file.is_file() and file.stat().st_size > 0
