"""How a hierarchical agent acts: every T_sg steps choose a subgoal, in between pursue it.

Source: HECRL sheet §3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch

if TYPE_CHECKING:
    from entitybench.agents.common.layout import Layout
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Obs

Tensor = torch.Tensor
MOVED = 0.01  # m: an object counts as changed by a subgoal that moves it farther than this


class Hierarchy(Protocol):
    """What `SubgoalPolicy` needs of an agent."""

    config: Any  # replan_steps, max_subgoals
    layout: Layout
    device: torch.device

    def act(self, state: Tensor, goal: Tensor) -> Tensor:
        """The low level's actions (B, A)."""
        ...

    def propose(self, now: Tensor, goal: Tensor, rng: BatchGenerator) -> tuple[Tensor, Tensor]:
        """Subgoals (B, N, D) as observations, and where to pursue the goal itself instead (B,)."""
        ...


@dataclass
class SubgoalState:
    """What episodes carry from step to step; the sums are for the diagnostics."""

    time: int  # control steps since the start, the same in all episodes of a batch
    subgoal: Tensor | None  # (B, N, D), as a goal
    changed: Array  # (B,) objects that the chosen subgoals move, summed over re-plans
    fallbacks: Array  # (B,) re-plans that chose the goal itself
    replans: int


class SubgoalPolicy:
    """Asks the high level for a subgoal every `replan_steps` steps, gives it to the low level."""

    def __init__(self, agent: Hierarchy) -> None:
        self.agent = agent

    def initial_state(self, batch: int) -> SubgoalState:
        return SubgoalState(0, None, np.zeros(batch), np.zeros(batch), 0)

    @torch.inference_mode()
    def act(self, obs: Obs, state: SubgoalState, rng: BatchGenerator) -> tuple[Array, SubgoalState]:
        device = self.agent.device
        now = torch.as_tensor(obs["observation"], device=device)
        goal = torch.as_tensor(obs["desired_goal"], device=device)
        if state.time % self.agent.config.replan_steps == 0:
            state = self.replan(now, goal, state, rng)
        assert state.subgoal is not None
        action = self.agent.act(now, state.subgoal).cpu().numpy()
        later = SubgoalState(
            state.time + 1, state.subgoal, state.changed, state.fallbacks, state.replans
        )
        return action, later

    def replan(
        self, now: Tensor, goal: Tensor, state: SubgoalState, rng: BatchGenerator
    ) -> SubgoalState:
        """Choose the subgoals of all episodes of the batch."""
        if state.replans >= self.agent.config.max_subgoals:
            return SubgoalState(state.time, goal, state.changed, state.fallbacks, state.replans)
        chosen, fallback = self.agent.propose(now, goal, rng)
        layout = self.agent.layout
        moved = (chosen - now)[:, 1:, layout.position].norm(dim=-1) > MOVED
        changed = torch.where(fallback[:, None], False, moved).sum(-1)
        return SubgoalState(
            state.time,
            torch.where(fallback[:, None, None], goal, layout.achieved(chosen)),
            state.changed + changed.cpu().numpy(),
            state.fallbacks + fallback.cpu().numpy(),
            state.replans + 1,
        )

    def diagnostics(self, state: SubgoalState) -> dict[str, Array]:
        """Means over an episode's re-plans, (B,) each (sheet §8.3).

        "changed_objects" leaves out re-plans that chose the goal itself.
        """
        proposed = np.maximum(state.replans - state.fallbacks, 1)
        return {
            "changed_objects": state.changed / proposed,
            "fallback_fraction": state.fallbacks / max(state.replans, 1),
        }
