"""`evaluate_suite`: an agent on all tasks of a suite, a record each, and the table of them."""

from __future__ import annotations

import shutil
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from entitybench import registry
from entitybench.errors import BadValue, BenchError, a_path, whole
from entitybench.errors import training_seeds as distinct
from entitybench.executors.api import LOCAL
from entitybench.executors.api import check as check_executor
from entitybench.files import only_one
from entitybench.forms import sha256_of
from entitybench.leaderboard.evaluation import api, provenance
from entitybench.leaderboard.evaluation import evaluate as engine
from entitybench.leaderboard.evaluation.evaluate import check_options
from entitybench.leaderboard.suites.blocks import Blocks
from entitybench.leaderboard.suites.plan import done, planned, share_of
from entitybench.leaderboard.suites.protocol import check, kind_of, metric_of
from entitybench.leaderboard.suites.report import SuiteTable
from entitybench.leaderboard.suites.spread import spread
from entitybench.leaderboard.suites.standings import standings
from entitybench.leaderboard.tables.data import cell, shown
from entitybench.places import staying
from entitybench.progress import progress_bar
from entitybench.records import INFRASTRUCTURE, UNSTABLE
from entitybench.types import SuiteSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from entitybench.leaderboard.suites.plan import Job
    from entitybench.records import Record
    from entitybench.types import AgentSpec


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
    executor: str = LOCAL,
    workers: int | None = None,
    told: Callable[[str], None] | None = None,
) -> SuiteTable:
    """Evaluate an agent on all tasks of a suite: a record each in `out`, and the table of them.

    A record is written as soon as its task is done, and finished blocks of episodes are kept until
    then. Called again, it goes on: what is done is passed over. A task that cannot be done (there
    are no weights, or the agent fails) is told and makes the suite incomplete; the others are done.

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
        executor: where blocks of episodes are run: "local", "slurm" or "ray"; changes no row.
        workers: how many at a time; None: the cores, and one for each four blocks at most. A single
            local worker is this process, with `threads`.
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
    check_executor(executor, workers)
    use = {"weights": weights, "preset": preset, "device": device, "threads": threads}
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
    own = share_of(plan.jobs, shard)
    lacking = dict(plan.lacking)
    heads = {job.path: f"{k}/{len(own)} {job.entry.id}" for k, job in enumerate(own, 1)}
    for job in own:
        if (record := found[job.path]) is not None:
            told(f"{heads[job.path]}: there already, {_score(record, where)}")
            with suppress(BadValue), _alone(job):  # what a kill in the last moment left
                shutil.rmtree(partial(job), ignore_errors=True)
    work = _Work(spec, where, count, bank, use, folder)
    todo = [job for job in own if found[job.path] is None]
    failed: BenchError | None = None
    with ExitStack() as held:
        for job in todo:
            held.enter_context(_alone(job))
        for job, made in work.done(todo, executor, workers):
            if isinstance(made, BenchError):
                failed, lacking[job.entry.id] = made, str(made)
                told(f"{heads[job.path]}: {made}")
                continue
            found[job.path] = made
            told(f"{heads[job.path]}: {_score(made, where)}, {made.wall_time_s:.0f} s")
    records = [record for record in found.values() if record is not None]
    if not records:
        raise failed or BadValue(f"shard {shard} has no task: there are {len(plan.jobs)}.")
    return SuiteTable(where, tuple(standings(where, records, lacking=lacking)))


def partial(job: Job) -> Path:
    """Where finished blocks of a job are."""
    return job.path.with_name(f"{job.path.name}.partial")


@contextmanager
def _alone(job: Job) -> Iterator[None]:
    """Nobody else does this job meanwhile. Raises BadValue where somebody does already."""

    def busy() -> None:
        raise BadValue(
            f"another `bench eval --suite` is making {job.path}: wait for it, name another --out, "
            "or share the work with --shard 1/2 and --shard 2/2."
        )

    with only_one(job.path.with_name(f".{job.path.name}.lock"), busy):
        yield


@dataclass(frozen=True)
class _Work:
    """An agent on tasks of a suite."""

    agent: AgentSpec
    suite: SuiteSpec
    episodes: int
    bank: str
    use: dict[str, Any]  # weights, preset, device, threads
    out: Path

    def done(
        self, jobs: Sequence[Job], executor: str, workers: int | None
    ) -> Iterator[tuple[Job, Record | BenchError]]:
        """Each job and its record, written, or why there is none; in the order they are done."""
        kept = {job.path: self._blocks(job) for job in jobs}
        how: dict[str, Any] = {"episodes": self.episodes, "bank": self.bank}
        how |= {"executor": executor, "workers": workers, "folder": self.out}
        with closing(spread(jobs, kept, self.agent, self.use, **how)) as finished:
            for job, error in finished:
                yield job, error or self._recorded(job, kept[job.path])

    def _recorded(self, job: Job, blocks: Blocks) -> Record | BenchError:
        """The record of a job, from its blocks and those that are still to be done."""
        try:
            record = self._evaluated(job, blocks)
            if broken := record.failures()[INFRASTRUCTURE] - record.unstable():
                why = next(x for x in record.columns.error if x and not x.startswith(UNSTABLE))
                return BenchError(
                    f"{broken} {record.item}s could not be run ({why}). Give the same command "
                    "again: finished blocks are kept."
                )
        except BenchError as error:
            return error
        record.write(job.path)
        blocks.clear()
        return record

    def _blocks(self, job: Job) -> Blocks:
        """Where finished blocks of a job are, and what they are made for."""
        about = provenance.versions()
        build = {name: about.get(name) for name in ("entitybench", "numpy", "mujoco", "python")}
        revision = provenance.revision()
        file = self.agent.source or self.agent.target.rpartition(":")[0]
        made_for = {
            "agent": [self.agent.id, sha256_of(file)],
            "task": provenance.task_hash(job.entry.task),
            "seeds": list(job.seeds),
            "weights": dict(job.weights),
            "episodes": self.episodes,
            "bank": self.bank,
            "device": self.use["device"],
            "build": [build, None if revision is None else revision.commit],
        }
        return Blocks(partial(job), made_for)

    def _evaluated(self, job: Job, blocks: Blocks) -> Record:
        learned, task = bool(job.weights), job.entry.task
        chosen = {name: self.use[name] for name in ("weights", "preset", "device")}
        dataset = job.entry.dataset if learned else None
        asked = {
            "agent": self.agent.id,
            "task": task.id,
            "suite": self.suite.id,
            "train_seeds": list(job.seeds),
            "episode_seed": 0,
            "episodes": self.episodes,
            "dataset": dataset,
            **chosen,
            "weights": None if chosen["weights"] is None else str(chosen["weights"]),
            "bank": self.bank,
        }
        seeds = job.seeds if learned else None
        agents = api.load_agents(self.agent.id, task=task, seeds=seeds, dataset=dataset, **chosen)
        with progress_bar(f"steps in {task.id}") as bar:
            return engine.evaluate(
                agents,
                task,
                episodes=self.episodes,
                threads=self.use["threads"],
                progress=bar,
                arguments=asked,
                bank=self.bank,
                latency=True,
                runner=blocks.run,
            )


def _score(record: Record, suite: SuiteSpec) -> str:
    """The suite's metric of one task, as tables show it."""
    metric = metric_of(suite)
    text = shown(cell(record, metric.name), metric)
    return f"{metric.name} {text.replace(' ', ' % ', 1) if metric.share else text}"
