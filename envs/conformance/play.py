"""Checks of a task as something to solve: its starts, its oracle, its pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.checks import NotChecked, must
from entitybench.envs.conformance.rollouts import short
from entitybench.envs.core.play import Uniform, play
from entitybench.envs.worlds import make_worlds, oracle_of, world_of
from entitybench.errors import RenderError
from entitybench.seeding import BatchGenerator, generator

if TYPE_CHECKING:
    from entitybench.envs.core.batch import Worlds
    from entitybench.types import Array, Policy, TaskSpec

STARTS = 50  # of the public bank
EPISODES = 20  # of the oracle, and of random actions
LEAST, MOST = 0.8, 0.1  # the shares that the oracle and random actions solve
EDGE = 128  # pixels
CLIPPED = 0.05  # the largest share of values at an end of their range
CONTRAST = 15  # of 255, between an entity and what is beside it
FEW = 6  # pixels: too few to judge by


def unsolved_starts(task: TaskSpec) -> None:
    """No start is solved before anybody has acted."""
    worlds = make_worlds(task, STARTS)
    worlds.reset(range(STARTS))
    info = worlds.judge()
    worlds.close()
    solved = np.flatnonzero(info["is_success"]).tolist()
    must(
        not solved, f"{len(solved)} of {STARTS} starts are solved at the reset: seeds {solved[:5]}"
    )
    must(not info["unstable"].any(), "the simulation goes wrong at the reset")


def solvable(task: TaskSpec) -> str:
    """The scripted oracle solves what random actions do not; of a team, it scores more.

    Raises NotChecked where the task names none.
    """
    if task.kind == "graph":
        raise NotChecked("graphs are inferred, and nobody acts")
    if task.oracle is None:
        raise NotChecked("the task names no oracle")
    count, shape = short(task, EPISODES, 5), world_of(task).action_shape
    (oracle, gained), (random, chance) = (
        _scores(task, policy, count) for policy in (oracle_of(task), Uniform(shape))
    )
    if shape[1:]:  # a team
        error = np.std(chance) / np.sqrt(count)
        said = (
            f"a return of {np.mean(gained):.4g} by the oracle, of {np.mean(chance):.4g} at random"
        )
        must(np.mean(gained) > np.mean(chance) + 3 * error, f"{said}: that is not more")
        return said
    said = f"the oracle solves {oracle:.0%}, random actions {random:.0%} of {count} starts"
    must(oracle >= LEAST, f"{said}: the oracle must solve {LEAST:.0%} or more")
    must(random <= MOST, f"{said}: by chance no more than {MOST:.0%} may be solved")
    return said


def _scores(task: TaskSpec, policy: Policy[Any], count: int) -> tuple[float, Array]:
    """The share of episodes solved in their last step, and their returns (count,)."""
    worlds = make_worlds(task, count)
    obs = worlds.reset(range(count))
    rng = BatchGenerator([generator(seed, "policy", 0) for seed in range(count)])
    success, total, going = np.zeros(count, bool), np.zeros(count), np.ones(count, bool)
    for step in play(worlds, policy, obs, rng, task.horizon):
        success = np.where(going, step.info["is_success"], success)
        total += going * step.info["reward"].reshape(count, -1).mean(axis=1)
        if "terminated" in step.info:
            going &= ~step.info["terminated"]
            if not going.any():
                break
    worlds.close()
    return float(success.mean()), total


def well_seen(task: TaskSpec) -> str:
    """Every camera shows the scene, nothing is clipped, and entities stand out.

    Raises NotChecked where nothing can be drawn here, or what is drawn is another package's.
    """
    if task.extra:
        raise NotChecked(f"the scene and its light are {task.extra}'s")
    from entitybench.envs.drawing.gl import make_context

    try:
        make_context(8, 8).free()
    except RenderError as error:
        raise NotChecked(str(error).rstrip(".")) from None
    worlds = make_worlds(task, 1)
    worlds.reset([0])
    world = worlds.world
    views = world.camera_names
    must(
        world.view in views,
        f"the scene has no camera {world.view!r} to look from (it has: "
        f"{', '.join(views) or 'none'}): add_views(spec, size) of entitybench.envs.parts.scene "
        "adds top and side",
    )
    seen: set[int] = set()
    for view in views:
        seen |= _judge(worlds, view)
    worlds.close()
    hidden = [world.bodies[i] for i in range(world.entities) if i not in seen]
    must(not hidden, f"no camera shows {', '.join(hidden)}")
    return f"from {', '.join(views)}"


def _judge(worlds: Worlds, view: str) -> set[int]:
    """The entities that a view shows. Raises Broken where it shows them badly."""
    from entitybench.envs.drawing.render import Renderer

    renderer = Renderer(worlds.world, EDGE, EDGE, view)
    picture = renderer.row(worlds, 0)
    shown = renderer.segmentation(worlds.state[0], worlds.constants[0])
    renderer.close()
    well_exposed(picture, view)
    entities = {int(entity) for entity in np.unique(shown[shown >= 0])}
    for entity in entities:
        mine = shown == entity
        beside = _beside(mine)
        if mine.sum() < FEW or not beside.any():
            continue
        here, there = (picture[where].astype(float).mean(axis=0) for where in (mine, beside))
        contrast = np.abs(here - there).max()
        must(contrast > CONTRAST, f"{view}: {worlds.world.bodies[entity]} is hardly seen")
    return entities


def well_exposed(picture: Array, view: str) -> None:
    """Raises Broken for a picture (H, W, 3) uint8 much of which is as dark or bright as can be."""
    clipped = np.mean((picture == 0) | (picture == 255))
    must(clipped < CLIPPED, f"{view}: {clipped:.1%} of all values are clipped")


def _beside(mine: Array) -> Array:
    """The pixels two away from a region, up, down, left or right."""
    wide = np.zeros_like(mine)
    for region, pixels in ((mine, wide), (mine.T, wide.T)):
        pixels[2:] |= region[:-2]
        pixels[:-2] |= region[2:]
    return wide & ~mine
