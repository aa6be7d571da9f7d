"""A process that looks at bundles and can do nothing else: `python -m …server.checker`.

It reads lines of JSON, `{"bundle": path, "rerun": episodes, "rescore": false, "season": null}`, of
a season its name, secret and episodes, and writes lines of JSON: how far it is, and the result. It
knows no database and no key.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from entitybench.leaderboard.server import sandbox

if TYPE_CHECKING:
    from entitybench.leaderboard.submission.archive import Archive
    from entitybench.leaderboard.submission.models import Manifest
    from entitybench.leaderboard.submission.rules import Report

_OFTEN = 0.3  # s between two lines that say how far it is
_WEIGHTS = 1 << 30  # bytes of weights that may lie on the disk while an agent acts again


def main(arguments: list[str]) -> None:
    """Answer until standard input ends. The argument is how many episodes may be acted again."""
    sandbox.die_with_parent()
    held = ["no network"] if sandbox.cut_network() else []
    from entitybench.leaderboard.cli.main import same_arithmetic_everywhere

    same_arithmetic_everywhere()
    # Whatever prints goes to standard error: this process's words are its protocol.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    import mujoco  # noqa: F401 - loaded before nothing can be

    from entitybench.leaderboard.submission import check  # noqa: F401

    acts = bool(int(arguments[0])) if arguments else False
    if acts:
        import torch  # noqa: F401
    held += sandbox.seal(_WEIGHTS if acts else 0)
    _say(answers, {"ready": held})
    for line in sys.stdin:
        asked = json.loads(line)
        path, rerun = Path(asked["bundle"]), int(asked["rerun"])
        more = {"rescore": asked["rescore"], "season": asked["season"]}
        _say(answers, {"result": looked_at(path, rerun, answers, **more)})


def looked_at(
    path: Path,
    rerun: int,
    answers: IO[str],
    *,
    rescore: bool = False,
    season: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The checker's report on a bundle, and what the server wants to know beside it."""
    from entitybench.leaderboard.submission.archive import Archive, Unsafe
    from entitybench.leaderboard.submission.check import verify
    from entitybench.leaderboard.submission.models import RECORD
    from entitybench.leaderboard.submission.season import Season
    from entitybench.leaderboard.submission.wanted import Wanted

    last = [0.0]

    def progress(done: int, total: int) -> None:
        if (now := time.monotonic()) - last[0] > _OFTEN:
            last[0] = now
            _say(answers, {"phase": "simulates again", "done": done, "total": total})

    _say(answers, {"phase": "reads", "done": 0, "total": 0})
    manifest = _manifest(path)
    count = rerun if manifest is not None and _can_act(manifest) else 0
    wanted = Wanted(rerun=count, progress=progress, rescore=rescore)
    if season is not None and count:
        secret = bytes.fromhex(season["secret"])
        hidden = Season(name=season["name"], secret=secret, episodes=season["episodes"])
        wanted = replace(wanted, season=hidden)
    report = verify(path, wanted, name=path.name)
    if season is not None and not count and "hidden" in report.skipped:
        report.skipped["hidden"] = "its weights are not in the bundle: pack it with --with-weights"
    found: dict[str, Any] = {"report": report.json(), "record": None, "facts": {}}
    found["scored"] = report.scored
    if report.level is not None and manifest is not None:
        try:
            with path.open("rb") as file:
                archive = Archive(file)
                found["facts"] = facts(archive, manifest, report)
                found["record"] = archive.read(RECORD).decode()
        except (Unsafe, UnicodeDecodeError):
            pass  # the report says so
    return found


def facts(archive: Archive, manifest: Manifest, report: Report) -> dict[str, Any]:
    """What tells one piece of evidence from another, as hashes.

    Raises Unsafe where the archive cannot be read.
    """
    actions = {
        name: _applied(archive.read(name))
        for name in sorted(archive.sizes)
        if name.endswith(("/actions.npy", "/predictions.npy"))
    }

    # Whoever answers rightly may answer in the same tokens: only an equal record makes a copy.
    answers = {
        name: f"{_hash(archive.read(name))} {manifest.record_sha256}"
        for name in sorted(archive.sizes)
        if name.endswith("/answers.npy")
    }
    return {
        "signed_by": report.signed_by or None,
        "record_sha256": manifest.record_sha256,
        "actions_sha256": _digest([manifest.task.id, manifest.task.bank, {**actions, **answers}]),
        "identity_sha256": _digest(manifest.agent.model_dump(mode="json")),
    }


def _applied(data: bytes) -> str:
    """A hash of actions, or predictions, that is equal where they are but for how they are written.

    Worlds cut them to [-1, 1]; float64, -0 and the last digits of a number make no others.
    """
    import numpy as np

    from entitybench.leaderboard.submission.arrays import unpacked

    try:
        array = unpacked(data, ("<f4", "<f8"))
    except ValueError:  # the report says so
        return hashlib.sha256(data).hexdigest()
    cut = np.clip(array, -1.0, 1.0).astype("<f4") + np.float32(0)
    return hashlib.sha256(cut.tobytes()).hexdigest()


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _can_act(manifest: Manifest) -> bool:
    """Whether the bundle holds what its agent needs to act, or it needs nothing."""
    held = [name for name in manifest.files if name.startswith("weights/")]
    return bool(held) or not manifest.agent.weights


def _manifest(path: Path) -> Manifest | None:
    """What a bundle is of. None: that cannot be read, which the report tells."""
    from entitybench.leaderboard.submission.archive import Archive, Unsafe
    from entitybench.leaderboard.submission.models import MANIFEST
    from entitybench.leaderboard.submission.reading import manifest_of
    from entitybench.leaderboard.submission.rules import Report

    try:
        with path.open("rb") as file:
            return manifest_of(Archive(file).read(MANIFEST), Report(path.name))
    except (Unsafe, KeyError, OSError):
        return None


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _say(answers: IO[str], message: dict[str, Any]) -> None:
    print(json.dumps(message), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
