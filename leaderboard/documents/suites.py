"""The tables of suites: the agents whose stored records are all there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from entitybench.leaderboard.suites.gather import stored
from entitybench.leaderboard.suites.report import SuiteTable
from entitybench.leaderboard.suites.standings import complete_first, standings
from entitybench.leaderboard.tables.render import markdown
from entitybench.registry import suites

if TYPE_CHECKING:
    from pathlib import Path


def suites_table(what: str, reference: Path) -> str:
    """A table for each suite: complete agents, best first; suites without any are left out.

    Args:
        what: ids of suites, with commas between them.
        reference: the folder that holds records/.
    """
    texts = []
    for suite in map(suites().__getitem__, what.split(",")):
        records = stored(suite, reference / "records")
        whole = [each for each in standings(suite, records) if not each.lacking]
        if whole:
            grid = SuiteTable(suite, tuple(complete_first(whole))).of_several()
            texts.append(markdown(grid))
    return "\n\n".join(texts)
