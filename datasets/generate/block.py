"""Run the behaviour for a block of episodes, and keep blocks as part files."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.datasets.store.schema import STATE_EVERY, Column, episode_row
from entitybench.errors import DataError
from entitybench.registry import resolve
from entitybench.seeding import BatchGenerator

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from entitybench.datasets.generate.plan import Plan
    from entitybench.envs.core.batch import Worlds
    from entitybench.types import Array

PER = {"desired_goals": "episode", "states": "state"}  # the other columns have an entry a row
_DIGEST = hashlib.sha256().digest_size


def make_block(
    plan: Plan, episodes: Sequence[int]
) -> tuple[dict[str, Array], list[dict[str, Any]]]:
    """Generate some episodes side by side.

    Returns:
        The columns' entries and the episode rows, in the order of `episodes`. Neither depends on
        which episodes are in the block: each has its own generators.

    Raises:
        DataError: the simulation became unstable; such data must not be stored.
    """
    from entitybench.envs.core.api import make_worlds

    size, length = len(episodes), plan.dataset.length
    worlds = make_worlds(plan.task, size, horizon=length)
    behaviour = resolve(plan.dataset.behaviour)(plan.task)
    rng = BatchGenerator([plan.behaviour_generator(episode) for episode in episodes])
    seeds = [plan.start_seed(episode) for episode in episodes]
    obs = worlds.reset(seeds)
    state = behaviour.initial_state(size)

    entity = obs["observation"].shape[1:]
    observations = np.zeros((size, length + 1, *entity), np.float32)
    actions = np.zeros((size, length + 1, worlds.world.action_dim), np.float32)
    desired = obs["desired_goal"]
    states = []
    for step in range(length + 1):
        observations[:, step] = obs["observation"]
        if step % STATE_EVERY == 0:
            states.append(np.stack([worlds.integration_state(row) for row in range(size)]))
        if step < length:
            action, state = behaviour.act(obs, state, rng)
            # What is stored is what is applied, to the last bit.
            actions[:, step] = np.clip(action, -1.0, 1.0)
            obs, _ = worlds.step(actions[:, step])
    _check_stable(worlds, episodes)
    worlds.close()

    terminals = np.zeros((size, length + 1), bool)
    terminals[:, -1] = True
    columns = {
        "observations": observations.reshape(-1, *entity),
        "actions": actions.reshape(-1, actions.shape[-1]),
        "terminals": terminals.reshape(-1),
        "masks": ~terminals.reshape(-1),
        "desired_goals": desired,
        "states": np.stack(states, axis=1).reshape(size * len(states), -1),
    }
    rows = [
        episode_row(episode, plan.split(episode), length, seed=seed)
        for episode, seed in zip(episodes, seeds, strict=True)
    ]
    return columns, rows


def columns_of(arrays: dict[str, Array]) -> dict[str, Column]:
    """What columns a block's arrays are parts of."""
    return {name: Column.of(array, PER.get(name, "row")) for name, array in arrays.items()}  # type: ignore[arg-type]


def part_path(folder: Path, index: int) -> Path:
    """The part file of block `index`."""
    return folder / f"block-{index:06d}.part"


def write_part(path: Path, arrays: dict[str, Array], rows: list[dict[str, Any]]) -> None:
    """Write a finished block: sha256, then an npz archive. The file appears whole or not at all."""
    memory = io.BytesIO()
    text = np.frombuffer(json.dumps(rows).encode(), np.uint8)
    # Numbers only, so nothing is pickled; before numpy 2.1 an allow_pickle would be stored instead.
    parts: dict[str, Any] = {**arrays, ".rows": text}
    np.savez(memory, **parts)
    data = memory.getbuffer()
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(hashlib.sha256(data).digest())
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def part_is_right(path: Path) -> bool:
    """Whether a part file is there and holds what was written."""
    try:
        data = path.read_bytes()
    except OSError:
        return False
    return hashlib.sha256(data[_DIGEST:]).digest() == data[:_DIGEST]


def read_part(path: Path) -> tuple[dict[str, Array], list[dict[str, Any]]]:
    """Read a block. Raises DataError when the part is not what was written."""
    try:
        with path.open("rb") as file:
            file.seek(_DIGEST)
            with np.load(io.BytesIO(file.read()), allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{path} was damaged while in use ({error}). Give the same command again."
        ) from None
    rows = json.loads(arrays.pop(".rows").tobytes())
    return arrays, rows


def _check_stable(worlds: Worlds, episodes: Sequence[int]) -> None:
    """Raises DataError when MuJoCo warned: it goes on after a blow-up, from the reset state."""
    for data, episode in zip(worlds.datas, episodes, strict=True):
        if any(warning.number for warning in data.warning):
            raise DataError(
                f"the simulation of episode {episode} became unstable (MuJoCo counted warnings): "
                "the behaviour's actions or the world need mending."
            )
