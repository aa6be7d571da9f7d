"""The blocks of a suite, spread over workers: what they do, and in which order."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from entitybench import registry
from entitybench.errors import BenchError
from entitybench.executors import api as executors
from entitybench.executors.calls import Call, Failure
from entitybench.leaderboard.evaluation import api
from entitybench.leaderboard.evaluation.evaluate import Options, entrant_of
from entitybench.leaderboard.evaluation.pool import Entrant, Job
from entitybench.leaderboard.evaluation.provenance import Source, cores
from entitybench.leaderboard.evaluation.threads import torch_threads
from entitybench.leaderboard.suites.blocks import Blocks
from entitybench.registry import kind_for, resolve
from entitybench.seeding import generator
from entitybench.texts import parsed
from entitybench.types import AgentSpec

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from entitybench.leaderboard.evaluation.evaluate import Evaluator
    from entitybench.leaderboard.suites.plan import Job as Entry

_PER_WORKER = 4  # blocks, at least: a worker takes seconds to start
_SETS = ("former", "needs")


def parts_of(entry: Entry, spec: AgentSpec, episodes: int) -> list[tuple[int, tuple[int, ...]]]:
    """Training seed and episodes of each block."""
    evaluator: Evaluator = resolve(kind_for(spec.kind, entry.entry.task).evaluator)()
    entrants = [Entrant(None, Source(id=spec.id, training_seed=seed)) for seed in entry.seeds]
    jobs = evaluator.jobs(entrants, range(episodes))
    return [(job.entrant.source.training_seed, job.items) for job in jobs]


def spread(
    entries: Sequence[Entry],
    kept: Mapping[Path, Blocks],
    spec: AgentSpec,
    use: Mapping[str, Any],
    *,
    episodes: int,
    bank: str,
    executor: str,
    workers: int | None,
    folder: Path,
) -> Generator[tuple[Entry, BenchError | None]]:
    """Do blocks elsewhere; yields an entry once all its blocks are there, or one has failed.

    Blocks of all entries are in one order, shuffled by a seed, so that entries that take long are
    not the last. A single local worker is this process: then nothing is done here, and whoever
    makes the record does its blocks. Executors write into `folder`, which outlives entries.
    """
    left: dict[int, set[int]] = {}
    orders: list[tuple[int, dict[str, Any]]] = []
    for k, entry in enumerate(entries):
        left[k] = set()
        for seed, items in parts_of(entry, spec, episodes):
            own = {"seed": seed, "items": list(items), "folder": str(kept[entry.path].folder)}
            orders.append((k, {**own, "task": entry.entry.task.id, "bank": bank}))
    count = workers or max(1, min(cores(), len(orders) // _PER_WORKER))
    if executor == executors.LOCAL and count == 1:
        yield from ((entry, None) for entry in entries)
        return
    shuffled = generator(0, "suite-blocks").permutation(len(orders)).tolist()
    owners, calls = list[int](), list[Call]()
    for entry in entries:
        kept[entry.path].prepare()
    for place in shuffled:
        k, order = orders[place]
        blocks = kept[entries[k].path]
        if not blocks.has(order["seed"], order["items"]):
            left[k].add(len(calls))
            owners.append(k)
            given = {**use, "dataset": entries[k].entry.dataset if entries[k].weights else None}
            about = {"agent": _as_json(spec), "use": given, "learned": bool(entries[k].weights)}
            calls.append(Call(f"{__name__}:do", {**order, **about}))
    yield from ((entries[k], None) for k, own in left.items() if not own)
    answers = executors.run(calls, workers=count, folder=folder, executor=executor)
    failed: dict[int, BenchError] = {}
    with closing(answers):
        for place, answer in answers:
            k = owners[place]
            left[k].discard(place)
            if isinstance(answer, Failure) and k not in failed:
                error = answer.error("the evaluation failed in a worker")
                failed[k] = error if isinstance(error, BenchError) else BenchError(str(error))
            if not left[k]:
                yield entries[k], failed.get(k)


def do(
    agent: dict[str, Any],
    use: dict[str, Any],
    learned: bool,
    task: str,
    seed: int,
    items: list[int],
    folder: str,
    bank: str,
) -> None:
    """Do one block, in whichever process, and keep it."""
    spec = _spec_of(agent)
    where = registry.tasks()[task]
    evaluator: Evaluator = resolve(kind_for(spec.kind, where).evaluator)()
    loaded = _loaded(_text(spec.id, task, seed if learned else None, use))
    job = Job(entrant_of(loaded, evaluator), tuple(items))
    options = Options(threads=use["threads"] or 1, failures="raise", bank=bank)
    begin, cpu = time.perf_counter(), time.process_time()
    with torch_threads(1):
        result = evaluator.run(job, where, options, _unseen)
    spent = time.perf_counter() - begin, time.process_time() - cpu
    Blocks(Path(folder), {}).keep(job, result, *spent)


def _unseen(steps: int) -> None:
    """Nobody sees the steps of another process."""


def _text(agent: str, task: str, seed: int | None, use: Mapping[str, Any]) -> str:
    import json

    names = ("weights", "preset", "device", "dataset")
    own = {name: None if use[name] is None else str(use[name]) for name in names}
    return json.dumps({"id": agent, "task": task, "seed": seed, **own}, sort_keys=True)


@lru_cache(maxsize=1)
def _loaded(text: str) -> api.Loaded:
    """The agent of a text; of several blocks it is loaded once."""
    given = parsed(text)
    seed = given.pop("seed")
    found = api.load_agents(given.pop("id"), seeds=None if seed is None else [seed], **given)
    return next(iter(found.values()))


def _as_json(spec: AgentSpec) -> dict[str, Any]:
    found = asdict(spec)
    return {**found, **{name: sorted(found[name]) for name in _SETS}}


def _spec_of(value: Mapping[str, Any]) -> AgentSpec:
    """The spec, known to this process too: programs can register agents of their own."""
    given: dict[str, Any] = {
        name: tuple(x) if isinstance(x, list) else x for name, x in value.items()
    }
    given |= {name: frozenset(given[name]) for name in _SETS}
    spec = AgentSpec(**given)
    try:
        registry.agent(spec.id)
    except BenchError:
        registry.agents().add(spec)
    return spec
