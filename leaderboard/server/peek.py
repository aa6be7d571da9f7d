"""What a bundle says of itself at the door: fit to be read, and signed by whom.

All else is the checker's, in a process of its own.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from entitybench.leaderboard.submission import reading
from entitybench.leaderboard.submission.archive import Archive, Limits, Unsafe
from entitybench.leaderboard.submission.keys import is_of
from entitybench.leaderboard.submission.models import MANIFEST, RECORD, SIGNATURE, Signature
from entitybench.leaderboard.submission.rules import Report

if TYPE_CHECKING:
    from pathlib import Path

LIMITS = Limits(text=16 << 20)


def peek(path: Path, limits: Limits = LIMITS) -> tuple[Report, str]:
    """Look at the directory of an archive and at its signature.

    Returns:
        The report, in which `signed_by` is the key, and a name of what that signed: the key and the
        SHA-256 of the manifest, hex. Both are empty where it is not signed.
    """
    report = Report(path.name)
    with path.open("rb") as file:
        try:
            archive = Archive(file, limits)
            for name in (MANIFEST, RECORD):
                if name not in archive.sizes:
                    report.find("archive", f"it has no {name}", file=name)
            if report.errors or SIGNATURE not in archive.sizes:
                return report, ""
            manifest, data = archive.read(MANIFEST), archive.read(SIGNATURE)
        except Unsafe as unsafe:
            report.find("archive", str(unsafe), file=unsafe.file)
            return report, ""
    digest = hashlib.sha256(manifest)
    signature = reading.model_of(data, SIGNATURE, Signature, "signature", report)
    if signature is not None:
        if is_of(signature, digest.digest()):
            report.signed_by = signature.public_key
        else:
            report.find("signature", "it is not of this manifest by this key", file=SIGNATURE)
    return report, f"{report.signed_by}:{digest.hexdigest()}" if report.signed_by else ""
