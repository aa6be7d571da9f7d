"""What shape the data of a task have, and how large a dataset is on disk, before it is made.

The numbers of each task stand in `shapes.json`, so no simulator is asked. Written anew after a
task has changed:

    python -m entitybench.datasets.catalogue.shapes
"""

from __future__ import annotations

import json
import math
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from entitybench.datasets.catalogue.build import TRANSITIONS

if TYPE_CHECKING:
    from entitybench.types import DatasetSpec, TaskSpec

FILE = Path(__file__).with_name("shapes.json")
STATE_EVERY = 20  # control steps, as in store/schema.py
EPISODE = 200  # bytes of an episode's line and offset, about
FLAGS = 3  # bytes a row: terminals, masks, successes


class Shape(TypedDict):
    """The data of a task."""

    observation: list[int]  # N, D
    action: list[int]  # A; of a team M, A
    row: int  # bytes of a row, without flags
    contacts: int  # bytes of a row of contacts
    state: int  # bytes of a stored state


@cache
def shapes() -> dict[str, Shape]:
    """By task, of all that have a dataset."""
    found: dict[str, Shape] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def transitions(spec: DatasetSpec) -> int:
    """About how many transitions the registered training episodes have."""
    return TRANSITIONS.get(spec.id, spec.episodes * spec.length)


def disk_bytes(spec: DatasetSpec) -> int | None:
    """About how large the registered dataset is; None for a task that is not in the table."""
    size = shapes().get(spec.task)
    if size is None:
        return None
    episodes = spec.episodes + spec.validation_episodes
    steps = transitions(spec) * episodes / spec.episodes
    row = size["row"] + FLAGS + (size["contacts"] if spec.interactions else 0)
    states = steps / STATE_EVERY + episodes
    return round((steps + episodes) * row + states * size["state"] + episodes * EPISODE)


def shape_of(task: TaskSpec) -> Shape:
    """The same, asked of the world."""
    from entitybench.envs.api import make_worlds

    worlds = make_worlds(task, 1)
    obs, world = worlds.reset([0]), worlds.world
    numbers = sum(obs[key][0].size for key in ("observation", "state") if key in obs)
    numbers += math.prod(world.action_shape) + world.pose(worlds.state[0]).size
    if "desired_goal" not in obs:
        numbers += math.prod(world.action_shape[:-1])
    found: Shape = {
        "observation": list(obs["observation"].shape[1:]),
        "action": list(world.action_shape),
        "row": 4 * numbers,
        "contacts": world.entities * (world.entities + 1),
        "state": worlds.integration_state(0).nbytes,
    }
    worlds.close()
    return found


def main() -> None:
    """Measure the tasks that have a dataset, and write the table."""
    from entitybench.files import write_atomic
    from entitybench.registry import datasets, tasks

    named = {spec.task for spec in datasets()}
    found = [(task.id, shape_of(task)) for task in tasks() if task.id in named]
    lines = ",\n".join(f"{json.dumps(id)}: {json.dumps(shape)}" for id, shape in found)
    write_atomic(FILE, f"{{\n{lines}\n}}\n")


if __name__ == "__main__":
    main()
