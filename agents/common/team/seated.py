"""A perceptron of agents' rows, with `Seats` for its inputs and outputs; a pure function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from entitybench.agents.common.mlp import init_mlp, mlp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.agents.common.layers import Params
    from entitybench.agents.common.team.seats import Seats

Tensor = torch.Tensor


@dataclass(frozen=True)
class SeatedNet:
    """From what is seen, actions on their way and the time to numbers of an action."""

    seats: Seats
    hidden: tuple[int, ...]

    def init(self, generator: torch.Generator) -> Params:
        return init_mlp(1, (self.seats.inputs, *self.hidden, self.seats.outputs), generator)

    def apply(self, params: Mapping[str, Tensor], seen: Tensor, x: Tensor, time: Tensor) -> Tensor:
        """(..., B·M, A); arguments as `Seats.given` has them."""
        given = torch.cat(self.seats.given(seen, x, time), -1)
        found = mlp(params, given.unsqueeze(-3), len(self.hidden) + 1)[..., 0, :, :]
        result: Tensor = self.seats.taken(found)
        return result

    def at(self, x: Tensor, time: float) -> Tensor:
        """One time for all of the network's rows, as `apply` takes it with x (..., B·M, A)."""
        rows = x.shape[-2] // (self.seats.agents if self.seats.joint else 1)
        return x.new_full((*x.shape[:-2], rows, 1), time)
