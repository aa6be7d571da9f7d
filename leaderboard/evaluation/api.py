"""What users call: `load_agent`, `evaluate`."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from entitybench.checkpoints import META, Checkpoint
from entitybench.datasets.catalogue.shapes import seen
from entitybench.envs.offers import offers
from entitybench.envs.worlds import task_of
from entitybench.errors import (
    BadValue,
    BenchError,
    CheckpointError,
    a_path,
    did_you_mean,
    foreign,
)
from entitybench.errors import training_seeds as distinct
from entitybench.leaderboard.evaluation import evaluate as engine
from entitybench.leaderboard.evaluation import weights as checkpoints
from entitybench.leaderboard.evaluation.predict import Player
from entitybench.leaderboard.evaluation.provenance import Source, check_device, pick_device
from entitybench.leaderboard.evaluation.settings import config_of
from entitybench.leaderboard.evaluation.weights import reference_weights
from entitybench.needs import check_fit
from entitybench.places import staying
from entitybench.progress import progress_bar
from entitybench.registry import agent as agent_spec
from entitybench.registry import (
    agents,
    kind_for,
    lacking,
    resolve,
    resolve_agent,
    tasks,
)
from entitybench.words import named

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from entitybench.leaderboard.evaluation.pool import Failures, Progress
    from entitybench.records import Record
    from entitybench.types import AgentSpec, TaskSpec

__all__ = [
    "Loaded",
    "evaluate",
    "load_agent",
    "load_agents",
    "reference_weights",
]


@dataclass(frozen=True)
class Loaded:
    """An agent and where it comes from. Attributes of the agent are reached through it."""

    agent: Any
    source: Source
    task: TaskSpec | None = None  # where it acts

    def __repr__(self) -> str:
        where = "" if self.task is None else f" for {self.task.id}"
        about = [f"training seed {self.source.training_seed}"]
        about += [f"preset {self.source.preset}"] if self.source.preset else []
        about += [f"trained on {self.source.dataset}"] if self.source.dataset else []
        size = None if self.task is None else seen(self.task)
        if size is not None:
            about[-1] += f"; observation {tuple(size[0])}; action {tuple(size[1])}"
        return f"<{self.source.id}{where}: {', '.join(about)}>"

    def predict(self, obs: Any, *, begin: bool = False) -> Any:
        """The action for an observation, in a loop of one's own.

        >>> obs, info = env.reset(seed=0)
        >>> action = agent.predict(obs, begin=True)
        >>> obs, reward, terminated, truncated, info = env.step(action)

        Args:
            obs: what `eb.make(task)` or `eb.make_vec(task, …)` gives; of a team its dict by agent.
            begin: whether an episode begins, all of a vector's at once: agents remember, such as
                which subgoal they are after. The first call begins too.

        Returns:
            (A,) in [-1, 1], (B, A) for a vector, or a dict by agent for a team.

        Raises BadValue for what is no observation of the task, or an agent that does not act.
        """
        return self._player.predict(obs, begin=begin)

    @cached_property
    def _player(self) -> Player:
        if self.task is None:
            raise BadValue("this agent has no task to act in: load_agent(id, task=…) gives one.")
        policy = self.policy()
        if not hasattr(policy, "act"):
            raise BadValue(f"{self.source.id} is for {self.source.kind} tasks and does not act.")
        return Player(policy, self.task, self.source.training_seed)

    def policy(self, *, greedy: bool = True) -> Any:
        """The policy to evaluate."""
        if not hasattr(self.agent, "policy"):
            return self.agent  # a plain policy
        return self.agent.policy() if greedy else self.agent.policy(greedy=False)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # copying and pickling ask before there is an agent
            raise AttributeError(name)
        return getattr(self.agent, name)


def load_agent(
    id: str,
    *,
    task: str | TaskSpec,
    seed: int = 0,
    weights: str | Path | None = None,
    weights_from: str | None = None,
    preset: str | None = None,
    device: str | None = "cpu",
    dataset: str | None = None,
) -> Loaded:
    """A trained agent, ready to act.

    Args:
        id: a registered agent, or `path/to/file.py:Class` or `module:Class`: an Agent, a Policy, or
            a function that makes one from the TaskSpec; or a policy of another form
            (`entitybench.forms`): policy.onnx, policy.pt, policy.zip, http://…, llm://…
        task: where it will act.
        seed: the training seed. A single checkpoint folder as `weights` may have another one.
        weights: a folder with seed0/, seed1/, … or one checkpoint folder. Default: shipped weights.
        weights_from: another task that the weights were trained on.
        preset: the preset the weights must have.
        device: "cpu", "cuda", "cuda:<index>"; None or "auto": a GPU where there is one.
        dataset: id of what the weights were trained on; None: what the task names.

    Raises:
        UnknownId: no such agent or task.
        CheckpointError: no weights (with the `bench train` line that makes them), or wrong ones.
    """
    single = weights is not None and (a_path("weights", weights) / META).is_file()
    loaded = load_agents(
        id,
        task=task,
        seeds=None if single else [seed],
        weights=weights,
        weights_from=weights_from,
        preset=preset,
        device=device,
        dataset=dataset,
    )
    return next(iter(loaded.values()))


@staying()
def load_agents(
    id: str,
    *,
    task: str | TaskSpec,
    seeds: Sequence[int] | None = None,
    weights: str | Path | None = None,
    weights_from: str | None = None,
    preset: str | None = None,
    device: str | None = "cpu",
    dataset: str | None = None,
) -> dict[int, Loaded]:
    """Agents by training seed; `seeds` None means all there are. Otherwise as `load_agent`."""
    spec, where = agent_spec(id), task_of(task)
    if not spec.scored:
        raise BadValue(f"{spec.id} is built into other agents: by itself it acts in no task.")
    check_fit(spec, where, offers(where))
    chosen_seeds = None if seeds is None else distinct(seeds)
    _check_preset(spec, preset)
    check_device(device)
    if weights_from is not None:
        check_fit(spec, tasks()[weights_from], offers(tasks()[weights_from]))
    if not spec.trains and weights is not None and (spec.source or ":" not in spec.id):
        raise BadValue(f"{spec.id} has no weights: leave out --weights.")
    if not spec.trains and weights is None:
        for name, value in (("weights-from", weights_from), ("dataset", dataset)):
            if value is not None:
                raise BadValue(f"{spec.id} has no weights: leave out --{name}.")
        _device(spec, device)
        return {seed: _untrained(spec, where, seed, preset) for seed in chosen_seeds or [0]}
    found = checkpoints.find(
        spec,
        where,
        seeds=chosen_seeds,
        weights=None if weights is None else a_path("weights", weights),
        weights_from=weights_from,
        preset=preset,
        dataset=dataset,
    )
    chosen = _device(spec, device)
    return {seed: _trained(spec, where, found[seed], chosen) for seed in found}


def _device(spec: AgentSpec, device: str | None) -> str:
    """Where it acts. Raises BadValue for a device there is not, or that does not matter to it."""
    if spec.source and device not in (None, "auto", "cpu"):
        raise BadValue(f"{spec.id} is asked on the CPU: leave out --device {device}.")
    if not spec.acting:
        return "cpu" if spec.source else pick_device(device)
    if device not in (None, "auto", "cpu"):
        raise BadValue(f"{spec.id} acts by numpy: leave out --device {device}.")
    return "cpu"


def _check_preset(spec: AgentSpec, preset: str | None) -> None:
    if preset is None or (spec.target == spec.id):
        return  # a user's class knows its own
    if not spec.presets:
        raise BadValue(f"{spec.id} has no presets: leave out --preset {preset}.")
    if preset not in spec.presets:
        there = f"it has {', '.join(spec.presets)}.{did_you_mean(preset, spec.presets)}"
        raise BadValue(f"{spec.id} has no preset {preset!r}; {there}")


def _trained(spec: AgentSpec, task: TaskSpec, checkpoint: Checkpoint, device: str) -> Loaded:
    changes = dict(spec.config) if spec.weights_of is not None else {}
    target = resolve(spec.acting) if spec.acting else resolve_agent(spec)
    try:
        agent = target.load(checkpoint.folder, task=task, device=device, **changes)
    except (BenchError, ImportError, MemoryError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise CheckpointError(
            f"{str(checkpoint.folder)!r} cannot be loaded as {spec.id}: {named(error)}"
        ) from error
    meta = checkpoint.meta
    source = Source(
        id=spec.id,
        kind=spec.kind,
        training_seed=checkpoint.seed,
        preset=meta.get("preset"),
        config=config_of(agent),
        updates=meta.get("step"),
        weights_sha256=checkpoint.sha256,
        trained_on=meta["task"],
        dataset=checkpoint.dataset,
        dataset_sha256=(meta.get("dataset") or {}).get("content_hash"),
        parts=checkpoint.parts,
        devices=checkpoint.devices,
        training_cpu_s=checkpoint.cpu_s,
        device=device,
        shipped=checkpoint.shipped,
    )
    return Loaded(agent, source, task)


def _untrained(spec: AgentSpec, task: TaskSpec, seed: int, preset: str | None) -> Loaded:
    """Random, the oracle, or whatever a user's file holds."""
    target = resolve(spec.target)
    with foreign(f"{spec.target} cannot be read"):
        learner = not spec.source and not lacking(spec, target)
    if not learner and spec.id in agents():
        target = resolve_agent(spec)  # says what is missing
    if preset is not None and not learner:
        raise BadValue(f"{spec.id} has no presets: leave out --preset {preset}.")
    with foreign(f"{spec.source or spec.target} cannot be made"):
        if spec.source:
            agent = target(spec.source, task)
        elif learner:
            config = target.configure(spec, preset or next(iter(spec.presets), ""), task)
            agent = target.create(config, task, seed=seed, data=None, parts={}, device="cpu")
        elif not callable(target):
            agent = target
        else:
            agent = target(task) if inspect.signature(target).parameters else target()
    kind = kind_for(spec.kind, task)
    with foreign(f"{spec.target} cannot be read"):
        resolve(kind.evaluator)().actor(agent)  # complains when it cannot act
        config = config_of(agent)
    source = Source(id=spec.id, kind=spec.kind, training_seed=seed, preset=preset, config=config)
    return Loaded(agent, source, task)


