"""A point that carries a load: the smallest world in which hindsight must learn to act.

Row 0 is the point, row 1 the load, which goes along while the point is within reach of it. A goal
is a place of the load. An action of 1 moves by 6 cm; the box is ±20 cm. The load lies on the point
when an episode begins, or anywhere.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from entitybench.envs.core.world import ArrayMixin, GoalWorld, Start
from entitybench.seeding import BatchGenerator, generator
from entitybench.types import TaskSpec

STEP, BOX, REACH, NEAR = 0.06, 0.2, 0.1, 0.06  # m


class Carry(ArrayMixin, GoalWorld):
    entities = 2
    feature_names = ("x", "y")
    action_dim = 2
    control_dt = physics_dt = 0.1
    memory = 4
    bodies = ("point", "load")
    bounds = np.full(2, BOX, np.float32)

    def __init__(self, apart=False):
        self.apart = apart

    def spec(self):
        raise NotImplementedError

    def start(self, seed):
        places = generator(seed, "carry").uniform(-BOX, BOX, (3, 2))
        goal = np.zeros((2, 2), np.float32)
        goal[1] = places[2]
        if not self.apart:
            places[1] = places[0]
        return Start(np.zeros(0), np.zeros((2, 2), np.float32), goal, memory=places[:2].ravel())

    def observe(self, state, constants):
        return state.reshape(*state.shape[:-1], 2, 2).astype(np.float32)

    def transition(self, state, action):
        place = state.reshape(*state.shape[:-1], 2, 2)
        after = np.clip(place + STEP * action[..., None, :] * self._moves(place), -BOX, BOX)
        return after.reshape(state.shape)

    @staticmethod
    def _moves(place):
        """Whether point and load go along: (..., 2, 1)."""
        apart = np.linalg.norm(place[..., 0, :] - place[..., 1, :], axis=-1)
        return np.stack([np.ones_like(apart), apart < REACH], -1)[..., None]

    def touching(self, before, action, after):
        found = np.zeros((*before.shape[:-1], 2, 2), bool)
        moved = self._moves(before.reshape(*before.shape[:-1], 2, 2))[..., 1, 0] > 0
        found[..., 1, 0] = found[..., 0, 1] = moved
        return found

    def achieved(self, observation):
        goal = np.zeros_like(observation)
        goal[..., 1, :] = observation[..., 1, :]
        return goal

    def solved(self, achieved, desired):
        away = np.linalg.norm((achieved - desired)[..., 1, :], axis=-1)
        return (away < NEAR)[..., None]

    def goal_qpos(self, goal):
        raise NotImplementedError


TASK = TaskSpec(id="carry", version=1, kind="goal-control", target=f"{__file__}:Carry", horizon=15)
APART = dataclasses.replace(TASK, id="carry-apart", kwargs={"apart": True})


def success(policy, worlds):
    """The share of episodes in which the load is brought to its place."""
    count = worlds.batch
    obs, state = worlds.reset(range(count)), policy.initial_state(count)
    rng = BatchGenerator([generator(0, "episode", k) for k in range(count)])
    reached = np.zeros(count, bool)
    for _ in range(worlds.horizon):
        action, state = policy.act(obs, state, rng)
        obs, info = worlds.step(action)
        reached |= info["is_success"]
    return float(reached.mean())
