"""Lets the agent see what it saw, and compares what it does with what was recorded.

The recorded actions are applied, whatever the agent does now: so what another platform rounds in
one step does not lead it elsewhere in the next one. Its memory goes on from its own actions. It is
given the padded blocks and the random numbers of its evaluation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.leaderboard.evaluation.control import BLOCK, blocks, default_worlds, run_block
from entitybench.leaderboard.evaluation.pool import Entrant, Job
from entitybench.leaderboard.evaluation.threads import torch_threads
from entitybench.leaderboard.submission.models import file_of
from entitybench.seeding import generator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.leaderboard.evaluation.api import Loaded
    from entitybench.leaderboard.submission.rules import Report
    from entitybench.leaderboard.submission.simulate import Recorded, Setting
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Obs

TOLERANCE = 1e-4  # of an action in [-1, 1]; networks round differently elsewhere


@dataclass(frozen=True, slots=True)
class Drawn:
    """Which episodes of a training seed the agent acts in again."""

    count: int
    digest: str  # of the manifest, so that who packs cannot choose them

    def items(self, recorded: Recorded) -> list[int]:
        """Sorted."""
        items = sorted(recorded.info.items)
        rng = generator(int(self.digest[:16], 16), "rerun", recorded.info.training_seed)
        chosen = rng.choice(len(items), min(self.count, len(items)), replace=False)
        return sorted(items[index] for index in chosen.tolist())


def rerun(
    agent: Loaded, recorded: Recorded, items: Sequence[int], setting: Setting, report: Report
) -> None:
    """Let the agent act in some episodes; findings, and the largest difference, go to the report.

    Raises BenchError where the agent raises.
    """
    seed = recorded.info.training_seed
    for block in blocks(items):
        watched = _Watched(agent.policy(), recorded, block)
        job = Job(Entrant(watched, agent.source), block)
        worlds = default_worlds(setting.task, len(block), setting.threads, setting.bank)
        try:
            with torch_threads(1):  # as when it was evaluated: other numbers round differently
                run_block(job, setting.task, worlds, "raise", lambda _: None)
        finally:
            worlds.close()
        before = report.measured.get("action difference", 0.0)
        report.measured["action difference"] = max(before, float(watched.apart.max()))
        for row in np.flatnonzero(watched.first >= 0).tolist():
            where = f"training seed {seed}, episode {watched.items[row]}, step {watched.first[row]}"
            what = f"the agent's action differs by {watched.apart[row]:.2g} at most, first here"
            report.find("actions", what, file=file_of(seed, "actions"), where=where)


class _Watched:
    """A policy whose actions are compared with the recorded ones, which are the ones to apply."""

    def __init__(self, policy: Any, recorded: Recorded, items: Sequence[int]) -> None:
        self._policy, self._actions = policy, recorded.actions
        steps = np.array(recorded.info.steps)
        begins = dict(zip(recorded.info.items, (np.cumsum(steps) - steps).tolist(), strict=True))
        lengths = dict(zip(recorded.info.items, recorded.info.steps, strict=True))
        self.items = list(items)
        self._rows = np.array([item % BLOCK for item in items])
        self._begin = np.array([begins[item] for item in items])
        self._steps = np.array([lengths[item] for item in items])
        self._step = 0
        self.apart = np.zeros(len(items))  # the largest difference
        self.first = np.full(len(items), -1)  # the first step where it is too large

    def initial_state(self, batch: int) -> Any:
        return self._policy.initial_state(batch)

    def act(self, obs: Obs, state: Any, rng: BatchGenerator) -> tuple[Array, Any]:
        given, state = self._policy.act(obs, state, rng)
        ours = np.clip(np.asarray(given, np.float64), -1.0, 1.0)[self._rows]
        at = self._begin + np.minimum(self._step, self._steps - 1)
        theirs = self._actions[at].astype(np.float64)
        apart = np.abs(ours - np.clip(theirs, -1.0, 1.0)).reshape(len(at), -1).max(axis=1)
        apart = np.where(self._step < self._steps, np.nan_to_num(apart, nan=np.inf), 0.0)
        self.apart = np.maximum(self.apart, apart)
        self.first[(self.first < 0) & (apart > TOLERANCE)] = self._step
        self._step += 1
        applied = np.zeros((BLOCK, *theirs.shape[1:]))
        applied[self._rows] = theirs
        return applied, state
