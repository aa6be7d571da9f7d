"""The scripted sprite: get behind the target, and strike it so that it rolls out at its goal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.api import task_of, world_as
from entitybench.envs.causal.sprites import DAMPING, PUSH, RADIUS, WALL, SpritesWorld
from entitybench.envs.parts import lateness
from entitybench.envs.parts.observed import goal_of

if TYPE_CHECKING:
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Obs, TaskSpec

GOOD = 0.035  # m, the target will rest so near to its goal: leave it
RUN_UP = (0.05, 0.12)  # m, between the discs' edges where a strike begins
FORCE = (0.85, 1.05, 1.35)  # factors of the speed that a strike should have
ANGLE = (-0.25, -0.1, 0.0, 0.1, 0.25)  # rad, by which its direction is turned
AHEAD = 30  # control steps that a plan is tried for
ROOM = 0.115  # m, between the centres of the agent and a disc that it passes


class SpritesOracle:
    """Each step: try plans with the world's own rules, begin the one that ends best.

    Late actions are foreseen.
    """

    def __init__(self, task: TaskSpec | str) -> None:
        spec = task_of(task)
        world = world_as(spec, SpritesWorld)
        self._world = world
        self._horizon = spec.horizon
        plans = [(run, force, angle) for run in RUN_UP for force in FORCE for angle in ANGLE]
        self._plans = np.array(plans)[:, None]  # (plans, 1, 3)

    def initial_state(self, batch: int) -> lateness.Memory:
        return lateness.fresh(self._world, batch)

    def act(
        self, obs: Obs, state: lateness.Memory, rng: BatchGenerator
    ) -> tuple[Array, lateness.Memory]:
        del rng
        entities = obs.get("state", obs["observation"]).astype(np.float64)
        goal = goal_of(obs)[:, 1, :2].astype(np.float64)
        mask = obs["mask"].astype(np.float64) if "mask" in obs else None
        now = self._world.compose(entities[..., :2], entities[..., 2:], mask)
        now, state = lateness.arrival(self._world, now, state)
        states = np.array(np.broadcast_to(now, (len(self._plans), *now.shape)))
        left = self._horizon - state.steps
        first = action = self._plan(states, goal)
        loss = np.zeros(states.shape[:-1])
        for step in range(AHEAD):
            after = self._world.transition(states, action)
            states = np.where((step < left)[:, None], after, states)
            # Where it will be at rest counts, and sooner is a little better.
            loss += 0.02 * self._miss(states, goal)
            action = self._plan(states, goal)
        rolled = self._world.places(states)[..., 1, :]
        loss += self._miss(states, goal) + _length(rolled - goal)[..., 0]
        action = first[np.argmin(loss, axis=0), np.arange(len(now))]
        return action, lateness.noted(state, action)

    def _miss(self, state: Array, goal: Array) -> Array:
        """How far from its goal the target will come to rest, (...)."""
        return _length(self._rest(state) - goal)[..., 0]

    def _rest(self, state: Array) -> Array:
        """Where the target will come to rest (..., 2) if it meets no other disc."""
        place = self._world.places(state)[..., 1, :] + self._world.velocities(state)[..., 1, :] / (
            DAMPING
        )
        place = np.where(place > WALL, 2 * WALL - place, place)
        return np.where(place < -WALL, -2 * WALL - place, place)

    def _plan(self, state: Array, goal: Array) -> Array:
        """Actions (plans, B, 2)."""
        places, velocities = self._world.places(state), self._world.velocities(state)
        agent, target = places[..., 0, :], places[..., 1, :]
        speed = velocities[..., 0, :]
        run_up, force, angle = (self._plans[..., i : i + 1] for i in range(3))
        needed = DAMPING * (goal - target) - velocities[..., 1, :]
        cosine, sine = np.cos(angle), np.sin(angle)
        course = _unit(needed)
        course = np.concatenate(
            [
                cosine * course[..., :1] - sine * course[..., 1:],
                sine * course[..., :1] + cosine * course[..., 1:],
            ],
            axis=-1,
        )
        relative = agent - target
        along = relative[..., :1] * course[..., :1] + relative[..., 1:] * course[..., 1:]
        aside = relative - along * course
        off = _length(aside)
        ready = (along < -1.8 * RADIUS) & (off < 0.01 + 0.15 * np.maximum(-along - 2 * RADIUS, 0))
        strike = course * force * np.maximum(_length(needed), 0.08) - 3 * aside
        stand = target - (2 * RADIUS + run_up) * course
        stand = np.clip(stand, -WALL, WALL)
        wanted = np.where(ready, strike, self._walk(agent, stand, places[..., 1:, :]))
        # What is at its goal, or on the way there, is left alone; the agent keeps off it.
        done = self._miss(state, goal)[..., None] < GOOD
        away = np.where(_length(relative) < 4 * RADIUS, 0.4 * _unit(relative), 0.0)
        wanted = np.where(done, away, wanted)
        return np.clip((wanted - speed * (1 - DAMPING * 0.1)) / (PUSH * 0.1), -1, 1)

    def _walk(self, agent: Array, place: Array, discs: Array) -> Array:
        """Velocity (..., 2) towards a place, past the discs (..., n, 2)."""
        way = place - agent
        distance = _length(way)
        course = _unit(way)
        velocity = course * np.minimum(2.5 * distance, 0.7)
        for i in range(discs.shape[-2]):
            gap = discs[..., i, :] - agent
            ahead = gap[..., :1] * course[..., :1] + gap[..., 1:] * course[..., 1:]
            across = gap[..., 1:] * course[..., :1] - gap[..., :1] * course[..., 1:]  # left of it
            near = _length(gap)
            inside = (ahead > 0) & (ahead < distance + ROOM) & (np.abs(across) < ROOM)
            side = np.where(across > 0, -1.0, 1.0)
            normal = np.concatenate([-course[..., 1:], course[..., :1]], axis=-1) * side
            turn = np.clip(1.6 * ROOM / np.maximum(near, 1e-6) - 0.3, 0, 1.5)
            out = np.where(near < ROOM, -_unit(gap) * (ROOM - near) / 0.05, 0.0)
            detour = 0.6 * _unit(course + turn * normal + out)
            velocity = np.where(inside, detour, velocity)
        return velocity


def _length(x: Array) -> Array:
    """(..., 1)."""
    return np.sqrt(x[..., :1] * x[..., :1] + x[..., 1:] * x[..., 1:])


def _unit(x: Array) -> Array:
    return x / np.maximum(_length(x), 1e-9)
