"""What every learner from stored transitions shares: flat states, filtered data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from entitybench.agents.common.learner import TorchLearner
from entitybench.agents.common.offline.policy import MeanPolicy, standardised
from entitybench.agents.common.offline.statistics import moments
from entitybench.datasets.sampling.subsets import best_episodes
from entitybench.datasets.sampling.transitions import TransitionSampler
from entitybench.envs.api import world_of
from entitybench.errors import BadValue
from entitybench.registry import datasets

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from entitybench.agents.common.offline.networks import Actor
    from entitybench.types import Array, Batch, Policy, TaskSpec

Tensor = torch.Tensor


@dataclass(frozen=True)
class Transitions:
    """A dataset and what draws from it."""

    store: Any
    sampler: TransitionSampler


class OfflineLearner(TorchLearner):
    """A `TorchLearner` whose source is transitions.

    Its batches hold "observations" and "next_observations" (B, N·D): the entities one after
    another, standardised by the statistics of the dataset in `buffers`, zeros where an entity is
    absent; "actions" (B, A). A method gives `actor`, the network of its group "actor".
    """

    columns: ClassVar[tuple[str, ...]] = ("observations", "actions")
    following: ClassVar[tuple[str, ...]] = ()  # of the columns, also wanted of the next step
    shipped: ClassVar[tuple[str, ...]] = ("actor",)
    of_seeds: ClassVar[bool] = True  # networks and losses of this kit keep axes in front
    actor: Actor

    def __init__(self, config: Any, task: TaskSpec, *, seed: int, device: str = "cpu") -> None:
        super().__init__(config, task, seed=seed, device=device)
        world = world_of(task)
        shape = (world.entities, len(world.feature_names))  # (N, D)
        self.states, self.actions = shape[0] * shape[1], world.action_dim
        self.buffers = {"mean": torch.zeros(shape), "deviation": torch.ones(shape)}

    @property
    def rows(self) -> int:
        """How many states a batch has."""
        return int(self.config.batch_size)

    def source(self, data: Any) -> Transitions:
        """All transitions, or those of the best episodes. Raises BadValue without a column."""
        missing = [name for name in self.columns if name not in data.columns]
        if missing:
            fit = [spec.id for spec in datasets() if spec.task == self.task.id]
            hint = f" Datasets of {self.task.id}: {', '.join(fit)}." if fit else ""
            raise BadValue(
                f"{self.config.agent} learns from {missing[0]}, and {data.id or 'this dataset'} "
                f"has no column {missing[0]!r}; it has {', '.join(data.columns)}.{hint}"
            )
        masks = ("entity_masks",) if "entity_masks" in data.columns else ()
        chosen = None if self.config.best == 1 else best_episodes(data, self.config.best)
        device = None if self.device.type == "cpu" else str(self.device)
        sampler = TransitionSampler(
            data,
            (*self.columns, *masks),
            device,
            episodes=chosen,
            following=self.following,
            weights=self.row_weights(data),
        )
        return Transitions(data, sampler)

    def row_weights(self, data: Any) -> Array | None:
        """How often each transition is drawn, (rows,), at the row where it begins; None: alike."""
        del data
        return None

    def measure(self, source: Transitions) -> None:
        if self.config.standardise:
            self.buffers["mean"], self.buffers["deviation"] = moments(source.store)

    def draw(self, source: Transitions, rng: np.random.Generator) -> Batch:
        batch = self.prepared(source.sampler.sample(self.config.batch_size, rng))
        return self.beside(batch, source, [rng], ())

    def draw_many(self, source: Transitions, rngs: Sequence[np.random.Generator]) -> Batch:
        batch = self.prepared(source.sampler.sample_many(self.config.batch_size, rngs))
        return self.beside(batch, source, rngs, (len(rngs),))

    def beside(
        self,
        batch: Batch,
        source: Transitions,
        rngs: Sequence[np.random.Generator],
        lead: tuple[int, ...],
    ) -> Batch:
        """A batch with what else the losses take, drawn after the transitions: here nothing.

        Args:
            batch: of transitions.
            source: where they are from.
            rngs: one a seed.
            lead: the axes that the batch has in front: (seeds,), or none.
        """
        del source, rngs, lead
        return batch

    def prepared(self, batch: Batch) -> Batch:
        """What was drawn, with any leading axes, as the losses take it."""
        mask = batch.pop("entity_masks", None)
        for name in ("observations", "next_observations"):
            batch[name] = self.flat(batch[name], mask)
        return batch

    def flat(self, observations: Any, mask: Any = None) -> Any:
        """Standardised states (..., N·D) of observations (..., N, D), arrays or tensors.

        Args:
            observations: as the world or the dataset gives them.
            mask: (..., N) bool, false for entities that are absent; None: all are there.
        """
        mean, deviation = (self._like(name, observations) for name in ("mean", "deviation"))
        state = standardised(observations, mean, deviation, mask)
        return state.reshape(*state.shape[:-2], self.states)

    def weights(self) -> dict[str, Any]:
        """What acting needs, as arrays under their names in a checkpoint."""
        found = {f"{g}/{name}": p for g in self.shipped for name, p in self.params[g].items()}
        found |= {f"buffer/{name}": self.buffers[name] for name in ("mean", "deviation")}
        return {name: p.detach().cpu().numpy() for name, p in found.items()}

    def policy(self, *, greedy: bool = True) -> Policy[Any]:
        """Takes the mean action."""
        del greedy
        return MeanPolicy(self.weights())

    def _like(self, name: str, example: Any) -> Any:
        """A buffer as a tensor or an array, whichever the example is."""
        value = self.buffers[name]
        return value if isinstance(example, Tensor) else value.numpy()
