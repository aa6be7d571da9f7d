"""Forward models that are told who may act on whom: PointNet and GNN.

For every entity, the target, a message from each cause (entities and, last, the action) is summed
over those that a mask (B, N, N + 1) names; from the sum and the target's own features follows a
Gaussian of its change. Masks may be soft. Weights are each pair's and each target's own, or shared
by all, with biases of their own, so that a shared network knows whom it speaks of.

Shapes: N targets, N + 1 causes, P = N (N + 1) pairs (target first), B rows, D features, C inputs of
a cause, H width. Entities come before rows, as `entitybench.agents.common.layers` has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from entitybench.agents.common.layers import Params, dense
from entitybench.agents.common.mlp import RELU_GAIN
from entitybench.agents.common.standard import CLIP

if TYPE_CHECKING:
    from collections.abc import Mapping

Tensor = torch.Tensor


@dataclass(frozen=True)
class PointNet:
    """One round of messages. `predict` and `without` are what learners use."""

    entities: int  # N
    features: int  # D
    actions: int  # A
    width: int  # H
    shared: bool  # one set of weights for all pairs, and one for all targets

    @property
    def causes(self) -> int:
        """C: features, or an action's numbers if those are more."""
        return max(self.features, self.actions)

    def init(self, rng: torch.Generator) -> Params:
        """Fresh parameters; statistics that change nothing."""
        n, d, h = self.entities, self.features, self.width
        pairs, own = n * (n + 1), 1 if self.shared else n
        each = 1 if self.shared else pairs
        return {
            "fixed.mean": torch.zeros(n, 1, d),
            "fixed.deviation": torch.ones(n, 1, d),
            "fixed.change": torch.ones(n, 1, d),
            **self._pairs("pair", d, self.causes, each, rng),
            "node.pooled": dense(own, h, h, rng, 0.5),
            "node.self": dense(own, d, h, rng, RELU_GAIN),
            "node.bias": torch.zeros(n, 1, h),
            "hidden.weight": dense(own, h, h, rng, RELU_GAIN),
            "hidden.bias": torch.zeros(own, 1, h),
            "out.weight": dense(own, h, 2 * d, rng, 0.1),
            "out.bias": torch.zeros(n, 1, 2 * d),
        }

    def _pairs(self, name: str, target: int, cause: int, each: int, rng: torch.Generator) -> Params:
        h = self.width
        return {
            f"{name}.target": dense(each, target, h, rng),
            f"{name}.cause": dense(each, cause, h, rng),
            f"{name}.bias": 0.3
            * torch.randn(self.entities * (self.entities + 1), 1, h, generator=rng),
        }

    # Inputs

    def inputs(self, params: Mapping[str, Tensor], states: Tensor, actions: Tensor) -> Inputs:
        """Standardised targets (N, B, D) and causes (N + 1, B, C) from (B, N, D) and (B, A)."""
        x = states.transpose(0, 1)
        x = ((x - params["fixed.mean"]) / params["fixed.deviation"]).clamp(-CLIP, CLIP)
        entities = F.pad(x, (0, self.causes - self.features))
        action = F.pad(actions, (0, self.causes - self.actions))[None]
        return Inputs(x, torch.cat([entities, action]))

    def predict(self, params: Mapping[str, Tensor], inputs: Inputs, mask: Tensor) -> Tensor:
        """What is said of each target (N, B, 2 D) where only causes in `mask` exist."""
        pooled = (self.messages(params, inputs) * _pairwise(mask)).sum(1)
        return self.read(params, pooled, inputs.targets)

    def without(self, params: Mapping[str, Tensor], inputs: Inputs, mask: Tensor) -> Tensor:
        """The same with each cause taken away in turn: (N, N + 1, B, 2 D).

        The target itself stays: column i of target i means nothing.
        """
        n, b = self.entities, mask.shape[0]
        messages = self.messages(params, inputs) * _pairwise(mask)
        pooled = messages.sum(1, keepdim=True) - messages  # (N, N + 1, B, H)
        targets = inputs.targets[:, None].expand(-1, n + 1, -1, -1).flatten(1, 2)
        return self.read(params, pooled.flatten(1, 2), targets).unflatten(1, (n + 1, b))

    # Layers

    def messages(self, params: Mapping[str, Tensor], inputs: Inputs) -> Tensor:
        """(N, N + 1, B, H)."""
        return self.between(params, "pair", inputs.targets, inputs.causes)

    def between(
        self, params: Mapping[str, Tensor], name: str, targets: Tensor, causes: Tensor
    ) -> Tensor:
        """Messages (N, N + 1, B, H) from causes (N + 1, B, ...) to targets (N, B, ...)."""
        n = self.entities
        bias = params[f"{name}.bias"].unflatten(0, (n, n + 1))
        if self.shared:
            to = each(targets, params[f"{name}.target"])[:, None]
            of = each(causes, params[f"{name}.cause"])[None]
            return torch.relu(to + of + bias)
        both = torch.cat(
            [
                targets[:, None].expand(-1, n + 1, -1, -1),
                causes[None].expand(n, -1, -1, -1),
            ],
            dim=-1,
        ).flatten(0, 1)
        weight = torch.cat([params[f"{name}.target"], params[f"{name}.cause"]], dim=1)
        return torch.relu(torch.bmm(both, weight).unflatten(0, (n, n + 1)) + bias)

    def read(self, params: Mapping[str, Tensor], pooled: Tensor, targets: Tensor | None) -> Tensor:
        """(N, M, 2 D) from pooled messages (N, M, H) and the targets' own features (N, M, D).

        None: from messages alone.
        """
        x = each(pooled, params["node.pooled"])
        if targets is not None:
            x = x + each(targets, params["node.self"])
        x = torch.relu(x + params["node.bias"])
        x = torch.relu(each(x, params["hidden.weight"]) + params["hidden.bias"])
        return each(x, params["out.weight"]) + params["out.bias"]


