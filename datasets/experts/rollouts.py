"""Episodes of a robot under linear policies, one policy a row or one for all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.core.batch import Worlds
from entitybench.envs.core.play import play
from entitybench.seeding import BatchGenerator, generator

if TYPE_CHECKING:
    from entitybench.envs.locomotion.expert import Linear
    from entitybench.envs.locomotion.world import Locomotion
    from entitybench.types import Array, Obs

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
    count = len(seeds)
    worlds = Worlds(world, count, horizon=horizon)
    acting = _Acting(policy, world.action_dim, np.arange(count), seen)
    rng = BatchGenerator([generator(seed, "rollouts") for seed in seeds])
    returns, lengths = np.zeros(count), np.zeros(count, np.int64)
    for step in play(worlds, acting, worlds.reset(seeds), rng, horizon):
        rows = acting.rows
        returns[rows] += step.info["reward"][rows]
        lengths[rows] += 1
        ended = step.info.get("terminated", np.zeros(count, bool))
        acting.rows = rows[~ended[rows]]
        worlds.rest(rows[ended[rows]].tolist())
        if not len(acting.rows):
            break
    worlds.close()
    return returns, lengths


@dataclass(slots=True)
class _Acting:
    """Linear policies of the rows that go on; the others do nothing."""

    policy: Linear
    size: int  # A
    rows: Array  # that go on
    seen: Seen | None

    def initial_state(self, batch: int) -> int:
        """Control steps so far."""
        del batch
        return 0

    def act(self, obs: Obs, state: int, rng: BatchGenerator) -> tuple[Array, int]:
        rows, seen = self.rows, self.seen
        observation = obs["observation"][rows, 0].astype(np.float64)
        part = self.policy.see(observation, np.full(len(rows), state))
        if seen is not None:
            seen.count += len(rows)
            seen.total += part.sum(0)
            seen.square += (part * part).sum(0)
        action = np.zeros((len(rng), self.size))
        action[rows] = np.clip(self.policy.of(rows).act(part), -1, 1)
        return action, state + 1
