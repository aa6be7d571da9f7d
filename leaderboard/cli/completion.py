"""`bench completion`: commands and options in the shell, by the tabulator."""

from __future__ import annotations

from typing import Any, cast

from entitybench.errors import unknown
from entitybench.leaderboard.cli.output import put

SHELLS = ("bash", "zsh", "fish")


def completion(shell: str, /) -> None:
    """Print what makes a shell complete commands and options.

    Args:
        shell: bash, zsh or fish.
    """
    if shell not in SHELLS:
        raise unknown("shell", shell, SHELLS, see="bench completion --help")

    from entitybench.leaderboard.cli.app import app

    put(app.generate_completion(prog_name="bench", shell=cast(Any, shell)).rstrip())
