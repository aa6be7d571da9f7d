"""graph-surprise: what a model of itself alone does not explain was acted on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from entitybench.agents.common.bounds import WIDTH, bounded
from entitybench.agents.common.config import Phase, TorchConfig
from entitybench.agents.common.graph.source import GraphSource
from entitybench.agents.common.graph.statistics import moments
from entitybench.agents.common.graph.thresholds import NEVER, best_cut, share
from entitybench.agents.common.layers import dense, product
from entitybench.agents.common.learner import TorchLearner
from entitybench.agents.common.standard import CLIP
from entitybench.envs.api import world_of
from entitybench.envs.core.interactions import asked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.agents.common.layers import Params
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Batch, TaskSpec

Tensor = torch.Tensor
Tensors = dict[str, Tensor]
NARROWEST = -6.0  # log of the model's scale, in deviations of a change
WIDEST = 2.0


@dataclass(frozen=True, kw_only=True)
class SurpriseConfig(TorchConfig):
    """Settings of the model, one for each entity."""

    width: int = 64  # of two hidden layers

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, width=WIDTH)


def _preset(updates: int, **others: Any) -> dict[str, Any]:
    phase = Phase(updates=updates, learning_rate=2e-3, final_learning_rate=1e-4)
    return {"phases": (phase,), "compile": False, **others}


class Surprise(TorchLearner):
    """For each entity the change of its features, from these features alone.

    The errors have a Cauchy distribution, so the model settles on what most often follows, not on
    the mean of what follows with and without interactions. An entity's surprise is the negative log
    likelihood, less that of the best guess; above a threshold of its own everything else is said to
    have acted on it. The model needs no truth; the thresholds, those of the best balanced accuracy
    on the validation split, do.
    """

    config_class: ClassVar[type[Any]] = SurpriseConfig
    shipped: ClassVar[tuple[str, ...]] = ("model",)
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": _preset(30, batch_size=64, width=16),
        "small": _preset(2_000, batch_size=512),
        "paper": _preset(50_000, width=256),
    }

    def __init__(self, config: Any, task: TaskSpec, *, seed: int, device: str = "cpu") -> None:
        super().__init__(config, task, seed=seed, device=device)
        # Of each entity, for edges from entities and from the action; see `finish`.
        self.buffers["thresholds"] = torch.full((world_of(task).entities, 2), NEVER)

    def source(self, data: Any) -> GraphSource:
        found = GraphSource(data)
        found.check_labels()
        return found

    def init(self, rng: torch.Generator) -> None:
        world, width = world_of(self.task), self.config.width
        count, features = world.entities, world.features
        self.params["model"] = {
            "fixed.mean": torch.zeros(count, 1, features),
            "fixed.deviation": torch.ones(count, 1, features),
            "fixed.change": torch.ones(count, 1, features),  # 0: a feature that never changes
            "w0": dense(count, features, width, rng, 2**0.5),
            "b0": torch.zeros(count, 1, width),
            "w1": dense(count, width, width, rng, 2**0.5),
            "b1": torch.zeros(count, 1, width),
            "w2": dense(count, width, 2 * features, rng, 0.1),
            "b2": torch.zeros(count, 1, 2 * features),
        }

    def measure(self, source: GraphSource) -> None:
        """Means and deviations of each entity's features and of their changes."""
        for name, value in moments(source).items():
            self.params["model"][f"fixed.{name}"].copy_(torch.as_tensor(value)[:, None])

    def draw(self, source: GraphSource, rng: np.random.Generator) -> Batch:
        drawn = source.sample(self.config.batch_size, rng)
        return {name: x for name, x in drawn.items() if name not in ("truth", "actions")}

    def losses(
        self, params: Mapping[str, Params], batch: Tensors, constants: Tensors
    ) -> tuple[Tensor, Tensors]:
        del constants
        surprise, scale, varies = _errors(params["model"], batch)
        there = batch["mask"].T[..., None] * varies
        loss = ((surprise + scale) * there).sum() / there.sum().clamp(min=1.0)
        return loss, {"loss": loss.detach()}

    def finish(self, source: GraphSource) -> None:
        """Fit the thresholds."""
        found, edges = [], []
        for drawn in source.labelled():
            found.append(self.surprise(drawn))
            edges.append((asked(drawn["mask"]), drawn["truth"]))
        open_, truth = (np.concatenate(x) for x in zip(*edges, strict=True))
        surprise = np.concatenate(found)  # (K, N)
        thresholds = np.stack(
            [_thresholds(surprise, open_[..., part], truth[..., part]) for part in _PARTS], axis=1
        )
        self.buffers["thresholds"] = torch.as_tensor(thresholds, dtype=torch.float32)

    @torch.inference_mode()
    def surprise(self, batch: Batch) -> Array:
        """(B, N)."""
        names = ("observations", "next_observations")
        tensors = {name: torch.as_tensor(batch[name], device=self.device) for name in names}
        errors, _, varies = _errors(self.params["model"], tensors)
        return (errors * varies).sum(-1).T.double().cpu().numpy()

    def infer(self, transitions: Batch, rng: BatchGenerator) -> Array:
        """With the surprise s of the target and its threshold t: s / (s + t)."""
        del rng
        surprise = self.surprise(transitions)[..., None]  # (B, N, 1)
        entities, action = self.buffers["thresholds"].double().cpu().numpy().T[..., None]
        count = surprise.shape[1]
        between = np.repeat(share(surprise, entities), count, axis=-1)
        return np.concatenate([between, share(surprise, action)], axis=-1)


_PARTS = (np.s_[:-1], np.s_[-1:])  # of a graph's columns


def _errors(model: Mapping[str, Tensor], batch: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
    """log(1 + e²) and the log of the scale (N, B, D), and which features vary (N, 1, D).

    e is the error of the predicted change, in scales of the model.
    """
    before, after = (batch[name].transpose(0, 1) for name in ("observations", "next_observations"))
    x = ((before - model["fixed.mean"]) / model["fixed.deviation"]).clamp(-CLIP, CLIP)
    x = torch.relu(product(model["b0"], x, model["w0"], "float32"))
    x = torch.relu(product(model["b1"], x, model["w1"], "float32"))
    guess, narrow = product(model["b2"], x, model["w2"], "float32").chunk(2, dim=-1)
    scale = NARROWEST + (WIDEST - NARROWEST) * torch.sigmoid(narrow)
    change = model["fixed.change"]
    error = (after - before) / change.clamp(min=1e-6) - guess
    return torch.log1p((error / scale.exp()) ** 2), scale, (change > 0).to(x.dtype)


def _thresholds(surprise: Array, open_: Array, truth: Array) -> Array:
    """(N,) surprise above which each entity is said to have been acted on.

    Args:
        surprise: (K, N).
        open_: bool (K, N, M), edges that are asked about.
        truth: bool (K, N, M).
    """
    active, inactive = (open_ & truth).sum(-1), (open_ & ~truth).sum(-1)  # (K, N)
    gain = active / max(int(active.sum()), 1) - inactive / max(int(inactive.sum()), 1)
    found = np.full(surprise.shape[1], NEVER)
    for entity in range(surprise.shape[1]):
        order = np.argsort(-surprise[:, entity], kind="stable")
        cut, ranked = best_cut(gain[order, entity]), surprise[order, entity]
        if cut == len(ranked):
            found[entity] = 0.0
        elif cut:
            found[entity] = (ranked[cut - 1] + ranked[cut]) / 2
    return found
