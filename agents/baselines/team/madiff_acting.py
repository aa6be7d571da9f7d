"""How MADiff acts, in numpy: it imagines what all will see, and does what leads there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.agents.baselines.team.diffusion_acting import (
    ActingDiffusion,
    DiffusionPolicy,
    denoised,
)
from entitybench.agents.baselines.team.madt_acting import WANTED
from entitybench.agents.common.offline.policy import layers_of, perceptron
from entitybench.agents.common.team.acting import ActingTeam
from entitybench.agents.common.team.seats import Seats

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.agents.common.team.policy import TeamPolicy
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Obs

REACH = 3.0  # deviations from the mean that a window can hold
TOLD = "observations"  # of a window's denoiser: returns to go, whether told, whether known


class MADiffPolicy(DiffusionPolicy):
    """Acts with its own imagination of each agent ("alone"), or with one of the team."""

    def __init__(
        self, weights: Mapping[str, Array], choices: int | None, seats: Seats, *, w: float,
        alone: bool,
    ) -> None:  # fmt: skip
        super().__init__(weights, choices, seats)
        self.inverse = layers_of(weights, "inverse/")
        self.wanted, self.guidance, self.alone = weights[WANTED], w, alone

    def initial_state(self, batch: int) -> None:
        del batch

    def act(self, obs: Obs, state: Any, rng: BatchGenerator) -> tuple[Array, Any]:
        batch, team = obs["observation"].shape[:2]
        seen, step = self.seen(obs), state or 0
        features = seen.shape[-1] - team
        own = scaled(seen[:, :features])  # (B·M, D)
        # Alone each agent imagines a team of its own, of which it knows itself.
        teams = team if self.alone else 1
        known = np.eye(team) if self.alone else np.ones((1, team))
        known = np.tile(known.reshape(1, -1, 1), (batch, 1, 1)).reshape(-1, 1).astype(np.float32)
        shown = np.repeat(own.reshape(batch, 1, team, features), teams, 1).reshape(-1, features)
        draws = (batch, len(self.steps), teams * team, self.seats.numbers)
        noise = rng.standard_normal(draws).astype(np.float32).swapaxes(0, 1)
        noise = noise.reshape(len(self.steps), -1, self.seats.numbers)
        wanted = self.wanted[min(step, len(self.wanted) - 1)]
        told = [np.concatenate([known * x, known * 0 + x, known], -1) for x in (0.0, 1.0)]
        told[1][:, 0] = wanted

        def painted(x: Array) -> Array:
            first = known * shown + (1 - known) * x[:, :features]
            return np.concatenate([first, x[:, features:]], -1)

        def predict(x: Array, time: float) -> Array:
            at, held = np.full((batch * teams, 1), time, np.float32), painted(x)
            without, with_returns = (
                self.seats.taken(
                    self.perceptron(np.concatenate(self.seats.given(each, held, at), -1))
                )
                for each in told
            )
            clean = without + np.float32(self.guidance) * (with_returns - without)
            step = self.steps[round(time * len(self.steps))]
            found: Array = (step.whole * x - clean) / step.less  # the noise that leaves this
            return found

        window = painted(denoised(predict, noise, self.steps)).reshape(batch, teams, team, -1)
        mine = np.einsum("bmmx->bmx", window) if self.alone else window[:, 0]
        pair = mine.reshape(batch * team, -1)[:, : 2 * features]
        found = perceptron(self.inverse, np.concatenate([pair, seen[:, features:]], -1))
        return self.taken(found, batch), step + 1


class ActingMADiff(ActingDiffusion):
    """What is evaluated of a checkpoint that `MADiff` saved."""

    @classmethod
    def made(cls, weights: Mapping[str, Any], world: Any, config: Mapping[str, Any]) -> TeamPolicy:
        seats = cls._windows(world, config)
        alone = config["knows"] == "own"
        return MADiffPolicy(weights, world.actions, seats, w=config["guidance"], alone=alone)

    @classmethod
    def ends(cls, world: Any, config: Mapping[str, Any]) -> tuple[int, int]:
        seats = cls._windows(world, config)
        return seats.inputs, seats.outputs

    @staticmethod
    def _windows(world: Any, config: Mapping[str, Any]) -> Seats:
        return seats_of(*ActingTeam.observed(world), config["ahead"])


def seats_of(agents: int, features: int, ahead: int) -> Seats:
    """Of the denoiser: windows in the place of actions, three numbers of what is told."""
    return Seats(agents, 3, (ahead + 1) * features, joint=True)


def scaled(seen: Any) -> Any:
    """Standardised observations as a diffusion has them, within ±1; arrays or tensors."""
    return (seen / REACH).clip(-1, 1)
