"""The table of a suite from records of any origin: files, folders, and the shipped ones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from entitybench.errors import RecordError
from entitybench.leaderboard.evaluation.weights import REFERENCE
from entitybench.leaderboard.suites.protocol import entries, kind_of
from entitybench.leaderboard.suites.report import SuiteTable
from entitybench.leaderboard.suites.standings import complete_first, standings
from entitybench.leaderboard.tables.gather import chosen, is_folder, left_out
from entitybench.leaderboard.tables.merge import key_of, merge
from entitybench.records import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from entitybench.leaderboard.suites.standings import Standing
    from entitybench.leaderboard.tables.merge import Key, Named
    from entitybench.types import SuiteSpec


def suite_table(suite: SuiteSpec, given: Sequence[Any] = ()) -> SuiteTable:
    """Agents in a suite, complete ones first, best first.

    Args:
        suite: the protocol.
        given: records, files or folders, of which the newest of equal records count; the shipped
            records stand beside those of folders. Nothing: the shipped ones alone.

    Raises:
        RecordError: none of them is of the suite, or some that cannot share a row.
    """
    shipped = standings(suite, stored(suite, REFERENCE / "records"))
    if not given:
        return _table(suite, shipped)
    found = chosen(given)
    mine = standings(suite, merged(found.records))
    if not mine:
        raise RecordError(f"none of the records is of the suite {suite.id}.")
    if any(map(is_folder, given)):
        own = {_identity(each) for each in mine}
        beside = [each for each in shipped if _identity(each) not in own]
        mine = [replace(each, origin="yours") for each in mine]
        mine += [replace(each, origin="shipped") for each in beside]
    return replace(_table(suite, mine), remarks=left_out(given, found))


def _table(suite: SuiteSpec, found: Sequence[Standing]) -> SuiteTable:
    return SuiteTable(suite, tuple(complete_first(found)))


def stored(suite: SuiteSpec, root: Path) -> list[Record]:
    """The records of its tasks and kind in a folder of TASK/*.json."""
    kind = kind_of(suite).id
    tasks = dict.fromkeys(entry.task.id for entry in entries(suite))
    read = (Record.read(path) for task in tasks for path in sorted((root / task).glob("*.json")))
    return [record for record in read if record.kind == kind]


def merged(found: Iterable[Named]) -> list[Record]:
    """Those of one agent, preset, task and data as one record. Raises RecordError."""
    groups: dict[Key, list[Named]] = {}
    for each in found:
        groups.setdefault(key_of(each.record), []).append(each)
    return [merge(group) for group in groups.values()]


def _identity(standing: Standing) -> tuple[Any, ...]:
    """Shipped records that were given by name stand once."""
    weights = [tuple(sorted(r.hashes.weights.items())) for r in standing.records]
    created = [record.created for record in standing.records]
    return standing.agent, standing.bank, tuple(weights), tuple(created)
