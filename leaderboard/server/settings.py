"""What a server is told when it starts."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from entitybench.leaderboard.evaluation.weights import REFERENCE
from entitybench.leaderboard.server.database import sqlite_url
from entitybench.places import expanded


def default_store() -> Path:
    """`ENTITYBENCH_BOARD`, or `~/.cache/entitybench/board`."""
    chosen = os.environ.get("ENTITYBENCH_BOARD")
    return expanded(chosen) if chosen else Path.home() / ".cache/entitybench/board"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where a server keeps what it has, and what it takes.

    Attributes:
        store: folder of bundles, and of the database where that is SQLite.
        database: URL of another database.
        largest: bytes of a bundle.
        uploads: that an address may begin in a minute.
        tries: that a key, or an address without one, has in a day; those that failed through no
            fault of the bundle, or were withdrawn before they were verified, do not count.
        signed_only: whether unsigned bundles are refused.
        rerun: episodes of each training seed in which the agent acts again, where its weights are
            in the bundle or it has none.
        silence: seconds after which an upload that sends nothing is broken off.
        patience: seconds that an upload may take in all.
        reference: folder of the hosts' records and verdicts.
    """

    store: Path
    database: str | None = None
    largest: int = 256 << 20
    uploads: int = 60
    tries: int = 100
    signed_only: bool = False
    rerun: int = 0
    silence: float = 30.0
    patience: float = 3600.0
    reference: Path = REFERENCE

    @property
    def url(self) -> str:
        """Of the database."""
        return self.database or sqlite_url(self.store / "board.sqlite")
