"""The records that come with the package, and what they score."""

from __future__ import annotations

from typing import TYPE_CHECKING

from entitybench.kinds import CONTROL_METRICS
from entitybench.leaderboard.evaluation.weights import REFERENCE
from entitybench.records import Record
from entitybench.registry import agent as agent_spec
from entitybench.registry import dataset_for, kinds, tasks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def record_path(
    agent: str, task: str, *, dataset: str | None = None, root: Path | None = None
) -> Path:
    """Where the package keeps a record: TASK/AGENT.json, of other data TASK/AGENT@NAME.json.

    Args:
        agent: its id.
        task: where it acts.
        dataset: the id of what it learned from; the usual one needs no name.
        root: the folder of records; default: the package's own.
    """
    usual = None if dataset is None else dataset_for(tasks()[task], agent_spec(agent).kind)
    name = f"{agent}@{str(dataset).rpartition('/')[2]}" if dataset != usual else agent
    return (root or REFERENCE / "records") / task / f"{name}.json"


def stored_records(
    task: str, agents: Sequence[str] | None = None, *, kind: str | None = None
) -> list[Record]:
    """The records that come with the package: oracle first, then what learns, by name, then chance.

    Args:
        task: its id.
        agents: whose; None: all there are.
        kind: of evaluation; None: any.
    """
    folder = REFERENCE / "records" / task
    paths = [path for path in folder.glob("*.json") if agents is None or path.stem in agents]
    order = {"oracle": 0, "random": 2, "constant": 3, "zero": 3}
    paths.sort(key=lambda path: (order.get(path.stem, 1), path.stem))
    records = [Record.read(path) for path in paths]
    return [record for record in records if kind in (None, record.kind)]


def scores(task: str) -> dict[str, str]:
    """What the kind of each stored record lists, by agent; what is not named is success.

    "81.4 % [76.0, 86.8]"; of tasks that are scored by a reward "… , return -105 [-110, -101]"; of
    graphs "misprediction 2.1 % [1.9, 2.3]".
    """
    from entitybench.leaderboard.tables.data import cell, metric_of, shown

    found = {}
    for record in stored_records(task):
        names = kinds()[record.kind].listed or (record.metrics[0].name,)
        texts = []
        for name in names:
            metric = metric_of(record, name)
            text = shown(cell(record, name), metric)
            text = text.replace(" ", " % ", 1) if metric.share else text
            texts.append(text if name == CONTROL_METRICS[0].name else f"{name} {text}")
        found[record.label] = ", ".join(texts)
    return found
