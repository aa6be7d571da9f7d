"""What an agent is evaluated on for a suite, into which files, and what cannot be."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from entitybench.checkpoints import META
from entitybench.envs.offers import offers
from entitybench.errors import BadValue, BenchError, CheckpointError, seed_names
from entitybench.forms import sha256_of
from entitybench.leaderboard.evaluation import weights as checkpoints
from entitybench.leaderboard.evaluation.provenance import task_hash
from entitybench.leaderboard.suites.protocol import entries, kind_of
from entitybench.needs import check_fit
from entitybench.records import Record
from entitybench.registry import kind_for, suites

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from entitybench.leaderboard.suites.protocol import Entry
    from entitybench.types import AgentSpec, SuiteSpec


@dataclass(frozen=True)
class Job:
    """One evaluation, and its record's file."""

    entry: Entry
    seeds: tuple[int, ...]  # training seeds, those of them that have weights
    weights: Mapping[str, str]  # sha256 by training seed; empty where nothing was learned
    path: Path


@dataclass(frozen=True)
class Plan:
    """What is done, and what cannot be done, by the id of an entry."""

    jobs: tuple[Job, ...]
    lacking: dict[str, str] = field(default_factory=dict)  # why, in a few words for tables
    told: dict[str, str] = field(default_factory=dict)  # why, with what to do about it


def planned(
    spec: AgentSpec,
    suite: SuiteSpec,
    out: Path,
    *,
    seeds: Sequence[int],
    bank: str = "public",
    weights: Path | None = None,
    preset: str | None = None,
) -> Plan:
    """A job for each entry that the agent can act in and has weights for.

    What learned nothing acts once in a task, whatever its datasets.

    Raises:
        BadValue: an agent of another kind, or no folder of weights.
        BenchError: there is nothing that can be done.
    """
    _check_agent(spec, suite)
    if weights is not None and not weights.is_dir():
        raise BadValue(f"no weights in {str(weights)!r}: it is no folder.")
    if weights is not None and (weights / META).is_file():
        raise BadValue(
            f"{str(weights)!r} is one checkpoint, and a suite has several tasks: name a folder of "
            "AGENT/TASK/DATASET/seed*/."
        )
    learned = spec.trains or weights is not None
    jobs: dict[Path, Job] = {}
    lacking: dict[str, str] = {}
    told: dict[str, str] = {}
    for entry in entries(suite):
        path = out / entry.task.id / f"{_name(spec, entry if learned else None, bank)}.json"
        try:
            check_fit(spec, entry.task, offers(entry.task))
            kind = kind_for(spec.kind, entry.task)
            if kind != kind_of(suite):
                raise BadValue(f"{spec.id} is scored as {kind.id} there.")
            found = _weights(spec, entry, seeds, weights, preset) if learned else {}
        except BenchError as error:
            told[entry.id] = lacking[entry.id] = str(error)
            if isinstance(error, CheckpointError):
                lacking[entry.id] = "no weights"
            continue
        there = tuple(seed for seed in seeds if str(seed) in found) if learned else (0,)
        jobs[path] = Job(entry, there, found, path)
        if learned and len(there) < len(seeds):
            lacking[entry.id] = without([seed for seed in seeds if seed not in there])
            told[entry.id] = f"there are {seed_names(there)}, and {lacking[entry.id]}"
    if not jobs:
        raise BenchError(f"nothing of the suite {suite.id} can be done: {_first(told)}")
    return Plan(tuple(jobs.values()), lacking, told)


def without(seeds: Sequence[int]) -> str:
    """What is lacking where training seeds are."""
    return f"no training seed {' '.join(map(str, seeds))}"


def done(job: Job, spec: AgentSpec, *, episodes: int, bank: str) -> Record | None:
    """The record of a job that is finished; None where there is none.

    Raises BadValue where that file holds something else, RecordError where it is no record.
    """
    if not job.path.exists():
        return None
    record, content = Record.read(job.path), sha256_of(spec.source)
    for what, found, asked in (
        ("agent", record.agent.id, spec.id),
        ("definition of the task", record.hashes.task, task_hash(job.entry.task)),
        ("list of training seeds", record.training_seeds, list(job.seeds)),
        ("list of episodes", record.items, list(range(episodes))),
        ("bank of starts", record.task.bank, bank),
        ("hash of weights", record.hashes.weights, dict(job.weights)),
        ("file of the policy", _sha256(record) if content else None, content),
    ):
        if found != asked:
            raise BadValue(
                f"{job.path} is there already, and its {what} is not what is asked for: name "
                "another --out, or take the file away."
            )
    return record


def _sha256(record: Record) -> object:
    """That of a policy of another form."""
    return record.agent.config.get("sha256")


def share_of(jobs: Sequence[Job], shard: str | None) -> list[Job]:
    """Jobs i, i + n, … of all for a shard "i/n", counted from 1. Raises BadValue."""
    if shard is None:
        return list(jobs)
    match = re.fullmatch(r"(\d+)/(\d+)", shard) if isinstance(shard, str) else None
    i, n = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= i <= n:
        raise BadValue(f"a shard is i/n with i from 1 to n, such as 2/4: got {shard!r}.")
    return list(jobs)[i - 1 :: n]


def _check_agent(spec: AgentSpec, suite: SuiteSpec) -> None:
    """Raise BadValue for an agent that is scored nowhere in the suite."""
    kind = kind_of(suite)
    if spec.kind in ("any", kind.id):
        return
    if not spec.scored:
        raise BadValue(f"{spec.id} is built into other agents: by itself it acts in no task.")
    fit = [each.id for each in suites() if kind_of(each).id == spec.kind]
    hint = f" Suites for it: {', '.join(fit)}." if fit else ""
    raise BadValue(f"{spec.id} is for {spec.kind}, and the suite {suite.id} is {kind.id}.{hint}")


def _weights(
    spec: AgentSpec, entry: Entry, seeds: Sequence[int], weights: Path | None, preset: str | None
) -> dict[str, str]:
    """sha256 of weights by training seed, of the seeds that are there; one at least."""
    found = checkpoints.find(
        spec, entry.task, weights=weights, preset=preset, dataset=entry.dataset
    )
    own = {str(seed): found[seed].sha256 for seed in seeds if seed in found}
    if not own:
        raise BenchError(f"{without(seeds)}: there are {seed_names(found)}.")
    return own


def _name(spec: AgentSpec, entry: Entry | None, bank: str) -> str:
    parts = [Path(spec.id).name + (f"@{entry.name}" if entry and entry.name else "")]
    parts += [bank] if bank != "public" else []
    return re.sub(r"[^A-Za-z0-9_.@-]+", "-", "-".join(parts))


def _first(told: Mapping[str, str]) -> str:
    id, why = next(iter(told.items()))
    return f"{id}: {why}"
