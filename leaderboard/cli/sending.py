"""The part of `bench submit` that talks to a board: sends, follows, takes back."""

from __future__ import annotations

import hashlib
import math
import zipfile
from typing import TYPE_CHECKING, Any

from entitybench.errors import BadValue
from entitybench.kinds import METRICS
from entitybench.leaderboard.cli.args import existing
from entitybench.leaderboard.cli.output import columns, note, print_json, put
from entitybench.progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

ACCEPTED = "accepted"
REFUSED = 2  # exit code where one is not accepted


def send(
    paths: Sequence[Path],
    url: str,
    packed: Callable[[Path], bytes],
    *,
    corrects: str | None,
    key: Path | None,
    json: bool,
) -> int:
    """Send records, packed, or bundles as they are; follow each, and print its row.

    Args:
        paths: of records and bundles.
        url: of the board.
        packed: makes the bundle of a record.
        corrects: SHA-256 of what the one that is sent replaces.
        key: of both.
        json: whether to print what the board says as JSON.

    Raises BadValue where the board refuses one at the door, or is gone.
    """
    from entitybench.leaderboard.submission.send import Board

    if corrects is not None and key is None:
        raise BadValue("only the key that signed a bundle corrects it: --key FILE.")
    board = Board(url)
    board.get("/healthz")  # better now than after an hour of packing
    sent = []
    for path in paths:
        is_bundle = zipfile.is_zipfile(existing(path, "record or bundle"))
        data = path.read_bytes() if is_bundle else packed(path)
        with progress_bar(f"{path.name} to {board.url}", "bytes") as progress:
            answer = board.send(data, corrects=corrects, key=key, progress=progress)
            sent.append(answer["sha256"])
        note(f"{path.name}: {board.url}/submissions/{sent[-1]}")
    found = [_followed(board, sha256) for sha256 in sent]
    if json:
        print_json(found)
    else:
        put(_text(found))
        _findings(board, found)
    return 0 if all(each["state"] == ACCEPTED for each in found) else REFUSED


def withdraw(paths: Sequence[Path], url: str, key: Path | None, json: bool) -> int:
    """Take bundles back that a key has signed. Raises BadValue."""
    from entitybench.leaderboard.submission.keys import signed
    from entitybench.leaderboard.submission.send import Board

    if key is None:
        raise BadValue("only the key that signed a bundle takes it back: --key FILE.")
    board, found = Board(url), []
    for path in paths:
        if not zipfile.is_zipfile(existing(path, "bundle")):
            raise BadValue(f"{path} is no bundle: --withdraw takes the file that was sent.")
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        signature = signed(hashlib.sha256(f"withdraw {sha256}".encode()).digest(), key)
        found.append(board.withdraw(sha256, signature.signature))
    print_json(found) if json else put(_text(found))
    return 0


def _followed(board: Any, sha256: str) -> dict[str, Any]:
    """What became of a submission, once it is verified; the bar says how far it is."""
    with progress_bar("verified by the board, control steps") as progress:

        def told(now: dict[str, Any]) -> None:
            job = now.get("progress") or {}
            before = job.get("ahead", 0)
            text = f"{before} before it" if before else job.get("phase", now["state"])
            progress(job.get("done", 0), job.get("total") or 1, text)

        found: dict[str, Any] = board.follow(sha256, told)
    return found


def _text(found: Sequence[dict[str, Any]]) -> str:
    """The rows as the board has them."""
    lines = [("task", "agent", "score", "level", "state")]
    for each in found:
        task = f"{each['task']}-v{each['version']}" if each["task"] else "–"
        level = "–" if each["level"] is None else str(each["level"])
        label = each["label"] or each["sha256"][:16]
        lines.append((task, label, _score(each), level, each["state"]))
    return columns(lines)


def _score(of: dict[str, Any]) -> str:
    first = (of.get("results") or [None])[0]
    if first is None or first["mean"] is None:
        return "–"
    from entitybench.leaderboard.statistics.intervals import Interval
    from entitybench.leaderboard.tables.data import shown

    low, high = (math.nan if first[end] is None else first[end] for end in ("low", "high"))
    found = Interval(first["mean"], low, high, method="", count=0)
    metric = next((each for each in METRICS if each.name == first["metric"]), None)
    if metric is None:  # of a kind that is not installed here
        return f"{first['metric']} {found.mean:.3g}"
    text = shown(found, metric)
    return f"{metric.short} {text.replace(' ', ' % ', 1) if metric.share else text}"


def _findings(board: Any, found: Sequence[dict[str, Any]]) -> None:
    """Why what is not accepted is not, as `bench verify` would say it."""
    for each in found:
        if each["state"] == ACCEPTED:
            continue
        put(f"\n{each['sha256'][:16]} is {each['state']}: {each['reason']}")
        if each["state"] != "refused":
            continue
        report = board.get(f"/api/v1/submissions/{each['sha256']}/report")
        for finding in report["findings"][:20]:
            place = ": ".join(filter(None, (finding["file"], finding["where"])))
            put(f"{finding['severity']} [{finding['rule']}] {place}\n  {finding['what']}.")
            put(f"  To do: {finding['advice']}.")
