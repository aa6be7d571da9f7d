"""The rows of agents as the inputs of a network for all of them, or for each; arrays or tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Seats:
    """Where M agents' numbers stand in the inputs and outputs of a network.

    Rows are agents one after another, (..., B·M, numbers). A network of the team ("joint") has
    (..., B, M·numbers) instead, all agents in one row; one for each agent keeps the rows.
    """

    agents: int  # M
    features: int  # D of what an agent sees, without its id
    numbers: int  # A of its action, or K choices
    joint: bool

    @property
    def inputs(self) -> int:
        """How many numbers `given` has, the time included."""
        if self.joint:
            return self.agents * (self.features + self.numbers) + 1
        return self.features + self.agents + self.numbers + 1

    @property
    def outputs(self) -> int:
        return self.agents * self.numbers if self.joint else self.numbers

    def given(self, seen: Any, x: Any, time: Any) -> list[Any]:
        """The parts of the network's input, to be concatenated along the last axis.

        Args:
            seen: (..., B·M, D + M) of `TeamLearner.flat`; ids say nothing where all are there.
            x: (..., B·M, A), actions on their way.
            time: (..., B or B·M, 1), one for each of the network's rows.
        """
        if self.joint:
            seen, x = self.together(seen[..., : self.features]), self.together(x)
        return [seen, x, time]

    def taken(self, y: Any) -> Any:
        """(..., B·M, A) of what the network gives."""
        if not self.joint:
            return y
        return y.reshape(*y.shape[:-2], y.shape[-2] * self.agents, self.numbers)

    def together(self, x: Any) -> Any:
        """(..., B, M·n) of (..., B·M, n)."""
        return x.reshape(*x.shape[:-2], x.shape[-2] // self.agents, self.agents * x.shape[-1])
