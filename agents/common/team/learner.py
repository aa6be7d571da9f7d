"""What learners of teams share: the axis of agents, whose network is one, told apart by an id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from entitybench.agents.common.offline.learner import OfflineLearner, Transitions
from entitybench.agents.common.offline.policy import standardised
from entitybench.agents.common.team.actions import choice_of, vector_of
from entitybench.agents.common.team.policy import TeamPolicy, with_ids
from entitybench.envs.api import world_of
from entitybench.errors import BadValue

if TYPE_CHECKING:
    from entitybench.types import Batch, Policy, TaskSpec

Tensor = torch.Tensor


class TeamLearner(OfflineLearner):
    """An `OfflineLearner` of M agents that act each from its own observation.

    One network serves all of them. It is given an agent's observation, standardised by what that
    agent saw in the data, and a one-hot id: (D + M) numbers, nothing of other agents. Agents that
    see less or do less have zeros there, which the worlds pad. Its batches hold the agents one
    after another: "observations" (B·M, D + M) and "actions" (B·M, A); where agents choose from K
    actions these are the numbers of choices, (B·M,) int64, or with `vectors` (B·M, K) of −1 and 1.
    """

    vectors: ClassVar[bool] = False  # choices are one-hot vectors, so that losses are the same

    def __init__(self, config: Any, task: TaskSpec, *, seed: int, device: str = "cpu") -> None:
        super().__init__(config, task, seed=seed, device=device)
        world: Any = world_of(task)
        self.agents, self.features = len(world.agents), len(world.agent_feature_names)
        self.choices: int | None = world.actions
        self.states = self.features + self.agents
        self.numbers = self.actions  # of an action as the world takes it
        if self.choices is not None and self.vectors:
            self.actions = self.choices
        self.buffers["mean"] = torch.zeros(self.agents, self.features)
        self.buffers["deviation"] = torch.ones(self.agents, self.features)

    @property
    def rows(self) -> int:
        return super().rows * self.agents

    def source(self, data: Any) -> Transitions:
        """As every offline learner's. Raises BadValue for data of another team."""
        wanted = (self.agents, self.features, self.numbers)
        seen, done = (data.columns[name] for name in ("observations", "actions"))
        where = f"{data.id or 'this dataset'} is no data of {self.task.id}"
        if len(seen.shape) != 3 or len(done.shape) != 3:
            raise BadValue(
                f"{where}: a team's observations and actions are (rows, agents, numbers), and "
                f"these are {tuple(seen.shape)} and {tuple(done.shape)}."
            )
        if not np.issubdtype(done.dtype, np.floating):
            raise BadValue(
                f"{where}: its actions are {done.dtype}, and actions here are numbers in [-1, 1], "
                "choices too (their middles, entitybench.agents.common.team.actions.center_of)."
            )
        found = (*seen.shape[1:], done.shape[2])
        if found != wanted or done.shape[1] != self.agents:
            agents, sees, does = found
            raise BadValue(
                f"{where}: it has {agents} agents that see {sees} numbers and do {does}, the task "
                f"{wanted[0]} that see {wanted[1]} and do {wanted[2]}."
            )
        return super().source(data)

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
            for name in {"actions", "next_actions"} & found.keys():
                chosen = choice_of(found[name][..., 0], self.choices)
                found[name] = vector_of(chosen, self.choices) if self.vectors else chosen
        return found

    def policy(self, *, greedy: bool = True) -> Policy[Any]:
        del greedy
        return TeamPolicy(self.weights(), self.choices)


_OF_AGENTS = {"observations", "next_observations", "actions", "next_actions"}
