"""Agents meet worlds here, and nowhere else: `evaluate` -> Record.

Episodes run in blocks of one fixed size. Episode seed s is row s mod 25 of block s div 25, whatever
else is evaluated, and rows that are not asked for are padding: so no row depends on the number of
episodes, on threads, or on how the seeds are cut into shards. (Matrix products round differently
for other batch sizes and numbers of threads; hence the fixed block and one torch thread a worker.)
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.errors import BadValue, BenchError
from entitybench.leaderboard.evaluation import provenance
from entitybench.leaderboard.evaluation.control import (
    BLOCK,
    Arm,
    Failures,
    Job,
    MakeWorlds,
    Progress,
    Result,
    Simulation,
    blocks,
    run_all,
)
from entitybench.leaderboard.evaluation.provenance import Source
from entitybench.records import (
    AgentInfo,
    Columns,
    DataInfo,
    Hashes,
    MetricInfo,
    Record,
    TaskInfo,
)
from entitybench.registry import kinds, tasks

if TYPE_CHECKING:
    from entitybench.types import Array, TaskSpec


def default_worlds(task: TaskSpec, batch: int, threads: int, bank: str = "public") -> Simulation:
    """The real simulation of a task."""
    from entitybench.envs.api import make_worlds

    worlds: Simulation = make_worlds(task, batch, threads, bank=bank)
    return worlds


def bank_worlds(bank: str) -> MakeWorlds:
    """The real simulation with starts of a bank. Raises UnknownId for one that does not exist."""
    from entitybench.envs.core.banks import Bank

    Bank(bank).check()
    return partial(default_worlds, bank=bank)


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
    worlds: MakeWorlds | None = None,
) -> Record:
    """Run a policy from `episodes` starts and write down what happened.

    Args:
        agent: an Agent (it has `policy()`), a Policy, a mapping {training seed: agent}, or a
            sequence of agents with training seeds 0, 1, …
        task: id or spec.
        episodes: number of starts, with seeds episode_seed, episode_seed + 1, …
        episode_seed: the first of them.
        threads: workers; default: the cores of this process. Changes no row.
        progress: called with (control steps of blocks done, all of them), by one worker at a time.
        arguments: what the record says was asked for; default: these arguments.
        failures: "raise" an exception of the policy as BenchError, or "record" it in its rows.
        bank: where start states come from: public, perturbed (or perturbed:mass,friction), hidden.
        worlds: makes the simulation of a block; default: the task's own, with starts of the bank.

    Raises:
        BadValue: impossible numbers, a policy whose actions have the wrong shape or are not finite.
        BenchError: the policy raised, or the infrastructure failed in every row.
    """
    spec = tasks()[task] if isinstance(task, str) else task
    _check(episodes, episode_seed, threads)
    worlds = worlds or bank_worlds(bank)
    arms = arms_of(agent)
    seeds = range(episode_seed, episode_seed + episodes)
    jobs = [Job(arm, block) for arm in arms for block in blocks(seeds)]
    workers = threads or provenance.cores()
    begin = time.perf_counter()
    results = run_all(jobs, spec, workers, worlds, failures, progress)
    rows = [row for result in results for row in result.rows]
    if all(row.error is not None and not row.counts for row in rows):
        raise BenchError(f"no episode of {spec.id} could be run: {rows[0].error}")
    if arguments is None:
        arguments = {
            "agent": arms[0].source.id,
            "task": spec.id,
            "episodes": episodes,
            "episode_seed": episode_seed,
            "training_seeds": [arm.source.training_seed for arm in arms],
        }
    info, weights = _describe(arms, spec)
    kind = kinds()[spec.kind]
    return Record(
        kind=kind.id,
        item=kind.item,
        metrics=[MetricInfo.of(metric) for metric in kind.metrics],
        agent=info,
        data=[learned for arm in arms if (learned := _learned(arm.source)) is not None],
        task=TaskInfo(
            id=spec.id,
            version=spec.version,
            kind=spec.kind,
            horizon=spec.horizon,
            kwargs=dict(spec.kwargs),
            bank=bank,
        ),
        hashes=Hashes(
            task=provenance.task_hash(spec),
            model=provenance.model_hash(worlds(spec, 1, 1).world),
            weights=weights,
        ),
        versions=provenance.versions(),
        device=arms[0].source.device,
        revision=provenance.revision(),
        arguments=dict(arguments),
        block=BLOCK,
        threads=workers,
        wall_time_s=round(time.perf_counter() - begin, 3),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        rows=Columns.of(rows),
        diagnostics=_average(jobs, results),
    )


def _check(episodes: int, episode_seed: int, threads: int | None) -> None:
    if episodes < 1:
        raise BadValue(f"at least one episode is needed: got {episodes}.")
    if episode_seed < 0:
        raise BadValue(f"an episode seed cannot be negative: got {episode_seed}.")
    if threads is not None and threads < 1:
        raise BadValue(f"at least one thread is needed: got {threads}.")


def arms_of(agent: Any) -> list[Arm]:
    """One arm a training seed, from whatever `evaluate` accepts."""
    if isinstance(agent, Mapping):
        arms = [arm_of(each, seed) for seed, each in sorted(agent.items())]
    elif isinstance(agent, (list, tuple)):
        arms = [arm_of(each, seed) for seed, each in enumerate(agent)]
    else:
        arms = [arm_of(agent)]
    if not arms:
        raise BadValue("no agent to evaluate: the collection is empty.")
    first = arms[0].source
    for arm in arms[1:]:
        if (arm.source.id, arm.source.config) != (first.id, first.config):
            raise BadValue(
                "training seeds of one record must share agent and configuration: those of "
                f"{first.id}, seed {first.training_seed}, and {arm.source.id}, seed "
                f"{arm.source.training_seed}, differ."
            )
    return arms


def arm_of(agent: Any, training_seed: int | None = None) -> Arm:
    """The policy of an agent (or the policy itself) and what is known of it."""
    policy = agent.policy() if hasattr(agent, "policy") else agent
    if not (hasattr(policy, "act") and hasattr(policy, "initial_state")):
        raise BadValue(
            f"{type(agent).__name__} cannot act: an agent needs policy(), a policy needs "
            "initial_state(batch) and act(obs, state, rng)."
        )
    source = getattr(agent, "source", None)
    if not isinstance(source, Source):
        config = getattr(agent, "config", None)
        source = Source(
            id=str(getattr(config, "agent", type(agent).__name__)),
            training_seed=int(getattr(agent, "seed", 0)),
            preset=getattr(config, "preset", None),
            config=asdict(config) if is_dataclass(config) and not isinstance(config, type) else {},
            updates=getattr(agent, "step", None),
        )
    if training_seed is not None and training_seed != source.training_seed:
        source = replace(source, training_seed=int(training_seed))
    return Arm(policy, source)


def _describe(arms: Sequence[Arm], task: TaskSpec) -> tuple[AgentInfo, dict[str, str]]:
    first = arms[0].source
    weights = {
        str(arm.source.training_seed): arm.source.weights_sha256
        for arm in arms
        if arm.source.weights_sha256 is not None
    }
    info = AgentInfo(
        id=first.id,
        preset=first.preset,
        config=first.config,
        updates=first.updates,
        weights_from=first.trained_on if first.trained_on != task.id else None,
    )
    return info, weights


def _learned(source: Source) -> DataInfo | None:
    """What a training seed learned from."""
    if source.dataset_sha256 is None and not source.parts:
        return None
    task = source.trained_on
    named = tasks()[task].default_dataset if task is not None and task in tasks() else None
    return DataInfo(
        training_seed=source.training_seed,
        dataset=source.dataset,
        sha256=source.dataset_sha256,
        default=source.dataset is None or source.dataset == named,
        parts=source.parts,
    )


def _average(jobs: Sequence[Job], results: Sequence[Result]) -> dict[str, dict[str, float]]:
    """Diagnostics by training seed: means over the episodes where they are numbers."""
    values: dict[str, dict[str, list[Array]]] = {}
    for job, result in zip(jobs, results, strict=True):
        of_seed = values.setdefault(str(job.arm.source.training_seed), {})
        for name, array in result.diagnostics.items():
            of_seed.setdefault(name, []).append(array[np.isfinite(array)])
    means = {
        seed: {name: np.concatenate(parts) for name, parts in of_seed.items()}
        for seed, of_seed in values.items()
    }
    return {
        seed: {name: float(x.mean()) for name, x in of_seed.items() if len(x)}
        for seed, of_seed in means.items()
        if of_seed
    }
