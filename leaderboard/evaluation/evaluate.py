"""Agents meet tasks here, and nowhere else: `evaluate` -> Record.

What is done depends on the kind of the task alone, and that is its evaluator's affair: this file
knows neither episodes nor worlds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard

import numpy as np

from entitybench.datasets.catalogue.shapes import is_registered
from entitybench.envs.worlds import task_of
from entitybench.errors import BadValue, BenchError, foreign, whole
from entitybench.leaderboard.evaluation import provenance
from entitybench.leaderboard.evaluation.pool import (
    Entrant,
    Failures,
    Job,
    Progress,
    Result,
    Runner,
    run_all,
)
from entitybench.leaderboard.evaluation.provenance import Source
from entitybench.leaderboard.evaluation.settings import config_of
from entitybench.records import (
    MOST,
    AgentInfo,
    Columns,
    Costs,
    DataInfo,
    Hashes,
    MetricInfo,
    Record,
    TaskInfo,
)
from entitybench.registry import agents, dataset_for, kind_for, resolve, tasks
from entitybench.words import class_name, squeezed

if TYPE_CHECKING:
    from entitybench.kinds import Kind
    from entitybench.leaderboard.evaluation.latency import Latency
    from entitybench.types import Array, TaskSpec


@dataclass(frozen=True, kw_only=True)
class Options:
    """What an evaluator is told beside the task."""

    threads: int = 1  # that a job may use itself
    failures: Failures = "raise"
    bank: str = "public"
    worlds: Any = None  # makes the simulation of a block; None: the task's own


class Evaluator(Protocol):
    """How agents are scored in one kind of task; `Kind.evaluator` names the class."""

    block: int  # items that an agent is given at once

    def actor(self, agent: Any) -> Any:
        """What acts: what the agent's method `Kind.does` gives, or the agent itself.

        Raises BadValue, with what is missing.
        """
        ...

    def jobs(self, entrants: Sequence[Entrant], items: Sequence[int]) -> list[Job]:
        """The work, cut at places that depend on the items alone."""
        ...

    def steps(self, task: TaskSpec) -> int:
        """What one job ticks in all, for the progress bar."""
        ...

    def run(
        self, job: Job, task: TaskSpec, options: Options, tick: Callable[[int], None]
    ) -> Result:
        """The rows of a job, each with a value for every metric of the kind."""
        ...

    def model_hash(self, task: TaskSpec, options: Options) -> str | None:
        """sha256 of what the items are made of: a scene, a test split, a generator of problems."""
        ...


def evaluate(
    agent: Any,
    task: str | TaskSpec,
    *,
    episodes: int = 100,
    episode_seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
    arguments: Mapping[str, Any] | None = None,
    failures: Failures = "raise",
    bank: str = "public",
    worlds: Any = None,
    latency: bool = False,
    runner: Runner = run_all,
) -> Record:
    """Give an agent `episodes` items of a task and write down what happened.

    Args:
        agent: an Agent (it has `policy()`, or what its kind asks), a Policy, a mapping
            {training seed: agent}, or a sequence of agents with training seeds 0, 1, …
        task: id or spec.
        episodes: number of items, with seeds episode_seed, episode_seed + 1, …
        episode_seed: the first of them.
        threads: workers; default: the cores of this process. Changes no row.
        progress: called with (steps of all jobs done, all of them), by one worker at a time.
        arguments: what the record says was asked for; default: these arguments.
        failures: "raise" an exception of the agent as BenchError, or "record" it in its rows.
        bank: where start states come from: public, perturbed (or perturbed:mass,friction), hidden.
        worlds: makes the simulation of a block; default: the task's own, with starts of the bank.
        latency: whether decisions for a single episode are timed, where agents of the kind act.
        runner: does the jobs; default: workers of this process.

    Raises:
        BadValue: impossible numbers, a policy whose actions have the wrong shape or are not finite.
        BenchError: the agent raised, or the infrastructure failed in every row.
    """
    spec = task_of(task)
    _check(episodes, episode_seed, threads)
    with foreign("the agent cannot be read"):
        kind = _kind_of(agent, spec)
    check_options(kind, bank=bank != "public")
    evaluator: Evaluator = resolve(kind.evaluator)()
    with foreign("the agent cannot be read"):
        entrants = entrants_of(agent, evaluator)
    jobs = evaluator.jobs(entrants, range(episode_seed, episode_seed + episodes))
    workers = threads or provenance.cores()
    spare = max(1, workers // len(jobs))  # few jobs, many cores: a job in parallel
    options = Options(threads=spare, failures=failures, bank=bank, worlds=worlds)
    begin, begin_cpu = time.perf_counter(), time.process_time()
    run = partial(_run, evaluator, spec, options)
    steps = evaluator.steps(spec)
    results = runner(jobs, run, threads=workers, steps=steps, progress=progress)
    wall, cpu = time.perf_counter() - begin, time.process_time() - begin_cpu
    wall += sum(result.spent_s[0] for result in results)
    cpu += sum(result.spent_s[1] for result in results)
    rows = [row for result in results for row in result.rows]
    if all(row.error is not None and not row.counts for row in rows):
        raise BenchError(f"no {kind.item} of {spec.id} could be run: {rows[0].error}")
    if arguments is None:
        arguments = {
            "agent": entrants[0].source.id,
            "task": spec.id,
            "episodes": episodes,
            "episode_seed": episode_seed,
            "training_seeds": [entrant.source.training_seed for entrant in entrants],
        }
    who, where, weights = _describe(entrants, spec, bank)
    return Record(
        kind=kind.id,
        item=kind.item,
        metrics=[MetricInfo.of(metric) for metric in kind.metrics],
        agent=who,
        data=[found for each in entrants if (found := _learned(each.source, kind.id)) is not None],
        task=where,
        hashes=Hashes(
            task=provenance.task_hash(spec),
            model=evaluator.model_hash(spec, options),
            weights=weights,
        ),
        versions=provenance.versions(),
        device=entrants[0].source.device,
        revision=provenance.revision(),
        arguments=dict(arguments),
        block=evaluator.block,
        threads=workers,
        wall_time_s=round(wall, 3),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        rows=Columns.of(rows),
        diagnostics=_average(jobs, results),
        costs=_costs(entrants, cpu, _timed(evaluator, entrants[0], spec, options, latency, wall)),
    )


def _timed(
    evaluator: Evaluator,
    entrant: Entrant,
    task: TaskSpec,
    options: Options,
    asked: bool,
    wall_s: float,
) -> Latency | None:
    """The times of decisions of the first training seed; None where nobody asked or none decide."""
    measure = getattr(evaluator, "latency", None)  # of kinds whose agents act
    if not asked or measure is None:
        return None
    timed: Latency = measure(entrant, task, options, wall_s)
    return timed


def _costs(entrants: Sequence[Entrant], cpu_s: float, timed: Latency | None) -> Costs:
    learned = {each.source.training_seed: each.source.training_cpu_s for each in entrants}
    return Costs(
        decision_p50_ms=timed.percentile(0.5) if timed else None,
        decision_p99_ms=timed.percentile(0.99) if timed else None,
        decisions=len(timed.seconds) if timed else 0,
        unmeasured=(timed.why or None) if timed else None,
        evaluation_cpu_s=round(cpu_s, 3),
        training_cpu_s={str(k): round(s, 1) for k, s in learned.items() if s is not None},
    )


def _run(
    evaluator: Evaluator, task: TaskSpec, options: Options, job: Job, tick: Callable[[int], None]
) -> Result:
    return evaluator.run(job, task, options, tick)


def _check(episodes: int, episode_seed: int, threads: int | None) -> None:
    whole("episodes", episodes)
    whole("episode_seed", episode_seed, 0)
    if threads is not None:
        whole("threads", threads)


def check_options(kind: Kind, **given: bool) -> None:
    """Raise BadValue for an option that is given and means nothing in this kind of task."""
    for name, used in given.items():
        if used and name not in kind.options:
            raise BadValue(
                f"--{name} means nothing for tasks of the kind {kind.id}, of {kind.item}s: leave "
                "it out."
            )


def _kind_of(agent: Any, task: TaskSpec) -> Kind:
    """The kind of an evaluation: that of the agent where it has one, else that of the task."""
    first = agent
    if isinstance(agent, Mapping):
        first = next(iter(agent.values()), None)
    elif isinstance(agent, (list, tuple)):
        first = agent[0] if agent else None
    source = getattr(first, "source", None)
    named = str(getattr(getattr(first, "config", None), "agent", ""))  # of one that just learned
    own = source.kind if isinstance(source, Source) else None
    if own is None and named in agents():
        own = agents()[named].kind
    return kind_for(own, task)


def entrants_of(agent: Any, evaluator: Evaluator) -> list[Entrant]:
    """One entrant a training seed, from whatever `evaluate` accepts."""
    if isinstance(agent, Mapping):
        entrants = [entrant_of(each, evaluator, seed) for seed, each in sorted(agent.items())]
    elif isinstance(agent, (list, tuple)):
        entrants = [entrant_of(each, evaluator, seed) for seed, each in enumerate(agent)]
    else:
        entrants = [entrant_of(agent, evaluator)]
    if not entrants:
        raise BadValue("no agent to evaluate: the collection is empty.")
    first = entrants[0].source
    for other in (entrant.source for entrant in entrants[1:]):
        for what, mine, its in (
            ("agent and configuration", (first.id, first.config), (other.id, other.config)),
            ("dataset", _data_of(first), _data_of(other)),
        ):
            if mine != its:
                raise BadValue(
                    f"training seeds of one record must share {what}: those of {first.id}, seed "
                    f"{first.training_seed}, and {other.id}, seed {other.training_seed}, differ."
                )
    return entrants


def _data_of(source: Source) -> tuple[str | None, str | None]:
    return source.dataset, source.dataset_sha256


def entrant_of(agent: Any, evaluator: Evaluator, training_seed: int | None = None) -> Entrant:
    """What acts of an agent and what is known of it. Raises BadValue when it cannot act."""
    actor = evaluator.actor(agent)
    with foreign(f"{class_name(agent)} cannot be described"):
        source = getattr(agent, "source", None)
        if not isinstance(source, Source):
            source = _described(agent)
    if training_seed is not None and training_seed != source.training_seed:
        source = replace(source, training_seed=int(training_seed))
    return Entrant(actor, source)


def _described(agent: Any) -> Source:
    """What an agent that was made by hand says of itself, as far as it fits a record."""
    config, seed, step = (getattr(agent, name, None) for name in ("config", "seed", "step"))
    preset = getattr(config, "preset", None)
    return Source(
        id=squeezed(str(getattr(config, "agent", class_name(agent))), 200),
        training_seed=seed if _is_count(seed) else 0,
        preset=preset if isinstance(preset, str) else None,
        config=config_of(agent),
        updates=step if _is_count(step) else None,
    )


def _is_count(value: Any) -> TypeGuard[int]:
    return type(value) is int and value >= 0


def _describe(
    entrants: Sequence[Entrant], task: TaskSpec, bank: str
) -> tuple[AgentInfo, TaskInfo, dict[str, str]]:
    """Who acted, where, and the sha256 of weights by training seed."""
    first = entrants[0].source
    weights = {
        str(each.source.training_seed): each.source.weights_sha256
        for each in entrants
        if each.source.weights_sha256 is not None
    }
    updates = [each.source.updates for each in entrants]
    who = AgentInfo(
        id=first.id,
        preset=first.preset,
        config=first.config,
        updates=max((x for x in updates if x is not None), default=None),
        weights_from=first.trained_on if first.trained_on != task.id else None,
    )
    where = TaskInfo(
        id=task.id,
        version=task.version,
        kind=task.kind,
        horizon=task.horizon,
        kwargs=dict(task.kwargs),
        bank=bank,
    )
    return who, where, weights


def _learned(source: Source, kind: str) -> DataInfo | None:
    """What a training seed learned from, to act in tasks of a kind."""
    if source.dataset_sha256 is None and not source.parts and not source.devices:
        return None
    task = source.trained_on
    named = dataset_for(tasks()[task], kind) if task is not None and task in tasks() else None
    return DataInfo(
        training_seed=source.training_seed,
        dataset=source.dataset,
        sha256=source.dataset_sha256,
        default=source.dataset is None or source.dataset == named,
        registered=source.dataset is None or is_registered(source.dataset, source.dataset_sha256),
        parts=source.parts,
        devices=list(source.devices),
    )


def _average(jobs: Sequence[Job], results: Sequence[Result]) -> dict[str, dict[str, float]]:
    """Diagnostics by training seed: means over the episodes where they are numbers."""
    values: dict[str, dict[str, list[Array]]] = {}
    for job, result in zip(jobs, results, strict=True):
        of_seed = values.setdefault(str(job.entrant.source.training_seed), {})
        for name, array in result.diagnostics.items():
            usable = np.isfinite(array) & (abs(array) <= MOST)
            of_seed.setdefault(name, []).append(array[usable])
    means = {
        seed: {name: np.concatenate(parts) for name, parts in of_seed.items()}
        for seed, of_seed in values.items()
    }
    return {
        seed: {name: float(x.mean()) for name, x in of_seed.items() if len(x)}
        for seed, of_seed in means.items()
        if of_seed
    }
