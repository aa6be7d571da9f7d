"""What learners of values from stored transitions share: scaled rewards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from entitybench.agents.common.offline.learner import OfflineLearner, Transitions
from entitybench.notices import warn

if TYPE_CHECKING:
    from entitybench.types import Batch, TaskSpec


class RewardLearner(OfflineLearner):
    """An `OfflineLearner` whose batches also hold scaled "rewards" and "masks" (B,)."""

    columns: ClassVar[tuple[str, ...]] = ("observations", "actions", "rewards", "masks")

    def __init__(self, config: Any, task: TaskSpec, *, seed: int, device: str = "cpu") -> None:
        super().__init__(config, task, seed=seed, device=device)
        self.buffers["reward_scale"] = torch.tensor(float(config.reward_scale))

    def measure(self, source: Transitions) -> None:
        super().measure(source)
        columns = source.store.columns
        if not (columns["rewards"].any() or (columns["masks"] == 0).any()):
            warn(
                f"no transition of {source.store.id} has a reward or ends an episode: all actions "
                f"are worth the same to {self.config.agent}."
            )
        if self.config.returns == "range":
            spread = float(np.ptp(source.store.returns))
            self.buffers["reward_scale"] /= max(spread, 1e-6)  # all alike: nothing to learn

    def prepared(self, batch: Batch) -> Batch:
        batch = super().prepared(batch)
        scale = self._like("reward_scale", batch["rewards"])
        batch["rewards"] = (batch["rewards"] + self.config.reward_shift) * scale
        return batch
