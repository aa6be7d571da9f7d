"""Trains an agent; a killed run ends with the weights of an unbroken one.

All randomness of update k comes from streams named by (seed, k): checkpoints hold no random state.
A fresh run too goes on from its own checkpoint of step 0: there is one path, and resuming is on it.

Seeds of an agent that can learn side by side do so, in one computation; what becomes of a seed then
depends, by rounding alone, on which seeds those are, so its run.json names them. Seeds of other
agents learn one after another.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from entitybench.envs.offers import offers
from entitybench.envs.worlds import task_of
from entitybench.errors import (
    BadValue,
    Diverged,
    MissingExtra,
    a_path,
    training_seeds,
    unknown,
    whole,
)
from entitybench.leaderboard.evaluation.provenance import check_device, pick_device
from entitybench.leaderboard.evaluation.threads import torch_threads
from entitybench.leaderboard.training.data import check_numbers, is_to_make, open_data
from entitybench.leaderboard.training.faults import faults_of, memory_errors
from entitybench.leaderboard.training.loggers import logger_named
from entitybench.leaderboard.training.loop import Habits, Report, Status
from entitybench.leaderboard.training.order import Order, groups_of, plain, run, same
from entitybench.leaderboard.training.parts import checked_parts
from entitybench.leaderboard.training.runs import RunFolder, disk_errors
from entitybench.needs import check_fit
from entitybench.registry import agent as agent_spec
from entitybench.registry import resolve_agent

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from entitybench.types import AgentSpec, TaskSpec

__all__ = ["Status", "train", "train_seeds"]

_GIVEN = ("cls", "self", "spec", "preset", "task")  # arguments of `Learner.configure`: no settings


def train(
    agent_id: str, task: str | TaskSpec, *, out: str | Path, seed: int = 0, **settings: Any
) -> Path:
    """Train with one seed, and return OUT/seed<S>.

    `settings` are those of `train_seeds`, with `parts` of this seed. Raises BadValue also where
    there is nothing to resume.
    """
    if settings.get("resume"):
        begun(out, [seed])
    if (own := settings.pop("parts", None)) is not None:
        settings["parts"] = {seed: own}
    return train_seeds(agent_id, task, seeds=[seed], out=out, **settings)[seed]


def train_seeds(
    agent_id: str,
    task: str | TaskSpec,
    *,
    seeds: Sequence[int],
    out: str | Path,
    preset: str = "small",
    resume: bool = False,
    device: str | None = None,
    dataset: Any = None,
    generate: bool = False,
    evaluate_every: int | None = None,
    checkpoint_s: float = 60.0,
    threads: int | None = None,
    changes: Mapping[str, Any] | None = None,
    parts: Mapping[int, Mapping[str, str | Path]] | None = None,
    logger: str | None = None,
    progress: Report | None = None,
) -> dict[int, Path]:
    """Train, and return OUT/seed<S> by seed: each holds an agent, its metrics and its arguments.

    Args:
        agent_id: a registered agent.
        task: id or spec.
        seeds: training seeds, all different.
        out: the folder that gets seed<S>/.
        preset: of the agent.
        resume: go on from the last checkpoints in `out`; finished runs are left as they are, and
            those that were never begun begin.
        device: "cpu", "cuda", "cuda:<index>" or "auto", a GPU where there is one; None: that of the
            run to go on with where it is here, else "auto". A run can go on with any.
        dataset: id, folder, or an opened store; None: the one that the task names.
        generate: make a registered dataset that is not there yet.
        evaluate_every: updates between evaluations on validation seeds; None: a fifth, 0: never.
        checkpoint_s: seconds between checkpoints: what a killed run loses at most.
        threads: of torch; default 1. Other numbers round differently, so it is part of the run.
        changes: settings of the configuration by name; texts are read as their type.
        parts: checkpoint folders that each seed is built on, by seed and the names in the spec.
        logger: one of `loggers.LOGGERS`, beside metrics.jsonl.
        progress: called from this thread, some times a second and at every event.

    Raises:
        BadValue: the agent does not train, a run exists, or was begun with other arguments.
        DataError: the dataset is not there; the text has the line that makes it.
        CheckpointError: nothing to resume that can be read, or parts of another agent or task.
        Diverged: the loss is not finite with some seeds; the others are finished.
        BenchError: the disk is full. The last checkpoint is kept.
        KeyboardInterrupt: Ctrl-C, after the running update and a checkpoint.
    """
    spec, where = agent_spec(agent_id), task_of(task)
    _check(spec, where, preset)
    seeds, out = training_seeds(seeds), a_path("out", out)
    _check_settings(spec, evaluate_every, threads, changes, device)
    report = progress or (lambda _: None)
    folders = {seed: RunFolder(out, seed) for seed in seeds}
    asked = {"agent": spec.id, "task": where.id, "task_version": where.version, "preset": preset}
    left = [folder for folder in folders.values() if not _already(folder, asked, resume)]
    finals = {seed: folder.final for seed, folder in folders.items()}
    finished = [folder for folder in folders.values() if folder not in left]
    if not left and dataset is None and not changes:
        return _told(finished, report, finals)
    habits = Habits(
        evaluate_every=evaluate_every if spec.scored else 0,
        checkpoint_s=checkpoint_s,
        logger=None if logger is None else logger_named(logger),
    )
    # What can be refused is so before torch is imported, if possible, and before a folder is made.
    given = {
        seed: checked_parts(spec, where, (parts or {}).get(seed, {}), changes) for seed in seeds
    }
    to_make = is_to_make(spec, where, dataset)
    store = None if to_make else open_data(spec, where, dataset)
    target = resolve_agent(spec)
    with faults_of(target, "configure"):
        config = target.configure(spec, preset, where, **(changes or {}))
    settings = plain(target, config)
    _check_finished(finished, {"config": settings})
    if not to_make:
        _check_finished(finished, _content(store))
    if not left:
        return _told(finished, report, finals)
    if to_make and not generate:
        open_data(spec, where, dataset)  # raises: it is to be made, for settings that can be
    check_numbers(store)
    picked = _picked(spec, target, device)
    with ExitStack() as stack:
        for folder in left:
            stack.enter_context(folder.locked())
        before = next((found for f in left if (found := _begun(f, resume))), None)
        chosen = picked or _device_of(before, report)
        count = (threads if threads is not None or not before else before["threads"]) or 1
        if to_make:
            store = _made(spec, where, dataset, report)
            _check_finished(finished, _content(store))
        asked |= {"config": settings, "threads": count, **_content(store)}
        order = Order(where, target, config, store, chosen, given, asked)
        stack.enter_context(torch_threads(count))
        groups, lost = _planned(order, left, set(seeds))
        _told(finished, report, finals)
        for group in groups:
            with disk_errors(group[0].work), memory_errors(settings):
                lost |= run(order, group, habits, report)
    if lost:
        raise Diverged(lost, {seed: path for seed, path in finals.items() if seed not in lost})
    return finals


def _picked(spec: AgentSpec, target: Any, device: str | None) -> str | None:
    """The device that is asked for or the only one; None: to be found. Raises BadValue."""
    if getattr(target, "on_gpu", True):
        return None if device is None else pick_device(device)
    if device not in (None, "auto", "cpu"):
        raise BadValue(f"{spec.id} learns on the CPU alone: leave out --device {device}.")
    return "cpu"


def _device_of(before: Mapping[str, Any] | None, report: Report) -> str:
    """The device of the run to go on with, or another where that is not here; which is said."""
    if before is None:
        return pick_device(None)
    try:
        return pick_device(before.get("device"))
    except (BadValue, MissingExtra):
        chosen = pick_device("auto")
        note = f"begun on {before['device']}, which is not here: going on with {chosen}"
        report(Status(0, 1, note=note))
        return chosen


def _content(store: Any) -> dict[str, Any]:
    """What run.json keeps of a dataset."""
    return {
        "dataset": getattr(store, "content_hash", None),
        "dataset_id": getattr(store, "id", None),
    }


def _made(spec: AgentSpec, task: TaskSpec, dataset: Any, report: Report) -> Any:
    """A registered dataset that was not there."""

    def progress(done: int, total: int) -> None:
        report(Status(done, total, unit="episodes of the dataset"))

    return open_data(spec, task, dataset, generate=True, progress=progress)


def _planned(
    order: Order, left: Sequence[RunFolder], seeds: set[int]
) -> tuple[list[tuple[RunFolder, ...]], dict[int, str]]:
    """The groups that train what is left of `seeds`; and which diverged before, and why."""
    lost = {folder.seed: why for folder in left if (why := folder.diverged()) is not None}
    return groups_of(order, [f for f in left if f.seed not in lost], seeds), lost


def _told(
    finished: Sequence[RunFolder], report: Report, finals: dict[int, Path]
) -> dict[int, Path]:
    """Say which runs were finished before, when nothing can be refused any more."""
    for folder in finished:
        folder.clean()  # what a kill in the last moment may have left
        report(Status(1, 1, note=f"{folder.final} is finished already", seeds=(folder.seed,)))
    return finals


def begun(out: str | Path, seeds: Sequence[int]) -> None:
    """Raise BadValue unless one of the seeds has something to go on from."""
    folders = [RunFolder(out, seed) for seed in seeds]
    if not any(folder.checkpoints() or folder.final.exists() for folder in folders):
        raise BadValue(f"no checkpoint in {folders[0].work} to go on from: leave out --resume.")


def _check(spec: AgentSpec, task: TaskSpec, preset: str) -> None:
    if spec.weights_of is not None:
        raise BadValue(f"{spec.id} uses the weights of {spec.weights_of}: train that instead.")
    if not spec.trains:
        raise BadValue(f"{spec.id} has nothing to train.")
    check_fit(spec, task, offers(task))
    if preset not in spec.presets:
        raise unknown("preset", preset, spec.presets, see=f"bench info {spec.id}")


def _check_settings(
    spec: AgentSpec, evaluate_every: int | None, threads: int | None, changes: Any, device: Any
) -> None:
    if evaluate_every is not None:
        whole("evaluate_every", evaluate_every, 0)
    if threads is not None:
        whole("threads", threads)
    if changes is not None and not (
        isinstance(changes, Mapping) and all(isinstance(name, str) for name in changes)
    ):
        raise BadValue(f"settings are names with their values: got {changes!r}.")
    for name in changes or {}:
        if name in _GIVEN:
            raise BadValue(f"no setting {name!r}: that is no part of an agent's configuration.")
    if evaluate_every and not spec.scored:
        raise BadValue(f"{spec.id} is scored by nobody: evaluate_every is 0, not {evaluate_every}.")
    if device is not None:
        check_device(device)


def _already(folder: RunFolder, asked: Mapping[str, Any], resume: bool) -> bool:
    """Whether a run is finished. Raises BadValue where that may not be."""
    done = folder.finished()
    if done is None:
        return False
    if not resume:
        raise BadValue(
            f"{folder.final} is a finished run and is not overwritten: add --resume to keep it and "
            "train what is missing, choose another --out or --seed, or delete it."
        )
    same(folder, done, {**asked, "seed": folder.seed}, folder.final)
    return True


def _check_finished(folders: Sequence[RunFolder], learned: Mapping[str, Any]) -> None:
    """Raise BadValue where a finished run learned from other data or with other settings."""
    for folder in folders:
        done = folder.finished() or {}
        told = {*done, "dataset_id"}  # not of runs of earlier versions, but of the message
        known = {name: value for name, value in learned.items() if name in told}
        same(folder, done, known, folder.final)


def _begun(folder: RunFolder, resume: bool) -> dict[str, Any] | None:
    """What the run to go on with was asked for, or None for a new one."""
    before = folder.asked()
    if before is not None and not resume:
        if (why := folder.diverged()) is not None:
            raise BadValue(
                f"{folder.work} is a run that stopped ({why}): choose another --out, or delete it."
            )
        step = int(folder.checkpoints()[0].name.rpartition("-")[2])
        raise BadValue(
            f"{folder.work} is an unfinished run, at step {step}: add --resume to go on with it, "
            "choose another --out, or delete it."
        )
    return before
