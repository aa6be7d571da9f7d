"""How a team acts, in numpy: each agent from its own observation, or all from those of all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from entitybench.agents.common.offline.policy import MeanPolicy, standardised
from entitybench.agents.common.team.actions import center_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from entitybench.agents.common.team.seats import Seats
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Obs

Drawn = Literal["episode", "step", "zero"]  # when an agent's noise is drawn


class TeamPolicy(MeanPolicy):
    """The mean action, or of K choices the likeliest, of each of M agents."""

    def __init__(self, weights: Mapping[str, Array], choices: int | None) -> None:
        super().__init__(weights)
        self.choices = choices

    def act(self, obs: Obs, state: Any, rng: BatchGenerator) -> tuple[Array, Any]:
        del rng
        seen = self.seen(obs)
        return self.taken(np.tanh(self.perceptron(seen)), len(obs["observation"])), state

    def seen(self, obs: Obs) -> Array:
        """(B·M, D + M)."""
        seen = with_ids(standardised(obs["observation"], self.mean, self.deviation))
        return seen.reshape(-1, seen.shape[-1])

    def taken(self, found: Array, batch: int) -> Array:
        """Actions (B, M, A) as the world takes them, of (B·M, A), or of scores (B·M, K)."""
        found = found.reshape(batch, -1, found.shape[-1])
        if self.choices is None:
            return found.clip(-1, 1).astype(np.float32)
        return center_of(found.argmax(-1)[..., None], self.choices)


class NoisyPolicy(TeamPolicy, ABC):
    """Makes an action of what an agent sees and of noise.

    A method gives `made`. State: the noise (B, M, A) of the episode, None before its first step.
    """

    def __init__(self, weights: Mapping[str, Array], choices: int | None, drawn: Drawn) -> None:
        super().__init__(weights, choices)
        self.drawn = drawn

    @abstractmethod
    def made(self, seen: Array, noise: Array) -> Array:
        """(B·M, A), of what agents see (B·M, D + M) and the team's noise (B, M, A)."""

    def act(self, obs: Obs, state: Any, rng: BatchGenerator) -> tuple[Array, Any]:
        batch, agents = obs["observation"].shape[:2]
        shape = (batch, agents, self.width)
        if self.drawn == "zero":
            noise = np.zeros(shape, np.float32)
        elif state is None or self.drawn == "step":
            noise = rng.standard_normal(shape).astype(np.float32)
        else:
            noise = state
        found = self.made(self.seen(obs), noise)
        return self.taken(found, batch), noise if self.drawn == "episode" else None

    @property
    def width(self) -> int:
        """Numbers of an agent's noise, those of its action."""
        return int(self.layers[-1][0].shape[1])


class StudentPolicy(NoisyPolicy):
    """One pass of a perceptron from an agent's observation and its noise to its action.

    With `shared` each agent knows the noise of all, drawn from a seed that they agree on before an
    episode; nobody hears of another's observation or action.
    """

    def __init__(
        self, weights: Mapping[str, Array], choices: int | None, drawn: Drawn, *, shared: bool
    ) -> None:
        super().__init__(weights, choices, drawn)
        self.shared = shared

    def made(self, seen: Array, noise: Array) -> Array:
        batch, agents, width = noise.shape
        if self.shared:
            own = np.repeat(noise.reshape(batch, agents * width), agents, 0)
        else:
            own = noise.reshape(batch * agents, width)
        return self.perceptron(np.concatenate([seen, own], -1))


class FlowPolicy(NoisyPolicy):
    """Follows a flow from noise to actions: of all agents together, where `seats` are joint."""

    group = "flow/"

    def __init__(
        self,
        weights: Mapping[str, Array],
        choices: int | None,
        drawn: Drawn,
        *,
        seats: Seats,
        steps: int,
    ) -> None:
        super().__init__(weights, choices, drawn)
        self.seats, self.steps = seats, steps

    @property
    def width(self) -> int:
        return self.seats.numbers

    def made(self, seen: Array, noise: Array) -> Array:
        rows = len(noise) if self.seats.joint else len(seen)

        def velocity(x: Array, time: float) -> Array:
            at = np.full((rows, 1), time, np.float32)
            return self.seats.taken(
                self.perceptron(np.concatenate(self.seats.given(seen, x, at), -1))
            )

        found: Array = flowed(velocity, noise.reshape(len(seen), -1), self.steps)
        return found


def flowed(velocity: Callable[[Any, float], Any], noise: Any, steps: int) -> Any:
    """Where Euler's method takes noise from time 0 to 1; arrays or tensors.

    Args:
        velocity: of x (..., B·M, A) at a time.
        noise: x at time 0.
        steps: of equal length.
    """
    x = noise
    for k in range(steps):
        x = x + velocity(x, k / steps) / steps
    return x


def with_ids(seen: Array) -> Array:
    """(..., M, D + M): what each agent sees, (..., M, D), and which it is, one-hot."""
    agents = seen.shape[-2]
    each = np.broadcast_to(np.eye(agents, dtype=seen.dtype), (*seen.shape[:-1], agents))
    return np.concatenate([seen, each], -1)
