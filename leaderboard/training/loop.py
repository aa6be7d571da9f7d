"""The loop of a training run, from the present step of its learners to their last."""

from __future__ import annotations

import json
import math
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import IO, TYPE_CHECKING, Any

from entitybench.errors import Diverged, seed_names
from entitybench.leaderboard.training.faults import faults_of, metrics_of, shown, wrong
from entitybench.leaderboard.training.loggers import numbers
from entitybench.leaderboard.training.metrics import cut_metrics
from entitybench.leaderboard.training.runs import RunFolder, save

if TYPE_CHECKING:
    from entitybench.leaderboard.training.crew import Crew
    from entitybench.leaderboard.training.loggers import Logger
    from entitybench.types import TaskSpec

VALIDATION_SEED = 1_000_000  # episodes for tuning begin here; those of the public bank stay unseen
VALIDATION_EPISODES = 25  # one block
LOG_LINES = 1000  # of metrics in a whole run


@dataclass(frozen=True)
class Status:
    """How far a run is; numbers are means over the seeds that learn side by side."""

    step: int
    total: int
    updates_per_s: float = 0.0
    remaining_s: float = math.nan
    metrics: Mapping[str, float] = field(default_factory=dict)
    evaluation: Mapping[str, float] | None = None
    note: str = ""
    seeds: tuple[int, ...] = ()
    unit: str = "updates"


Report = Callable[[Status], None]


@dataclass(frozen=True, kw_only=True)
class Habits:
    """What changes no weights."""

    evaluate_every: int | None = None  # steps; None: a fifth of all, 0: never
    checkpoint_s: float = 60.0
    logger: type[Logger] | None = None


