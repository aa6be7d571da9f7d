"""How a hierarchical agent acts: every T_sg steps choose a subgoal, in between pursue it.

Source: HECRL (Haramati et al., ICLR 2026), released code.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import torch

if TYPE_CHECKING:
    from entitybench.agents.common.goal.layout import Layout
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Obs

Tensor = torch.Tensor
MOVED = 0.01  # m: an object counts as changed by a subgoal that moves it farther than this
TURNED = 0.1  # by how much another feature that goals speak of differs when it is meant to change


class Proposal(NamedTuple):
    """What a high level proposes for a batch; subgoals are whole observations (B, N, D)."""

    pursued: Tensor  # after `settle`
    sampled: Tensor  # as the model gave it
    fallback: Tensor  # (B,) bool: pursue the goal itself instead


def settle(layout: Layout, now: Tensor, subgoal: Tensor, resolution: float) -> Tensor:
    """Subgoals (..., N, D) in which objects that would move less than `resolution` (m) stay put.

    A model's error moves all objects a little, and a low level that was trained on real states,
    where most objects rest, would chase each of these millimetres.
    """
    moved = (subgoal - now)[..., layout.position].norm(dim=-1, keepdim=True)
    rests = moved < resolution
    if layout.wants:
        turned = (subgoal - now)[..., layout.wanted].abs().amax(-1, keepdim=True)
        rests &= turned < TURNED
    rests[..., 0, :] = False  # the actor
    return torch.where(rests, now, subgoal)


class Hierarchy(Protocol):
    """What `SubgoalPolicy` needs of an agent."""

    config: Any  # replan_steps, max_subgoals
    layout: Layout
    device: torch.device
    buffers: dict[str, Tensor]  # of HECRL "value_after_steps": steps, and mean values after them

    def act(self, state: Tensor, goal: Tensor) -> Tensor:
        """The low level's actions (B, A)."""
        ...

    def propose(self, now: Tensor, goal: Tensor, rng: BatchGenerator) -> Proposal:
        """The subgoals of a batch of observations and goals (B, N, D)."""
        ...


@dataclass
class SubgoalState:
    """What episodes carry from step to step; the sums are for the diagnostics."""

    time: int  # control steps since the start, the same in all episodes of a batch
    subgoal: Tensor | None  # (B, N, D), as a goal
    changed: Array  # (B,) objects that the sampled subgoals move, summed over re-plans
    pursued: Array  # (B,) the same after `settle`
    fallbacks: Array  # (B,) re-plans that chose the goal itself
    replans: int


class SubgoalPolicy:
    """Asks the high level for a subgoal every `replan_steps` steps, gives it to the low level."""

    def __init__(self, agent: Hierarchy) -> None:
        self.agent = agent

    def initial_state(self, batch: int) -> SubgoalState:
        return SubgoalState(0, None, np.zeros(batch), np.zeros(batch), np.zeros(batch), 0)

    @torch.inference_mode()
    def act(self, obs: Obs, state: SubgoalState, rng: BatchGenerator) -> tuple[Array, SubgoalState]:
        device = self.agent.device
        now = torch.as_tensor(obs["observation"], device=device)
        goal = torch.as_tensor(obs["desired_goal"], device=device)
        if state.time % self.agent.config.replan_steps == 0:
            state = self.replan(now, goal, state, rng)
        assert state.subgoal is not None
        action = self.agent.act(now, state.subgoal).cpu().numpy()
        return action, replace(state, time=state.time + 1)

    def replan(
        self, now: Tensor, goal: Tensor, state: SubgoalState, rng: BatchGenerator
    ) -> SubgoalState:
        """Choose the subgoals of all episodes of the batch."""
        if state.replans >= self.agent.config.max_subgoals:
            return replace(state, subgoal=goal)
        proposal = self.agent.propose(now, goal, rng)
        layout, fallback = self.agent.layout, proposal.fallback

        def count(subgoal: Tensor) -> Array:
            moved = (subgoal - now)[:, 1:, layout.position].norm(dim=-1) > MOVED
            changed: Array = torch.where(fallback[:, None], False, moved).sum(-1).cpu().numpy()
            return changed

        return SubgoalState(
            state.time,
            torch.where(fallback[:, None, None], goal, layout.achieved(proposal.pursued)),
            state.changed + count(proposal.sampled),
            state.pursued + count(proposal.pursued),
            state.fallbacks + fallback.cpu().numpy(),
            state.replans + 1,
        )

    def diagnostics(self, state: SubgoalState) -> dict[str, Array]:
        """Means over an episode's re-plans, (B,) each.

        "changed_objects" counts in subgoals as the model gave them, "pursued_objects" in those that
        were pursued; both leave out re-plans that chose the goal itself. "value_after_40" is the
        mean of V(s, s_{t+40}) on the data, the same in all episodes: V should fall with the way to
        the goal.
        """
        proposed = np.maximum(state.replans - state.fallbacks, 1)
        curve = self.agent.buffers.get("value_after_steps")
        values = {} if curve is None else dict(zip(*curve.tolist(), strict=True))
        return {
            **{f"value_after_{k:.0f}": np.full(len(proposed), v) for k, v in values.items()},
            "changed_objects": state.changed / proposed,
            "pursued_objects": state.pursued / proposed,
            "fallback_fraction": state.fallbacks / max(state.replans, 1),
        }
