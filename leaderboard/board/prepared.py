"""Rows of the hosts' records, made before: a new board begins with them.

A row takes some 10 ms to be made of its record, of a thousand records too long for whoever opens a
board. `make results` writes them beside the records; a row counts for as long as its record is the
very file that it was made of.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from entitybench.errors import RecordError
from entitybench.leaderboard.board.entries import host_id
from entitybench.leaderboard.board.model import Entry
from entitybench.leaderboard.submission.models import sha256
from entitybench.registry import suites

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pydantic import TypeAdapter

FILE = "rows.json"  # beside records/


@dataclass(frozen=True, slots=True)
class Rows:
    """What FILE holds."""

    suites: tuple[str, ...]  # ids of those that rows' divisions are by
    rows: tuple[Entry, ...]


def text_of(rows: Iterable[Entry]) -> str:
    """The text of FILE: a line for each row, without what is as usual."""
    lines = ",\n".join(adapter().dump_json(row, exclude_defaults=True).decode() for row in rows)
    return f'{{"suites": {json.dumps(suites().ids)}, "rows": [\n{lines}\n]}}\n'


def prepared(reference: Path) -> dict[str, Entry]:
    """By id the rows of records that are as they were; none without FILE, or with other suites.

    Args:
        reference: the folder that holds FILE and records/.

    Raises:
        RecordError: FILE holds no rows.
    """
    from pydantic import ValidationError

    file = reference / FILE
    if not file.is_file():
        return {}
    try:
        found = _reader().validate_json(file.read_bytes())
    except ValidationError as error:
        raise RecordError(f"{file} holds no rows of a board: run `make results`.") from error
    if found.suites != tuple(suites().ids):  # of other packages too: they decide divisions
        return {}
    paths = (reference / "records").glob("*/*.json")
    there = {host_id(path): sha256(path.read_bytes()) for path in paths}
    return {row.id: row for row in found.rows if there.get(row.id) == row.hashes["record"]}


@cache
def adapter() -> TypeAdapter[Entry]:
    """Pydantic's reader and writer of a row."""
    from pydantic import TypeAdapter

    return TypeAdapter(Entry)


@cache
def _reader() -> TypeAdapter[Rows]:
    from pydantic import TypeAdapter

    return TypeAdapter(Rows)
