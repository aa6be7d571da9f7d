"""What learners of teams share: the axis of agents, whose network is one, told apart by an id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from entitybench.agents.common.offline.learner import OfflineLearner
from entitybench.agents.common.offline.policy import standardised
from entitybench.agents.common.team.actions import choice_of
from entitybench.agents.common.team.policy import TeamPolicy, with_ids
from entitybench.envs.api import world_of

if TYPE_CHECKING:
    from entitybench.types import Batch, Policy, TaskSpec

Tensor = torch.Tensor


class TeamLearner(OfflineLearner):
    """An `OfflineLearner` of M agents that act each from its own observation.

    One network serves all of them. It is given an agent's observation, standardised by what that
    agent saw in the data, and a one-hot id: (D + M) numbers, nothing of other agents. Agents that
    see less or do less have zeros there, which the worlds pad. Its batches hold the agents one
    after another: "observations" (B·M, D + M) and "actions" (B·M, A); where agents choose from K
    actions these are the numbers of choices, (B·M,) int64.
    """

    def __init__(self, config: Any, task: TaskSpec, *, seed: int, device: str = "cpu") -> None:
        super().__init__(config, task, seed=seed, device=device)
        world: Any = world_of(task)
        self.agents, features = len(world.agents), len(world.agent_feature_names)
        self.choices: int | None = world.actions
        self.states = features + self.agents
        self.buffers["mean"] = torch.zeros(self.agents, features)
        self.buffers["deviation"] = torch.ones(self.agents, features)

    def flat(self, observations: Any, mask: Any = None) -> Any:
        """What each agent's network is given, (..., M, D + M), of observations (..., M, D)."""
        del mask  # of entities; an agent's own observation is its affair
        mean, deviation = (self._like(name, observations) for name in ("mean", "deviation"))
        seen = standardised(observations, mean, deviation)
        if not isinstance(seen, Tensor):
            return with_ids(seen)
        ids = torch.eye(self.agents, dtype=seen.dtype, device=seen.device)
        return torch.cat([seen, ids.expand(*seen.shape[:-2], -1, -1)], -1)

    def prepared(self, batch: Batch) -> Batch:
        batch = super().prepared(batch)
        found = {name: value for name, value in batch.items() if name not in _OF_AGENTS}
        for name in _OF_AGENTS & batch.keys():
            x = batch[name]  # (..., B, M, numbers)
            found[name] = x.reshape(*x.shape[:-3], x.shape[-3] * x.shape[-2], x.shape[-1])
        if self.choices is not None:
            found["actions"] = choice_of(found["actions"][..., 0], self.choices)
        return found

    def policy(self, *, greedy: bool = True) -> Policy[Any]:
        del greedy
        return TeamPolicy(self.weights(), self.choices)


_OF_AGENTS = {"observations", "next_observations", "actions"}
