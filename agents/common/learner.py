"""The part of an agent that depends on no method and no kind: parameters, updates, checkpoints."""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import torch

from entitybench.agents.common import checkpoint
from entitybench.agents.common.config import (
    changed,
    check_learns,
    constants,
    from_json,
    make,
    place,
    to_json,
)
from entitybench.agents.common.groups import follow, learning, stacked
from entitybench.agents.common.optimiser import Adam, flatten, unflatten
from entitybench.checkpoints import WEIGHTS, today
from entitybench.errors import BadValue, CheckpointError, Diverged
from entitybench.places import sha256_of
from entitybench.registry import tasks
from entitybench.seeding import generator

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from entitybench.agents.common.compiling import CompiledLoss
    from entitybench.agents.common.config import Phase
    from entitybench.agents.common.layers import Params
    from entitybench.types import AgentSpec, Batch, Metrics, TaskSpec

Tensor = torch.Tensor
Tensors = dict[str, Tensor]
Losses = Callable[..., tuple[Tensor, Tensors]]
_NO_NETWORK = (TypeError, ValueError, ArithmeticError, RuntimeError, LookupError)


class TorchLearner(ABC):
    """Learns by gradient steps on a sum of losses.

    A kit gives `source`; a method gives `config_class`, `presets`, `init` (its parameters), `draw`
    (its batch), `losses`, and what its kind asks of an agent. All randomness of update k comes from
    streams named by (seed, k): a resumed run needs no more than parameters, buffers, optimiser and
    step to go on bit for bit.
    """

    unit: ClassVar[str] = "updates"
    config_class: ClassVar[type[Any]]  # a TorchConfig
    presets: ClassVar[Mapping[str, Mapping[str, Any]]]
    shipped: ClassVar[tuple[str, ...]]  # groups of parameters that acting needs
    # Group -> the group it follows slowly, by `config.target_rate` an update; it learns nothing.
    targets: ClassVar[Mapping[str, str]] = {}
    apart: ClassVar[tuple[str, ...]] = ()  # groups whose learning rate `rates` gives
    passing: ClassVar[tuple[str, ...]] = ()  # buffers that training alone needs; they do not ship
    on_gpu: ClassVar[bool] = True  # whether it can learn there
    # Whether `losses` takes parameters and batches with an axis of training seeds in front, and
    # gives everything with that axis; else it is vectorised when seeds train side by side.
    of_seeds: ClassVar[bool] = False
    # What trains several seeds in one computation; see entitybench.types.Learner.
    together: ClassVar[str] = "entitybench.agents.common.side_by_side:SideBySide"

    def __init__(self, config: Any, task: TaskSpec, *, seed: int, device: str = "cpu") -> None:
        self.config, self.task, self.seed = config, task, seed
        self.device = torch.device(device)
        self.step = 0
        self.params: dict[str, Params] = {}
        self.buffers: Tensors = {}  # statistics and what phases keep; stored with the weights
        self.dataset: dict[str, Any] = {}  # id and content hash of what it learned from
        self.parts: dict[str, str] = {}  # sha256 of the weights of its parts
        self._optimiser: Adam | None = None
        self._opened: tuple[Any, Any] | None = None
        self._compiled: CompiledLoss | None = None
        self._constants: tuple[Phase, Tensors] | None = None

    # What a kit or a method defines

    @abstractmethod
    def source(self, data: Any) -> Any:
        """What batches are drawn from, opened once for `data`."""

    @abstractmethod
    def init(self, rng: torch.Generator) -> None:
        """Fill `params` with fresh parameters, all groups but those of `targets`."""

    @abstractmethod
    def draw(self, source: Any, rng: np.random.Generator) -> Batch:
        """The batch of the present step."""

    @abstractmethod
    def losses(
        self, params: Mapping[str, Params], batch: Tensors, constants: Tensors
    ) -> tuple[Tensor, Tensors]:
        """The sum to minimise and what to log; a pure function.

        Args:
            params: by group, the targets too.
            batch: of `draw`.
            constants: numbers of the present phase, by name.
        """

    def rates(self) -> Mapping[str, float]:
        """Learning rates, at the present step, of the groups of `apart`."""
        return {}

    def follows(self) -> bool:
        """Whether the targets move after the present update."""
        return True

    def draw_many(self, source: Any, rngs: Sequence[np.random.Generator]) -> Batch:
        """What `draw` gives with each generator, along a new first axis: quicker for some.

        Only for a `draw` that depends on nothing that differs between training seeds.
        """
        drawn = [self.draw(source, rng) for rng in rngs]
        return {name: stacked([one[name] for one in drawn]) for name in drawn[0]}

    def adopt(self, parts: Mapping[str, Path]) -> None:  # noqa: B027 - optional
        """Take what is needed of the checkpoints of other agents, when it is made."""

    def measure(self, source: Any) -> None:  # noqa: B027 - optional
        """Fill `buffers` from the data, when it is made."""

    def unfit(self, source: Any) -> str | None:
        """Why training cannot go on into the phase that begins; None where it can."""
        del source
        return None

    def begin(self, phase: Phase, source: Any) -> None:  # noqa: B027 - optional
        """Before the first update of a phase. What it must remember belongs in `buffers`.

        Parameters are set in place: they may be views of those of several seeds.
        """

    def anew(self) -> tuple[str, ...]:
        """The groups that the optimiser takes for fresh when the present phase begins."""
        return ()

    def finish(self, source: Any) -> None:  # noqa: B027 - optional
        """Fill `buffers` from the data after the last update, and before any evaluation."""

    # The contract of entitybench.types.Learner

    @classmethod
    def configure(cls, spec: AgentSpec, preset: str, task: TaskSpec, **changes: Any) -> Any:
        """The configuration of a registered agent. Raises BadValue for a setting it has not."""
        del task
        return make(cls.config_class, spec, preset, cls.presets, changes)

    @classmethod
    def create(
        cls,
        config: Any,
        task: TaskSpec,
        *,
        seed: int,
        data: Any = None,
        parts: Mapping[str, Path] | None = None,
        device: str = "cpu",
    ) -> Self:
        """A fresh agent; its statistics are taken from `data`."""
        agent = cls(config, task, seed=seed, device=device)
        agent._fresh(torch.Generator().manual_seed(int(generator(seed, "init").integers(2**62))))
        check_learns(config, agent.params.keys() - agent.targets.keys())
        if parts:
            agent.parts = {name: sha256_of(Path(path) / WEIGHTS) for name, path in parts.items()}
            agent.adopt(parts)
        if data is not None:
            if data.id is not None:  # worlds to act in have none
                agent.dataset = {"id": data.id, "content_hash": data.content_hash}
            agent.measure(agent._source(data))
        agent._prepare()
        return agent

    @property
    def total(self) -> int:
        return sum(phase.updates for phase in self.config.phases)

    @property
    def phase(self) -> Any:
        """The phase of the present step. Raises BadValue after the last."""
        return self._place()[0]

    def advance(self, data: Any) -> Metrics:
        """One update on a batch of `data`; what is worth logging. Raises Diverged."""
        source, (phase, done, _) = self._source(data), self._place()
        if done == 0:
            if (why := self.unfit(source)) is not None:
                raise Diverged({self.seed: why})
            self.begin(phase, source)
            self._trained().forget(self.anew())
        metrics = self.update(self.draw(source, generator(self.seed, "update", self.step)))
        if self.step == self.total:
            self.finish(source)
        return metrics

    def ready(self, data: Any) -> None:
        """Measure what acting needs: called before an evaluation in mid-training."""
        self.finish(self._source(data))

    def batch(self, data: Any) -> Batch:
        """The batch of the present step."""
        return self.draw(self._source(data), generator(self.seed, "update", self.step))

    def update(self, batch: Batch) -> Metrics:
        """One optimisation step of the groups that the phase learns. Raises CheckpointError."""
        optimiser = self._trained()
        phase, _, rate = self._place()
        tensors = {k: torch.as_tensor(v, device=self.device) for k, v in batch.items()}
        arguments = (learning(self.params, phase), tensors, self._numbers(phase))
        if self._compiled is None:
            loss, logs = self.losses(*arguments)
            loss.backward()
        else:
            logs = self._compiled.backward(optimiser.parameters, *arguments)
        optimiser.step(rate, self.rates())
        if self.targets and self.follows():
            follow(self.params, self.targets, self.config.target_rate)
        self.step += 1
        values = torch.stack(list(logs.values())).tolist()  # one transfer for all
        return {"learning_rate": rate, **dict(zip(logs, values, strict=True))}

    def save(self, folder: Path, *, training: bool = True) -> None:
        """Weights for acting, and with `training` everything that exact resume needs."""
        flat = flatten(self.params)
        weights = {k: v for k, v in flat.items() if k.split("/")[0] in self.shipped}
        buffers = {f"buffer/{k}": v for k, v in self.buffers.items()}
        weights |= {k: v for k, v in buffers.items() if k.split("/")[1] not in self.passing}
        rest: Tensors | None = None
        if training and self._optimiser is not None:
            rest = {k: v for k, v in {**flat, **buffers}.items() if k not in weights}
            rest |= {f"optimiser/{k}": v for k, v in self._optimiser.state().items()}
        meta = {
            "agent": self.config.agent,
            "preset": self.config.preset,
            "task": self.task.id,
            "task_version": self.task.version,
            "seed": self.seed,
            "step": self.step,
            "total": self.total,
            "unit": self.unit,
            "dataset": self.dataset,
            "parts": self.parts,
            "config": to_json(self.config),
        }
        checkpoint.write(Path(folder), meta, weights, rest)

    @classmethod
    def load(
        cls, folder: Path, *, task: TaskSpec | None = None, device: str = "cpu", **changes: Any
    ) -> Self:
        """Read a checkpoint, for its own task or, zero-shot, for another one of the same layout."""
        found, weights, training = checkpoint.read(Path(folder))
        meta = found.meta
        config = from_json(cls.config_class, today(meta["config"]))
        trained_on, seed = tasks()[meta["task"]], meta["seed"]
        agent = cls(changed(config, changes), task or trained_on, seed=seed, device=device)
        agent.step = meta["step"]
        agent.dataset, agent.parts = meta.get("dataset") or {}, meta.get("parts") or {}
        groups = unflatten({**weights, **(training or {})})
        agent.buffers = groups.pop("buffer", {})
        moments = groups.pop("optimiser", {})
        agent._fill(folder, flatten(groups), complete=training is not None)
        agent._prepare(trainable=training is not None)
        if agent._optimiser is not None:
            agent._optimiser.restore(moments)
        return agent

    # How it is done

    def _source(self, data: Any) -> Any:
        if self._opened is None or self._opened[0] is not data:
            self._opened = (data, self.source(data))
        return self._opened[1]

    def _place(self) -> tuple[Any, int, float]:
        return place(self.config.phases, self.step)

    def _numbers(self, phase: Phase) -> Tensors:
        if self._constants is None or self._constants[0] is not phase:
            numbers = {
                name: torch.tensor(value, dtype=torch.float32, device=self.device)
                for name, value in constants(phase).items()
            }
            self._constants = (phase, numbers)
        return self._constants[1]

    def _fresh(self, rng: torch.Generator) -> None:
        """Fill `params`. Raises BadValue for settings that make no network."""
        try:
            self.init(rng)
        except _NO_NETWORK as error:
            line = f"{self.config.agent} makes no network of these settings: {error}."
            raise BadValue(" ".join(line.split())) from error
        for target, live in self.targets.items():
            self.params[target] = {name: p.clone() for name, p in self.params[live].items()}

    def _fill(self, folder: Path, flat: Mapping[str, Tensor], *, complete: bool) -> None:
        """Set `params` from tensors by name. Raises CheckpointError unless they fit."""
        try:
            self._fresh(torch.Generator())
        except BadValue as error:
            raise CheckpointError(f"{folder}/agent.json: {error}") from error
        expected = {
            k: v
            for k, v in flatten(self.params).items()
            if complete or k.split("/")[0] in self.shipped
        }
        whose = f"{self.config.agent} (preset {self.config.preset}) on {self.task.id}"
        self.params = unflatten(checkpoint.fitting(folder, expected, flat, whose))

    def _prepare(self, *, trainable: bool = True) -> None:
        """Move everything to the device; where training follows, make the optimiser and compile."""
        self.params = {
            g: {k: v.to(self.device) for k, v in p.items()} for g, p in self.params.items()
        }
        self.buffers = {k: v.to(self.device) for k, v in self.buffers.items()}
        if trainable:
            learned = {g: p for g, p in self.params.items() if g not in self.targets}
            self._optimiser = Adam(learned, clip=self.config.grad_clip, apart=self.apart)
            self._compiled = self.compiled(self.losses)

    def compiled(self, losses: Losses) -> CompiledLoss | None:
        """Losses compiled, if the configuration asks for it and there is a compiler."""
        if not self.config.compile or shutil.which("g++") is None:
            return None
        # Imported here: the compiler takes longer to load than an agent to act.
        from entitybench.agents.common.compiling import CompiledLoss

        return CompiledLoss(losses)

    def moments(self) -> Tensors:
        """The state of the optimiser by name. Raises CheckpointError without training state."""
        return self._trained().state()

    def restore_moments(self, moments: Tensors) -> None:
        """Set what `moments` gave. Raises CheckpointError without training state."""
        self._trained().restore(moments)

    def _trained(self) -> Adam:
        if self._optimiser is None:
            raise CheckpointError(f"the weights of {self.config.agent} hold no training state.")
        return self._optimiser
