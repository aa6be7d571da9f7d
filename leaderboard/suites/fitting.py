"""Which record is of which entry of a suite: its rows, its data, its division."""

from __future__ import annotations

from typing import TYPE_CHECKING

from entitybench.datasets.catalogue.shapes import hash_today, measured
from entitybench.leaderboard.suites.plan import without
from entitybench.leaderboard.suites.protocol import entries
from entitybench.registry import agents, datasets

if TYPE_CHECKING:
    from entitybench.leaderboard.suites.protocol import Entry
    from entitybench.records import DataInfo, Record
    from entitybench.types import SuiteSpec


def restricted(record: Record, suite: SuiteSpec) -> Record | None:
    """The rows that a suite asks for; None where there are none.

    All training seeds of what has no weights, and so none of the suite's to choose from.
    """
    columns, learned = record.columns, bool(record.hashes.weights)
    kept = [
        k
        for k, (seed, item) in enumerate(zip(columns.training_seed, columns.item, strict=True))
        if 0 <= item < suite.episodes and (not learned or seed in suite.training_seeds)
    ]
    if len(kept) == len(columns.item):
        return record
    if not kept:
        return None
    rows = columns.rows()
    return record.model_copy(update={"columns": type(columns).of([rows[k] for k in kept])})


def lacks(record: Record, suite: SuiteSpec) -> list[str]:
    """What rows are not there."""
    found = []
    seeds = [seed for seed in suite.training_seeds if seed not in record.training_seeds]
    if seeds and record.hashes.weights:
        found.append(without(seeds))
    if len(record.items) < suite.episodes:
        found.append(f"{len(record.items)} of {suite.episodes} {record.item}s")
    elif len(record.columns.item) < len(record.items) * len(record.training_seeds):
        found.append(f"not all {record.item}s of each training seed")
    return found


def fits(record: Record, entry: Entry, suite: SuiteSpec) -> bool:
    """Whether a record is of the entry: its task as it is today, and its data or data of one's own.

    Data of one's own, where the suite has the task once.
    """
    mine = record.task.id, record.task.version, record.task.horizon, record.task.kwargs
    task = entry.task
    if mine != (task.id, task.version, task.horizon, dict(task.kwargs)):
        return False
    if not record.hashes.weights or not other_data(record, entry):
        return True
    known = {data.dataset for data in record.data if data.registered} & set(datasets().ids)
    once = sum(each.task.id == task.id for each in entries(suite)) == 1
    return once and not known - {entry.dataset}


def other_data(record: Record, entry: Entry) -> str:
    """How the data are not those of the suite; "" where they are."""
    if not record.hashes.weights:
        return ""
    if not record.data:
        return "not told what it learned from"
    if all(_is_of(data, entry) for data in record.data):
        return ""
    return "data of its own content"


def _is_of(data: DataInfo, entry: Entry) -> bool:
    if data.dataset is not None:
        return data.dataset == entry.dataset and data.registered
    known = measured().get(entry.dataset or "")
    return known is not None and hash_today(data.sha256) == known.sha256


def opens(record: Record, entry: Entry, suite: SuiteSpec) -> str:
    """Why a record is not of the closed division; "" where it is."""
    if is_scripted(record):
        return ""
    if not record.hashes.weights:
        return "not told what it learned from"
    if why := other_data(record, entry):
        return why
    updates = record.agent.updates
    if updates is None:
        return "not told how long it learned"
    return f"{updates} updates, not {suite.updates}" if updates > suite.updates else ""


def is_scripted(record: Record) -> bool:
    """Whether it is a registered agent that learns nothing."""
    id = record.agent.id
    return not record.hashes.weights and id in agents() and not agents()[id].trains
