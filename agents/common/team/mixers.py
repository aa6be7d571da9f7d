"""Values of agents made one value of the team by weights that depend on the team's state.

Shapes: E members, B batch, M agents, S numbers of the state. All are pure functions; parameters,
values and states may have further axes in front (of training seeds).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from entitybench.agents.common.mlp import init_mlp, mlp

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.agents.common.layers import Params

Tensor = torch.Tensor
Weights = tuple[Tensor, Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class Hypernets:
    """Perceptrons with one hidden layer from the state to numbers of several names."""

    states: int  # S
    hidden: int
    outputs: Mapping[str, int]  # name -> how many numbers

    def init(self, generator: torch.Generator) -> Params:
        """Fresh parameters "<name>.layer<k>.…"; their first outputs are near 1 in size."""
        found: Params = {}
        for name, count in self.outputs.items():
            own = init_mlp(1, (self.states, self.hidden, count), generator)
            found |= {f"{name}.{key}": value for key, value in own.items()}
        return found

    def value(self, params: Mapping[str, Tensor], name: str, state: Tensor) -> Tensor:
        """(..., B, count) at states (..., B, S)."""
        start = f"{name}."
        own = {k[len(start) :]: p for k, p in params.items() if k.startswith(start)}
        return mlp(own, state.unsqueeze(-3), 2)[..., 0, :, :]


@dataclass(frozen=True)
class MonotoneMixer:
    """Q_tot = ELU(q W₁(s) + b₁(s)) · w₂(s) + b₂(s) with W₁, w₂ ≥ 0: it grows with every q_i.

    Rashid et al., "QMIX: Monotonic Value Function Factorisation for Deep Multi-Agent Reinforcement
    Learning", ICML 2018.
    """

    agents: int
    states: int
    embedding: int = 32
    hidden: int = 64

    @property
    def nets(self) -> Hypernets:
        m, e = self.agents, self.embedding
        return Hypernets(self.states, self.hidden, {"w1": m * e, "b1": e, "w2": e, "b2": 1})

    def init(self, generator: torch.Generator) -> Params:
        """Fresh parameters; where the state says nothing, it begins as the sum of the values.

        With weights of zero there, as published, |·| has no slope and agents would count for ever
        nothing.
        """
        params = self.nets.init(generator)
        params["w1.layer1.bias"].fill_(1.0)
        params["w2.layer1.bias"].fill_(1.0 / self.embedding)
        return params

    def mix(self, params: Mapping[str, Tensor], q: Tensor, state: Tensor) -> Tensor:
        """(..., E, B) of values (..., E, B·M) at states (..., B, S)."""
        return self.mixed(self.weights(params, state), q)

    def gains(self, params: Mapping[str, Tensor], state: Tensor) -> Tensor:
        """`gains_of` the weights at states (..., B, S)."""
        return self.gains_of(self.weights(params, state))

    def mixed(self, weights: Weights, q: Tensor) -> Tensor:
        """(..., E, B) of values (..., E, B·M) by the `weights` of B states."""
        w1, b1, w2, b2 = weights
        x = q.unflatten(-1, (-1, 1, self.agents))  # (..., E, B, 1, M)
        inner = F.elu((x @ w1.unsqueeze(-4))[..., 0, :] + b1.unsqueeze(-3))  # (..., E, B, e)
        return (inner * w2.unsqueeze(-3)).sum(-1) + b2[..., 0].unsqueeze(-2)

    def gains_of(self, weights: Weights) -> Tensor:
        """(..., B, M): W₁ w₂, how much each q_i counts where no unit saturates."""
        w1, _, w2, _ = weights
        return (w1 * w2.unsqueeze(-2)).sum(-1)

    def weights(self, params: Mapping[str, Tensor], state: Tensor) -> Weights:
        """W₁ (..., B, M, e), b₁ (..., B, e), w₂ (..., B, e), b₂ (..., B, 1) at states (..., B, S).

        Nearly all that mixing costs: values that are mixed at the same states share them.
        """
        value = {name: self.nets.value(params, name, state) for name in self.nets.outputs}
        w1 = value["w1"].abs().unflatten(-1, (self.agents, self.embedding))
        return w1, value["b1"], value["w2"].abs(), value["b2"]


@dataclass(frozen=True)
class LinearMixer:
    """Q_tot = Σ_i w_i(s) q_i + b(s), w ≥ 0.

    Wang et al., "Offline Multi-Agent Reinforcement Learning with Implicit Global-to-Local Value
    Regularization", NeurIPS 2023, equation 6.
    """

    agents: int
    states: int
    hidden: int = 64

    @property
    def nets(self) -> Hypernets:
        return Hypernets(self.states, self.hidden, {"w": self.agents, "b": 1})

    def init(self, generator: torch.Generator) -> Params:
        return self.nets.init(generator)

    def gains(self, params: Mapping[str, Tensor], state: Tensor) -> Tensor:
        """W (..., B, M)."""
        return self.nets.value(params, "w", state).abs()

    def mix(self, params: Mapping[str, Tensor], q: Tensor, state: Tensor) -> Tensor:
        """(..., E, B) of values (..., E, B·M) at states (..., B, S)."""
        gains = self.gains(params, state).unsqueeze(-3)
        bias = self.nets.value(params, "b", state)[..., 0].unsqueeze(-2)
        return (gains * q.unflatten(-1, (-1, self.agents))).sum(-1) + bias
