"""Adam over a nested dict of parameters, the gradient norm of each network clipped by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from entitybench.agents.common.standard import FIXED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.agents.common.layers import Params

Tensor = torch.Tensor


def flatten(groups: Mapping[str, Params], prefix: str = "") -> dict[str, Tensor]:
    """{"value": {"out.bias": p}} -> {"value/out.bias": p}."""
    return {f"{prefix}{g}/{name}": p for g, params in groups.items() for name, p in params.items()}


def unflatten(flat: Mapping[str, Tensor], prefix: str = "") -> dict[str, Params]:
    """The inverse of `flatten`, of the names that begin with `prefix`."""
    groups: dict[str, Params] = {}
    for key, p in flat.items():
        if key.startswith(prefix):
            group, name = key[len(prefix) :].split("/", 1)
            groups.setdefault(group, {})[name] = p
    return groups


class Adam:
    """`torch.optim.Adam` for dicts of parameters, with a state that is plain tensors."""

    def __init__(self, groups: Mapping[str, Params], *, clip: float) -> None:
        learned = {
            group: {name: p for name, p in params.items() if not name.startswith(FIXED)}
            for group, params in groups.items()
        }
        self.groups = {name: list(params.values()) for name, params in learned.items()}
        self.names = list(flatten(learned))
        self.parameters = [p for params in self.groups.values() for p in params]
        for p in self.parameters:
            p.requires_grad_(True)
        self.clip = clip
        self.optimiser = torch.optim.Adam(self.parameters, fused=True)

    def step(self, learning_rate: float) -> None:
        """One step from the gradients held in `.grad`; they are cleared."""
        for parameters in self.groups.values():
            torch.nn.utils.clip_grad_norm_(parameters, self.clip)
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)

    def state(self) -> dict[str, Tensor]:
        """Moments and step counts by parameter name."""
        tensors: dict[str, Tensor] = {}
        for name, p in zip(self.names, self.parameters, strict=True):
            for key, value in self.optimiser.state.get(p, {}).items():
                tensors[f"{key}/{name}"] = value
        return tensors

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Set what `state` gave."""
        for name, p in zip(self.names, self.parameters, strict=True):
            found = {
                key: tensors[f"{key}/{name}"].clone().to(p.device)
                for key in ("step", "exp_avg", "exp_avg_sq")
                if f"{key}/{name}" in tensors
            }
            if found:
                self.optimiser.state[p] = found
