"""ELDEN: a reward for states in which an ensemble disagrees about who acts on whom.

Hu, Wang, Stone and Martín-Martín, "ELDEN: Exploration via Local Dependencies", NeurIPS 2023.
Shapes: E models, B batch, N entities, D features of one, K = N D.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from entitybench.agents.common.bounds import WIDTH, bounded
from entitybench.agents.common.mlp import init_mlp, mlp
from entitybench.agents.common.online.batches import Batches
from entitybench.agents.common.online.config import OnlineConfig
from entitybench.agents.common.online.learner import OnlineLearner

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from entitybench.agents.common.layers import Params
    from entitybench.agents.common.online.replay import Replay
    from entitybench.types import Batch, TaskSpec

Tensor = torch.Tensor


@dataclass(frozen=True, kw_only=True)
class ELDENConfig(OnlineConfig):
    """Settings of ELDEN."""

    models: int = 3  # E
    model_hidden: tuple[int, ...] = (64, 64)
    dependency: float = 0.1  # of a derivative: what is more is a dependency
    novelty: float = 1.0  # weight of the reward for disagreement

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, models="[2, 100]", model_hidden=WIDTH, dependency="[0, inf)")
        bounded(self, novelty="[0, inf)")


class States(Batches):
    """Batches with the observations themselves, (…, B, K), and signs, see `dependencies`."""

    def draw(
        self, replay: Replay, updates: int, rng: np.random.Generator
    ) -> tuple[Batch, dict[str, float]]:
        batch, logs = super().draw(replay, updates, rng)
        seen, rows = replay.of("observation"), batch["rows"]
        batch["before"], batch["after"] = seen[rows], seen[rows + 1]
        batch["signs"] = rng.integers(2, size=batch["before"].shape).astype("float32") * 2 - 1
        return batch, logs


def dependencies(
    params: Mapping[str, Tensor], batch: Mapping[str, Tensor], layers: int, entities: int
) -> tuple[Tensor, Tensor]:
    """Changes that the models predict (…, E, B, K), and their derivatives (…, E, B, N, N).

    Row j, column i: the largest derivative, over the features of entity i, of the features of
    entity j summed with random signs: one backward pass an entity, and none a feature.
    """
    before = batch["before"].unsqueeze(-3).expand(*params["layer0.weight"].shape[:-2], -1, -1)
    before = before.detach().clone().requires_grad_()
    action = batch["action"].unsqueeze(-3).expand(*before.shape[:-1], -1)
    predicted = mlp(params, torch.cat([before, action], -1), layers)
    signed = (predicted * batch["signs"].unsqueeze(-3)).unflatten(-1, (entities, -1)).sum(-1)
    rows = []
    for j in range(entities):
        (slope,) = torch.autograd.grad(signed[..., j].sum(), before, retain_graph=True)
        rows.append(slope.unflatten(-1, (entities, -1)).abs().amax(-1))
    return predicted, torch.stack(rows, -2)


def disagreement(slopes: Tensor, threshold: float) -> Tensor:
    """The variance over the models of each pair's dependency, summed over pairs: (…, B)."""
    graph = (slopes > threshold).float()
    return graph.var(-4, correction=0).sum((-2, -1))


class ELDEN(OnlineLearner):
    """SAC whose reward, beside the task's, is how much models disagree on local dependencies."""

    config_class: ClassVar[type[Any]] = ELDENConfig

    def __init__(self, config: Any, task: TaskSpec, *, seed: int, device: str = "cpu") -> None:
        super().__init__(config, task, seed=seed, device=device)
        self.entities = int(self.world.entities)

    def made_batches(self) -> Batches:
        return States(self.config, self.world, self.features)

    def init(self, rng: torch.Generator) -> None:
        super().init(rng)
        k = self.entities * len(self.world.feature_names)
        sizes = (k + self.actions, *self.config.model_hidden, k)
        self.params["model"] = init_mlp(self.config.models, sizes, rng)

    def losses(
        self, params: Mapping[str, Params], batch: dict[str, Tensor], constants: dict[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Of SAC with both rewards, and of the models."""
        layers = len(self.config.model_hidden) + 1
        predicted, slopes = dependencies(params["model"], batch, layers, self.entities)
        change = (batch["after"] - batch["before"]).unsqueeze(-3)
        model = (predicted - change).square().mean((-2, -1)).sum(-1)
        novel = disagreement(slopes, self.config.dependency)
        reward = batch["reward"] + self.config.novelty * novel
        loss, logs = super().losses(params, {**batch, "reward": reward}, constants)
        return loss + model, {**logs, "model": model.detach(), "novel": novel.mean(-1)}
