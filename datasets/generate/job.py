"""The generation of a dataset as work that processes share: a part is a block of its plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from entitybench.datasets.generate.block import make_block
from entitybench.datasets.generate.plan import Plan

if TYPE_CHECKING:
    from entitybench.datasets.generate.parts import Part


@dataclass(frozen=True, slots=True)
class Generation:
    """A `parts.Job`: the blocks of a plan."""

    plan: Plan

    def part(self, index: int) -> Part:
        return make_block(self.plan, self.plan.blocks()[index])

    def counts(self) -> list[int]:
        """The number of episodes of each block."""
        return [len(block) for block in self.plan.blocks()]

    def arguments(self) -> dict[str, Any]:
        return self.plan.arguments()

    def json(self) -> dict[str, Any]:
        return self.plan.json()

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        return cls(Plan.from_json(value))
