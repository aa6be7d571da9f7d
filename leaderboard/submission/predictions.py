"""Bundles of agents that say who acted on whom: their predictions, and the truth derived again.

There are no actions of an agent to apply. The episodes are simulated afresh from their seeds, with
the behaviour that the task names; the stored predictions are scored against what happens there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from entitybench.envs.api import world_of
from entitybench.leaderboard.evaluation import provenance
from entitybench.leaderboard.evaluation.control import blocks
from entitybench.leaderboard.evaluation.evaluate import Options, entrant_of
from entitybench.leaderboard.evaluation.graphs import Graphs, truth_of
from entitybench.leaderboard.evaluation.pool import run_all
from entitybench.leaderboard.submission import reading
from entitybench.leaderboard.submission.models import PREDICTIONS
from entitybench.leaderboard.submission.stated import Stated
from entitybench.registry import tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from entitybench.leaderboard.evaluation.graphs import Seen
    from entitybench.leaderboard.evaluation.pool import Job, Progress, Result
    from entitybench.leaderboard.submission.models import EpisodesInfo
    from entitybench.records import Record, Row
    from entitybench.types import Array


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


class Predictions(Stated):
    """The predictions of a bundle, scored against the truth of its episodes."""

    column = PREDICTIONS[0]
    what = "prediction"
    absent: ClassVar[dict[str, str]] = {
        "starts": "starts are drawn from their seeds, and none is sent",
        "physics": "no states are sent: episodes are simulated from their starts",
    }

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.truths: dict[tuple[int, ...], Seen] = {}  # of the episodes, whoever predicts

    def array(self, info: EpisodesInfo, data: bytes, name: str) -> Array | None:
        """Scores of edges, (steps of all, N, N + 1) in [0, 1]."""
        count = world_of(self.task).entities
        array = reading.column(data, name, (sum(info.steps), count, count + 1), self.report)
        if array is None:
            return None
        reading.check_numbers(name, array, np.cumsum(info.steps), info, self.report)
        if array.size and not (array.min() >= 0 and array.max() <= 1):
            self.report.find("arrays", "a prediction lies outside [0, 1]", file=name)
        return array

    def score(self, info: EpisodesInfo, stated: Array) -> None:
        """Episode by episode, block by block."""
        ends = np.cumsum(info.steps)
        parts = dict(zip(info.items, np.split(stated, ends[:-1]), strict=True))
        for items in blocks(sorted(info.items)):
            seen = self._truth(items)
            shape = seen.stacked()[1].shape
            scores = np.zeros(shape)
            for row, item in enumerate(items):
                own = parts[item]
                if len(own) != seen.lengths[row]:
                    what = f"predictions of {len(own)} steps, and the episode has "
                    what += str(seen.lengths[row])
                    self.find("arrays", info.training_seed, item, what)
                scores[row, : min(len(own), shape[1])] = own[: shape[1]]
            for ours in seen.rows(scores):
                self.compare(info.training_seed, ours)

    def _truth(self, items: tuple[int, ...]) -> Seen:
        """Simulated once, for all training seeds."""
        if items not in self.truths:
            options = Options(bank=self.record.task.bank, threads=self.wanted.threads or 1)
            self.truths[items] = truth_of(items, self.task, options, lambda _: None)
        return self.truths[items]
