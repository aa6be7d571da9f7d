"""What every learner of graphs shares: a forward model, scores of edges, thresholds of them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import torch

from entitybench.agents.common.bounds import WIDTH, bounded
from entitybench.agents.common.config import Phase, TorchConfig
from entitybench.agents.common.graph.gaussian import log_likelihood, normalised_change, varies
from entitybench.agents.common.graph.masks import present_graph
from entitybench.agents.common.graph.networks import GNN, PointNet
from entitybench.agents.common.graph.source import CHUNK, GraphSource
from entitybench.agents.common.graph.statistics import moments
from entitybench.agents.common.graph.thresholds import NEVER, fitted, share
from entitybench.agents.common.learner import TorchLearner
from entitybench.envs.api import world_of
from entitybench.envs.core.interactions import asked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.agents.common.graph.networks import Inputs
    from entitybench.agents.common.layers import Params
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Batch, TaskSpec

Tensor = torch.Tensor
Tensors = dict[str, Tensor]
Scores = Callable[[Tensors], Tensor]
PARTS = (np.s_[..., :-1], np.s_[..., -1:])  # of a graph: between entities, from the action


@dataclass(frozen=True, kw_only=True)
class GraphConfig(TorchConfig):
    """Settings of the forward model."""

    network: Literal["pointnet", "gnn"] = "pointnet"
    width: int = 32  # of all hidden layers
    shared: bool = False  # one set of weights for all entities: where they obey the same laws

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, width=WIDTH)


def one_phase(updates: int, **others: Any) -> dict[str, Any]:
    """A preset of one stretch of training."""
    phase = Phase(updates=updates, learning_rate=2e-3, final_learning_rate=1e-4)
    return {"phases": (phase,), "compile": False, **others}


# Baselines have as many updates of their model as NCII has of its.
PRESETS: Mapping[str, Mapping[str, Any]] = {
    "tiny": one_phase(30, batch_size=64, width=16),
    "small": one_phase(2_000, batch_size=128),
    "paper": one_phase(300_000, width=256),
}


class GraphLearner(TorchLearner):
    """Learns from transitions without labels; only its thresholds see the truth.

    A method gives `losses` and `scores`. There are two thresholds, of edges between entities and of
    edges from the action: those with the best balanced accuracy on the validation split.
    """

    config_class: ClassVar[type[Any]] = GraphConfig
    shipped: ClassVar[tuple[str, ...]] = ("model",)
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = PRESETS

    def __init__(self, config: Any, task: TaskSpec, *, seed: int, device: str = "cpu") -> None:
        super().__init__(config, task, seed=seed, device=device)
        world = world_of(task)
        kind = {"pointnet": PointNet, "gnn": GNN}[config.network]
        self.network = kind(
            entities=world.entities,
            features=world.features,
            actions=int(np.prod(world.action_shape)),
            width=config.width,
            shared=config.shared,
        )
        self.buffers["thresholds"] = torch.full((len(PARTS),), NEVER)

    @abstractmethod
    def scores(self, batch: Tensors) -> Tensor:
        """How surely each edge is active, (B, N, N + 1), 0 at least; of `batch` as `tensors`."""

    def source(self, data: Any) -> GraphSource:
        found = GraphSource(data)
        found.check_labels()
        return found

    def init(self, rng: torch.Generator) -> None:
        self.params["model"] = self.network.init(rng)

    def measure(self, source: GraphSource) -> None:
        for name, value in moments(source).items():
            self.params["model"][f"fixed.{name}"].copy_(torch.as_tensor(value)[:, None])

    def draw(self, source: GraphSource, rng: np.random.Generator) -> Batch:
        return unlabelled(source.sample(self.config.batch_size, rng))

    def finish(self, source: GraphSource) -> None:
        self.buffers["thresholds"] = self.tuned(source, self.scores)

    def tuned(self, source: GraphSource, scores: Scores) -> Tensor:
        """The thresholds (2,) of scores, on the truth of the validation split."""
        found, edges, truths = [], [], []
        for drawn in source.labelled():
            found.append(self.scored(drawn, scores))
            edges.append(asked(drawn["mask"]))
            truths.append(drawn["truth"])
        each, open_, truth = (np.concatenate(x) for x in (found, edges, truths))
        cuts = [fitted(each[p][open_[p]], truth[p][open_[p]]) for p in PARTS]
        return torch.tensor(cuts, dtype=torch.float32)

    def scored(self, transitions: Batch, scores: Scores) -> Array:
        """`scores` of transitions as `infer` takes them, float64."""
        batch = tensors(transitions, self.device)
        found = [
            scores({name: x[first : first + CHUNK] for name, x in batch.items()})
            for first in range(0, len(batch["mask"]), CHUNK)
        ]
        return torch.cat(found).detach().double().cpu().numpy()

    @property
    def thresholds(self) -> Tensor:
        """Those of `scores`."""
        return self.buffers["thresholds"]

    def infer(self, transitions: Batch, rng: BatchGenerator) -> Array:
        """With an edge's score s and its threshold t: s / (s + t)."""
        del rng
        scores = self.scored(transitions, self.scores)
        cuts = self.thresholds.double().cpu().numpy()
        parts = [share(scores[p], t) for p, t in zip(PARTS, cuts, strict=True)]
        return np.concatenate(parts, axis=-1)

    # What methods make their losses and scores of

    def inputs(self, model: Params, batch: Tensors) -> Inputs:
        """Standardised inputs of the network."""
        return self.network.inputs(model, batch["observations"], batch["actions"])

    def likelihoods(self, model: Params, batch: Tensors, predicted: Tensor) -> Tensor:
        """Log f_j[s'_j] (N, ..., B) of predictions (N, ..., B, 2 D)."""
        change = normalised_change(model, batch["observations"], batch["next_observations"])
        shape = (change.shape[0], *(1,) * (predicted.dim() - 3), *change.shape[1:])
        known = varies(model).reshape(change.shape[0], *(1,) * (predicted.dim() - 2), -1)
        return log_likelihood(predicted, change.reshape(shape), known)

    def fit(self, params: Mapping[str, Params], batch: Tensors, mask: Tensor) -> Tensor:
        """-log f of the present entities, the mean over them."""
        model = params["model"]
        predicted = self.network.predict(model, self.inputs(model, batch), mask)
        return mean_of(-self.likelihoods(model, batch, predicted), batch["mask"])


def unlabelled(drawn: Batch) -> Batch:
    """What a model sees of transitions: no truth; "mask" (B, N) and "driven" (B,) always."""
    observations = drawn["observations"]
    count = len(observations)
    return {
        "observations": np.asarray(observations, np.float32),
        "next_observations": np.asarray(drawn["next_observations"], np.float32),
        "actions": np.asarray(drawn["actions"], np.float32).reshape(count, -1),
        "mask": np.asarray(drawn.get("mask", np.ones(observations.shape[:2])), np.float32),
        "driven": np.asarray(drawn.get("driven", np.ones(count)), np.float32),
    }


def tensors(transitions: Batch, device: torch.device) -> Tensors:
    """`unlabelled`, for the networks."""
    batch = unlabelled(transitions)
    return {name: torch.as_tensor(x, device=device) for name, x in batch.items()}


def whole(batch: Tensors) -> Tensor:
    """B(v): everybody who is there may act."""
    return present_graph(batch["mask"], batch["driven"])


def mean_of(each: Tensor, mask: Tensor) -> Tensor:
    """The mean of (N, B) over present entities."""
    there = mask.T
    return (each * there).sum() / there.sum().clamp(min=1.0)
