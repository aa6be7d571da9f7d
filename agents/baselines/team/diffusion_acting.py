"""How a diffusion of joint actions acts, in numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.agents.common.team.acting import ActingTeam, outputs
from entitybench.agents.common.team.policy import TeamPolicy
from entitybench.agents.common.team.seats import Seats

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Obs

BETA, SIGNAL = "buffer/beta", "buffer/signal"  # names in a checkpoint


class DiffusionPolicy(TeamPolicy):
    """Denoises the joint action in as many passes of the network as there are steps.

    Ancestral sampling as `entitybench.agents.common.diffusion.sample`, with what is taken for the
    clean action kept within ±1.
    """

    group = "denoiser/"

    def __init__(self, weights: Mapping[str, Array], choices: int | None, seats: Seats) -> None:
        super().__init__(weights, choices)
        self.seats = seats
        beta, signal = weights[BETA], weights[SIGNAL]
        before = np.concatenate([[np.float32(1)], signal[:-1]])
        self.steps = len(beta)
        self.clean = 1 / np.sqrt(signal), np.sqrt(1 - signal) / np.sqrt(signal)
        self.kept = np.sqrt(before) * beta / (1 - signal)
        self.left = np.sqrt(1 - beta) * (1 - before) / (1 - signal)
        self.added = np.sqrt(beta * (1 - before) / (1 - signal))

    def act(self, obs: Obs, state: Any, rng: BatchGenerator) -> tuple[Array, Any]:
        batch = len(obs["observation"])
        shape = (batch, self.steps, self.seats.agents, self.seats.numbers)
        noise = rng.standard_normal(shape).astype(np.float32)
        x = self.denoised(self.seen(obs), noise.swapaxes(0, 1).reshape(self.steps, -1, shape[-1]))
        return self.taken(x, batch), state

    def denoised(self, seen: Array, noise: Array) -> Array:
        """(B·M, A), of what agents see (B·M, D + M) and noise (steps, B·M, A)."""
        rows = len(seen) // self.seats.agents
        x = noise[0]
        for t in reversed(range(self.steps)):
            time = np.full((rows, 1), t / self.steps, np.float32)
            given = np.concatenate(self.seats.given(seen, x, time), -1)
            predicted = self.seats.taken(self.perceptron(given))
            clean = (self.clean[0][t] * x - self.clean[1][t] * predicted).clip(-1, 1)
            x = self.kept[t] * clean + self.left[t] * x
            if t:
                x = x + self.added[t] * noise[self.steps - t]
        return x


class ActingDiffusion(ActingTeam):
    """What is evaluated of a checkpoint that `DiffusionBC` saved."""

    @staticmethod
    def made(weights: Mapping[str, Any], world: Any, config: Mapping[str, Any]) -> TeamPolicy:
        del config
        return DiffusionPolicy(weights, world.actions, _seats(world))

    @staticmethod
    def ends(world: Any, config: Mapping[str, Any]) -> tuple[int, int]:
        del config
        return _seats(world).inputs, _seats(world).outputs


def _seats(world: Any) -> Seats:
    agents, features = ActingTeam.observed(world)
    return Seats(agents, features, outputs(world), joint=True)