@staying()
def evaluate(
    agent: Any,
    task: str | TaskSpec,
    *,
    episodes: int = 100,
    episode_seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
    training_seeds: Sequence[int] | None = None,
    weights: str | Path | None = None,
    weights_from: str | None = None,
    preset: str | None = None,
    dataset: str | None = None,
    device: str | None = "cpu",
    arguments: Mapping[str, Any] | None = None,
    failures: Failures = "raise",
    bank: str = "public",
    latency: bool = True,
) -> Record:
    """Run an agent from `episodes` starts of a task, or give it so many items, and write it down.

    Without `progress` there is a bar on standard error, where that is a terminal or a notebook.

    Args:
        agent: an id of `bench list agents`, `path/to/file.py:Class`, or a file or address of
            another form, as `load_agent` takes them; or an agent (it has
            `policy()`, or what its kind asks), a policy, a mapping {training seed: agent}, or a
            sequence of agents with training seeds 0, 1, …
        task: an id of `bench list tasks`, or a spec.
        episodes: number of items, with seeds episode_seed, episode_seed + 1, …
        episode_seed: the first of them.
        threads: workers; None: the cores of this process. Changes no row.
        progress: called with (steps of all jobs done, all of them), by one worker at a time.
        training_seeds: of an id: which trained agents; None: all there are.
        weights: of an id: as `load_agent` takes them.
        weights_from: of an id: another task that the weights were trained on.
        preset: of an id: the preset that the weights must have.
        dataset: of an id: what the weights were trained on; None: what the task names.
        device: of an id: "cpu", "cuda", "cuda:<index>"; None or "auto": a GPU where there is one.
        arguments: what the record says was asked for; None: these arguments.
        failures: "raise" an exception of the agent as BenchError, or "record" it in its rows.
        bank: where start states come from: public, perturbed (or perturbed:mass,friction), hidden.
        latency: whether some hundred decisions for a single episode are timed after it; changes no
            row.

    Raises:
        UnknownId: no such agent or task.
        CheckpointError: no weights, or wrong ones.
        BadValue: impossible numbers, a policy whose actions have the wrong shape or are not finite.
        BenchError: the agent raised, or the infrastructure failed in every row.
    """
    if isinstance(agent, str):
        agent = load_agents(
            agent,
            task=task,
            seeds=training_seeds,
            weights=weights,
            weights_from=weights_from,
            preset=preset,
            device=device,
            dataset=dataset,
        )
    elif any(x is not None for x in (training_seeds, weights, weights_from, preset, dataset)):
        raise BadValue(
            "training_seeds, weights, weights_from, preset and dataset choose weights for an "
            f"agent's id; got a {type(agent).__name__} that has its weights."
        )
    run = partial(
        engine.evaluate,
        agent,
        task,
        episodes=episodes,
        episode_seed=episode_seed,
        threads=threads,
        arguments=arguments,
        failures=failures,
        bank=bank,
        latency=latency,
    )
    if progress is not None:
        return run(progress=progress)
    with progress_bar(f"steps in {task_of(task).id}") as bar:
        return run(progress=bar)
