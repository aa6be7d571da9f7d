"""How long one decision takes a policy that acts for a single episode, on one thread.

Evaluation itself asks policies for a whole block at once, in several threads, so its times say
little about a robot. Here one episode runs at a time, on real observations of the task, beside the
evaluation and after it: no row of a record depends on it.
"""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.envs.core.play import play
from entitybench.leaderboard.evaluation.pool import Fault, blame
from entitybench.leaderboard.evaluation.threads import torch_threads
from entitybench.records import POLICY
from entitybench.seeding import BatchGenerator, generator
from entitybench.words import class_name

if TYPE_CHECKING:
    from entitybench.types import Array, Obs, TaskSpec

MOST, LEAST = 300, 100  # decisions that are timed
WARM_UP = 10  # decisions before them: first calls compile and allocate
SHARE = 0.02  # of the evaluation's time, after which LEAST are enough
LONGEST = 10.0  # s, after which even fewer are


@dataclass(frozen=True)
class Latency:
    """What timing came to.

    Attributes:
        seconds: of each decision, (K,).
        why: why there are none; empty where there are.
    """

    seconds: Array
    why: str = ""

    def percentile(self, share: float) -> float | None:
        """In milliseconds; None without decisions."""
        if not len(self.seconds):
            return None
        return round(1000 * float(np.percentile(self.seconds, 100 * share)), 4)


def measure(policy: Any, task: TaskSpec, worlds: Any, evaluated_s: float) -> Latency:
    """Time a policy in episodes 0, 1, … of the task, one after the other.

    Args:
        policy: what acts; a policy that cannot act for one episode is told as `why`.
        task: its horizon ends episodes.
        worlds: the simulation of a single episode.
        evaluated_s: seconds that the evaluation took, of which this is to be a small share.
    """
    timed = _Timed(policy, evaluated_s)
    seed = 0
    collects = gc.isenabled()
    gc.disable()  # a collection belongs to nobody's decision
    try:
        with torch_threads(1):
            while not timed.done:
                _episode(timed, task, worlds, seed)
                seed += 1
    except Fault as fault:
        return Latency(np.empty(0), f"it cannot act for one episode: {class_name(fault.error)}")
    finally:
        if collects:
            gc.enable()
    return Latency(np.array(timed.seconds))


def _episode(timed: _Timed, task: TaskSpec, worlds: Any, seed: int) -> None:
    obs = worlds.reset([seed])
    rng = BatchGenerator([generator(seed, "latency")])
    for step in play(worlds, timed, obs, rng, task.horizon):
        ended = step.info.get("terminated", np.zeros(1, bool)) | step.info.get("unstable", False)
        if timed.done or np.any(ended):
            return


class _Timed:
    """A policy that notes how long its decisions take."""

    def __init__(self, policy: Any, evaluated_s: float) -> None:
        self._policy, self._enough = policy, SHARE * evaluated_s
        self._begun = time.perf_counter()
        self._calls = 0
        self.seconds: list[float] = []

    @property
    def done(self) -> bool:
        """Whether enough decisions are timed."""
        spent = time.perf_counter() - self._begun
        count = len(self.seconds)
        return (
            count >= MOST
            or (count >= LEAST and spent > self._enough)
            or (count > 0 and spent > LONGEST)
        )

    def initial_state(self, batch: int) -> Any:
        with blame(POLICY):
            return self._policy.initial_state(batch)

    def act(self, obs: Obs, state: Any, rng: BatchGenerator) -> tuple[Array, Any]:
        with blame(POLICY):
            begin = time.perf_counter()
            actions, state = self._policy.act(obs, state, rng)
            took = time.perf_counter() - begin
            self._calls += 1
            if self._calls > WARM_UP:
                self.seconds.append(took)
            return np.nan_to_num(np.asarray(actions, np.float64)), state
