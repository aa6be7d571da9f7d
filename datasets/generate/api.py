"""`bench generate`: a dataset from its id, its seed and its number of episodes."""

from __future__ import annotations

import json
import math
import shlex
import shutil
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from entitybench.arithmetic import rounds_alike
from entitybench.datasets.catalogue.scores import reference_of
from entitybench.datasets.generate.block import columns_of
from entitybench.datasets.generate.job import Generation
from entitybench.datasets.generate.parts import (
    part_path,
    prepare,
    read_part,
    read_rows,
    to_stderr,
)
from entitybench.datasets.generate.plan import BLOCK, SMALL, Plan, sizes_of
from entitybench.datasets.generate.pool import available_cores, elsewhere, run
from entitybench.datasets.generate.reference import scores_of
from entitybench.datasets.generate.replay import self_check
from entitybench.datasets.store.files import read_manifest
from entitybench.datasets.store.places import dataset_folder, generate_line
from entitybench.datasets.store.schema import MANIFEST, STATE_EVERY
from entitybench.datasets.store.store import EpisodeStore
from entitybench.datasets.store.writer import StoreWriter, disk_errors, locked, new_store
from entitybench.errors import BadValue, DataError, unknown, whole
from entitybench.executors.api import LOCAL
from entitybench.executors.api import check as check_executor
from entitybench.executors.calls import Call
from entitybench.places import store_place
from entitybench.progress import progress_bar
from entitybench.registry import datasets, tasks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from entitybench.types import DatasetSpec


def generate(
    id: str,
    *,
    episodes: int | None = None,
    seed: int | None = None,
    size: str = SMALL,
    workers: int | None = None,
    executor: str = LOCAL,
    out: str | Path | None = None,
    block: int = BLOCK,
    progress: Callable[[int, int], None] | None = None,
    say: Callable[[str], None] | None = None,
) -> Path:
    """Generate a dataset, or go on where an earlier call with the same arguments was stopped.

    The same id, episodes and seed give the same bytes for any number of workers. While it runs,
    finished blocks lie in `<folder>.partial`; the folder itself appears at the end, in one step.

    Args:
        id: a registered dataset.
        episodes: training episodes; validation episodes come on top, in the registered proportion
            (a tenth for play data), rounded, at least one. None: those of the size.
        seed: None: the registered one.
        size: a registered size: "small" or, where the dataset has it, "paper".
        workers: processes; None: one a core.
        executor: where they are: "local", "slurm" or "ray"; changes no byte.
        out: the dataset's folder; None: its place under `ENTITYBENCH_DATA`.
        block: episodes that run side by side; changes no byte.
        progress: called with (episodes done, episodes in all) after every block. None: a bar on
            standard error, where that is a terminal or a notebook.
        say: told when nothing had to be done or earlier work is used, and what the check at the
            end found; None: stderr.

    Returns:
        The folder.

    Raises:
        UnknownId: no such dataset.
        BadValue: an impossible number.
        DataError: something else is at that place, or it cannot be written.
    """
    spec = datasets()[id]
    block = whole("block", block)
    plan = make_plan(spec, episodes=episodes, seed=seed, size=size, block=block)
    check_executor(executor)
    workers = whole("workers", available_cores() if workers is None else workers)
    final = store_place(out) if out is not None else dataset_folder(id, size)
    tell = say or to_stderr
    with locked(final):
        partial = final.with_name(f"{final.name}.partial")
        if _is_there(final, plan, tell):
            shutil.rmtree(partial, ignore_errors=True)  # after a kill in the last moment
            return final
        with disk_errors(final):
            _check_space(final, plan, partial)
            job = Generation(plan)
            kept = prepare(partial, job, tell)
            with progress_bar(f"{id}, episodes") if progress is None else nullcontext() as bar:
                run(job, partial, kept, workers, progress or bar, executor)
            _merge(plan, partial, final, tell)
            shutil.rmtree(partial, ignore_errors=True)
    return final


def make_plan(
    spec: DatasetSpec,
    *,
    episodes: int | None = None,
    seed: int | None = None,
    size: str = SMALL,
    block: int = BLOCK,
) -> Plan:
    """The plan for a registered dataset. Raises BadValue for impossible numbers."""
    sizes = sizes_of(spec)
    if size not in sizes:
        raise unknown("size", size, list(sizes))
    if episodes is not None and size != SMALL:
        raise BadValue(f"give episodes or a size, not both: got {episodes} and {size!r}.")
    training = sizes[size] if episodes is None else whole("episodes", episodes)
    validation = spec.validation_episodes
    if training != spec.episodes:
        validation = max(1, round(training * validation / spec.episodes))
    # As a worker process gets them.
    kwargs = {
        name: json.loads(json.dumps(dict(getattr(spec, name))))
        for name in ("behaviour_kwargs", "world_kwargs")
    }
    task = tasks()[spec.task]
    if "pixels" in task.tags:
        raise BadValue(
            f"{spec.id} is of a task in pixels: make a dataset of the task without, and draw it "
            "with `bench generate ID --pixels 64`."
        )
    return Plan(
        dataset=replace(spec, **kwargs),
        task=replace(task, kwargs={**task.kwargs, **kwargs["world_kwargs"]}),
        training=training,
        validation=validation,
        seed=spec.seed if seed is None else whole("seed", seed, 0),
        block=block,
    )


