"""Episodes of a robot under linear policies, one policy a row or one for all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import mujoco
import numpy as np

from entitybench.envs.core.physics import MujocoPhysics

if TYPE_CHECKING:
    from entitybench.envs.locomotion.expert import Linear
    from entitybench.envs.locomotion.world import Locomotion
    from entitybench.types import Array

HORIZON = 1000


@dataclass(slots=True)
class Seen:
    """What observations were like so far."""

    count: float
    total: Array  # (F,)
    square: Array  # (F,)

    def normal(self) -> tuple[Array, Array]:
        """Mean and deviation, (F,) each."""
        if self.count < 2:
            return np.zeros_like(self.total), np.ones_like(self.total)
        mean = self.total / self.count
        deviation = np.sqrt(np.maximum(self.square / self.count - mean**2, 0.0))
        return mean, np.where(deviation < 1e-4, 1.0, deviation)


def rollouts(
    world: Locomotion,
    policy: Linear,
    seeds: list[int],
    seen: Seen | None = None,
    horizon: int = HORIZON,
) -> tuple[Array, Array]:
    """Returns (B,) and lengths (B,) of an episode of each seed; `seen` takes note of what is seen.

    Rows that have ended are not stepped on.
    """
    physics = MujocoPhysics(world, len(seeds), 1)
    for row, seed in enumerate(seeds):
        physics.reset(row, world.start(seed), None)
    state = physics.allocate()
    physics.read(state)
    returns, lengths = np.zeros(len(seeds)), np.zeros(len(seeds), np.int64)
    rows = np.arange(len(seeds))
    nothing = np.zeros((1, world.features), np.float32)
    for step in range(horizon):
        observation = world.observe(state[rows], nothing)[:, 0].astype(np.float64)
        part = policy.see(observation, np.full(len(rows), step))
        if seen is not None:
            seen.count += len(rows)
            seen.total += part.sum(0)
            seen.square += (part * part).sum(0)
        action = np.clip(policy.of(rows).act(part), -1, 1)
        before = state[rows]
        for one, control in zip(rows, world.control(before, action), strict=True):
            physics.ctrls[one][:] = control
            mujoco.mj_step(world.model, physics.datas[one], world.substeps)
            world.refresh(world.model, physics.datas[one])
        physics.read(state)
        returns[rows] += world.reward(before, action, state[rows])
        lengths[rows] += 1
        rows = rows[~world.terminated(state[rows])]
        if not len(rows):
            break
    return returns, lengths
