"""How a policy on flat states acts in a world of entities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import torch

if TYPE_CHECKING:
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Obs


class Learner(Protocol):
    """What the policy asks of whoever has learned."""

    device: Any

    def flat(self, observation: Array, mask: Array | None) -> Array: ...
    def act(self, states: torch.Tensor) -> torch.Tensor: ...


class MeanPolicy:
    """Takes the mean action at every step."""

    def __init__(self, agent: Learner) -> None:
        self.agent = agent

    def initial_state(self, batch: int) -> None:
        del batch

    @torch.inference_mode()
    def act(self, obs: Obs, state: None, rng: BatchGenerator) -> tuple[Array, None]:
        del rng
        seen = self.agent.flat(obs["observation"], obs.get("mask"))
        action = self.agent.act(torch.as_tensor(seen, device=self.agent.device))
        return action.cpu().numpy(), state
