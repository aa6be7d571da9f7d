"""Several training seeds of one configuration, learned by one batched computation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import torch

from entitybench.agents.common.groups import follow, learning, stacked
from entitybench.agents.common.learner import TorchLearner
from entitybench.agents.common.optimiser import Adam
from entitybench.errors import BadValue, Diverged
from entitybench.seeding import generator

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from entitybench.agents.common.config import Phase
    from entitybench.agents.common.layers import Params
    from entitybench.types import Batch, Metrics, TaskSpec

Tensor = torch.Tensor
_DRAWS = ("draw", "draw_many")


def stackable(target: type[Any]) -> bool:
    """Whether `SideBySide` can train seeds of an agent's class.

    It can whatever is a `TorchLearner` with the update of `TorchLearner`; what overrides it is
    trained one seed after another.
    """
    own = ("advance", "update", "batch")
    return issubclass(target, TorchLearner) and all(
        getattr(target, name) is getattr(TorchLearner, name) for name in own
    )


class SideBySide:
    """S learners of one class, configuration, task and dataset that differ by their seeds.

    Their parameters lie along a new first axis, their pure `losses` are vectorised over it
    (`torch.func.vmap`), and one optimiser moves them all; every seed draws its own batches, from
    the stream of its seed and step, and has its gradients clipped by itself. So each learner
    becomes, within rounding, what it would have become alone, and its checkpoint is that of a
    single learner: either can go on with the other's. Parameters of the learners are views of the
    stacked ones: `learners[s]` acts, is evaluated and is saved like any learner.

    There is no fallback: learners of another class are refused (`stackable`).
    """

    unit: ClassVar[str] = TorchLearner.unit

    def __init__(self, learners: Sequence[TorchLearner]) -> None:
        """Put learners side by side; from now on they share memory.

        Raises:
            BadValue: none, or a class that cannot be stacked, or configurations, tasks, steps or
                datasets that differ.
            CheckpointError: one has no training state.
        """
        self.learners = tuple(learners)
        _check(self.learners, type(self).joins)
        self.lead = self.learners[0]
        self.params = _share(self.learners)
        lead = self.lead
        learned = {g: p for g, p in self.params.items() if g not in lead.targets}
        self._optimiser = Adam(learned, clip=lead.config.grad_clip, apart=lead.apart, seeds=True)
        self._optimiser.restore(_gather([one.moments() for one in self.learners]))
        self._compiled = lead.compiled(self._summed)
        self._sort_buffers()

    @staticmethod
    def joins(target: type[Any]) -> bool:
        """Whether it takes learners of a class: `stackable`."""
        return stackable(target)

    @classmethod
    def create(
        cls,
        target: type[TorchLearner],
        config: Any,
        task: TaskSpec,
        *,
        seeds: Sequence[int],
        data: Any,
        parts: Sequence[Mapping[str, Path]] | None = None,
        device: str = "cpu",
    ) -> Self:
        """Fresh learners, one a seed; `parts` are those of each. Raises BadValue."""
        each = parts or [{} for _ in seeds]
        return cls(
            [
                target.create(config, task, seed=seed, data=data, parts=own, device=device)
                for seed, own in zip(seeds, each, strict=True)
            ]
        )

    @classmethod
    def load(
        cls,
        target: type[TorchLearner],
        folders: Sequence[Path],
        *,
        task: TaskSpec | None = None,
        device: str = "cpu",
    ) -> Self:
        """Go on with what `save` wrote, or single learners. Raises CheckpointError, BadValue."""
        return cls([target.load(folder, task=task, device=device) for folder in folders])

    @property
    def step(self) -> int:
        return self.lead.step

    @property
    def total(self) -> int:
        return self.lead.total

    @property
    def config(self) -> Any:
        return self.lead.config

    def advance(self, data: Any) -> list[Metrics]:
        """One update of every seed on batches of `data`; what is worth logging, by seed.

        Raises Diverged, before anything changes, with the seeds that cannot go on.
        """
        lead, sources = self.lead, self._opened(data)
        phase, done, rate = lead._place()
        if done == 0:
            each = list(zip(self.learners, sources, strict=True))
            found = {one.seed: one.unfit(source) for one, source in each}
            if lost := {seed: why for seed, why in found.items() if why is not None}:
                raise Diverged(lost)
            for one, source in each:
                one.begin(phase, source)
            self._optimiser.forget(lead.anew())
            self._sort_buffers()
        batch = {k: torch.as_tensor(v, device=lead.device) for k, v in self._draw(sources).items()}
        logs = self.learn(batch, phase, rate)
        for one, source in zip(self.learners, sources, strict=True):
            one.step += 1
            if one.step == one.total:
                one.finish(source)
        rows = torch.stack(list(logs.values()), 1).tolist()  # one transfer for all
        return [{"learning_rate": rate, **dict(zip(logs, row, strict=True))} for row in rows]

    def learn(self, batch: dict[str, Tensor], phase: Phase, rate: float) -> dict[str, Tensor]:
        """One optimisation step on batches (S, ...); logs (S,) by name."""
        lead = self.lead
        arguments = (learning(self.params, phase), batch, lead._numbers(phase))
        if self._compiled is None:
            loss, logs = self._summed(*arguments)
            loss.backward()
        else:
            logs = self._compiled.backward(self._optimiser.parameters, *arguments)
        self._optimiser.step(rate, lead.rates())
        if lead.targets and lead.follows():
            follow(self.params, lead.targets, lead.config.target_rate)
        return logs

    def ready(self, data: Any) -> None:
        """Measure what acting needs: called before an evaluation in mid-training."""
        for one, source in zip(self.learners, self._opened(data), strict=True):
            one.finish(source)

    def save(self, folders: Sequence[Path], *, training: bool = True) -> None:
        """Write a checkpoint of each seed, as `TorchLearner.save` does."""
        state = self._optimiser.state()
        for s, (one, folder) in enumerate(zip(self.learners, folders, strict=True)):
            one.restore_moments({k: v if k.startswith("step/") else v[s] for k, v in state.items()})
            one.save(folder, training=training)

    def _sort_buffers(self) -> None:
        """Which buffers are the same for all seeds, and the others of one shape (S, ...)."""
        self._equal: dict[str, Tensor] = {}
        self._different: dict[str, Tensor] = {}
        for name, first in self.lead.buffers.items():
            all_of_it = [one.buffers[name] for one in self.learners]
            if all(torch.equal(first, other) for other in all_of_it[1:]):
                self._equal[name] = first
            elif len({value.shape for value in all_of_it}) == 1:
                self._different[name] = torch.stack(all_of_it)
            # Of different sizes they can be no input of losses over all seeds, which would fail.

    def _opened(self, data: Any) -> list[Any]:
        """The source of each learner; the same for all where batches depend on no seed's state."""
        if _draws_at_once(type(self.lead)):
            return [self.lead._source(data)] * len(self.learners)
        return [one._source(data) for one in self.learners]

    def _draw(self, sources: Sequence[Any]) -> Batch:
        """Batches (S, ...) of the present step."""
        rngs = [generator(one.seed, "update", one.step) for one in self.learners]
        if _draws_at_once(type(self.lead)):
            return self.lead.draw_many(sources[0], rngs)
        each = zip(self.learners, sources, rngs, strict=True)
        drawn = [one.draw(source, rng) for one, source, rng in each]
        return {name: stacked([one[name] for one in drawn]) for name in drawn[0]}

    def _summed(
        self, params: dict[str, Params], batch: dict[str, Tensor], constants: dict[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The sum of the losses, whose gradients do not mix, and logs (S,) by name."""
        if self.lead.of_seeds:
            losses, logs = self.lead.losses(params, batch, constants)
        else:
            each = torch.func.vmap(self._one, (0, 0, None, 0))
            losses, logs = each(params, batch, constants, self._different)
        return losses.sum(), logs

    def _one(
        self,
        params: dict[str, Params],
        batch: dict[str, Tensor],
        constants: dict[str, Tensor],
        buffers: dict[str, Tensor],
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The losses of one seed, which may read its statistics of the data."""
        lead, kept = self.lead, self.lead.buffers
        lead.buffers = {**self._equal, **buffers}
        try:
            return lead.losses(params, batch, constants)
        finally:
            lead.buffers = kept


def _draws_at_once(target: type[TorchLearner]) -> bool:
    """Whether `draw_many` speaks for `draw`: no class below the one that gave it changed `draw`."""
    mro = target.__mro__
    first = {name: next(k for k, c in enumerate(mro) if name in vars(c)) for name in _DRAWS}
    return first["draw_many"] <= first["draw"]


def _check(learners: Sequence[TorchLearner], joins: Callable[[type[Any]], bool]) -> None:
    """Raise BadValue for learners that cannot lie side by side."""
    if not learners:
        raise BadValue("no training seed to train.")
    lead = learners[0]
    if not joins(type(lead)):
        raise BadValue(f"{lead.config.agent} has an update of its own: train one seed at a time.")
    for one in learners[1:]:
        for what, mine, theirs in (
            ("agent", type(lead), type(one)),
            ("configuration", lead.config, one.config),
            ("task", lead.task.id, one.task.id),
            ("dataset", lead.dataset, one.dataset),
            ("step", lead.step, one.step),
        ):
            if mine != theirs:
                raise BadValue(
                    f"seeds {lead.seed} and {one.seed} differ in their {what} "
                    f"({mine} and {theirs}): train them one at a time."
                )
    seeds = [one.seed for one in learners]
    if len(set(seeds)) < len(seeds):
        raise BadValue(f"a training seed is there twice: {seeds}.")


def _share(learners: Sequence[TorchLearner]) -> dict[str, Params]:
    """The parameters of all along a new first axis; the learners' own become views of them."""
    whole: dict[str, Params] = {}
    for group, own in learners[0].params.items():
        whole[group] = {}
        for name in own:
            parts = [one.params[group][name] for one in learners]
            together = torch.stack([part.detach() for part in parts])
            for part, view in zip(parts, together, strict=True):
                part.data = view
            whole[group][name] = together
    return whole


def _gather(states: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Optimiser states along a new first axis; counts of steps are the same for all."""
    return {
        name: value if name.startswith("step/") else torch.stack([one[name] for one in states])
        for name, value in states[0].items()
    }
