"""Actors and critics on flat states, as pure functions of their parameters.

Shapes: E members, B batch, D numbers of a state, A of an action. Parameters, states and actions may
all have further axes in front (of training seeds).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
import torch.nn.functional as F

from entitybench.agents.common.mlp import init_mlp, mlp
from entitybench.agents.common.offline.losses import gaussian_log_likelihood

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.agents.common.layers import Params

Tensor = torch.Tensor
LOG_STD = (-5.0, 2.0)  # bounds of the logarithm of a deviation: Kostrikov et al. 2022, their code
SMALL = 0.1  # gain of last layers: actions begin near 0, values small


@dataclass(frozen=True)
class Actor:
    """A policy whose mean is tanh of a perceptron.

    "gaussian": with a deviation for each action that does not depend on the state.
    "deterministic": nothing but the mean.
    """

    states: int
    actions: int
    hidden: tuple[int, ...]
    kind: Literal["gaussian", "deterministic"]

    def init(self, generator: torch.Generator) -> Params:
        params = init_mlp(1, (self.states, *self.hidden, self.actions), generator, last=SMALL)
        if self.kind == "gaussian":
            params["log_std"] = torch.zeros(1, 1, self.actions)
        return params

    def act(self, params: Mapping[str, Tensor], state: Tensor) -> Tensor:
        """The mean (..., B, A) in (−1, 1) at states (..., B, D)."""
        return torch.tanh(self._before_tanh(params, state))

    def sample(
        self, params: Mapping[str, Tensor], state: Tensor, noise: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Actions tanh(u), and log π of them (..., B): of a Gaussian of u (Haarnoja et al. 2018).

        `noise` (..., B, A) is standard normal.
        """
        log_std = params["log_std"][..., 0, :, :].clamp(*LOG_STD)
        mean = self._before_tanh(params, state)
        u = mean + log_std.exp() * noise
        squashed = 2.0 * (math.log(2.0) - u - F.softplus(-2.0 * u))  # log (1 − tanh² u)
        density = gaussian_log_likelihood(mean, log_std, u) - squashed.sum(-1)
        return torch.tanh(u), density

    def _before_tanh(self, params: Mapping[str, Tensor], state: Tensor) -> Tensor:
        return mlp(params, state.unsqueeze(-3), len(self.hidden) + 1)[..., 0, :, :]

    def error(self, params: Mapping[str, Tensor], mean: Tensor, action: Tensor) -> Tensor:
        """How far actions (..., B, A) are from the policy: (..., B).

        −log π(a | s) of a Gaussian; of a deterministic policy the mean squared difference.
        """
        if self.kind == "gaussian":
            log_std = params["log_std"][..., 0, :, :].clamp(*LOG_STD)
            return -gaussian_log_likelihood(mean, log_std, action)
        return (mean - action).square().mean(-1)


@dataclass(frozen=True)
class Critic:
    """Q(s, a) of E members, or with no actions V(s)."""

    states: int
    actions: int
    hidden: tuple[int, ...]
    members: int = 1
    layer_norm: bool = False

    def init(self, generator: torch.Generator) -> Params:
        sizes = (self.states + self.actions, *self.hidden, 1)
        return init_mlp(self.members, sizes, generator, last=SMALL)

    def value(
        self, params: Mapping[str, Tensor], state: Tensor, action: Tensor | None = None
    ) -> Tensor:
        """(..., E, B)."""
        x = state if action is None else torch.cat([state, action], -1)
        layers = len(self.hidden) + 1
        return mlp(params, x.unsqueeze(-3), layers, layer_norm=self.layer_norm)[..., 0]
