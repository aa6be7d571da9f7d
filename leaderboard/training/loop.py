"""The loop of a training run, from the agent's present step to its last."""

from __future__ import annotations

import json
import math
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import IO, TYPE_CHECKING, Any

from entitybench.errors import BenchError
from entitybench.leaderboard.training.runs import RunFolder, cut_metrics

if TYPE_CHECKING:
    from pathlib import Path

    from entitybench.types import TaskSpec

VALIDATION_SEED = 1_000_000  # episodes for tuning begin here; those of the public bank stay unseen
VALIDATION_EPISODES = 25  # one block
LOG_LINES = 1000  # of metrics in a whole run


@dataclass(frozen=True)
class Status:
    """How far a run is."""

    step: int
    total: int
    updates_per_s: float = 0.0
    remaining_s: float = math.nan
    metrics: Mapping[str, float] = field(default_factory=dict)
    evaluation: Mapping[str, float] | None = None
    note: str = ""


Report = Callable[[Status], None]


class Loop:
    """From the agent's present step to its last."""

    def __init__(
        self,
        folder: RunFolder,
        agent: Any,
        data: Any,
        task: TaskSpec,
        evaluate_every: int | None,
        checkpoint_s: float,
        report: Report,
    ) -> None:
        self.folder, self.agent, self.data, self.task = folder, agent, data, task
        self.report, self.checkpoint_s = report, checkpoint_s
        self.total = int(agent.total)
        default = max(1, self.total // 5)
        self.evaluate_every = default if evaluate_every is None else evaluate_every
        self.log_every = max(1, self.total // LOG_LINES)
        self.clock = _Clock(self.total)
        self.metrics: dict[str, float] = {}
        self.saved_step = int(agent.step)
        self.stopped = False

    def run(self) -> None:
        """Update until the end. Ctrl-C and SIGTERM end it after an update, with a checkpoint."""
        agent = self.agent
        rows = cut_metrics(self.folder.metrics, agent.step)
        evaluated = {row["step"] for row in rows if "evaluation" in row}
        board = _tensorboard(self.folder.work / "tensorboard", agent.step)
        saved = shown = time.monotonic()
        with open(self.folder.metrics, "a", encoding="utf-8") as file, self._interruptible():
            while True:
                if self._due(agent.step) and agent.step not in evaluated:
                    evaluated.add(agent.step)
                    self._evaluate(file, board)
                if agent.step >= self.total:
                    break
                if self.stopped:
                    self._save()
                    raise KeyboardInterrupt
                self._update(file, board)
                now = time.monotonic()
                if now - saved >= self.checkpoint_s:
                    file.flush()
                    self._save()
                    saved = time.monotonic()
                if now - shown >= 0.2 or agent.step == self.total:
                    shown = now
                    self.report(self._status())
        if board is not None:
            board.close()

    def _save(self) -> None:
        self.folder.save(self.agent)
        self.saved_step = int(self.agent.step)

    def _update(self, file: IO[str], board: Any) -> None:
        agent = self.agent
        metrics = agent.advance(self.data)
        self.clock.tick(agent.step)
        if metrics:
            self.metrics = {name: float(value) for name, value in metrics.items()}
        for name, value in self.metrics.items():
            if not math.isfinite(value):
                raise BenchError(
                    f"training diverged: {name} is {value} after {agent.step} of {self.total} "
                    f"{agent.unit}; try a smaller learning rate. The last checkpoint is kept."
                )
        if agent.step % self.log_every == 0 or agent.step == self.total:
            rate = {"updates_per_s": round(self.clock.rate, 2)}
            self._write(file, board, {"step": agent.step, **self.metrics, **rate})

    def _write(self, file: IO[str], board: Any, row: Mapping[str, Any]) -> None:
        file.write(json.dumps(row) + "\n")
        if board is not None:
            flat = {f"evaluation/{k}": v for k, v in row.get("evaluation", {}).items()}
            flat |= {k: v for k, v in row.items() if k not in ("step", "evaluation")}
            for name, value in flat.items():
                board.add_scalar(name, value, row["step"])

    def _due(self, step: int) -> bool:
        return self.evaluate_every > 0 and step > 0 and step % self.evaluate_every == 0

    def _evaluate(self, file: IO[str], board: Any) -> None:
        import numpy as np

        from entitybench.leaderboard.evaluation.evaluate import evaluate
        from entitybench.leaderboard.tables.data import by_seed

        def go_on(done: int, total: int) -> None:
            del done, total
            if self.stopped:
                raise KeyboardInterrupt

        self.agent.ready(self.data)
        try:
            record = evaluate(
                self.agent,
                self.task,
                episodes=VALIDATION_EPISODES,
                episode_seed=VALIDATION_SEED,
                threads=1,
                progress=go_on,
            )
        except KeyboardInterrupt:
            self._save()
            raise
        found = {}
        for metric in record.metrics:
            means = by_seed(record, metric.name)
            if metric.exact and np.isfinite(means).all():
                found[metric.name] = float(means.mean())
        self._write(file, board, {"step": self.agent.step, "evaluation": found})
        self.clock.pause()
        shares = [
            f"{metric.title} {metric.scale * found[metric.name]:.{metric.digits}f}"
            for metric in record.metrics
            if metric.name in found
        ]
        note = (
            f"after {self.agent.step} {self.agent.unit}: {', '.join(shares)} "
            f"({len(record.columns.item)} validation {record.item}s)"
        )
        self.report(replace(self._status(), evaluation=found, note=note))

    def _status(self) -> Status:
        step, rate = self.agent.step, self.clock.rate
        remaining = (self.total - step) / rate if rate > 0 else math.nan
        return Status(step, self.total, rate, remaining, self.metrics)

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
            if self.agent.step == self.saved_step:
                raise KeyboardInterrupt  # nothing to lose, and the first update may be compiling

        before = {s: signal.signal(s, stop) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class _Clock:
    """Updates a second over the last half minute, without pauses for evaluation."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.seen: deque[tuple[float, int]] = deque()
        self.rate = 0.0

    def tick(self, step: int) -> None:
        """An update is done. The first one is no sample: it may have compiled the losses."""
        now = time.monotonic()
        self.seen.append((now, step))
        while now - self.seen[0][0] > 30 and len(self.seen) > 2:
            self.seen.popleft()
        if now > self.seen[0][0]:
            self.rate = (step - self.seen[0][1]) / (now - self.seen[0][0])

    def pause(self) -> None:
        """Forget the samples before a pause."""
        self.seen.clear()


def _tensorboard(folder: Path, step: int) -> Any:
    """A writer if torch is in use and tensorboard installed; lines after `step` are taken back."""
    if "torch" not in sys.modules:
        return None
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=step + 1)
