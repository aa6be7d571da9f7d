"""Adam over a nested dict of parameters, the gradient norm of each network clipped by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.optim.adam import adam

from entitybench.agents.common.standard import FIXED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from entitybench.agents.common.layers import Params

Tensor = torch.Tensor
TOGETHER = ""  # the set of networks with the common learning rate
_STATE = ("step", "exp_avg", "exp_avg_sq")


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
    """Adam (Kingma and Ba 2015) for dicts of parameters, with a state that is plain tensors."""

    def __init__(
        self,
        groups: Mapping[str, Params],
        *,
        clip: float | None,
        apart: Sequence[str] = (),
        seeds: bool = False,
    ) -> None:
        """Make it.

        Args:
            groups: parameters by network and name.
            clip: the largest norm of a network's gradient; None: any.
            apart: networks that `step` is given learning rates of their own for.
            seeds: parameters of several training seeds lie along the first axis; each seed's
                gradient is clipped by itself.
        """
        learned = {
            group: {name: p for name, p in params.items() if not name.startswith(FIXED)}
            for group, params in groups.items()
        }
        self.clip, self.seeds = clip, seeds
        self.groups = {name: list(params.values()) for name, params in learned.items()}
        self.names = list(flatten(learned))
        self.parameters = [p for params in self.groups.values() for p in params]
        for p in self.parameters:
            p.requires_grad_(True)
        # What has learned yet: count of steps, mean and mean square of the gradients.
        self._state: dict[Tensor, tuple[Tensor, Tensor, Tensor]] = {}
        together = [p for name, own in self.groups.items() if name not in apart for p in own]
        self._sets = {TOGETHER: together, **{name: self.groups[name] for name in apart}}

    def step(self, learning_rate: float, rates: Mapping[str, float] | None = None) -> None:
        """One step from the gradients held in `.grad`; they are cleared. What has none stays.

        Args:
            learning_rate: of all networks but those set apart.
            rates: of those.
        """
        if self.clip is not None:
            clip = clip_by_seed if self.seeds else torch.nn.utils.clip_grad_norm_
            for parameters in self.groups.values():
                clip(parameters, self.clip)
        for name, parameters in self._sets.items():
            rate = learning_rate if name == TOGETHER or rates is None else rates[name]
            self._move([p for p in parameters if p.grad is not None], rate)

    @torch.no_grad()
    def _move(self, parameters: list[Tensor], rate: float) -> None:
        if not parameters:
            return
        for p in parameters:
            if p not in self._state:
                step = torch.zeros((), dtype=torch.float32, device=p.device)
                self._state[p] = (step, torch.zeros_like(p), torch.zeros_like(p))
        steps, means, squares = zip(*(self._state[p] for p in parameters), strict=True)
        # The function and not the class: with networks of 64 the class takes longer than the sums.
        adam(
            parameters,
            [p.grad for p in parameters if p.grad is not None],
            list(means),
            list(squares),
            [],
            list(steps),
            fused=True,
            amsgrad=False,
            beta1=0.9,
            beta2=0.999,
            lr=rate,
            weight_decay=0.0,
            eps=1e-8,
            maximize=False,
        )
        for p in parameters:
            p.grad = None

    def forget(self, groups: Sequence[str]) -> None:
        """Begin anew with some networks: their moments and step counts."""
        for p in (p for name in groups for p in self.groups[name]):
            self._state.pop(p, None)

    def state(self) -> dict[str, Tensor]:
        """Moments and step counts by parameter name."""
        tensors: dict[str, Tensor] = {}
        for name, p in zip(self.names, self.parameters, strict=True):
            for key, value in zip(_STATE, self._state.get(p, ()), strict=False):
                tensors[f"{key}/{name}"] = value
        return tensors

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Set what `state` gave."""
        for name, p in zip(self.names, self.parameters, strict=True):
            if f"step/{name}" in tensors:
                step, mean, square = (tensors[f"{key}/{name}"].clone() for key in _STATE)
                self._state[p] = (step.to(p.device), mean.to(p.device), square.to(p.device))


def clip_by_seed(parameters: Sequence[Tensor], most: float) -> None:
    """`clip_grad_norm_` of each training seed by itself; seeds lie along the first axis."""
    gradients = [p.grad for p in parameters if p.grad is not None]
    if not gradients:
        return
    norms = torch.stack([torch.linalg.vector_norm(g.flatten(1), dim=1) for g in gradients])
    scale = (most / (torch.linalg.vector_norm(norms, dim=0) + 1e-6)).clamp(max=1.0)  # (S,)
    for g in gradients:
        g.mul_(scale.view(-1, *(1,) * (g.dim() - 1)))
