"""How diffusions of actions are denoised, and act, in numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from entitybench.agents.common.team.acting import ActingTeam, outputs
from entitybench.agents.common.team.policy import TeamPolicy
from entitybench.agents.common.team.seats import Seats

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Obs

BETA, SIGNAL = "buffer/beta", "buffer/signal"  # names in a checkpoint


class DiffusionPolicy(TeamPolicy):
    """Denoises actions in as many passes of the network as there are steps."""

    group = "denoiser/"

    def __init__(self, weights: Mapping[str, Array], choices: int | None, seats: Seats) -> None:
        super().__init__(weights, choices)
        self.seats = seats
        self.steps = steps_of(weights[BETA], weights[SIGNAL])

    def act(self, obs: Obs, state: Any, rng: BatchGenerator) -> tuple[Array, Any]:
        batch, seen = len(obs["observation"]), self.seen(obs)
        shape = (batch, len(self.steps), self.seats.agents, self.seats.numbers)
        noise = rng.standard_normal(shape).astype(np.float32)
        rows = batch if self.seats.joint else len(seen)

        def predict(x: Array, time: float) -> Array:
            at = np.full((rows, 1), time, np.float32)
            given = np.concatenate(self.seats.given(seen, x, at), -1)
            found: Array = self.seats.taken(self.perceptron(given))
            return found

        by_step = noise.swapaxes(0, 1).reshape(len(self.steps), len(seen), -1)
        return self.taken(denoised(predict, by_step, self.steps), batch), state


class Step(NamedTuple):
    """x_{t−1} = kept · clip(whole · x − less · ε) + left · x + added · noise."""

    whole: float
    less: float
    kept: float
    left: float
    added: float


def steps_of(beta: Any, signal: Any) -> list[Step]:
    """Of variances β and products of 1 − β, (K,) each, the first step of denoising last."""
    found, before = [], 1.0
    for b, s in zip(map(float, beta), map(float, signal), strict=True):
        found.append(
            Step(
                whole=s**-0.5,
                less=((1 - s) / s) ** 0.5,
                kept=before**0.5 * b / (1 - s),
                left=(1 - b) ** 0.5 * (1 - before) / (1 - s),
                added=(b * (1 - before) / (1 - s)) ** 0.5,
            )
        )
        before = s
    return found


def denoised(predict: Callable[[Any, float], Any], noise: Any, steps: Sequence[Step]) -> Any:
    """Actions (..., B·M, A) of noise (..., K, B·M, A) by ancestral sampling; arrays or tensors.

    As `entitybench.agents.common.diffusion.sample`, with what is taken for the clean action kept
    within ±1.

    Args:
        predict: the noise in x at a time, t / K.
        noise: standard normal: the start, then what each step but the last adds.
        steps: of `steps_of`.
    """
    count = len(steps)
    x = noise[..., 0, :, :]
    for t in reversed(range(count)):
        at = steps[t]
        clean = (at.whole * x - at.less * predict(x, t / count)).clip(-1, 1)
        x = at.kept * clean + at.left * x
        if t:
            x = x + at.added * noise[..., count - t, :, :]
    return x


class ActingDiffusion(ActingTeam):
    """What is evaluated of a checkpoint that `DiffusionBC` saved."""

    joint: ClassVar[bool] = True  # all agents by one network

    @classmethod
    def made(cls, weights: Mapping[str, Any], world: Any, config: Mapping[str, Any]) -> TeamPolicy:
        del config
        return DiffusionPolicy(weights, world.actions, cls._seats(world))

    @classmethod
    def ends(cls, world: Any, config: Mapping[str, Any]) -> tuple[int, int]:
        del config
        return cls._seats(world).inputs, cls._seats(world).outputs

    @classmethod
    def _seats(cls, world: Any) -> Seats:
        agents, features = ActingTeam.observed(world)
        return Seats(agents, features, outputs(world), cls.joint)


class ActingFactors(ActingDiffusion):
    """What is evaluated of a checkpoint that `DoF` saved: each agent denoises its own action."""

    joint = False
