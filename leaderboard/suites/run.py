"""`evaluate_suite`: an agent on all tasks of a suite, a record each, and the table of them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from entitybench import registry
from entitybench.errors import BadValue, BenchError, a_path, whole
from entitybench.errors import training_seeds as distinct
from entitybench.leaderboard.evaluation import api
from entitybench.leaderboard.evaluation.evaluate import check_options
from entitybench.leaderboard.suites.plan import done, planned, share_of
from entitybench.leaderboard.suites.protocol import check, kind_of, metric_of
from entitybench.leaderboard.suites.report import SuiteTable
from entitybench.leaderboard.suites.standings import standings
from entitybench.leaderboard.tables.data import cell, shown
from entitybench.places import staying
from entitybench.types import SuiteSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from entitybench.leaderboard.suites.plan import Job
    from entitybench.records import Record


@staying()
def evaluate_suite(
    agent: str,
    suite: str | SuiteSpec,
    *,
    out: str | Path,
    episodes: int | None = None,
    training_seeds: Sequence[int] | None = None,
    weights: str | Path | None = None,
    preset: str | None = None,
    device: str | None = "cpu",
    threads: int | None = None,
    bank: str = "public",
    shard: str | None = None,
    told: Callable[[str], None] | None = None,
) -> SuiteTable:
    """Evaluate an agent on all tasks of a suite: a record each in `out`, and the table of them.

    A record is written as soon as its task is done. Called again, it goes on: what is done is
    passed over. A task that cannot be done (there are no weights, or the agent fails) is told and
    makes the suite incomplete; the others are done.

    Args:
        agent: an id of `bench list agents`, `path/to/file.py:Class`, or a policy of another form.
        suite: an id of `bench list suites`, or a spec.
        out: the folder of records, OUT/TASK/AGENT@DATASET.json; several agents may share it.
        episodes: of each training seed and task; None: as many as the suite asks for.
        training_seeds: which trained agents; None: those that the suite asks for.
        weights: a folder of AGENT/TASK/DATASET/seed*/; None: the shipped or downloaded weights.
        preset: the preset that the weights must have.
        device: "cpu", "cuda", "cuda:<index>"; None or "auto": a GPU where there is one.
        threads: workers; None: the cores of this process. Changes no row.
        bank: where start states come from: public, perturbed (or perturbed:mass,friction), hidden.
        shard: "i/n": every n-th task from the i-th on, so that n processes share the work.
        told: called with a line for each task; None: nothing is said.

    Returns:
        The table of what is in `out` of this agent; it prints as `bench eval --suite ID` does.

    Raises:
        UnknownId: no such agent or suite.
        BadValue: an agent of another kind, or a record in `out` that was made otherwise.
        BenchError: nothing could be done.
    """
    spec = registry.agent(agent)
    where = suite if isinstance(suite, SuiteSpec) else registry.suites()[suite]
    check(where)
    count = where.episodes if episodes is None else whole("episodes", episodes)
    seeds = distinct(where.training_seeds if training_seeds is None else training_seeds)
    check_options(kind_of(where), bank=bank != "public")
    folder = a_path("out", out)
    plan = planned(
        spec,
        where,
        folder,
        seeds=seeds,
        bank=bank,
        weights=None if weights is None else a_path("weights", weights),
        preset=preset,
    )
    told = told or (lambda _: None)
    for id, why in plan.told.items():
        told(f"lacking: {id}: {why}")
    found = {job.path: done(job, spec, episodes=count, bank=bank) for job in plan.jobs}
    use = {"weights": weights, "preset": preset, "device": device, "threads": threads}
    own = share_of(plan.jobs, shard)
    lacking = dict(plan.lacking)
    failed: BenchError | None = None
    for k, job in enumerate(own, 1):
        head, record = f"{k}/{len(own)} {job.entry.id}", found[job.path]
        if record is not None:
            told(f"{head}: there already, {_score(record, where)}")
            continue
        begin = time.perf_counter()
        try:
            record = _evaluated(spec.id, job, where, count, bank, use)
        except BenchError as error:
            failed, lacking[job.entry.id] = error, str(error)
            told(f"{head}: {error}")
            continue
        found[job.path] = record
        record.write(job.path)
        told(f"{head}: {_score(record, where)}, {time.perf_counter() - begin:.0f} s")
    records = [record for record in found.values() if record is not None]
    if not records:
        raise failed or BadValue(f"shard {shard} has no task: there are {len(plan.jobs)}.")
    return SuiteTable(where, tuple(standings(where, records, lacking=lacking)))


def _evaluated(
    agent: str, job: Job, suite: SuiteSpec, episodes: int, bank: str, use: dict[str, Any]
) -> Record:
    """The record of a job."""
    learned = bool(job.weights)
    asked = {
        "agent": agent,
        "task": job.entry.task.id,
        "suite": suite.id,
        "train_seeds": list(job.seeds),
        "episode_seed": 0,
        "episodes": episodes,
        "dataset": job.entry.dataset if learned else None,
        "weights": None if use["weights"] is None else str(use["weights"]),
        "preset": use["preset"],
        "device": use["device"],
        "bank": bank,
    }
    return api.evaluate(
        agent,
        job.entry.task,
        episodes=episodes,
        training_seeds=job.seeds if learned else None,
        dataset=job.entry.dataset if learned else None,
        arguments=asked,
        bank=bank,
        **use,
    )


def _score(record: Record, suite: SuiteSpec) -> str:
    """The suite's metric of one task, as tables show it."""
    metric = metric_of(suite)
    text = shown(cell(record, metric.name), metric)
    return f"{metric.name} {text.replace(' ', ' % ', 1) if metric.share else text}"