class Loop:
    """From the learners' present step to their last; folders are in the order of the learners."""

    def __init__(
        self,
        folders: Sequence[RunFolder],
        crew: Crew,
        data: Any,
        task: TaskSpec,
        habits: Habits,
        report: Report,
    ) -> None:
        self.folders, self.crew, self.data, self.task = folders, crew, data, task
        self.report, self.habits = report, habits
        self.lead = lead = crew.learners[0]
        with faults_of(lead, "total"):
            self.total, self.unit = int(lead.total), str(lead.unit)
        self.seeds = tuple(folder.seed for folder in folders)
        default = max(1, self.total // 5)
        self.evaluate_every = default if habits.evaluate_every is None else habits.evaluate_every
        self.log_every = max(1, self.total // LOG_LINES)
        self.clock = _Clock(self.total)
        self.metrics: list[dict[str, float]] = [{} for _ in self.seeds]
        self.saved_step = int(crew.step)
        self.stopped = False

    def run(self) -> None:
        """Learn until the end. Ctrl-C and SIGTERM end it after a step, with a checkpoint."""
        with ExitStack() as stack:
            logs = [stack.enter_context(_Log(f, self.crew.step, self.habits)) for f in self.folders]
            evaluated = set.intersection(*(log.evaluated for log in logs))
            stack.enter_context(self._interruptible())
            self._begin_cost()
            saved = shown = time.monotonic()
            while True:
                step = self.crew.step
                if self._due(step, max(evaluated, default=0)):
                    evaluated.add(step)
                    self._evaluate(logs)
                if step >= self.total:
                    self._note_cost()
                    break
                if self.stopped:
                    self._save(logs)
                    raise KeyboardInterrupt
                self._advance(logs)
                now = time.monotonic()
                if now - saved >= self.habits.checkpoint_s:
                    self._save(logs)
                    saved = time.monotonic()
                if now - shown >= 0.2 or self.crew.step >= self.total:
                    shown = now
                    self.report(self._status())

    def _save(self, logs: Sequence[_Log]) -> None:
        for log in logs:
            log.file.flush()  # what a checkpoint goes on from is on the disk
        save(self.folders, self.crew)
        self._note_cost()
        self.saved_step = int(self.crew.step)

    def _begin_cost(self) -> None:
        """From here on processor time counts, beside what the run took before."""
        self.before = [(folder.asked() or {}).get("cpu_s", 0.0) for folder in self.folders]
        self.begun = time.process_time()

    def _note_cost(self) -> None:
        """Write into each run.json what it took so far: its share, of those side by side."""
        spent = (time.process_time() - self.begun) / len(self.folders)
        for folder, before in zip(self.folders, self.before, strict=True):
            folder.note({**(folder.asked() or {}), "cpu_s": round(before + spent, 3)})

    def _advance(self, logs: Sequence[_Log]) -> None:
        before = self.crew.step
        with faults_of(self.lead, "advance"):
            try:
                advanced = self.crew.advance(self.data)
            except Diverged:  # before anything changed: this step has a checkpoint to look at
                self._save(logs)
                raise
            found = list(zip(self.crew.learners, advanced, strict=True))
            step, moved = self.crew.step, bool(self.crew.step > before)
        if not moved:
            wrong(self.lead, "advance", f"leaves step at {shown(step)}: each call of it counts")
        self.clock.tick(step)
        for k, (learner, metrics) in enumerate(found):
            self.metrics[k] = metrics_of(learner, metrics) or self.metrics[k]
        lost = self._not_finite()
        if _passed(before, step, self.log_every) or step >= self.total:
            rate = {"updates_per_s": round(self.clock.rate, 2)}
            for seed, log, metrics in zip(self.seeds, logs, self.metrics, strict=True):
                if seed not in lost:
                    log.write({"step": step, **metrics, **rate})
        if lost and len(lost) < len(self.seeds):
            self._save(logs)  # for the others to go on from
            for folder in self.folders:
                if folder.seed in lost:
                    folder.drop_newest()
        if lost:
            raise Diverged(lost)

    def _not_finite(self) -> dict[int, str]:
        """The seeds whose numbers are not finite, and what happened."""
        lost = {}
        for seed, metrics in zip(self.seeds, self.metrics, strict=True):
            for name, value in metrics.items():
                if not math.isfinite(value) and seed not in lost:
                    done = f"{self.crew.step} of {self.total} {self.unit}"
                    lost[seed] = f"{name} is {value} after {done}: try a smaller learning rate"
        return lost

    def _due(self, step: int, last: int) -> bool:
        """Whether a multiple of `evaluate_every` came since the last evaluation.

        Some learners take many steps at a time, which need not meet one.
        """
        return self.evaluate_every > 0 and _passed(last, step, self.evaluate_every)

    def _evaluate(self, logs: Sequence[_Log]) -> None:
        import numpy as np

        from entitybench.leaderboard.evaluation.evaluate import evaluate
        from entitybench.leaderboard.tables.data import by_seed

        def go_on(done: int, total: int) -> None:
            del done, total
            if self.stopped:
                raise KeyboardInterrupt

        with faults_of(self.lead, "ready"):
            self.crew.ready(self.data)
        try:
            record = evaluate(
                dict(zip(self.seeds, self.crew.learners, strict=True)),
                self.task,
                episodes=VALIDATION_EPISODES,
                episode_seed=VALIDATION_SEED,
                threads=1,
                progress=go_on,
            )
        except KeyboardInterrupt:
            self._save(logs)
            raise
        found = [dict[str, float]() for _ in self.seeds]
        for metric in record.metrics:
            for k, mean in enumerate(by_seed(record, metric.name, list(self.seeds))):
                if metric.exact and np.isfinite(mean):
                    found[k][metric.name] = float(mean)
        for log, values in zip(logs, found, strict=True):
            if self.crew.step not in log.evaluated:  # one may have been killed in between
                log.write({"step": self.crew.step, "evaluation": values})
        self.clock.pause()
        means = _mean(found)
        shares = [
            f"{metric.title} {metric.scale * means[metric.name]:.{metric.digits}f}"
            for metric in record.metrics
            if metric.name in means
        ]
        note = (
            f"{seed_names(self.seeds)} after {self.crew.step} {self.unit}: {', '.join(shares)} "
            f"({len(record.columns.item)} validation {record.item}s)"
        )
        self.report(replace(self._status(), evaluation=means, note=note))

    def _status(self) -> Status:
        step, rate = self.crew.step, self.clock.rate
        remaining = (self.total - step) / rate if rate > 0 else math.nan
        return Status(
            step,
            self.total,
            rate,
            remaining,
            _mean(self.metrics),
            seeds=self.seeds,
            unit=self.unit,
        )

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """Ctrl-C in the middle of an update would leave half of the parameters changed."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def stop(number: int, frame: Any) -> None:
            del frame
            self.stopped = True
            signal.signal(number, signal.default_int_handler)  # the second time: at once
            if self.crew.step == self.saved_step:
                raise KeyboardInterrupt  # nothing to lose, and the first update may be compiling

        before = {s: signal.signal(s, stop) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _passed(before: int, step: int, every: int) -> bool:
    """Whether a multiple of `every` lies after `before` and not after `step`."""
    return step // every > before // every


def _mean(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """By name, over the rows that have it."""
    if len(rows) == 1:
        return dict(rows[0])
    names = dict.fromkeys(name for row in rows for name in row)
    values = {name: [row[name] for row in rows if name in row] for name in names}
    return {name: sum(found) / len(found) for name, found in values.items()}


class _Log:
    """Rows of numbers of one seed: metrics.jsonl, and the logger that was asked for."""

    file: IO[str]

    def __init__(self, folder: RunFolder, step: int, habits: Habits) -> None:
        self.folder = folder
        self.logger: Logger | None = None
        self.rows = cut_metrics(folder.metrics, step)
        self.evaluated = {row["step"] for row in self.rows if "evaluation" in row}
        self.kind = habits.logger

    def __enter__(self) -> _Log:
        if self.kind is not None:
            self.logger = self.kind(self.folder.work, self.folder.asked() or {})
            for row in self.rows:
                self.logger.write(row["step"], numbers(row))
        # By lines: whoever watches the file sees how far the run is.
        self.file = open(self.folder.metrics, "a", buffering=1, encoding="utf-8")
        return self

    def write(self, row: Mapping[str, Any]) -> None:
        """Keep a row."""
        self.file.write(json.dumps(row) + "\n")
        if self.logger is not None:
            self.logger.write(row["step"], numbers(row))

    def __exit__(self, *_: object) -> None:
        self.file.close()
        if self.logger is not None:
            self.logger.close()


class _Clock:
    """Steps a second over the last half minute, without pauses for evaluation."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.seen: deque[tuple[float, int]] = deque()
        self.rate = 0.0

    def tick(self, step: int) -> None:
        """A step is done. The first one is no sample: it may have compiled the losses."""
        now = time.monotonic()
        self.seen.append((now, step))
        while now - self.seen[0][0] > 30 and len(self.seen) > 2:
            self.seen.popleft()
        if now > self.seen[0][0]:
            self.rate = (step - self.seen[0][1]) / (now - self.seen[0][0])

    def pause(self) -> None:
        """Forget the samples before a pause."""
        self.seen.clear()
