"""A folder of bundles: NAME.zip, beside each the report of `bench verify NAME.zip --json`.

NAME.zip    the bundle
NAME.json   its report, which names the bundle's SHA-256; without one it is looked at here,
without simulating
log.jsonl   what became of submissions, a line each: {"submission", "at", "state", "reason"}
"""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from entitybench.errors import BadValue, RecordError
from entitybench.files import read_file
from entitybench.leaderboard.board.entries import entry_of
from entitybench.leaderboard.board.model import Event, Verification
from entitybench.leaderboard.board.standings import Evidence
from entitybench.leaderboard.submission.archive import Archive, Unsafe
from entitybench.leaderboard.submission.check import verify
from entitybench.leaderboard.submission.models import RECORD, sha256
from entitybench.leaderboard.submission.wanted import Wanted
from entitybench.records import Record
from entitybench.texts import parsed
from entitybench.words import squeezed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from entitybench.leaderboard.board.model import State

LOG = "log.jsonl"


def submitted(folder: Path, events: Sequence[Event], told: Callable[[str], None]) -> list[Evidence]:
    """The rows of a folder's bundles, in the order of their names.

    Args:
        folder: of NAME.zip and NAME.json.
        events: what became of them, oldest first: the last of each counts.
        told: called with a line for each bundle that has no row, or no report.

    Raises:
        BadValue: there is no such folder.
        RecordError: a report that is none.
    """
    if not folder.is_dir():
        raise BadValue(f"no submissions in {str(folder)!r}: it is no folder.")
    states = {event.submission: event for event in events}
    found: dict[str, Evidence] = {}
    for path in sorted(folder.glob("*.zip")):
        data = read_file(path)
        hash = sha256(data)
        report = _report(path, data, hash, told)
        each = evidence_of(data, report, states)
        if isinstance(each, str):
            told(f"{path}: it has no row: {each}")
        else:
            found.setdefault(each.entry.id, replace(each, bundle=path))
    return list(found.values())


def id_of(bundle_sha256: str) -> str:
    """The id of the row of a bundle."""
    return f"sub-{bundle_sha256[:16]}"


def evidence_of(
    data: bytes, report: dict[str, Any], states: dict[str, Event] | None = None
) -> Evidence | str:
    """The row of a bundle with a report; why there is none, where its record cannot be read.

    A bundle with a breach of a rule is rejected, whatever the log says of it.

    Args:
        data: the bundle.
        report: as `bench verify --json` prints it.
        states: the last event of each submission.
    """
    try:
        archive = Archive(io.BytesIO(data))
        text = archive.read(RECORD)
        record = Record.of_text(text.decode(), RECORD)
    except (Unsafe, UnicodeDecodeError, RecordError, KeyError) as error:
        return squeezed(str(error), 300)
    hashes = {"bundle": sha256(data), "record": sha256(text)}
    verification = Verification.of(report)
    id = id_of(hashes["bundle"])
    event = (states or {}).get(id)
    state: State = "accepted" if event is None else event.state
    reason = "" if event is None else event.reason
    errors = [x for x in verification.findings if x.severity == "error"]
    if errors or verification.level is None:
        state, reason = "rejected", f"{errors[0].rule}: {errors[0].what}" if errors else "no bundle"
    entry = entry_of(
        record,
        id,
        origin="submitted",
        hashes=hashes,
        verification=verification,
        state=state,
        reason=reason,
    )
    return Evidence(entry, record, text)


def _report(path: Path, data: bytes, hash: str, told: Callable[[str], None]) -> dict[str, Any]:
    """The report beside a bundle, where it is of these bytes; else one made here."""
    beside = path.with_suffix(".json")
    if beside.is_file():
        try:
            found = parsed(read_file(beside), finite=True)
            if found["sha256"] == hash:
                Verification.of(found)
                return dict(found)
        except (KeyError, TypeError, ValueError, OSError) as error:
            raise RecordError(f"{beside} is no report of `bench verify --json`.") from error
        told(f"{beside} is of another bundle than {path}, and is passed over")
    told(
        f"{path} was looked at without simulating: `bench verify {path} --json > {beside}` "
        "simulates it again"
    )
    return verify(data, Wanted(simulate=False), name=path.name).json()


def log_of(folder: Path) -> tuple[Event, ...]:
    """The lines of a folder's log; none where there is no log. Raises RecordError."""
    path = folder / LOG
    if not path.is_file():
        return ()
    adapter = TypeAdapter(Event)
    found = []
    for k, line in enumerate(read_file(path).decode(errors="replace").splitlines(), 1):
        if not line.strip():
            continue
        try:
            found.append(adapter.validate_python(parsed(line)))
        except (ValueError, ValidationError) as error:
            raise RecordError(f"{path}, line {k}, is no event of the log.") from error
    return tuple(found)
