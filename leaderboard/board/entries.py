"""Rows of the board out of records."""

from __future__ import annotations

import math
import re
from shlex import quote
from typing import TYPE_CHECKING

from entitybench.datasets.catalogue.shapes import dataset_of
from entitybench.datasets.pages.text import family
from entitybench.kinds import NORMALISED
from entitybench.leaderboard.board.model import SCORE, Entry, Episode, Episodes, Score
from entitybench.leaderboard.statistics.intervals import Interval
from entitybench.leaderboard.suites.fitting import fits, is_scripted, opens
from entitybench.leaderboard.suites.protocol import entries as entries_of
from entitybench.leaderboard.suites.standings import CLOSED, OPEN, SCRIPTED
from entitybench.leaderboard.tables.data import cell
from entitybench.records import INFRASTRUCTURE, POLICY
from entitybench.registry import kinds, suites

if TYPE_CHECKING:
    from pathlib import Path

    from entitybench.kinds import Metric
    from entitybench.leaderboard.board.model import Origin, State, Verification
    from entitybench.records import MetricInfo, Record

_UNSAFE = re.compile(r"[^A-Za-z0-9._@-]+")
_DIGITS = 6  # of numbers in the dump, behind the point


def slug(text: str) -> str:
    """A text as it may stand in addresses and names of files."""
    return _UNSAFE.sub("-", text).strip("-.") or "-"


def host_id(path: Path) -> str:
    """The id of the row of a committed record, TASK/NAME.json."""
    return slug(f"host-{path.parent.name}.{path.stem}")


def entry_of(
    record: Record,
    id: str,
    *,
    origin: Origin,
    hashes: dict[str, str],
    verification: Verification | None = None,
    state: State = "accepted",
    reason: str = "",
) -> Entry:
    """The row of a record.

    Args:
        record: the evidence.
        id: of the row; see `slug`.
        origin: whose it is.
        hashes: sha256 of "record", and of "bundle" where there is one.
        verification: what looking at its bundle gave.
        state: what became of it.
        reason: of a state that is not accepted.
    """
    division, why = division_of(record)
    failures, revision = record.failures(), record.revision
    # Records of before name data by the hash of their content alone.
    learned = [x.dataset or dataset_of(x.sha256) for x in record.data]
    return Entry(
        id=id,
        agent=record.agent.id,
        label=record.label,
        preset=record.agent.preset,
        task=record.task.id,
        version=record.task.version,
        kind=record.kind,
        family=family(record.task.id) or "others",
        datasets=tuple(dict.fromkeys(name for name in learned if name)),
        bank=record.task.bank,
        division=division,
        opens=why,
        origin=origin,
        level=0 if verification is None else verification.level,
        state=state,
        reason=reason,
        main=main_metric(record),
        scores=scores_of(record),
        training_seeds=tuple(record.training_seeds),
        items=len(record.items),
        item=record.item,
        errors=failures[POLICY],
        broken=failures[INFRASTRUCTURE],
        created=record.created,
        versions=dict(record.versions),
        hashes={**hashes, **_hashes(record)},
        revision="" if revision is None else revision.commit + "+" * revision.dirty,
        device=record.device,
        updates=record.agent.updates,
        seconds=round(record.wall_time_s, 3),
        command=command_of(record),
        verification=verification,
    )


def _hashes(record: Record) -> dict[str, str]:
    found = {"task": record.hashes.task}
    found |= {} if record.hashes.model is None else {"model": record.hashes.model}
    found |= {f"weights seed {seed}": hash for seed, hash in record.hashes.weights.items()}
    return found | {f"data {x.dataset or 'not named'}": x.sha256 for x in record.data if x.sha256}


def division_of(record: Record) -> tuple[str, str]:
    """Closed where it is in one suite at least, else open, with the reason of the first that fits.

    What is of no suite has no budget that it could keep to, so that it is open.
    """
    if is_scripted(record):
        return SCRIPTED, ""
    found = [
        opens(record, entry, suite)
        for suite in suites()
        for entry in entries_of(suite)
        if fits(record, entry, suite)
    ]
    if "" in found:
        return CLOSED, ""
    return OPEN, found[0] if found else "its task and data are of no suite"


