"""The part of an agent that does not depend on the method: parameters, updates, checkpoints."""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import torch

from entitybench.agents.common import checkpoint
from entitybench.agents.common.config import Stage, from_json, pick_preset, to_json
from entitybench.agents.common.goal.layout import Layout
from entitybench.agents.common.optimiser import Adam, flatten, unflatten
from entitybench.datasets.sampling.goals import GoalSampler
from entitybench.envs.api import goal_world_of
from entitybench.errors import BadValue, CheckpointError
from entitybench.registry import tasks
from entitybench.seeding import generator

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from entitybench.agents.common.compiling import CompiledLoss
    from entitybench.agents.common.networks import Params
    from entitybench.types import AgentSpec, Batch, Metrics, Policy, TaskSpec

Tensor = torch.Tensor


class TorchAgent(ABC):
    """Learns by gradient steps on a sum of losses.

    A subclass gives `config_class`, `presets`, `init` (its parameters), `draw` (its batch),
    `losses` and `policy`. All randomness of update k comes from streams named by (seed, k): a
    resumed run needs no more than parameters, targets, optimiser and step to go on bit for bit.
    """

    config_class: ClassVar[type[Any]]
    presets: ClassVar[Mapping[str, Mapping[str, Any]]]
    shipped: ClassVar[tuple[str, ...]]  # parameter groups that acting needs

    def __init__(self, config: Any, task: TaskSpec, *, seed: int, device: str = "cpu") -> None:
        self.config, self.task, self.seed = config, task, seed
        self.device = torch.device(device)
        self.layout = Layout.of(task)
        self.step = 0
        self.params: dict[str, Params] = {}
        self.target: Params = {}
        self.buffers: dict[str, Tensor] = {}  # statistics of the data, stored with the weights
        self.dataset: dict[str, Any] = {}
        self._optimiser: Adam | None = None
        self._sampler: tuple[Any, GoalSampler] | None = None
        self._compiled: CompiledLoss | None = None

    # What a method defines

    @abstractmethod
    def init(self, rng: torch.Generator) -> None:
        """Fill `params` (and `target`) with fresh parameters."""

    @abstractmethod
    def draw(self, sampler: GoalSampler, rng: np.random.Generator) -> Batch:
        """The batch of the present step."""

    @abstractmethod
    def losses(
        self, params: Mapping[str, Params], target: Params, batch: dict[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The sum to minimise and what to log; a pure function."""

    @abstractmethod
    def policy(self, *, greedy: bool = True) -> Policy[Any]:
        """The policy to evaluate."""

    def measure(self, sampler: GoalSampler) -> None:  # noqa: B027 - optional
        """Fill `buffers` from the data before the first update."""

    def finish(self, sampler: GoalSampler) -> None:  # noqa: B027 - optional
        """Fill `buffers` from the data after the last update."""

    # The contract of entitybench.types.Agent

    @classmethod
    def make_config(cls, spec: AgentSpec, preset: str, task: TaskSpec) -> Any:
        """The resolved configuration of a registered agent."""
        del task
        return cls.config_class(**pick_preset(spec, preset, cls.presets))

    @classmethod
    def create(
        cls, config: Any, task: TaskSpec, *, seed: int, dataset: Any = None, device: str = "cpu"
    ) -> Self:
        """A fresh agent; its statistics are taken from `dataset`."""
        agent = cls(config, task, seed=seed, device=device)
        rng = torch.Generator().manual_seed(int(generator(seed, "init").integers(2**62)))
        agent.init(rng)
        if dataset is not None:
            agent.dataset = {"id": dataset.id, "content_hash": dataset.content_hash}
            agent.measure(agent.sampler(dataset))
        agent._prepare()
        return agent

    @property
    def total_updates(self) -> int:
        return sum(stage.updates for stage in self.config.stages)

    def stage(self) -> tuple[Stage, float]:
        """The stage of the present step and the learning rate there."""
        done = self.step
        for stage in self.config.stages:
            if done < stage.updates:
                part = done / stage.updates
                rate = stage.learning_rate + part * (
                    stage.final_learning_rate - stage.learning_rate
                )
                return stage, rate
            done -= stage.updates
        raise BadValue(
            f"training is complete: {self.step} of {self.total_updates} updates are done."
        )

    def sampler(self, dataset: Any) -> GoalSampler:
        if self._sampler is None or self._sampler[0] is not dataset:
            self._sampler = (dataset, GoalSampler(dataset, goal_world_of(self.task)))
        return self._sampler[1]

    def calibrate(self, dataset: Any) -> None:
        """Measure what acting needs; the harness calls it before an evaluation in mid-training."""
        self.finish(self.sampler(dataset))

    def batch(self, dataset: Any) -> Batch:
        return self.draw(self.sampler(dataset), generator(self.seed, "update", self.step))

    def update(self, batch: Batch) -> Metrics:
        """One optimisation step of every network."""
        assert self._optimiser is not None, "this checkpoint holds no training state"
        _, rate = self.stage()
        tensors = {k: torch.as_tensor(v, device=self.device) for k, v in batch.items()}
        if self._compiled is None:
            loss, logs = self.losses(self.params, self.target, tensors)
            loss.backward()
        else:
            arguments = (self.params, self.target, tensors)
            logs = self._compiled.backward(self._optimiser.parameters, *arguments)
        self._optimiser.step(rate)
        if self.target:
            live = [self.params["critic"][name].detach() for name in self.target]
            torch._foreach_lerp_(list(self.target.values()), live, self.config.target_rate)
        self.step += 1
        if self.step == self.total_updates and self._sampler is not None:
            self.finish(self._sampler[1])
        values = torch.stack(list(logs.values())).tolist()  # one transfer for all
        return {"learning_rate": rate, **dict(zip(logs, values, strict=True))}

    def save(self, folder: Path, *, training: bool = True) -> None:
        """Weights for acting, and with `training` everything that exact resume needs."""
        flat = flatten(self.params)
        weights = {k: v for k, v in flat.items() if k.split("/")[0] in self.shipped}
        weights |= {f"buffer/{k}": v for k, v in self.buffers.items()}
        rest: dict[str, Tensor] | None = None
        if training and self._optimiser is not None:
            rest = {k: v for k, v in flat.items() if k not in weights}
            rest |= {f"target/{k}": v for k, v in self.target.items()}
            rest |= {f"optimiser/{k}": v for k, v in self._optimiser.state().items()}
        meta = {
            "agent": self.config.agent,
            "preset": self.config.preset,
            "task": self.task.id,
            "task_version": self.task.version,
            "seed": self.seed,
            "step": self.step,
            "total_updates": self.total_updates,
            "dataset": self.dataset,
            "config": to_json(self.config),
        }
        checkpoint.write(Path(folder), meta, weights, rest)

    @classmethod
    def load(
        cls,
        folder: Path,
        *,
        device: str = "cpu",
        task: TaskSpec | None = None,
        overrides: Mapping[str, Any] | None = None,
    ) -> Self:
        """Read a checkpoint, for its own task or, zero-shot, for another one of the same layout."""
        meta, weights, training = checkpoint.read(Path(folder))
        for name in ("config", "step"):
            if meta.get(name) is None:
                raise CheckpointError(f"{folder}/agent.json lacks or misstates {name}.")
        config = from_json(cls.config_class, meta["config"])
        trained_on, seed, step = tasks()[meta["task"]], meta["seed"], meta["step"]
        if meta["task_version"] != trained_on.version:
            raise CheckpointError(
                f"{folder} was trained on {trained_on.id} version {meta['task_version']}; "
                f"this is version {trained_on.version}. Train again: bench train "
                f"--agent {config.agent} --task {trained_on.id} --preset {config.preset} "
                f"--seed {seed} --out FOLDER"
            )
        agent = cls(
            replace(config, **(overrides or {})), task or trained_on, seed=seed, device=device
        )
        agent.step, agent.dataset = step, meta.get("dataset") or {}
        flat = {**weights, **(training or {})}
        agent.buffers = {
            k.removeprefix("buffer/"): v for k, v in flat.items() if k.startswith("buffer/")
        }
        agent.target = {
            k.removeprefix("target/"): v for k, v in flat.items() if k.startswith("target/")
        }
        skip = ("buffer/", "target/", "optimiser/")
        agent._fill(folder, {k: v for k, v in flat.items() if not k.startswith(skip)}, training)
        agent._prepare(trainable=training is not None)
        if training is not None and agent._optimiser is not None:
            agent._optimiser.restore(
                {
                    k.removeprefix("optimiser/"): v
                    for k, v in training.items()
                    if k.startswith("optimiser/")
                }
            )
        return agent

    def _fill(self, folder: Path, flat: Mapping[str, Tensor], training: Any) -> None:
        """Set `params` from tensors by name. Raises CheckpointError unless they fit."""
        target = self.target
        try:
            self.init(torch.Generator())
        except (TypeError, ValueError, ArithmeticError, RuntimeError, LookupError) as error:
            line = " ".join(str(error).split())
            raise CheckpointError(
                f"{folder}/agent.json has a config that makes no network: {line}."
            ) from error
        expected = {
            k: v
            for k, v in flatten(self.params).items()
            if training is not None or k.split("/")[0] in self.shipped
        }
        self.target = target
        wrong = sorted(expected.keys() ^ flat.keys())
        wrong += [k for k in expected if k in flat and expected[k].shape != flat[k].shape]
        if wrong:
            raise CheckpointError(
                f"the weights in {folder} do not fit {self.config.agent} (preset "
                f"{self.config.preset}) on {self.task.id}: {wrong[0]} and {len(wrong) - 1} more "
                "differ; they are of another agent, or of networks for another task."
            )
        # In the order of `init`, so that sums over parameters round alike after a resume.
        self.params = unflatten({k: flat[k] for k in expected})

    def _prepare(self, *, trainable: bool = True) -> None:
        """Move everything to the device; where training follows, make the optimiser and compile."""
        move = {g: {k: v.to(self.device) for k, v in p.items()} for g, p in self.params.items()}
        self.params = move
        self.target = {k: v.to(self.device) for k, v in self.target.items()}
        self.buffers = {k: v.to(self.device) for k, v in self.buffers.items()}
        if trainable:
            self._optimiser = Adam(self.params, clip=self.config.grad_clip)
            if self.config.compile and shutil.which("g++") is not None:
                # Imported here: the compiler takes longer to load than an agent to act.
                from entitybench.agents.common.compiling import CompiledLoss

                self._compiled = CompiledLoss(self.losses)
