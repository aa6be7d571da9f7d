"""Flow matching of actions: a velocity from noise to what the data did. Pure functions.

Shapes: B batch, M agents, A numbers of an action; rows are agents one after another, (..., B·M, A).
Axes in front are those of training seeds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from entitybench.agents.common.team.policy import flowed
from entitybench.agents.common.team.seated import SeatedNet

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from entitybench.agents.common.team.seats import Seats
    from entitybench.types import Batch

Tensor = torch.Tensor


class Velocity(SeatedNet):
    """v(t, o, x): of the joint action where its seats are joint, else of each agent's own."""

    def loss(
        self,
        params: Mapping[str, Tensor],
        seen: Tensor,
        action: Tensor,
        noise: Tensor,
        time: Tensor,
    ) -> Tensor:
        """Mean ‖v(t, o, (1 − t) x₀ + t a) − (a − x₀)‖² over all numbers (equation 6).

        Args:
            params: of `init`.
            seen: (..., B·M, D + M).
            action: of the data.
            noise: x₀, standard normal.
            time: t, uniform: one for the team (..., B, 1), or for each agent (..., B·M, 1).
        """
        each = time.repeat_interleave(self.seats.agents, -2) if self.seats.joint else time
        x = (1 - each) * noise + each * action
        found = self.apply(params, seen, x, time)
        return (found - (action - noise)).square().mean((-2, -1))

    def sample(
        self, params: Mapping[str, Tensor], seen: Tensor, noise: Tensor, steps: int
    ) -> Tensor:
        """Where the flow takes noise in `steps` of Euler, (..., B·M, A), not clipped."""
        found: Tensor = flowed(
            lambda x, time: self.apply(params, seen, x, self.at(x, time)), noise, steps
        )
        return found


def drawn(
    seats: Seats, rows: int, rngs: Sequence[np.random.Generator], lead: tuple[int, ...]
) -> Batch:
    """Of the loss: "flow_noise" (..., rows, A), "flow_time"; one generator a training seed."""
    times = rows // seats.agents if seats.joint else rows
    noise = np.stack([rng.standard_normal((rows, seats.numbers), np.float32) for rng in rngs])
    time = np.stack([rng.random((times, 1), np.float32) for rng in rngs])
    return {
        "flow_noise": noise.reshape(*lead, rows, seats.numbers),
        "flow_time": time.reshape(*lead, times, 1),
    }
