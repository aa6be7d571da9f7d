"""How large a dataset is on disk, before it is made. Knows no simulator.

The numbers of each task stand in `shapes_table.py`. Written anew after a task has changed:

    python -m entitybench.datasets.catalogue.shapes
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

from entitybench.datasets.catalogue.build import TRANSITIONS
from entitybench.datasets.catalogue.shapes_table import SHAPES

if TYPE_CHECKING:
    from entitybench.types import DatasetSpec, TaskSpec

STATE_EVERY = 20  # control steps, as in store/schema.py
EPISODE = 200  # bytes of an episode's line and offset, about
FLAGS = 3  # bytes a row: terminals, masks, successes


def transitions(spec: DatasetSpec) -> int:
    """About how many transitions the registered training episodes have."""
    return TRANSITIONS.get(spec.id, spec.episodes * spec.length)


def disk_bytes(spec: DatasetSpec) -> int | None:
    """About how large the registered dataset is; None for a task that is not in the table."""
    if spec.task not in SHAPES:
        return None
    size = SHAPES[spec.task]
    episodes = spec.episodes + spec.validation_episodes
    steps = transitions(spec) * episodes / spec.episodes
    row = size["row"] + FLAGS + (size["contacts"] if spec.interactions else 0)
    states = steps / STATE_EVERY + episodes
    return round((steps + episodes) * row + states * size["state"] + episodes * EPISODE)


def sizes_of(task: TaskSpec) -> dict[str, int]:
    """Bytes of a task's columns: a row, a row of contacts, a stored state."""
    from entitybench.envs.api import make_worlds

    worlds = make_worlds(task, 1)
    obs, world = worlds.reset([0]), worlds.world
    numbers = sum(obs[key][0].size for key in ("observation", "state") if key in obs)
    numbers += math.prod(world.action_shape) + world.pose(worlds.state[0]).size
    if "desired_goal" not in obs:
        numbers += math.prod(world.action_shape[:-1])
    found = {
        "row": 4 * numbers,
        "contacts": world.entities * (world.entities + 1),
        "state": worlds.integration_state(0).nbytes,
    }
    worlds.close()
    return found


def main() -> None:
    """Measure the tasks that have a dataset, and write the table."""
    from entitybench.registry import datasets, tasks

    named = {spec.task for spec in datasets()}
    table = {task.id: sizes_of(task) for task in tasks() if task.id in named}
    lines = "".join(f"    {json.dumps(id)}: {json.dumps(sizes)},\n" for id, sizes in table.items())
    Path(__file__).with_name("shapes_table.py").write_text(
        '"""Written by `python -m entitybench.datasets.catalogue.shapes`."""\n\n'
        "from __future__ import annotations\n\n"
        f"SHAPES: dict[str, dict[str, int]] = {{\n{lines}}}\n"
    )


if __name__ == "__main__":
    main()
