"""A process that makes the 3-D view of a bundle's episodes: `python -m …server.drawer BUNDLE OUT`.

Sealed like the checker, but for the files that it writes.
"""

from __future__ import annotations

import sys
from pathlib import Path

from entitybench.leaderboard.server import sandbox

_LARGEST = 64 << 20  # bytes of a file of the view


def main(arguments: list[str]) -> None:
    """Write the view into a folder. Exit code 2, with a line, where it cannot be made."""
    sandbox.die_with_parent()
    sandbox.cut_network()
    from entitybench.leaderboard.cli.main import same_arithmetic_everywhere

    same_arithmetic_everywhere()
    from entitybench.errors import BenchError
    from entitybench.leaderboard.viewer import export

    sandbox.seal(_LARGEST)
    bundle, out = map(Path, arguments)
    try:
        # The exact states are the bundle's own; poses are what a browser can show.
        export.export([export.bundle(bundle)], out, states=False)
    except BenchError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None


if __name__ == "__main__":
    main(sys.argv[1:])
