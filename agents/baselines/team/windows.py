"""Learners of teams from windows of episodes, told how much reward is still to come.

Who acts hears of no rewards, and so not what is left of a wished return. The best tenth of the
episodes says by step what was still to come.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
import torch

from entitybench.agents.common.offline.learner import Transitions
from entitybench.agents.common.team.learner import TeamLearner
from entitybench.datasets.sampling.subsets import best_episodes
from entitybench.datasets.sampling.windows import WindowSampler

if TYPE_CHECKING:
    from entitybench.datasets.sampling.windows import Pad
    from entitybench.types import Array, TaskSpec

TO_GO = "to_go"  # the column
WANTED = "wanted"  # the buffer
BEST = 0.1  # share of the episodes that say what is wanted


class WindowLearner(TeamLearner):
    """A `TeamLearner` whose batches are windows, (..., B, T, M, numbers).

    A method gives `prepared`, which makes of them what its losses take, and how many steps a
    window has.
    """

    columns: ClassVar[tuple[str, ...]] = ("observations", "actions", "rewards")
    pad: ClassVar[Pad]

    def __init__(self, config: Any, task: TaskSpec, *, seed: int, device: str = "cpu") -> None:
        super().__init__(config, task, seed=seed, device=device)
        self.buffers[WANTED] = torch.zeros(task.horizon)
        self.buffers["of_returns"] = torch.tensor([0.0, 1.0])  # mean and deviation to come

    @property
    @abstractmethod
    def steps(self) -> int:
        """Of a window."""

    def source(self, data: Any) -> Transitions:
        """As that of teams; its sampler draws windows, with returns to go."""
        device = None if self.device.type == "cpu" else str(self.device)
        super().source(data)  # refuses what does not fit
        store = with_returns(data)
        chosen = None if self.config.best == 1 else best_episodes(data, self.config.best)
        names = ("observations", "actions", TO_GO)
        sampler = WindowSampler(
            store, self.steps, pad=self.pad, columns=names, device=device, episodes=chosen
        )
        return Transitions(store, cast("Any", sampler))  # which is asked for batches alone

    def measure(self, source: Transitions) -> None:
        super().measure(source)
        store = source.store
        to_go = np.asarray(store.columns[TO_GO], np.float64)
        spread = float(to_go.std()) or 1.0
        self.buffers["of_returns"] = torch.tensor([float(to_go.mean()), spread])
        by_step = torch.as_tensor(wanted(store, len(self.buffers[WANTED])))
        self.buffers[WANTED] = self.returns(by_step)

    def returns(self, to_go: torch.Tensor) -> torch.Tensor:
        """Returns to go in deviations from their mean."""
        mean, deviation = self.buffers["of_returns"].tolist()
        return (to_go - mean) / deviation

    def weights(self) -> dict[str, Any]:
        return super().weights() | {f"buffer/{WANTED}": self.buffers[WANTED].cpu().numpy()}


def with_returns(store: Any) -> Any:
    """The store with one more column: Σ of the team's mean rewards from each row on, float32."""
    reward = np.asarray(store.columns["rewards"], np.float64).reshape(store.offsets[-1], -1).mean(1)
    until = np.concatenate([[0.0], np.cumsum(reward)])
    ends = np.repeat(until[store.offsets[1:]], np.diff(store.offsets))
    columns = {**store.columns, TO_GO: (ends - until[:-1]).astype(np.float32)}
    about = {**store.manifest["columns"], TO_GO: {"per": "row"}}
    manifest = {**store.manifest, "columns": about}
    return type(store)(store.folder, manifest, columns, store.offsets, store.first_episode)


def wanted(store: Any, horizon: int) -> Array:
    """(horizon,) float32: what the best episodes had still to come at each step, in the mean."""
    to_go, best = store.columns[TO_GO], best_episodes(store, BEST)
    starts, lengths = store.offsets[:-1][best], store.lengths[best]
    found = np.zeros(horizon, np.float32)
    for step in range(min(horizon, int(lengths.max()))):
        found[step] = to_go[starts[lengths > step] + step].mean()
    return found
