"""What shape the data of a task have, and how large a dataset is, before it is made.

The numbers of each task stand in `shapes.json`, so no simulator is asked. Written anew after a
task has changed:

    python -m entitybench.datasets.catalogue.shapes

How large a dataset came out when it was made, and the hash of its content, is in `measured.json`,
which `make dataset-pages` writes; of others the size is estimated.

`earlier.json` has the hashes of registered datasets from before stores held `successes` and `poses`
and episodes their return and success. It is the same data: today's files without those have them.
"""

from __future__ import annotations

import json
import math
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypedDict

from entitybench.datasets.catalogue.build import TRANSITIONS

if TYPE_CHECKING:
    from entitybench.envs.core.world import World
    from entitybench.types import DatasetSpec, TaskSpec

FILE = Path(__file__).with_name("shapes.json")
MEASURED = Path(__file__).with_name("measured.json")
EARLIER = Path(__file__).with_name("earlier.json")
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
    names: dict[str, list[str]]  # of entities, features, agents, agent_features


class Measured(NamedTuple):
    """What a registered dataset was when it was made."""

    transitions: int
    bytes: int
    sha256: str  # of its content


@cache
def shapes() -> dict[str, Shape]:
    """By task, of all that have a dataset."""
    found: dict[str, Shape] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


@cache
def measured() -> dict[str, Measured]:
    """The registered datasets that were made, by id."""
    found = json.loads(MEASURED.read_text(encoding="utf-8"))
    return {id: Measured(*numbers) for id, numbers in found.items()}


@cache
def _earlier() -> dict[str, str]:
    """Hash of a registered content as it was stored once -> the hash of the same data today."""
    found: dict[str, list[str]] = json.loads(EARLIER.read_text(encoding="utf-8"))
    return {hash: measured()[id].sha256 for id, hashes in found.items() for hash in hashes}


def hash_today(content: str | None) -> str | None:
    """The hash of a content as it is stored today: of most that hash itself."""
    return content if content is None else _earlier().get(content, content)


def is_registered(dataset: str, content: str | None) -> bool:
    """Whether this is the hash of a registered dataset's content; True where nobody knows."""
    known = measured().get(dataset)
    return known is None or content is None or hash_today(content) == known.sha256


def dataset_of(content: str | None) -> str | None:
    """The id of the registered dataset with this hash of its content; None where there is none."""
    today = hash_today(content)
    return next((id for id, known in measured().items() if known.sha256 == today), None)


def transitions(spec: DatasetSpec) -> int:
    """How many the registered dataset has, training and validation; estimated if not measured.

    It is the number that the manifest, `len` of a store's steps and the pages have.
    """
    if spec.id in measured():
        return measured()[spec.id].transitions
    training = TRANSITIONS.get(spec.id, spec.episodes * spec.length)
    return round(training * (spec.episodes + spec.validation_episodes) / spec.episodes)


def disk_bytes(spec: DatasetSpec) -> int | None:
    """How large the registered dataset is; estimated if not measured.

    None for a task that is not in the table.
    """
    if spec.id in measured():
        return measured()[spec.id].bytes
    return estimated_bytes(spec, transitions(spec))


def estimated_bytes(spec: DatasetSpec, steps: int) -> int | None:
    """About how large so many transitions are; None for a task that is not in the table."""
    size = shapes().get(spec.task)
    if size is None:
        return None
    episodes = spec.episodes + spec.validation_episodes
    row = size["row"] + FLAGS + (size["contacts"] if spec.interactions else 0)
    states = steps / STATE_EVERY + episodes
    return round((steps + episodes) * row + states * size["state"] + episodes * EPISODE)


def seen(task: TaskSpec) -> tuple[list[int], list[int]] | None:
    """The shapes of an observation (N, D) or (H, W, 3) and an action; None where not in the table.

    Of a team that of what all agents see is not among them: `names` has its agents.
    """
    size = shapes().get(task.id.removesuffix("-pixels"))
    if size is None:
        return None
    edge = task.kwargs.get("pixels")
    return [edge, edge, 3] if edge else size["observation"], size["action"]


def names_of(world: World) -> dict[str, list[str]]:
    """Names of what is observed."""
    return {
        "entities": list(world.bodies),
        "features": list(world.feature_names),
        "agents": list(getattr(world, "agents", ())),
        "agent_features": list(getattr(world, "agent_feature_names", ())),
    }


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
        "names": names_of(world),
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
