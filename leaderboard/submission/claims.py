"""What a bundle claims, without simulating: against itself, and against the tasks of this build."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Any

from entitybench.checkpoints import today
from entitybench.datasets.catalogue.shapes import is_registered
from entitybench.errors import BenchError
from entitybench.kinds import CONTROL, GRAPHS, PROBLEMS
from entitybench.leaderboard.evaluation import provenance
from entitybench.leaderboard.evaluation.evaluate import Options
from entitybench.leaderboard.submission.models import (
    MANIFEST,
    RECORD,
    columns_of,
    file_of,
    said,
    weights_of,
)
from entitybench.records import MetricInfo
from entitybench.registry import agents, dataset_for, kinds, resolve, tasks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from entitybench.leaderboard.evaluation.api import Loaded
    from entitybench.leaderboard.submission.models import Manifest
    from entitybench.leaderboard.submission.rules import Report
    from entitybench.records import Record
    from entitybench.types import TaskSpec

CHECKED = (CONTROL, GRAPHS, PROBLEMS)  # evaluators whose numbers can be had again
_SHOWN = 5  # findings of one sort; the last says how many more there are


def check_record(manifest: Manifest, record: Record, report: Report) -> None:
    """The manifest says what the record says, which says who acted."""
    if not record.agent.id.strip():
        report.find("record", "its agent has no name", file=RECORD, where="agent.id")
    for name, theirs in said(record).items():
        if getattr(manifest, name) != theirs:
            report.find(
                "record", f"{name} differs from that of the record", file=MANIFEST, where=name
            )
    listed = {RECORD} | {
        file_of(each.training_seed, column)
        for each in manifest.episodes
        for column in columns_of(record.kind)
    }
    weights = [set(weights_of(each.training_seed).values()) for each in manifest.episodes]
    held = all(names <= manifest.files.keys() for names in weights)  # of every training seed
    if record.hashes.weights and held:
        listed = listed.union(*weights)
    for name in sorted(listed ^ manifest.files.keys()):
        there = name in manifest.files
        what = "belongs to no training seed" if there else "is of its episodes, and not among files"
        report.find("record", f"{name} {what}", file=MANIFEST, where="files")


def check_task(record: Record, report: Report, *, metrics: bool = True) -> TaskSpec | None:
    """Task, scene and, where asked, metrics are this build's. None: there is no such task here."""

    def find(where: str, what: str) -> None:
        report.find("task", what, file=RECORD, where=where)

    if record.task.id not in tasks():
        find("task.id", f"there is no task {record.task.id!r} here")
        return None
    task = tasks()[record.task.id]
    if record.kind not in kinds() or kinds()[record.kind].evaluator not in CHECKED:
        find("kind", f"{record.kind!r} is no kind that is simulated again")
        return None
    kind = kinds()[record.kind]
    ours = {
        "version": (record.task.version, task.version),
        "kind": (record.task.kind, task.kind),
        "horizon": (record.task.horizon, task.horizon),
        "kwargs": (record.task.kwargs, dict(task.kwargs)),
    }
    for name, (given, here) in ours.items():
        if given != here:
            find(f"task.{name}", f"{name} is {given}, and here {here}")
    if record.hashes.task != provenance.task_hash(task):
        find("hashes.task", "the hash of the task is another one than here")
    if metrics and record.metrics != [MetricInfo.of(metric) for metric in kind.metrics]:
        find("metrics", "the metrics are not those of their kind here")
    try:
        options = Options(bank=record.task.bank)
        model = resolve(kind.evaluator)().model_hash(task, options)
    except BenchError as error:  # such as a hidden bank, whose salt is not here
        find("task.bank", str(error))
        return None
    if record.hashes.model != model:
        find("hashes.model", "the scene is another one than here")
    return task


def check_data(record: Record, report: Report) -> None:
    """Data are called registered, and the task's own, where they are."""
    if not record.data:
        report.looked.discard("data")
        report.absent["data"] = "nothing was learned from data"
    task = record.agent.weights_from or record.task.id
    for each in record.data:
        where = f"data, training seed {each.training_seed}"
        named = dataset_for(tasks()[task], record.kind) if task in tasks() else None
        usual = each.dataset is None or each.dataset == named
        known = each.dataset is None or is_registered(each.dataset, each.sha256)
        if each.registered != known:
            what = f"{each.dataset} is called registered, and its content (sha256 {each.sha256})"
            report.find("data", f"{what} is another", file=RECORD, where=where)
        if each.default != usual:
            what = f"{each.dataset} is called what {task} is trained on, which is {named}"
            report.find("data", what, file=RECORD, where=where)
    spec = next((one for one in agents() if one.id == record.agent.id), None)
    seeds = set(map(str, record.training_seeds))
    for name in sorted(record.hashes.weights.keys() - seeds)[:_SHOWN]:
        what = "weights of a training seed without episodes"
        report.find("data", what, file=RECORD, where=f"hashes.weights.{name}")
    of = {each.training_seed for each in record.data}
    for seed in record.training_seeds if spec is not None and spec.trains else ():
        where = f"training seed {seed}"
        if str(seed) not in record.hashes.weights:
            report.find("data", "a training seed without weights", file=RECORD, where=where)
        if spec is not None and spec.learns_from == "dataset" and seed not in of:
            report.find("data", "a training seed without data", file=RECORD, where=where)


