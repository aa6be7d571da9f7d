"""The scripted team for spread: which agent takes which landmark is decided by trying all ways."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.api import task_of, world_as
from entitybench.envs.parts import lateness
from entitybench.envs.team.spread import AGENTS, WAYS, OmarSpreadWorld, SpreadWorld
from entitybench.errors import BadValue

if TYPE_CHECKING:
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Obs, TaskSpec

APART = 0.302  # m, two agents so far apart do not bump
SPARE = 0.09  # m, an agent so far from its landmark still has it


class SpreadOracle:
    """Each step: simulate every assignment to the end with the world's own rules; take the best.

    Agents go to their landmarks as fast as they can stop there, a little to the side where two
    landmarks are so near that their agents would bump. Late actions are foreseen.
    """

    def __init__(self, task: TaskSpec | str, *, convention: int | None = None) -> None:
        """Make it.

        Args:
            convention: 0 to 5, an assignment that all episodes keep (agent i takes landmark
                WAYS[convention][i]); None: the best of each moment.
        """
        spec = task_of(task)
        world = world_as(spec, SpreadWorld)
        if convention is not None and not 0 <= convention < len(WAYS):
            raise BadValue(f"a convention of spread is 0 to {len(WAYS) - 1}: got {convention}.")
        self._world = world
        self._horizon = spec.horizon
        self._ways = WAYS if convention is None else WAYS[convention : convention + 1]
        # In OMAR's form an agent within 0.1 m of its landmark loses nothing by standing aside.
        self._most_aside = SPARE if isinstance(world, OmarSpreadWorld) else np.inf

    def initial_state(self, batch: int) -> lateness.Memory:
        return lateness.fresh(self._world, batch)

    def act(
        self, obs: Obs, state: lateness.Memory, rng: BatchGenerator
    ) -> tuple[Array, lateness.Memory]:
        del rng
        now, state = lateness.arrival(self._world, self._world.recall(obs["state"]), state)
        posts = self._posts(self._world.places(now)[:, AGENTS:])
        targets = np.swapaxes(posts[:, self._ways], 0, 1)  # (ways, B, 3, 2)
        best = self._best(now, targets, self._horizon - state.steps)
        rows = np.arange(len(now))
        action = self._towards(now, targets[best, rows])
        return action, lateness.noted(state, action)

    def _best(self, now: Array, targets: Array, left: Array) -> Array:
        """The assignment (B,) with the greatest return over the steps (B,) that are left."""
        if len(targets) == 1:
            return np.zeros(len(now), np.int64)
        states = np.array(np.broadcast_to(now, (len(targets), *now.shape)))
        total = np.zeros(states.shape[:-1])
        for step in range(int(left.max())):
            action = self._towards(states, targets)
            after = self._world.transition(states, action)
            terms = self._world.reward_terms(states, action, after)
            reward = np.ascontiguousarray(sum(terms.values()))
            team = reward[..., 0] + reward[..., 1] + reward[..., 2]
            total += np.where(step < left, team, 0.0)
            states = after
        # Equal ones: the first.
        return np.argmax(total, axis=0)

    def _posts(self, landmarks: Array) -> Array:
        """Where to stand (B, 3, 2) for the landmarks (B, 3, 2): there, or as far aside as needs."""
        posts = landmarks.copy()
        for _ in range(12):
            for i in range(AGENTS):
                for j in range(i):
                    gap = posts[:, i] - posts[:, j]
                    length = np.maximum(np.sqrt(gap[:, 0] ** 2 + gap[:, 1] ** 2), 1e-6)[:, None]
                    push = np.maximum(APART - length, 0) / 2 * gap / length
                    posts[:, i] += push
                    posts[:, j] -= push
            aside = posts - landmarks
            length = np.sqrt(aside[..., 0] ** 2 + aside[..., 1] ** 2)[..., None]
            posts = landmarks + aside * np.minimum(1, self._most_aside / np.maximum(length, 1e-9))
        return posts

    def _towards(self, state: Array, targets: Array) -> Array:
        """Actions (..., 3, 2) that take each agent to its target and stop it there."""
        places = self._world.places(state)[..., :AGENTS, :]
        velocities = self._world.velocities(state)
        way = targets - places - 0.1 * velocities  # what is left after this step, whatever is done
        far = np.abs(way)
        # The fastest from which full braking (v becomes 0.75 v - 0.5) still stops in time.
        speed = np.minimum(
            10 * far, np.minimum((10 * far + 0.5) / 1.75, (10 * far + 1.375) / 2.3125)
        )
        return np.clip((np.sign(way) * np.minimum(speed, 2) - 0.75 * velocities) / 0.5, -1, 1)
