"""Trains an agent with one training seed; a killed run ends with the weights of an unbroken one.

All randomness of update k comes from streams named by (seed, k): checkpoints hold no random state.
A fresh run too goes on from its own checkpoint of step 0: there is one path, and resuming is on it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from entitybench.checkpoints import Checkpoint, read_meta
from entitybench.envs.offers import offers
from entitybench.errors import BadValue, unknown
from entitybench.leaderboard.evaluation.provenance import pick_device
from entitybench.leaderboard.training.loop import Loop, Report, Status
from entitybench.leaderboard.training.runs import RunFolder, disk_errors
from entitybench.needs import check_fit
from entitybench.registry import agent as agent_spec
from entitybench.registry import resolve_agent, tasks

if TYPE_CHECKING:
    from entitybench.types import AgentSpec, TaskSpec

__all__ = ["Status", "train"]


def train(
    agent_id: str,
    task: str | TaskSpec,
    *,
    out: str | Path,
    preset: str = "small",
    seed: int = 0,
    resume: bool = False,
    device: str | None = None,
    dataset: Any = None,
    evaluate_every: int | None = None,
    checkpoint_s: float = 60.0,
    threads: int | None = None,
    changes: Mapping[str, Any] | None = None,
    parts: Mapping[str, str | Path] | None = None,
    progress: Report | None = None,
) -> Path:
    """Train, and return OUT/seed<S>, which holds the agent, its metrics and its arguments.

    Args:
        agent_id: a registered agent.
        task: id or spec.
        out: the folder that gets seed<S>/.
        preset: of the agent.
        seed: the training seed.
        resume: go on from the last checkpoint in `out`. A finished run is returned as it is.
        device: "cpu", "cuda", "cuda:<index>"; None: a GPU where there is one.
        dataset: id, folder, or an opened store; default: the task's first dataset.
        evaluate_every: updates between evaluations on validation seeds; None: a fifth, 0: never.
        checkpoint_s: seconds between checkpoints: what a killed run loses at most.
        threads: of torch; default 1. Other numbers round differently, so it is part of the run.
        changes: settings of the configuration by name; texts are read as their type.
        parts: checkpoint folders that the agent is built on, by the names in its spec.
        progress: called from this thread, some times a second and at every event.

    Raises:
        BadValue: the agent does not train, the run exists, or was begun with other arguments.
        CheckpointError: nothing to resume, or nothing that can be read.
        BenchError: the loss is not finite, or the disk is full. The last checkpoint is kept.
        KeyboardInterrupt: Ctrl-C, after the running update and a checkpoint.
    """
    spec, where = agent_spec(agent_id), tasks()[task] if isinstance(task, str) else task
    _check(spec, where, preset, seed)
    folder = RunFolder(out, seed)
    report = progress or (lambda _: None)
    asked = {"agent": spec.id, "task": where.id, "task_version": where.version}
    asked |= {"preset": preset, "seed": seed}
    if (done := folder.finished()) is not None:
        return _already(folder, done, asked, resume, report)
    with folder.locked():
        before = _resumed(folder, resume)
        chosen = pick_device(device if device is not None or not before else before["device"])
        count = threads if threads is not None or not before else before["threads"]
        target = resolve_agent(spec)
        made = target.configure(spec, preset, where, **(changes or {}))
        store = _store(where, dataset)
        asked |= {"config": _plain(made), "device": chosen, "threads": count or 1}
        asked |= {"dataset": getattr(store, "content_hash", None)}
        given = _parts(spec, parts or {})
        if given:
            asked |= {"parts": {name: _sha256(folder) for name, folder in given.items()}}
        if before is not None:
            _same(folder, before, asked)
        with torch_threads(count or 1), disk_errors(folder.work):
            if before is None:
                folder.begin(asked)
                fresh = {"seed": seed, "data": store, "parts": given, "device": chosen}
                folder.save(target.create(made, where, **fresh))
            agent = folder.load(target, chosen)
            if before is not None:
                report(Status(agent.step, agent.total, note=f"resumed at {agent.step}"))
            loop = Loop(folder, agent, store, where, evaluate_every, checkpoint_s, report)
            loop.run()
            return folder.finish(agent)


def _check(spec: AgentSpec, task: TaskSpec, preset: str, seed: int) -> None:
    if spec.weights_of is not None:
        raise BadValue(f"{spec.id} uses the weights of {spec.weights_of}: train that instead.")
    if not spec.trains:
        raise BadValue(f"{spec.id} has nothing to train.")
    check_fit(spec, task, offers(task))
    if preset not in spec.presets:
        raise unknown("preset", preset, spec.presets, see=f"bench info {spec.id}")
    if seed < 0:
        raise BadValue(f"a training seed cannot be negative: got {seed}.")


def _parts(spec: AgentSpec, parts: Mapping[str, str | Path]) -> dict[str, Path]:
    """The checkpoints of parts. Raises BadValue unless they are those that the spec names."""
    if set(parts) != set(spec.parts):
        need = ", ".join(f"{name} (of {agent})" for name, agent in spec.parts.items()) or "none"
        raise BadValue(f"{spec.id} is built on the parts {need}: got {', '.join(parts) or 'none'}.")
    return {name: Path(folder) for name, folder in parts.items()}


def _sha256(folder: Path) -> str:
    return Checkpoint(folder, read_meta(folder)).sha256


def _already(
    folder: RunFolder,
    done: Mapping[str, Any],
    asked: Mapping[str, Any],
    resume: bool,
    report: Report,
) -> Path:
    if not resume:
        raise BadValue(
            f"{folder.final} is a finished run and is not overwritten; choose another --out or "
            "--seed, or delete it."
        )
    _same(folder, done, asked, folder.final)
    folder.clean()  # what a kill in the last moment may have left
    report(Status(1, 1, note=f"{folder.final} is finished already"))
    return folder.final


def _resumed(folder: RunFolder, resume: bool) -> dict[str, Any] | None:
    """What the run to go on with was asked for, or None for a new one."""
    before = folder.asked()
    if before is not None and not resume:
        step = int(folder.checkpoints()[0].name.rpartition("-")[2])
        raise BadValue(
            f"{folder.work} is an unfinished run, at step {step}: add --resume to go on with it, "
            "choose another --out, or delete it."
        )
    if before is None and resume:
        raise BadValue(f"no checkpoint in {folder.work} to go on from: leave out --resume.")
    return before


def _same(
    folder: RunFolder,
    before: Mapping[str, Any],
    asked: Mapping[str, Any],
    where: Path | None = None,
) -> None:
    for name, value in asked.items():
        old = before.get(name)
        if old == value:
            continue
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            key = next(k for k in {**old, **value} if old.get(k) != value.get(k))
            name, old, value = f"{name}.{key}", old.get(key), value.get(key)
        raise BadValue(
            f"{where or folder.work} was begun with {name} {old!r}, and now it is {value!r}: "
            "choose another --out."
        )


def _plain(config: Any) -> dict[str, Any]:
    """A configuration as it comes back from JSON."""
    return dict(json.loads(json.dumps(asdict(config))))


def _store(task: TaskSpec, dataset: Any) -> Any:
    """The training episodes."""
    if dataset is None or isinstance(dataset, (str, Path)):
        from entitybench.datasets.api import open_for

        dataset = open_for(task, dataset)
    return dataset.split("train") if hasattr(dataset, "split") else dataset


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Torch uses `count` threads within. Nothing happens where torch is not loaded."""
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else 0
    if torch:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        if torch:
            torch.set_num_threads(before)
