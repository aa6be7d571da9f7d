"""`bench reproduce METHOD`: train what is missing, evaluate every arm, judge the claims.

Everything made lies in OUT and is found there the next time:

    OUT/PRESET/weights/AGENT/TASK/seed<S>/    as `bench train` writes them
    OUT/PRESET/records/TASK/AGENT[-from-TASK].json
    OUT/METHOD-PRESET.json                    the verdicts, and where each checkpoint came from
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from entitybench.checkpoints import read_meta
from entitybench.errors import BadValue, RecordError, unknown
from entitybench.leaderboard.claims.judge import Verdict, judge
from entitybench.leaderboard.claims.reproduction import Reproduction
from entitybench.leaderboard.evaluation import provenance
from entitybench.leaderboard.evaluation.api import Loaded, evaluate, load_agents
from entitybench.leaderboard.evaluation.weights import owner, reference_weights
from entitybench.leaderboard.reference.claims import CLAIMS, Arm, Claim
from entitybench.leaderboard.training.fleet import train_all
from entitybench.leaderboard.training.runs import RunFolder
from entitybench.leaderboard.training.train import train
from entitybench.records import Record, write_atomic
from entitybench.registry import agent as agent_spec
from entitybench.registry import tasks


@dataclass(frozen=True)
class Event:
    """What is going on. kind: "plan", "train", "evaluate" or "verdict"."""

    kind: str
    message: str
    done: int = 0
    total: int = 0


Report = Callable[[Event], None]


@dataclass(frozen=True, order=True)
class Need:
    """One checkpoint."""

    agent: str  # that owns the weights
    task: str
    seed: int

    def __str__(self) -> str:
        return f"{self.agent}/{self.task}/seed{self.seed}"


def claims(method: str) -> list[Claim]:
    """The claims of a method. Raises UnknownId."""
    found = [claim for claim in CLAIMS if claim.method == method]
    if not found:
        known = sorted({claim.method for claim in CLAIMS})
        raise unknown("method with claims", method, known)
    return found


def reproduce(
    method: str,
    *,
    claim: str | None = None,
    preset: str = "small",
    from_scratch: bool = False,
    workers: int = 1,
    out: str | Path = Path("reproductions"),
    episodes: int = 100,
    training_seeds: int | None = None,
    threads: int | None = None,
    device: str | None = None,
    progress: Report | None = None,
) -> Reproduction:
    """Check the claims of a method.

    Args:
        method: a method with claims.
        claim: one of them by name; None: all that are checked with `preset`.
        preset: of every arm.
        from_scratch: use no shipped weights.
        workers: training runs side by side.
        out: where weights, records and verdicts go; a second call goes on with what is there.
        episodes: starts for each training seed, from the public bank.
        training_seeds: how many; None: as many as the claim says.
        threads: of the evaluation.
        device: for training; None: a GPU where there is one.
        progress: called at every event.

    Raises:
        UnknownId: no such method or claim.
        BadValue: the claim is not checked with this preset.
    """
    report = progress or (lambda _: None)
    if workers < 1:
        raise BadValue(f"at least one worker is needed: got {workers}.")
    chosen = _chosen(method, claim, preset)
    root = Path(out) / preset
    shipped, found, missing = _plan(chosen, preset, root, from_scratch, training_seeds)
    report(Event("plan", _plan_words(chosen, shipped, found, missing)))
    _train_all(missing, preset, root, workers, device, report)
    weights = {**shipped, **found, **{need: _folder(root, need) for need in missing}}
    verdicts: list[Verdict] = []
    evaluated: dict[Path, Record] = {}
    for each in chosen:
        records = {}
        for arm in each.arms:
            seeds = range(training_seeds or each.training_seeds)
            agents = _load(arm, each, weights, seeds)
            path = root / "records" / each.task / f"{_file_name(arm)}.json"
            if path not in evaluated:
                evaluated[path] = _evaluated(agents, each, arm, path, episodes, threads, report)
            records[arm.agent] = evaluated[path]
        verdicts.append(judge(each, records))
        report(Event("verdict", f"{each.name}: {verdicts[-1].word}. {verdicts[-1].ours}"))
    result = Reproduction(
        method=method,
        preset=preset,
        verdicts=verdicts,
        trained=[str(need) for need in missing],
        found=[str(need) for need in found],
        shipped=[str(need) for need in shipped],
        records=[path.relative_to(out).as_posix() for path in evaluated],
        versions=provenance.versions(),
        revision=provenance.revision(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        out=str(out),
    )
    write_atomic(result.path, result.with_earlier().to_json())
    return result


def _chosen(method: str, claim: str | None, preset: str) -> list[Claim]:
    known = {each.name: each for each in claims(method)}
    if claim is not None:
        if claim not in known:
            raise unknown("claim", claim, known, see=f"bench info {method}")
        if preset not in known[claim].presets:
            allowed = " or ".join(known[claim].presets)
            raise BadValue(f"claim {claim!r} is checked with --preset {allowed}: got {preset!r}.")
        return [known[claim]]
    chosen = [each for each in known.values() if preset in each.presets]
    if not chosen:
        presets = sorted({name for each in known.values() for name in each.presets})
        raise unknown("preset", preset, presets)
    return chosen


def needs(arm: Arm, claim: Claim, seeds: Sequence[int]) -> list[Need]:
    """The checkpoints that an arm acts with."""
    spec = agent_spec(arm.agent)
    if not spec.trains:
        return []
    return [Need(owner(spec), arm.weights_from or claim.task, seed) for seed in seeds]


def _folder(root: Path, need: Need) -> Path:
    return root / "weights" / need.agent / need.task / f"seed{need.seed}"


Weights = dict[Need, Path]


def _plan(
    chosen: Sequence[Claim],
    preset: str,
    root: Path,
    from_scratch: bool,
    training_seeds: int | None,
) -> tuple[Weights, Weights, list[Need]]:
    """Checkpoints that are shipped, found in `root`, and missing."""
    wanted = sorted(
        {
            need
            for claim in chosen
            for arm in claim.arms
            for need in needs(arm, claim, range(training_seeds or claim.training_seeds))
        }
    )
    shipped: Weights = {}
    found: Weights = {}
    missing = []
    for need in wanted:
        folder = reference_weights(need.agent, need.task).get(need.seed)
        if folder is not None and not from_scratch and _usable(folder, need, preset):
            shipped[need] = folder
        elif _folder(root, need).is_dir():
            found[need] = _folder(root, need)
        else:
            missing.append(need)
    return shipped, found, missing


def _usable(folder: Path, need: Need, preset: str) -> bool:
    meta = read_meta(folder)
    return meta.get("preset") == preset and meta["task_version"] == tasks()[need.task].version


def _plan_words(
    chosen: Sequence[Claim], shipped: Weights, found: Weights, missing: Sequence[Need]
) -> str:
    names = ", ".join(claim.name for claim in chosen)
    return (
        f"claims {names}: {len(shipped)} shipped checkpoints, {len(found)} trained earlier, "
        f"{len(missing)} to train"
    )


def _train_all(
    missing: Sequence[Need],
    preset: str,
    root: Path,
    workers: int,
    device: str | None,
    report: Report,
) -> None:
    if not missing:
        return
    _datasets(sorted({need.task for need in missing}), report)
    if workers == 1:
        for k, need in enumerate(missing):
            relay = _relay(need, k, len(missing), report)
            train(**_job(need, preset, root, device), progress=relay)
        return
    words = f"training {len(missing)} runs, {workers} at a time"

    def poll() -> None:
        steps = sum(_thousandths(root, need) for need in missing)
        report(Event("train", words, steps, 1000 * len(missing)))

    train_all([_job(need, preset, root, device) for need in missing], workers, poll)


def _datasets(names: Sequence[str], report: Report) -> None:
    from entitybench.datasets.api import load_dataset

    for name in names:
        dataset = tasks()[name].datasets[0]
        report(Event("plan", f"dataset {dataset}"))
        load_dataset(dataset, generate=True)


def _job(need: Need, preset: str, root: Path, device: str | None) -> dict[str, Any]:
    """The arguments of `train`."""
    out = _folder(root, need).parent
    return {
        "agent_id": need.agent,
        "task": need.task,
        "preset": preset,
        "seed": need.seed,
        "out": str(out),
        "resume": bool(RunFolder(out, need.seed).checkpoints()),
        "device": device,
    }


def _relay(need: Need, index: int, count: int, report: Report) -> Callable[[Any], None]:
    def relay(status: Any) -> None:
        words = f"training {need} ({index + 1} of {count}), {status.updates_per_s:.0f} updates/s"
        report(Event("train", words, status.step, status.total))

    return relay


def _thousandths(root: Path, need: Need) -> int:
    """How far a run of another process is, from the metrics it writes."""
    folder = RunFolder(_folder(root, need).parent, need.seed)
    if folder.final.is_dir():
        return 1000
    if not folder.metrics.is_file():
        return 0
    with open(folder.metrics, "rb") as file:
        return min(sum(1 for _ in file), 1000)


def _load(arm: Arm, claim: Claim, weights: Weights, seeds: Sequence[int]) -> dict[int, Loaded]:
    agents: dict[int, Loaded] = {}
    for need in needs(arm, claim, seeds):
        agents |= load_agents(
            arm.agent,
            task=claim.task,
            seeds=[need.seed],
            weights=weights[need],
            weights_from=arm.weights_from,
        )
    return agents or load_agents(arm.agent, task=claim.task)


def _file_name(arm: Arm) -> str:
    return f"{arm.agent}-from-{arm.weights_from}" if arm.weights_from else arm.agent


def _evaluated(
    agents: dict[int, Loaded],
    claim: Claim,
    arm: Arm,
    path: Path,
    episodes: int,
    threads: int | None,
    report: Report,
) -> Record:
    """The arm's record: the one in `path` if nothing has changed since, or a new one."""
    stored = _stored(path, agents, claim, episodes)
    if stored is not None:
        report(Event("evaluate", f"{arm.agent} on {claim.task}: record found", 1, 1))
        return stored
    words = f"evaluating {arm.agent} on {claim.task}"
    record = evaluate(
        agents,
        claim.task,
        episodes=episodes,
        threads=threads,
        progress=lambda done, total: report(Event("evaluate", words, done, total)),
    )
    record.write(path)
    return record


def _stored(path: Path, agents: dict[int, Loaded], claim: Claim, episodes: int) -> Record | None:
    if not path.is_file():
        return None
    try:
        record = Record.read(path)
    except RecordError:
        return None
    task = tasks()[claim.task]
    sources = {str(seed): agent.source for seed, agent in agents.items()}
    config = json.loads(json.dumps(next(iter(sources.values())).config))
    now = provenance.versions()
    same = (
        record.hashes.weights == {seed: source.weights_sha256 for seed, source in sources.items()},
        record.hashes.task == provenance.task_hash(task),
        json.loads(json.dumps(record.agent.config)) == config,
        len(record.columns.item) == episodes * len(agents),
        all(record.versions.get(name) == now[name] for name in ("entitybench", "mujoco", "numpy")),
        record.revision == provenance.revision(),
        record.revision is None or not record.revision.dirty,
    )
    return record if all(same) else None
