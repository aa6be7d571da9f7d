"""A point that goes where it is told: the smallest task that every learner must solve.

Row 0 is the point, row 1 a load that lies on it and that the goal speaks of. Features: x, y (m), a
pose that never changes, and two ids. An action of 1 moves by 3 cm; the box is ±32 cm.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from entitybench.agents.common.goal.config import GoalPhase
from entitybench.datasets.sampling.goals import GoalMix
from entitybench.registry import agent, resolve
from entitybench.seeding import BatchGenerator, generator
from entitybench.types import TaskSpec

STEP, BOX, NEAR = 0.03, 0.32, 0.04  # m: of one action, half the box, success
EPISODES, LENGTH = 200, 60


class PointWorld:
    entities = 2
    feature_names = ("x", "y", "pose", "id0", "id1")
    fixed_names = ("id0", "id1")
    action_dim = 2

    def observe(self, position):
        out = np.zeros((*position.shape[:-1], 2, 5), np.float32)
        out[..., :2] = position[..., None, :]
        out[..., 0, 3] = out[..., 1, 4] = 1.0
        return out

    def achieved(self, observation):
        goal = np.zeros_like(observation)
        goal[..., 1, [0, 1, 3, 4]] = observation[..., 1, [0, 1, 3, 4]]
        return goal

    def reward(self, achieved, desired):
        away = np.linalg.norm((achieved - desired)[..., 1, :2], axis=-1)
        return np.where(away < NEAR, 0.0, -1.0).astype(np.float32)


def move(position, action):
    return np.clip(position + STEP * np.clip(action, -1, 1), -BOX, BOX)


TASK = TaskSpec(
    id="point", version=1, kind="goal-control", target=f"{__file__}:PointWorld", horizon=LENGTH
)


class Store:
    """Episodes in memory: the point wanders from one random place to the next, with noise."""

    id, content_hash = "point/play", "none"

    def __init__(self, seed=0):
        rng = np.random.default_rng(seed)
        position = rng.uniform(-BOX, BOX, (EPISODES, 2))
        target = rng.uniform(-BOX, BOX, (EPISODES, 2))
        positions, actions = [position], []
        for _ in range(LENGTH):
            there = np.linalg.norm(target - position, axis=-1) < STEP
            target[there] = rng.uniform(-BOX, BOX, (there.sum(), 2))
            away = target - position
            action = away / np.linalg.norm(away, axis=-1, keepdims=True)
            action = np.clip(action + 0.3 * rng.standard_normal(action.shape), -1, 1)
            position = move(position, action)
            positions.append(position)
            actions.append(action)
        actions.append(np.zeros_like(action))  # padding
        rows = np.stack(positions, 1).reshape(-1, 2)
        self.observations = PointWorld().observe(rows)
        self.actions = np.stack(actions, 1).reshape(-1, 2).astype(np.float32)
        self.offsets = np.arange(EPISODES + 1) * (LENGTH + 1)
        self.lengths = np.full(EPISODES, LENGTH)


def train(id, store, *, updates, **changes):
    """An agent with narrow networks after some updates, and its last metrics."""
    target = resolve(agent(id).target)
    config = target.configure(agent(id), "small", TASK)
    first, second = 2 * updates // 3, updates - 2 * updates // 3
    phases = (
        GoalPhase(
            updates=first,
            alpha=0.3,
            learning_rate=1e-3,
            final_learning_rate=1e-3,
            mix=GoalMix(geometric=1.0, mean_steps=25),
        ),
        GoalPhase(
            updates=second,
            alpha=0.05,
            learning_rate=5e-4,
            final_learning_rate=1e-4,
            mix=GoalMix(uniform=1.0),
        ),
    )
    narrow = {"width": 32, "hidden": 32, "head": 64, "batch_size": 128, "compile": False}
    narrow |= {"subgoal_width": 32, "subgoal_hidden": 64, "subgoal_layers": 2, "samples": 16}
    narrow |= {"high_level_from": 0, "subgoal_steps": 8, "replan_steps": 4, "radius_steps": 10}
    known = {field.name for field in dataclasses.fields(config)}
    narrow = {k: v for k, v in {**narrow, **changes}.items() if k in known}
    config = dataclasses.replace(config, phases=phases, **narrow)
    one = target.create(config, TASK, seed=0, data=store)
    while one.step < one.total:
        metrics = one.advance(store)
    return one, metrics


def success(policy, *, episodes=64, steps=40):
    """The share of episodes that end at their goal; none begins there."""
    world, rng = PointWorld(), np.random.default_rng(7)
    position, place = rng.uniform(-BOX, BOX, (2, episodes, 2))
    near = np.linalg.norm(position - place, axis=-1) < 4 * NEAR
    place[near] = -place[near] + np.where(np.abs(place[near]) < 0.1, 0.25, 0.0)
    goal = world.achieved(world.observe(place))
    rows = BatchGenerator([generator(0, "episode", k) for k in range(episodes)])
    state = policy.initial_state(episodes)
    for _ in range(steps):
        obs = {"observation": world.observe(position), "desired_goal": goal}
        action, state = policy.act(obs, state, rows)
        position = move(position, action)
    return float((world.reward(world.achieved(world.observe(position)), goal) == 0).mean())