def main_metric(record: Record) -> str:
    """The name of the metric that ranks a record in its task: what its kind is compared by."""
    known = {metric.name for metric in record.metrics}
    compared = kinds()[record.kind].compared if record.kind in kinds() else ""
    return compared if compared in known else record.metrics[0].name


def scores_of(record: Record) -> tuple[Score, ...]:
    """Every metric of a record, and what is comparable over tasks."""
    found = [score(cell(record, metric.name), metric) for metric in record.metrics]
    return (*found, *_comparable(record, found))


def score(found: Interval, metric: Metric | MetricInfo) -> Score:
    """An interval in the unit in which its metric is shown."""
    mean, low, high = (
        None if math.isnan(x) else round(metric.scale * x, _DIGITS)
        for x in (found.mean, found.low, found.high)
    )
    return Score(
        metric=metric.name,
        title=metric.title,
        digits=metric.digits,
        higher=metric.higher_is_better,
        mean=mean,
        low=low,
        high=high,
        method=found.method,
        count=found.count,
    )


def _comparable(record: Record, found: list[Score]) -> list[Score]:
    """The score of a suite: a share, 100 minus it where less is better, or a normalised return."""
    by_name = {each.metric: each for each in found}
    own = by_name.get(NORMALISED.name)
    first = record.metrics[0]
    if own is None and first.share:
        own = by_name[first.name]
    if own is None or own.mean is None:
        return []
    mean, low, high = own.mean, own.low, own.high
    if not own.higher:
        mean, low, high = 100 - mean, _rest(own.high), _rest(own.low)
    return [
        Score(
            metric=SCORE,
            title="score",
            digits=1,
            higher=True,
            mean=mean,
            low=low,
            high=high,
            method=own.method,
            count=own.count,
        )
    ]


def _rest(x: float | None) -> float | None:
    return None if x is None else 100 - x


def command_of(record: Record) -> str:
    """What makes a record again, from its arguments; of weights in a folder they must be there.

    People paste it into a shell, and names come from anybody: they are quoted.
    """
    words = ["bench eval", f"--agent {quote(record.agent.id)}", f"--task {quote(record.task.id)}"]
    if record.hashes.weights:
        named = sorted({x.dataset for x in record.data if x.dataset and not x.default})
        words += [f"--dataset {quote(named[0])}"] if len(named) == 1 else []
        words += [f"--train-seeds {' '.join(map(str, record.training_seeds))}"]
    words += [f"--episodes {len(record.items)}"]
    words += [f"--bank {quote(record.task.bank)}"] if record.task.bank != "public" else []
    return " ".join(words)


def episodes_of(record: Record) -> Episodes:
    """The rows of a record, in the unit in which each metric is shown."""
    known = {metric.name: metric for metric in record.metrics}
    names = [name for name in record.columns.values if name in known]
    names += [name for name in record.columns.values if name not in known]
    columns = tuple(
        score(_NOTHING, known[name]) if name in known else _plain(name) for name in names
    )
    scales = [known[name].scale if name in known else 1.0 for name in names]
    rows = tuple(
        Episode(
            training_seed=row.training_seed,
            item=row.item,
            values=tuple(
                None if (x := row.values[name]) is None else scale * x
                for name, scale in zip(names, scales, strict=True)
            ),
            note=row.note or "",
            error=row.error or "",
        )
        for row in sorted(record.rows, key=lambda row: (row.training_seed, row.item))
    )
    return Episodes(item=record.item, columns=columns, rows=rows)


_NOTHING = Interval(math.nan, math.nan, math.nan, "", 0)


def _plain(name: str) -> Score:
    """A column that is no metric, such as the length of an episode."""
    return Score(
        metric=name,
        title=name.replace("_", " "),
        digits=0 if name == "length" else 2,
        higher=True,
        mean=None,
        low=None,
        high=None,
    )
