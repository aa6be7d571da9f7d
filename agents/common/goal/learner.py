"""What every learner of goal tasks shares: entities with goals, and batches with goals put in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from entitybench.agents.common.goal.layout import Layout
from entitybench.agents.common.learner import TorchLearner
from entitybench.datasets.sampling.goals import GoalSampler
from entitybench.envs.api import goal_world_of

if TYPE_CHECKING:
    from entitybench.types import TaskSpec


class GoalLearner(TorchLearner):
    """A `TorchLearner` whose source is a `GoalSampler`."""

    def __init__(self, config: Any, task: TaskSpec, *, seed: int, device: str = "cpu") -> None:
        super().__init__(config, task, seed=seed, device=device)
        self.layout = Layout.of(task)

    def source(self, data: Any) -> GoalSampler:
        return GoalSampler(data, goal_world_of(self.task))
