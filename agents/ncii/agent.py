"""Null Counterfactual Interaction Inference (Chuck et al., ICLR 2025)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from entitybench.agents.common.graph.gaussian import normalised_change
from entitybench.agents.common.graph.heads import head, init_head
from entitybench.agents.common.graph.learner import (
    GraphLearner,
    mean_of,
    tensors,
    unlabelled,
    whole,
)
from entitybench.agents.common.graph.nulls import nulls
from entitybench.agents.common.graph.places import distances
from entitybench.agents.common.standard import CLIP
from entitybench.agents.ncii.config import HEAD, MODEL, PASSIVE, PRESETS, NCIIConfig
from entitybench.agents.ncii.losses import (
    head_loss,
    null_ratio,
    null_test,
    refined_mask,
    simulated_mask,
)
from entitybench.agents.ncii.networks import init_passive, passive
from entitybench.seeding import generator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.agents.common.graph.source import GraphSource
    from entitybench.agents.common.layers import Params
    from entitybench.types import Batch, TaskSpec

Tensor = torch.Tensor
Tensors = dict[str, Tensor]
CHUNK = 5_000  # transitions whose surprise is computed at once
FAR = 0.7  # quantile of distances beyond which sim-null leaves a cause out
CALM = 0.5  # quantile of surprise below which it leaves out all


class NCII(GraphLearner):
    """A forward model of masked states, its null test, and a head that learns the test's answers.

    Training: a passive model of each entity alone, whose surprise says which transitions are rare;
    the forward model on the masks of who is there; then in turns the head on the null test of the
    present model, and the model on masks that the head has changed too.
    """

    config_class: ClassVar[type[Any]] = NCIIConfig
    shipped: ClassVar[tuple[str, ...]] = (MODEL, HEAD)
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = PRESETS

    def __init__(self, config: Any, task: TaskSpec, *, seed: int, device: str = "cpu") -> None:
        super().__init__(config, task, seed=seed, device=device)
        self.untune()
        # Of sim-null: see `begin`.
        self.buffers["far"] = torch.tensor(0.0)
        self.buffers["calm"] = torch.zeros(self.network.entities)
        self._rare: GraphSource | None = None

    def init(self, rng: torch.Generator) -> None:
        super().init(rng)
        self.params[HEAD] = init_head(self.network, rng)
        self.params[PASSIVE] = init_passive(self.network, rng)

    # Batches

    def begin(self, phase: Any, source: GraphSource) -> None:
        """Before the forward model learns: what is far, and what is calm."""
        if self.config.nulls == "simulated" and MODEL in phase.learns:
            drawn = source.sample(CHUNK, generator(self.seed, "begin"))
            there = drawn["mask"]
            between = there[:, :, None] & there[:, None] & ~np.eye(there.shape[1], dtype=bool)
            apart = distances(self.task, drawn["observations"])
            self.buffers["far"] = torch.tensor(np.quantile(apart[between], FAR)).float()
            surprise = np.where(there, self.surprise(drawn), np.nan)
            calm = np.nan_to_num(np.nanquantile(surprise, CALM, axis=0))
            self.buffers["calm"] = torch.as_tensor(calm).float()

    def draw(self, source: GraphSource, rng: np.random.Generator) -> Batch:
        """Null data, rare transitions and others; the passive model sees only the others."""
        config, size = self.config, self.config.batch_size
        null = rare = 0
        if PASSIVE not in self.phase.learns:
            null = int(config.null_share * size) if config.nulls == "step" else 0
            rare = int(config.rare_share * (size - null))
        parts = [unlabelled(source.sample(size - null - rare, rng))]
        if rare:
            parts.append(unlabelled(self.surprising(source).sample(rare, rng)))
        if null:
            made = nulls(source.store, config.null_transitions)
            picked = rng.integers(len(made["mask"]), size=null)
            parts.append(unlabelled({name: x[picked] for name, x in made.items()}))
        batch = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        n = self.network.entities
        return {**batch, "coins": rng.random((size, n, n + 2), np.float32)}

    def surprising(self, source: GraphSource) -> GraphSource:
        """The transitions that the passive model explains worst."""
        if self._rare is None or self._rare.store is not source.store:
            found = np.empty(source.transitions)
            for first in range(0, len(found), CHUNK):
                drawn = source.take(np.arange(first, min(first + CHUNK, len(found))))
                each = np.where(drawn["mask"], self.surprise(drawn), -np.inf)
                found[first : first + CHUNK] = each.max(axis=1)
            count = max(1, round(self.config.rare * len(found)))
            self._rare = source.only(np.argsort(-found, kind="stable")[:count])
        return self._rare

    @torch.inference_mode()
    def surprise(self, transitions: Batch) -> Any:
        """u_j = -log p_j(s'_j | s_j), (B, N)."""
        batch = tensors(transitions, self.device)
        return self._surprise(self.params, batch).T.double().cpu().numpy()

    def _surprise(self, params: Mapping[str, Params], batch: Tensors) -> Tensor:
        model = params[MODEL]
        predicted = passive(params[PASSIVE], self.inputs(model, batch))
        return -self.likelihoods(model, batch, predicted)

    # Losses

    def losses(
        self, params: Mapping[str, Params], batch: Tensors, constants: Tensors
    ) -> tuple[Tensor, Tensors]:
        """That of the group that learns in the present phase."""
        learns = self.phase.learns
        if PASSIVE in learns:
            loss = mean_of(self._surprise(params, batch), batch["mask"])
            return loss, {"passive": loss.detach()}
        if MODEL in learns:
            loss = self.fit(params, batch, self._mask(params, batch, constants["refined"]))
            return loss, {"model": loss.detach()}
        graph = whole(batch)
        with torch.no_grad():
            target = null_test(self.ratio(params, batch), self.config.epsilon, graph)
        loss = head_loss(self.logits(params, batch), target, graph)
        return loss, {"head": loss.detach(), "named": target.mean()}

    def _mask(self, params: Mapping[str, Params], batch: Tensors, share: Tensor) -> Tensor:
        graph = whole(batch)
        with torch.no_grad():
            if self.phase.refined > 0:
                h = torch.sigmoid(self.logits(params, batch))
                return refined_mask(graph, h, batch["coins"], share)
            if self.config.nulls == "simulated":
                apart = distances(self.task, batch["observations"])
                surprise = self._surprise(params, batch).T
                masked = simulated_mask(
                    graph, apart, self.buffers["far"], surprise, self.buffers["calm"]
                )
                return torch.where(batch["coins"][..., :1] < 0.5, masked, graph)
        return graph

    def ratio(self, params: Mapping[str, Params], batch: Tensors) -> Tensor:
        """The log likelihood ratio of the null test, (B, N, N + 1)."""
        model, graph = params[MODEL], whole(batch)
        inputs = self.inputs(model, batch)
        full = self.likelihoods(model, batch, self.network.predict(model, inputs, graph))
        without = self.network.without(model, inputs, graph)
        return null_ratio(full, self.likelihoods(model, batch, without))

    def logits(self, params: Mapping[str, Params], batch: Tensors) -> Tensor:
        """Of the head, (B, N, N + 1)."""
        model = params[MODEL]
        change = normalised_change(model, batch["observations"], batch["next_observations"])
        change = change.clamp(-CLIP, CLIP)
        return head(self.network, params[HEAD], self.inputs(model, batch), change)

    # What is said

    def finish(self, source: GraphSource) -> None:
        """Tune the thresholds of the head and those of the null test."""
        self.buffers["thresholds"] = self.tuned(source, self.by_head)
        self.buffers["thresholds_test"] = self.tuned(source, self.by_test)

    def untune(self) -> None:
        """The thresholds of the definitions: what the head is trained to, and what the test is.

        They need no labels. Few edges are named wrongly by them, where edges are rare; with the
        tuned ones both kinds of errors weigh the same.
        """
        self.buffers["thresholds"] = torch.full((2,), 0.5)
        self.buffers["thresholds_test"] = torch.full((2,), self.config.epsilon)

    @property
    def thresholds(self) -> Tensor:
        return self.buffers["thresholds" if self.config.infer == "head" else "thresholds_test"]

    def scores(self, batch: Tensors) -> Tensor:
        return self.by_head(batch) if self.config.infer == "head" else self.by_test(batch)

    @torch.inference_mode()
    def by_head(self, batch: Tensors) -> Tensor:
        """h, (B, N, N + 1)."""
        return torch.sigmoid(self.logits(self.params, batch))

    @torch.inference_mode()
    def by_test(self, batch: Tensors) -> Tensor:
        """The null test's ratio in nats, where it is above 0: (B, N, N + 1)."""
        return self.ratio(self.params, batch).clamp(min=0.0)