def unfounded(theirs: Mapping[str, Any], ours: Mapping[str, Any], kind: str) -> list[str]:
    """Names of numbers in a row that follow from no episode, and are no times either.

    Args:
        theirs: what the row holds, by name.
        ours: what follows from the episode.
        kind: of the evaluation.
    """
    times = {metric.name for metric in kinds()[kind].metrics if not metric.exact}
    return sorted(theirs.keys() - ours.keys() - times)


def check_settings(record: Record, found: Mapping[int, Loaded], report: Report) -> None:
    """Settings and updates of the record are those that the weights were loaded with."""
    theirs = today(record.agent.config)
    for seed, agent in found.items():
        ours = today(agent.source.config)
        names = sorted(k for k in ours.keys() | theirs.keys() if ours.get(k) != theirs.get(k))
        if names:
            what = f"the agent's settings are others than the record says: {', '.join(names)}"
            where = f"agent.config, training seed {seed}"
            report.find("actions", what, file=RECORD, where=where)
    told = {seed: agent.source.updates for seed, agent in found.items()}
    claimed = record.agent.updates
    most = max((x for x in told.values() if x is not None), default=None)
    if claimed != most:
        what = f"updates is {claimed}, and the weights say {most}"
        report.find("actions", what, file=RECORD, where="agent.updates")
    for seed, agent in found.items():
        # Nobody sees from weights how often they were updated; settings say when training ends.
        end, own = _end(agent), told[seed]
        if end is not None and own is not None and own > end:
            what = f"{own} updates, and training with the weights' settings ends after {end}"
            where = f"agent.updates, training seed {seed}"
            report.find("actions", what, file=RECORD, where=where)


def _end(agent: Loaded) -> int | None:
    """The update after which training ends, of what learns in phases; else None."""
    phases = today(agent.source.config).get("phases")
    if not isinstance(phases, list):
        return None
    counts = [phase.get("updates") for phase in phases if isinstance(phase, dict)]
    return sum(x for x in counts if isinstance(x, int)) if counts else None


def check_complete(
    manifest: Manifest,
    record: Record,
    report: Report,
    episodes: int | None,
    seeds: Sequence[int] | None,
) -> None:
    """All episodes of all training seeds are there, once.

    Args:
        episodes: that the protocol asks for; None: as many as there are.
        seeds: training seeds that it asks for; None: 0, 1, … as many as there are.
    """
    rows = {(row.training_seed, row.item) for row in record.rows}
    count = max(item for _, item in rows) + 1 if episodes is None else episodes
    total = max(record.training_seeds) + 1 if seeds is None else len(seeds)
    wanted = range(total) if seeds is None else seeds
    beyond = {(seed, item) for seed, item in rows if seed not in wanted or item >= count}
    # Numbers in a record may be huge, so what is missing is never listed in full.
    missing = ((s, i) for s in wanted for i in range(count) if (s, i) not in rows)
    lacking = total * count - len(rows - beyond)
    kept = Counter((each.training_seed, item) for each in manifest.episodes for item in each.items)
    _tell(report, RECORD, list(islice(missing, _SHOWN)), "is not in the record", lacking)
    _tell(report, RECORD, sorted(beyond), "is not asked for")
    _tell(report, MANIFEST, sorted(rows - kept.keys()), "has no recorded actions")
    _tell(report, MANIFEST, sorted(kept.keys() - rows), "has actions, and no row in the record")
    _tell(report, MANIFEST, sorted(key for key, n in kept.items() if n > 1), "is there twice")
    of_seeds = [each.training_seed for each in manifest.episodes]
    for each in manifest.episodes:
        where = f"training seed {each.training_seed}"
        if len(each.items) != len(each.steps):
            what = f"{len(each.items)} items, and steps of {len(each.steps)}"
            report.find("complete", what, file=MANIFEST, where=where)
        if of_seeds.count(each.training_seed) > 1:
            report.find("complete", "the training seed is there twice", file=MANIFEST, where=where)


def _tell(
    report: Report,
    file: str,
    episodes: Sequence[tuple[int, int]],
    what: str,
    total: int | None = None,
) -> None:
    """Findings on the first few of some (training seed, item); the last counts the others."""
    others = (len(episodes) if total is None else total) - _SHOWN
    for index, (seed, item) in enumerate(episodes[:_SHOWN]):
        more = f"; so are {others} more" if index == _SHOWN - 1 and others > 0 else ""
        where = f"training seed {seed}, episode {item}"
        report.find("complete", f"the episode {what}{more}", file=file, where=where)
