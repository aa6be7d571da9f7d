"""The viewer's own files, as the package has them: its program, its style, and a licence.

`viewer.js` is built from `leaderboard/viewer/js` by `npm ci && npm run build` there.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

PROGRAM, STYLE, LICENCE = "viewer.js", "viewer.css", "viewer-licence.txt"


@cache
def assets() -> dict[str, bytes]:
    """By the names that pages load them by."""
    folder = files("entitybench.leaderboard.viewer") / "static"
    return {name: (folder / name).read_bytes() for name in (PROGRAM, STYLE, LICENCE)}
