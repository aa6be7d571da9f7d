"""Bundles of agents that answer problems: their answers, judged again by execution.

The array of a training seed holds the answers to its items one after the other, each as the number
of its tokens and then these: first the greedy one, then the samples, then one in each type of
context.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from entitybench.leaderboard.evaluation import provenance
from entitybench.leaderboard.evaluation.evaluate import Options, entrant_of
from entitybench.leaderboard.evaluation.pool import run_all
from entitybench.leaderboard.evaluation.problems import (
    LONGEST,
    SAMPLES,
    Posed,
    Problems,
    row_of,
    source_of,
)
from entitybench.leaderboard.submission import reading
from entitybench.leaderboard.submission.models import ANSWERS
from entitybench.leaderboard.submission.stated import Stated
from entitybench.registry import tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from entitybench.leaderboard.evaluation.pool import Job, Progress, Result
    from entitybench.leaderboard.evaluation.problems import Answer
    from entitybench.leaderboard.submission.models import EpisodesInfo
    from entitybench.records import Record, Row
    from entitybench.types import Array


class _Keeping(Problems):
    """Evaluates, and keeps what was answered, by item."""

    def __init__(self) -> None:
        self.kept: dict[int, list[int]] = {}

    def keep(self, seed: int, item: int, answers: dict[str, list[Answer]]) -> None:
        del seed
        self.kept[item] = [
            number for given in answers.values() for each in given for number in (len(each), *each)
        ]


def answered(
    agent: Any,
    record: Record,
    items: Sequence[int],
    threads: int | None,
    progress: Progress | None,
) -> tuple[list[Row], list[int], Array]:
    """Let an agent answer again.

    Returns:
        The rows, how many numbers each item has, and these of all items, int32.
    """
    task, evaluator = tasks()[record.task.id], _Keeping()
    jobs = evaluator.jobs([entrant_of(agent, evaluator)], items)

    def run(job: Job, tick: Callable[[int], None]) -> Result:
        return evaluator.run(job, task, Options(), tick)

    workers, steps = threads or provenance.cores(), evaluator.steps(task)
    results = run_all(jobs, run, threads=workers, steps=steps, progress=progress)
    parts = [np.array(evaluator.kept[item], "<i4") for item in items]
    rows = [row for result in results for row in result.rows]
    return rows, [len(part) for part in parts], np.concatenate(parts)


class Answers(Stated):
    """The answers of a bundle, executed again."""

    column = ANSWERS[0]
    what = "answer"
    absent: ClassVar[dict[str, str]] = {
        "starts": "problems are drawn from their numbers, and none is sent",
        "physics": "nothing moves: answers are executed by the rules of their problems",
    }

    def array(self, info: EpisodesInfo, data: bytes, name: str) -> Array | None:
        """The numbers of all items."""
        return reading.column(data, name, (sum(info.steps),), self.report, dtypes=("<i4",))

    def score(self, info: EpisodesInfo, stated: Array) -> None:
        """Item by item."""
        source = source_of(self.task)
        ends = np.cumsum(info.steps)[:-1]
        for item, numbers in zip(info.items, np.split(stated, ends), strict=True):
            posed = Posed.of(source, item)
            counts = {name: SAMPLES if name == "samples" else 1 for name in posed.questions}
            try:
                answers = _parted(numbers.tolist(), counts)
            except ValueError as error:
                self.find("arrays", info.training_seed, item, str(error))
                continue
            self.compare(
                info.training_seed, row_of(source, info.training_seed, posed, answers, None)
            )


def _parted(numbers: list[int], counts: dict[str, int]) -> dict[str, list[Answer]]:
    """The answers of an item by name. Raises ValueError where they are not so many."""
    found: dict[str, list[Answer]] = {}
    at = 0
    for name, count in counts.items():
        found[name] = []
        for _ in range(count):
            length = numbers[at] if at < len(numbers) else -1
            answer = numbers[at + 1 : at + 1 + max(0, length)]
            if not 0 <= length <= LONGEST or len(answer) < length:
                raise ValueError(f"answer {len(found[name])} of {name!r} is not there whole")
            if min(answer, default=0) < 0:
                raise ValueError(f"an answer holds {min(answer)}; tokens are 0, 1, …")
            found[name].append(answer)
            at += 1 + length
    if at < len(numbers):
        raise ValueError(f"{len(numbers) - at} numbers stand after the last answer")
    return found
