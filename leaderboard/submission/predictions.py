"""Bundles of agents that say who acted on whom: their predictions, and the truth derived again.

There are no actions of an agent to apply. The episodes are simulated afresh from their seeds, with
the behaviour that the task names; the stored predictions are scored against what happens there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from entitybench.checks import DONE
from entitybench.envs.api import world_of
from entitybench.leaderboard.evaluation import provenance
from entitybench.leaderboard.evaluation.control import blocks
from entitybench.leaderboard.evaluation.evaluate import Options, entrant_of
from entitybench.leaderboard.evaluation.graphs import Graphs, truth_of
from entitybench.leaderboard.evaluation.pool import run_all
from entitybench.leaderboard.submission import reading
from entitybench.leaderboard.submission.claims import unfounded
from entitybench.leaderboard.submission.models import PREDICTIONS, RECORD, file_of
from entitybench.registry import tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from entitybench.leaderboard.evaluation.graphs import Seen
    from entitybench.leaderboard.evaluation.pool import Job, Progress, Result
    from entitybench.leaderboard.submission.archive import Archive
    from entitybench.leaderboard.submission.models import EpisodesInfo, Manifest
    from entitybench.leaderboard.submission.rules import Report
    from entitybench.leaderboard.submission.wanted import Wanted
    from entitybench.records import Record, Row
    from entitybench.types import Array, TaskSpec

CLOSE = 1e-2  # how far numbers may be on another platform, where a contact may come a step later


class _Keeping(Graphs):
    """Evaluates, and keeps what was predicted: by the first item of each block."""

    def __init__(self) -> None:
        self.kept: dict[int, Seen] = {}

    def keep(self, seen: Seen) -> None:
        self.kept[seen.job.items[0]] = seen


def predicted(
    agent: Any,
    record: Record,
    items: Sequence[int],
    threads: int | None,
    progress: Progress | None,
) -> tuple[list[Row], list[int], Array]:
    """Let an agent predict again.

    Returns:
        The rows, the steps of each episode, and the predictions (steps of all, N, N + 1) of the
        episodes one after the other, float32 where that holds them exactly.
    """
    task, evaluator = tasks()[record.task.id], _Keeping()
    jobs = evaluator.jobs([entrant_of(agent, evaluator)], items)
    options = Options(bank=record.task.bank)

    def run(job: Job, tick: Callable[[int], None]) -> Result:
        return evaluator.run(job, task, options, tick)

    workers, steps = threads or provenance.cores(), evaluator.steps(task)
    results = run_all(jobs, run, threads=workers, steps=steps, progress=progress)
    lengths, parts = [], []
    for job in jobs:
        seen = evaluator.kept[job.items[0]]
        scores = seen.stacked()[0]
        for row, length in enumerate(seen.lengths.tolist()):
            lengths.append(length)
            parts.append(scores[row, :length])
    found = np.concatenate(parts).astype("<f8")
    short = found.astype("<f4")
    exact = np.array_equal(short.astype("<f8"), found)
    return [row for result in results for row in result.rows], lengths, short if exact else found


class Predictions:
    """The predictions of a bundle, scored against the truth of its episodes."""

    def __init__(
        self,
        archive: Archive,
        manifest: Manifest,
        record: Record,
        task: TaskSpec,
        wanted: Wanted,
        report: Report,
    ) -> None:
        self.archive, self.manifest, self.report = archive, manifest, report
        self.record, self.task, self.wanted = record, task, wanted
        self.rows = {(row.training_seed, row.item): row for row in record.rows}
        self.truths: dict[tuple[int, ...], Seen] = {}  # of the episodes, whoever predicts
        here = provenance.versions()
        names = ("platform", "cpu", "mujoco", "numpy")
        self.here = all(manifest.machine.get(name) == here[name] for name in names)

    def run(self) -> None:
        """Read and score. What cannot be trusted to fit is not scored."""
        report = self.report
        report.looked.add("arrays")
        report.absent["starts"] = "starts are drawn from their seeds, and none is sent"
        report.absent["physics"] = "no states are sent: episodes are simulated from their starts"
        report.skipped["actions"] = "agents of this kind do not act"
        if self.wanted.season is not None:
            report.skipped["hidden"] = report.skipped["actions"]
        fits = report.checks["task"] == DONE
        for info in self.manifest.episodes:
            before = report.errors
            found = self._read(info)
            known = all((info.training_seed, item) in self.rows for item in info.items)
            if found is None or report.errors > before or not (known and fits):
                fits = False
            elif self.wanted.simulate:
                self._score(info, found)
        if not self.wanted.simulate:
            report.skipped["scores"] = "not asked for"
        elif fits:
            report.looked.add("scores")

    def _read(self, info: EpisodesInfo) -> Array | None:
        """The array of a training seed, or None: then there is a finding."""
        name, report = file_of(info.training_seed, *PREDICTIONS), self.report
        if name not in self.archive.sizes or name not in self.manifest.files:
            return None  # said already
        data = reading.read(self.archive, name, report)
        if data is None or len(info.items) != len(info.steps):
            return None
        reading.check_hash(name, data, self.manifest.files[name], report)
        count = world_of(self.task).entities
        array = reading.column(data, name, (sum(info.steps), count, count + 1), report)
        if array is None:
            return None
        reading.check_numbers(name, array, np.cumsum(info.steps), info, report)
        if array.size and not (array.min() >= 0 and array.max() <= 1):
            report.find("arrays", "a prediction lies outside [0, 1]", file=name)
        return array

    def _score(self, info: EpisodesInfo, predictions: Array) -> None:
        ends = np.cumsum(info.steps)
        parts = dict(zip(info.items, np.split(predictions, ends[:-1]), strict=True))
        for items in blocks(sorted(info.items)):
            seen = self._truth(items)
            shape = seen.stacked()[1].shape
            scores = np.zeros(shape)
            for row, item in enumerate(items):
                own = parts[item]
                if len(own) != seen.lengths[row]:
                    what = f"predictions of {len(own)} steps, and the episode has "
                    what += str(seen.lengths[row])
                    self._find("arrays", info.training_seed, item, what)
                scores[row, : min(len(own), shape[1])] = own[: shape[1]]
            for ours in seen.rows(scores):
                self._compare(info.training_seed, ours)

    def _truth(self, items: tuple[int, ...]) -> Seen:
        """Simulated once, for all training seeds."""
        if items not in self.truths:
            options = Options(bank=self.record.task.bank, threads=self.wanted.threads or 1)
            self.truths[items] = truth_of(items, self.task, options, lambda _: None)
        return self.truths[items]

    def _compare(self, seed: int, ours: Row) -> None:
        """The numbers of the record beside those of its predictions."""
        if self.wanted.rescore:
            self.report.scored.append((seed, ours.item, dict(ours.values), ours.error))
            return
        theirs = self.rows[seed, ours.item]
        if theirs.error != ours.error:
            what = f"error is {theirs.error!r}; simulated: {ours.error!r}"
            self._find("scores", seed, ours.item, what)
        for name, value in ours.values.items():
            given = theirs.values.get(name)
            if given == value:
                continue
            close = False
            if given is not None and value is not None:
                close = abs(given - value) <= CLOSE * max(1, abs(value))
            what = f"{name} is {given}; of its predictions: {value}"
            self._find("scores", seed, ours.item, what, warning=close and not self.here)
        for name in unfounded(theirs.values, ours.values, self.task.kind):
            what = f"{name} follows from no prediction, and may not be in a record"
            self._find("scores", seed, ours.item, what)
        if theirs.digest != ours.digest:
            what = f"digest is {theirs.digest!r}; of its predictions: {ours.digest!r}"
            self._find("scores", seed, ours.item, what)

    def _find(self, rule: str, seed: int, item: int, what: str, *, warning: bool = False) -> None:
        where = f"training seed {seed}, episode {item}"
        file = RECORD if rule == "scores" else file_of(seed, *PREDICTIONS)
        self.report.find(rule, what, file=file, where=where, warning=warning)