@dataclass(frozen=True)
class GNN(PointNet):
    """Two rounds: in the second the messages are between what the first made of all entities."""

    def init(self, rng: torch.Generator) -> Params:
        h, n = self.width, self.entities
        each_pair = 1 if self.shared else n * (n + 1)
        return {
            **super().init(rng),
            **self._pairs("again", h, h, each_pair, rng),
            "action.weight": dense(1, self.actions, h, rng, RELU_GAIN),
            "action.bias": torch.zeros(1, 1, h),
            "first.pooled": dense(1 if self.shared else n, h, h, rng, 0.5),
            "first.self": dense(1 if self.shared else n, self.features, h, rng, RELU_GAIN),
            "first.bias": torch.zeros(n, 1, h),
        }

    def predict(self, params: Mapping[str, Tensor], inputs: Inputs, mask: Tensor) -> Tensor:
        active = _pairwise(mask)
        pooled = (self.messages(params, inputs) * active).sum(1)
        nodes = each(pooled, params["first.pooled"]) + each(inputs.targets, params["first.self"])
        nodes = torch.relu(nodes + params["first.bias"])
        action = inputs.causes[-1:, :, : self.actions]
        action = torch.relu(each(action, params["action.weight"]) + params["action.bias"])
        again = self.between(params, "again", nodes, torch.cat([nodes, action]))
        return self.read(params, (again * active).sum(1), inputs.targets)

    def without(self, params: Mapping[str, Tensor], inputs: Inputs, mask: Tensor) -> Tensor:
        """As in `PointNet`; a cause that is taken away acts on nobody in either round."""
        found = []
        for cause in range(self.entities + 1):
            there = torch.ones(self.entities, self.entities + 1, device=mask.device)
            there[:, cause] = 0
            if cause < self.entities:
                there[cause, cause] = 1
            found.append(self.predict(params, inputs, mask * there))
        return torch.stack(found, dim=1)


@dataclass(frozen=True)
class Inputs:
    """Standardised."""

    targets: Tensor  # (N, B, D)
    causes: Tensor  # (N + 1, B, C)


def each(x: Tensor, weight: Tensor) -> Tensor:
    """(E, M, I) by (E, I, O), or by (1, I, O) for all: (E, M, O)."""
    if weight.shape[0] == 1:
        return (x.flatten(0, 1) @ weight[0]).unflatten(0, x.shape[:2])
    return torch.bmm(x, weight)


def _pairwise(mask: Tensor) -> Tensor:
    """(B, N, N + 1) -> (N, N + 1, B, 1)."""
    return mask.permute(1, 2, 0)[..., None]
