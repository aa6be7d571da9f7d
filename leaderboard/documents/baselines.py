"""The table of first baselines: methods × datasets, normalised scores, from the stored records."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from entitybench.leaderboard.tables.data import by_seed, cell
from entitybench.records import Record
from entitybench.registry import datasets, kinds, tasks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from entitybench.types import TaskSpec

BESIDE = ("oracle", "random", "constant", "zero")  # agents that learn nothing, from no data
# Published scores on D4RL's data of the same name, which other policies made in Gymnasium's v2
# bodies; ours come from scripts with noise in v5's. Table 1 of Kostrikov et al., ICLR 2022.
PUBLISHED = "published.json"


@dataclass(frozen=True)
class Score:
    """One method on one dataset."""

    dataset: str
    agent: str
    mean: float
    low: float
    high: float
    size: str  # training seeds × items
    record: str  # the file, below records/


@dataclass(frozen=True)
class Scored:
    """What the records of one task say: its ends, what learned there, and `BESIDE`."""

    ends: tuple[float, float]  # what random actions and the oracle reach
    trained: list[Score]
    beside: list[Score | None]  # None where there is no record


def scores(records: Path, kind: str) -> dict[str, Scored]:
    """By id, the tasks of a kind whose reference scores are known; every record is read once."""
    found = {}
    for task in tasks():
        if task.kind != kind:
            continue
        read = {path.stem: Record.read(path) for path in sorted((records / task.id).glob("*.json"))}
        ends = _ends(read, task)
        if ends is None:
            continue
        score = {
            name: _score(record, task, ends, f"{task.id}/{name}.json")
            for name, record in read.items()
            if record.kind == kind and record.agent.weights_from is None
        }
        trained = [each for name, each in score.items() if read[name].data]
        found[task.id] = Scored(ends, trained, [score.get(who) for who in BESIDE])
    return found


def _ends(records: Mapping[str, Record], task: TaskSpec) -> tuple[float, float] | None:
    """What random actions and the oracle reach in the metric that tasks of this kind compare."""
    name = kinds()[task.kind].compared
    if "random" not in records or "oracle" not in records:
        return None
    low, high = (float(by_seed(records[who], name).mean()) for who in ("random", "oracle"))
    return None if low == high else (low, high)


def _score(record: Record, task: TaskSpec, ends: tuple[float, float], path: str) -> Score:
    name = kinds()[task.kind].compared
    found = cell(record, name)
    low, high = ends
    mean, a, b = (100 * (x - low) / (high - low) for x in (found.mean, found.low, found.high))
    named = {each.dataset for each in record.data if each.dataset}
    dataset = ", ".join(sorted(named)) or task.default_dataset or "?"
    size = f"{len(record.training_seeds)} × {len(record.items)}"
    return Score(dataset, record.agent.id, mean, min(a, b), max(a, b), size, path)


def baselines(kind: str, reference: Path) -> str:
    """A table of a kind: a row for each dataset with a score, a column for each method.

    What needs no data stands beside them, on the same starts of the dataset's task, and the numbers
    that were made 0 and 100.
    """
    known = scores(reference / "records", kind)
    found = [score for task in known.values() for score in task.trained]
    if not found:
        return ""
    named = {s.dataset for s in found}
    order = [d.id for d in datasets() if d.id in named] + sorted(named - set(datasets().ids))
    agents = sorted({s.agent for s in found}, key=lambda a: (-sum(s.agent == a for s in found), a))
    by_place = {(s.dataset, s.agent): s for s in found}
    rows = []
    for dataset in order:
        here = [by_place.get((dataset, agent)) for agent in agents]
        task = known[next(s.record for s in here if s).partition("/")[0]]
        others = [_cell(s) for s in task.beside]
        scale = " and ".join(f"{x + 0.0:.4g}" for x in task.ends)
        sizes = sorted({s.size for s in here if s})
        files = ", ".join(f"`{s.record}`" for s in here if s)
        row = (dataset, *map(_cell, here), *others, scale, ", ".join(sizes), files)
        rows.append(row)
    return _table(
        ("dataset", *agents, *BESIDE, "x at 0 and 100", "seeds × episodes", "records"), rows
    )


def _cell(score: Score | None) -> str:
    if score is None:
        return "–"
    if math.isnan(score.low):
        return f"{_rounded(score.mean)} [–]"
    mean, low, high = (_rounded(x) for x in (score.mean, score.low, score.high))
    return f"{mean} [{low}, {high}]"


def _rounded(number: float) -> str:
    """With one digit, and no minus before a zero."""
    return f"{round(number, 1) + 0.0:.1f}"


def published(what: str, reference: Path) -> str:
    """Ours beside published scores on the data of the same name."""
    table = json.loads((reference / PUBLISHED).read_text(encoding="utf-8"))[what]
    kind = tasks()[next(iter(table["scores"])).partition("/")[0]].kind
    known = scores(reference / "records", kind).values()
    ours = {(s.dataset, s.agent): s for task in known for s in task.trained}
    rows = []
    for dataset, methods in table["scores"].items():
        cells = []
        for agent, number in methods.items():
            own = ours.get((dataset, agent))
            cells.append(f"{f'{own.mean:.1f}' if own else '–'} ({number:.1f})")
        rows.append((dataset, *cells))
    agents = list(next(iter(table["scores"].values())))
    text = _table(("dataset", *(f"{agent}: ours (published)" for agent in agents)), rows)
    return f"{text}\n\nPublished: {table['source']}. {table['difference']}"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
