"""How a team acts, each agent from its own observation, in numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from entitybench.agents.common.offline.policy import MeanPolicy, standardised
from entitybench.agents.common.team.actions import center_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Obs


class TeamPolicy(MeanPolicy):
    """The mean action, or of K choices the likeliest, of each of M agents."""

    def __init__(self, weights: Mapping[str, Array], choices: int | None) -> None:
        super().__init__(weights)
        self.choices = choices

    def act(self, obs: Obs, state: None, rng: BatchGenerator) -> tuple[Array, None]:
        del rng
        seen = with_ids(standardised(obs["observation"], self.mean, self.deviation))
        found = self.perceptron(seen.reshape(-1, seen.shape[-1])).reshape(*seen.shape[:2], -1)
        if self.choices is None:
            return np.tanh(found), state
        return center_of(found.argmax(-1)[..., None], self.choices), state


def with_ids(seen: Array) -> Array:
    """(..., M, D + M): what each agent sees, (..., M, D), and which it is, one-hot."""
    agents = seen.shape[-2]
    each = np.broadcast_to(np.eye(agents, dtype=seen.dtype), (*seen.shape[:-1], agents))
    return np.concatenate([seen, each], -1)
