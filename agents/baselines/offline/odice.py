"""O-DICE: dual reinforcement learning with V alone, whose two gradients are made orthogonal.

Mao, Xu, Zhang and Zhan, "ODICE: Revealing the Mystery of Distribution Correction Estimation via
Orthogonal-gradient Update", ICLR 2024.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from entitybench.agents.common.bounds import bounded
from entitybench.agents.common.offline.config import RewardConfig, constant
from entitybench.agents.common.offline.dual import conjugate
from entitybench.agents.common.offline.losses import MOST_WEIGHT, weighted
from entitybench.agents.common.offline.networks import Actor, Critic
from entitybench.agents.common.offline.rewards import RewardLearner
from entitybench.errors import BadValue

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from entitybench.agents.common.layers import Params
    from entitybench.types import TaskSpec

Tensor = torch.Tensor
_OWN = (-3, -2, -1)  # axes of a parameter of one training seed: members, inputs, outputs


@dataclass(frozen=True, kw_only=True)
class ODICEConfig(RewardConfig):
    """Settings of O-DICE. Raises BadValue."""

    discount: float = 0.99  # γ
    target_rate: float = 0.005
    balance: float = 0.6  # λ
    backward: float = 1.0  # η, weight of the gradient through the next value

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, discount="[0, 1]", target_rate="(0, 1]", balance="(0, 1)")
        bounded(self, backward="[0, inf)")
        if self.compile:
            raise BadValue("compile is false for odice, whose loss is made of gradients: got True.")


def orthogonal(gradients: Sequence[Tensor], to: Sequence[Tensor]) -> list[Tensor]:
    """Gradients less what of them is along others; of each training seed by itself."""
    along = sum((g * t).sum(_OWN, keepdim=True) for g, t in zip(gradients, to, strict=True))
    size = sum(t.square().sum(_OWN, keepdim=True) for t in to)
    share = along / (size + 1e-12)
    return [g - share * t for g, t in zip(gradients, to, strict=True)]


class ODICE(RewardLearner):
    """V twice with slow targets, the smaller one counts, and a Gaussian policy.

    δ = r + γ m V̄(s') − V(s), and backward r + γ m V(s') − V̄(s)
    ∇ = (1 − λ) ∇E V(s) + λ ∇E f*_p(δ) + η λ ∇E f*_p(backward), the last orthogonal to the second
    L_π = −E max(δ, 0) log π(a | s), the weight at most 100
    """

    config_class: ClassVar[type[Any]] = ODICEConfig
    targets: ClassVar[Mapping[str, str]] = {"value_target": "value"}
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"phases": constant(40, 1e-3), "batch_size": 32, "hidden": (16, 16)},
        "small": {"phases": constant(5_000, 1e-3), "batch_size": 128, "hidden": (64, 64)},
        "paper": {"phases": constant(1_000_000, 2e-4), "batch_size": 256, "hidden": (256, 256)},
    }

    def __init__(self, config: Any, task: TaskSpec, *, seed: int, device: str = "cpu") -> None:
        super().__init__(config, task, seed=seed, device=device)
        self.actor = Actor(self.states, self.actions, config.hidden, "gaussian")
        self.value = Critic(self.states, 0, config.hidden, members=2)

    def init(self, rng: torch.Generator) -> None:
        self.params = {"value": self.value.init(rng), "actor": self.actor.init(rng)}

    def losses(
        self,
        params: Mapping[str, Params],
        batch: dict[str, Tensor],
        constants: dict[str, Tensor],
    ) -> tuple[Tensor, dict[str, Tensor]]:
        del constants
        state, after = batch["observations"], batch["next_observations"]
        here, there = (self.value.value(params["value"], s).amin(-2) for s in (state, after))
        slow, slow_next = (
            self.value.value(params["value_target"], s).amin(-2) for s in (state, after)
        )
        decay = self.config.discount * batch["masks"]
        forward = batch["rewards"] + decay * slow_next - here
        backward = batch["rewards"] + decay * there - slow
        balance = self.config.balance
        plain = (1.0 - balance) * here.mean(-1)
        parts = [balance * conjugate(delta).mean(-1) for delta in (forward, backward)]
        value_loss = self.with_gradient(params["value"], plain, *parts)

        mean = self.actor.act(params["actor"], state)
        weight = forward.detach().clamp(0.0, MOST_WEIGHT)
        actor_loss = weighted(weight, self.actor.error(params["actor"], mean, batch["actions"]))
        logs = {
            "value_loss": plain + parts[0],
            "backward_loss": parts[1],
            "actor_loss": actor_loss,
            "value": here.mean(-1),
            "weight": weight.mean(-1),
            "bc_error": (mean - batch["actions"]).square().mean((-2, -1)),
        }
        return value_loss + actor_loss, {name: value.detach() for name, value in logs.items()}

    def with_gradient(
        self, params: Mapping[str, Tensor], plain: Tensor, forward: Tensor, backward: Tensor
    ) -> Tensor:
        """A number whose gradient is the wanted one: the parameters times that, held."""
        learned = [p for p in params.values() if p.requires_grad]
        if not learned:  # in a phase that leaves V alone
            return plain.detach()
        each = [
            torch.autograd.grad(loss.sum(), learned, retain_graph=True)
            for loss in (plain, forward, backward)
        ]
        second = orthogonal(each[2], each[1])
        total = torch.zeros_like(plain)
        for p, first, ahead, behind in zip(learned, each[0], each[1], second, strict=True):
            total = total + (p * (first + ahead + self.config.backward * behind)).sum(_OWN)
        return total
