"""What a table is made of: records, files, folders, and the shipped records beside yours."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from entitybench.errors import BadValue, NoRecord, RecordError
from entitybench.leaderboard.evaluation.stored import stored_records
from entitybench.leaderboard.evaluation.weights import REFERENCE
from entitybench.leaderboard.tables.merge import Named, key_of, newest
from entitybench.leaderboard.tables.table import table as tabulate
from entitybench.records import Record
from entitybench.registry import tasks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.leaderboard.tables.merge import Key
    from entitybench.leaderboard.tables.table import Table

_NAMED = 8  # files that a note names


def shipped() -> Table:
    """All shipped records."""
    records = [record for task in tasks().ids for record in stored_records(task)]
    if not records:
        raise BadValue("no records are shipped; name some: bench table FILE...")
    return tabulate(records)


def gathered(given: Sequence[Any]) -> Table:
    """A table of records, files and folders; see `entitybench.leaderboard.tables.api.table`."""
    found = chosen(given)
    kept = found.records
    if not any(map(is_folder, given)):
        return tabulate(kept)
    remarks = left_out(given, found)
    mine = [each for each in kept if not _is_shipped(each.source)]
    if mine:
        asked = [each.record for each in kept if _is_shipped(each.source)]
        made = beside_shipped(mine, asked)
    else:
        made = tabulate(kept).best_first()
    return replace(made, remarks=remarks)


def is_folder(given: Any) -> bool:
    """Whether what is given is the name of a folder."""
    return isinstance(given, str | Path) and Path(given).is_dir()


def left_out(given: Sequence[Any], found: Chosen) -> tuple[str, ...]:
    """Remarks on what was left out of folders."""
    beside = "newer ones" if all(map(is_folder, given)) else "named or newer ones"
    older, others = found.older, found.others
    remarks: tuple[str, ...] = (f"Left out beside {beside}: {_some(older)}.",) if older else ()
    remarks += tuple(f"Left out: {why}" for why in found.wrong)
    return remarks + ((f"No records: {_some(others)}.",) if others else ())


class Chosen(NamedTuple):
    """What a table is made of, and names of what else there is in the folders."""

    records: list[Named]
    older: list[str]
    wrong: list[str]  # what is wrong with records that are left out for it
    others: list[str]  # JSON files that are no records


def chosen(given: Sequence[Any]) -> Chosen:
    """Records, files, and the newest of equal records in folders.

    Raises RecordError or BadValue for a file that is no record, and a folder without any.
    """
    named: list[Named] = []
    found: dict[Path, Named] = {}  # in folders, by what they really are: a file counts once
    others: dict[Path, str] = {}
    for each in given:
        if isinstance(each, Record):
            named.append(Named(each))
            continue
        path = a_name(each)
        if not path.is_dir():
            named.append(Named(Record.read(path), str(path)))
            continue
        files = files_in(path)
        for file in files:
            try:
                found[file.resolve()] = Named(Record.read(file), str(file))
            except NoRecord:
                others[file.resolve()] = file.name
        if not any(file.resolve() in found for file in files):
            raise _empty(path)
    for each in named:
        found.pop(Path(each.source).resolve(), None)
    kept, older, wrong = _newest(named, list(found.values()))
    return Chosen(kept, older, wrong, list(others.values()))


def beside_shipped(yours: Sequence[Named], others: Sequence[Record] = ()) -> Table:
    """Your records, best first, and below a line the shipped ones of the same tasks.

    A shipped one with the very weights and starts of one of yours is left out.

    Args:
        yours: at least one.
        others: shipped ones that were asked for, whatever their task.
    """
    records = [each.record for each in yours]
    shown = dict.fromkeys((record.task.id, record.kind) for record in records)
    stored = [r for task, kind in shown for r in stored_records(task, kind=kind)]
    beside = {_identity(record): record for record in (*others, *stored)}
    for record in records:
        beside.pop(_identity(record), None)
    fit = [
        Named(record, origin="shipped")
        for record in beside.values()
        if _of_one_version(record, records)
    ]
    return tabulate([*(replace(each, origin="yours") for each in yours), *fit]).best_first()


def a_name(named: Any) -> Path:
    """The path of a record or folder. Raises RecordError for what is none."""
    if not isinstance(named, str | Path):
        raise RecordError(f"a record, its file or a folder is needed: got {named!r:.60}.")
    return Path(named)


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _identity(record: Record) -> tuple[Any, ...]:
    weights = tuple(sorted(record.hashes.weights.items()))
    return record.label, record.task.id, record.kind, weights, tuple(record.items)


def _of_one_version(shipped: Record, records: Sequence[Record]) -> bool:
    versions = {r.task.version for r in records if r.task.id == shipped.task.id}
    return versions <= {shipped.task.version}


def files_in(folder: Path) -> list[Path]:
    """The records in a folder, or where it holds none itself in the folders in it.

    Raises BadValue where there are none.
    """
    files = sorted(folder.glob("*.json")) or sorted(folder.glob("*/*.json"))
    if not files:
        raise _empty(folder)
    return files


def _empty(folder: Path) -> BadValue:
    return BadValue(f"no record (*.json) in {folder}.")


def _is_shipped(source: str) -> bool:
    return bool(source) and Path(source).resolve().is_relative_to(REFERENCE.resolve())


def _newest(named: list[Named], found: list[Named]) -> tuple[list[Named], list[str], list[str]]:
    """Of records in folders the newest of equal ones, beside those named; and what is left out.

    That is names of files, and what is wrong with those that are not sound.
    """
    versions: dict[str, int] = {}
    for each in (*named, *found):
        task = each.record.task
        versions[task.id] = max(task.version, versions.get(task.id, task.version))
    groups: dict[Key, list[Named]] = {}
    for each in found:
        if each.record.task.version == versions[each.record.task.id]:
            groups.setdefault(key_of(each.record), []).append(each)
    kept, wrong, unsound = list(named), list[str](), list[Named]()
    for key, group in groups.items():
        fixed = [each for each in named if key_of(each.record) == key]
        together, broken = newest(group, fixed)
        kept += together[len(fixed) :]
        unsound += [each for each, _ in broken]
        wrong += [str(error) for _, error in broken]
    there = {id(each) for each in (*kept, *unsound)}
    older = [Path(each.source).name for each in found if id(each) not in there]
    return kept, older, wrong