def _is_there(final: Path, plan: Plan, tell: Callable[[str], None]) -> bool:
    """Whether this very dataset is complete. Raises DataError when something else is there."""
    if not final.exists() or (final.is_dir() and not any(final.iterdir())):
        return False
    if not (final / MANIFEST).is_file():
        raise DataError(f"{final} exists and is no dataset; give another folder with --out.")
    try:
        made = read_manifest(final)
    except DataError as error:
        tell(f"{error.args[0].split('. ')[0]}: it is made anew.")
        return False
    differences = _differences(made, plan)
    if differences:
        raise DataError(
            f"{final} holds another dataset ({', '.join(differences)}). Give another folder with "
            f"--out, or delete it: `rm -r {shlex.quote(str(final))}`"
        )
    try:
        EpisodeStore.open(final, verify=True)
    except DataError as error:
        tell(f"{error.args[0].split('. ')[0]}: it is made anew.")
        return False
    tell(f"{final} is complete already; nothing was done.")
    return True


def _differences(made: dict[str, Any], plan: Plan) -> list[str]:
    """What distinguishes a store from the planned one, in words."""
    wanted = {**about(plan), "training": plan.training, "validation": plan.validation}
    for name in ("reference_scores", "custom", "size"):  # they follow from the others, or change
        del wanted[name]
    model = wanted.pop("model_hash")
    splits = made.get("splits", {})
    train, validation = (splits.get(name, [0, 0]) for name in ("train", "validation"))
    made = {**made, "training": train[1], "validation": validation[1] - validation[0]}
    return [
        f"{name} {made.get(name)!r}, not {value!r}"
        for name, value in wanted.items()
        if made.get(name) != value
    ] or (["another model of the world"] if made["model_hash"] != model else [])


def _merge(plan: Plan, partial: Path, final: Path, tell: Callable[[str], None]) -> None:
    """Join the part files to a store, check it, and give it its name."""
    paths = [part_path(partial, index) for index in range(len(plan.blocks()))]
    with new_store(final) as folder:
        rows = [row for path in paths for row in read_rows(path)]
        lengths = [row["length"] for row in rows]
        writer = None
        for path in paths:
            arrays, _ = read_part(path)
            writer = writer or StoreWriter(folder, lengths, columns_of(arrays))
            writer.append(arrays)
        assert writer is not None
        writer.finish(rows, about(plan))
        _check(folder, tell)


def _check(folder: Path, tell: Callable[[str], None]) -> None:
    """Raises DataError when a finished store cannot be replayed; else says what it reaches."""
    if rounds_alike():
        lines = checked(str(folder))
    else:  # to the last bit only workers can judge what workers made
        call = Call(f"{__name__}:checked", {"folder": str(folder.absolute())})
        lines = elsewhere(call, folder, f"{folder} could not be checked")
    for line in lines:
        tell(line)


def checked(folder: str) -> list[str]:
    """What a finished store shows, in lines. Raises DataError when it cannot be replayed."""
    store = EpisodeStore.open(folder, verify=False)
    return [self_check(store), scores_of(store)]


def about(plan: Plan) -> dict[str, Any]:
    """What the manifest says about where the data come from."""
    arguments = plan.arguments()
    of_work = ("length", "kwargs", "training", "validation", "block", "state_every")
    return {
        **{name: value for name, value in arguments.items() if name not in of_work},
        "task_kwargs": arguments["kwargs"],
        "size": plan.size,
        "custom": plan.custom,
        "reference_scores": reference_of(plan.task),
    }


def _size(plan: Plan) -> int:
    """About how many bytes the columns take; 0 where episodes can end early: nobody knows then."""
    worlds = plan.worlds(1)
    obs, world = worlds.reset([0]), worlds.world
    numbers = sum(obs[key][0].size for key in ("observation", "state") if key in obs)
    numbers += 2 * math.prod(world.action_shape) + world.model.nq
    numbers += 2 * len(worlds.integration_state(0)) // STATE_EVERY
    worlds.close()
    contacts = world.entities * (world.entities + 1) if plan.dataset.interactions else 0
    rows = 0 if world.terminates else plan.episodes * (plan.dataset.length + 1)
    return rows * (4 * numbers + contacts + 4)


def _check_space(final: Path, plan: Plan, partial: Path) -> None:
    """Raises DataError before the work rather than after it, when the disk is too small."""
    needed = 2 * _size(plan)  # parts and store
    if partial.is_dir():
        needed -= sum(file.stat().st_size for file in partial.iterdir())
    place = next(folder for folder in final.absolute().parents if folder.exists())
    free = shutil.disk_usage(place).free
    if free < needed:
        line = generate_line(plan.dataset, episodes=plan.training, seed=plan.seed)
        raise DataError(
            f"{final} needs {needed / 1e6:.0f} MB of disk while it is made, {free / 1e6:.0f} MB "
            f"are free. Name another disk: `{line} --out FOLDER`"
        )
