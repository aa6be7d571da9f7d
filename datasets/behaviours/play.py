"""Play with a hand: the scripted solver, given goals drawn anew whenever one is reached.

The task's own goal is not looked at. Cubes are carried or pushed about, drawers and windows opened
and closed, as in the play data of OGBench (Park et al., ICLR 2025) and HECRL (Haramati et al., ICLR
2026). Noise is added by `basic.Noisy`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from entitybench.datasets.behaviours.poke import Poke, PokeState
from entitybench.envs.api import world_as
from entitybench.envs.pick import furniture as f
from entitybench.envs.pick.oracle import CHOOSE, ON_TOP, OracleState, PickOracle
from entitybench.envs.pick.scene import HALF
from entitybench.envs.pick.scene_oracle import SceneOracle
from entitybench.envs.pick.scene_world import BUTTON0, CUBE, DRAWER, VALUE, SceneWorld
from entitybench.envs.pick.world import AREA, SPACING, PickWorld
from entitybench.errors import BadValue

if TYPE_CHECKING:
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Obs, TaskSpec

PATIENCE = 150  # control steps after which another goal is drawn
CANDIDATES = 8  # places drawn, of which the first with room is taken
# Of the cube in the scene: x and y in front of the furniture, m; how often it goes into the drawer.
FRONT = ((-0.15, 0.15), (-0.19, -0.11))
INTO_DRAWER = 0.4


@dataclass(slots=True)
class PlayState:
    """What each of B episodes is at."""

    goal: Array | None  # (B, N, D), drawn; None before the first step
    age: Array  # (B,) control steps since it was drawn
    oracle: OracleState


class PickPlay:
    """Bring a random cube to a random place, or onto another cube; again and again."""

    def __init__(self, task: TaskSpec | str, *, stack: float = 0.0, push: float = 0.0) -> None:
        """Make it.

        Args:
            stack: the share of carried cubes that are put on another cube or tower.
            push: the share of sub-tasks in which a cube is pushed, not carried.
        """
        for name, share in (("stack", stack), ("push", push)):
            if not 0 <= share <= 1:
                raise BadValue(f"{name} is a share, 0 to 1: got {share!r}.")
        world = world_as(task, PickWorld)
        self._world, self._stack, self._push = world, stack, push
        self._oracle = PickOracle(task)
        self._poke = Poke(world)

    def initial_state(self, batch: int) -> tuple[PlayState, PokeState]:
        play = PlayState(None, np.zeros(batch, np.int64), self._oracle.initial_state(batch))
        return play, self._poke.initial_state(batch)

    def act(
        self, obs: Obs, state: tuple[PlayState, PokeState], rng: BatchGenerator
    ) -> tuple[Array, tuple[PlayState, PokeState]]:
        play, poke = state
        entities = obs.get("state", obs["observation"])
        batch, cubes = len(entities), self._world.cubes
        idle = _idle(self._world, entities, play) & ~poke.busy
        drawn = self._goals(entities, rng)
        goal = drawn if play.goal is None else np.where(idle[:, None, None], drawn, play.goal)
        begin = idle & (rng.random(batch) < self._push)
        # A push is a sub-task of its own: the oracle is asked for nothing, and its goal is over.
        age = np.where(begin, PATIENCE, np.where(idle, 0, play.age + 1))
        cube, side = rng.integers(0, cubes, batch), rng.integers(0, 4, batch)
        poke = self._poke.begin(poke, begin, cube, side)
        asked = np.where(poke.busy[:, None, None], 0.0, goal).astype(np.float32)
        carried, oracle = self._oracle.act(
            {"observation": entities, "desired_goal": asked}, play.oracle, rng
        )
        busy = poke.busy
        pushed, poke = self._poke.act(entities, poke)
        action = np.where(busy[:, None], pushed, carried)
        return action, (PlayState(goal, age, oracle), poke)

    def _goals(self, entities: Array, rng: BatchGenerator) -> Array:
        """Goals (B, N, D): all as it is, but for one cube that nothing lies on."""
        batch, count = len(entities), self._world.cubes
        cubes = entities[:, self._world.rows, :3].astype(np.float64)
        draw = rng.random((batch, count))
        places = AREA * (2 * rng.random((batch, CANDIDATES, 2)) - 1)
        stacks = (rng.random(batch) < self._stack) & (count > 1)
        step = rng.random(batch)

        rows = np.arange(batch)
        gaps = cubes[:, None, :, :2] - cubes[:, :, None, :2]  # of the upper from the lower
        near = np.hypot(gaps[..., 0], gaps[..., 1]) < ON_TOP
        above = near & (cubes[:, None, :, 2] > cubes[:, :, None, 2] + HALF)
        index = np.argmin(draw + above.any(axis=2), axis=1)
        # On the table: the first place with room. On a cube: on the highest of its tower.
        away = places[:, :, None] - cubes[:, None, :, :2]
        room = np.hypot(away[..., 0], away[..., 1])
        room[rows, :, index] = np.inf
        first = np.argmax(room.min(axis=2) >= SPACING, axis=1)
        place = np.concatenate([places[rows, first], np.full((batch, 1), HALF)], axis=1)
        if count > 1:
            other = (index + 1 + (step * (count - 1)).astype(np.int64)) % count
            height = np.where(near[rows, other], cubes[..., 2], -1.0)
            height[rows, index] = -1.0
            top = cubes[rows, np.argmax(height, axis=1)] + [0.0, 0.0, 2 * HALF]
            place = np.where(stacks[:, None], top, place)
        goal = self._world.achieved(entities)
        goal[rows, self._world.rows.start + index, :3] = place
        return goal


class ScenePlay:
    """Change one thing in the scene after the other: cube, buttons, drawer, window."""

    def __init__(self, task: TaskSpec | str) -> None:
        world = world_as(task, SceneWorld)
        self._world = world
        self._oracle = SceneOracle(task)

    def initial_state(self, batch: int) -> PlayState:
        return PlayState(None, np.zeros(batch, np.int64), self._oracle.initial_state(batch))

    def act(self, obs: Obs, state: PlayState, rng: BatchGenerator) -> tuple[Array, PlayState]:
        entities = obs.get("state", obs["observation"])
        fresh = _idle(self._world, entities, state)
        drawn = self._goals(entities, rng)
        goal = drawn if state.goal is None else np.where(fresh[:, None, None], drawn, state.goal)
        age = np.where(fresh, 0, state.age + 1)
        asked = {"observation": entities, "desired_goal": goal}
        action, oracle = self._oracle.act(asked, state.oracle, rng)
        return action, PlayState(goal, age, oracle)

    def _goals(self, entities: Array, rng: BatchGenerator) -> Array:
        """Goals (B, N, D): all as it is, but for one thing."""
        batch = len(entities)
        thing = rng.integers(0, 5, batch)  # 0: cube; 1, 2: buttons; 3, 4: drawer and window
        draw = rng.random((batch, 3))
        goal = self._world.achieved(entities)
        values = goal[:, BUTTON0:, VALUE]
        ways = np.array([f.DRAWER_WAY, f.WINDOW_WAY])
        opened = np.clip(values[:, 2:], 0.0, ways)
        changed = np.concatenate([1 - values[:, :2], ways * (opened < ways / 2)], axis=1)
        chosen = thing[:, None] == 1 + np.arange(4)
        goal[:, BUTTON0:, VALUE] = np.where(chosen, changed, values)

        # A cube in the drawer goes along with it. Into the drawer: where its tray then is.
        cube = goal[:, CUBE, :3].astype(np.float64)
        tray = np.array(f.tray_middle(0.0)) - opened[:, :1] * [0.0, 1.0, 0.0]
        inside = (np.abs(cube - tray) < [0.06, 0.055, 0.03]).all(axis=1)
        along = np.where(chosen[:, 2], goal[:, DRAWER, VALUE] - opened[:, 0], 0.0)
        cube[:, 1] -= np.where(inside, along, 0.0)
        (low_x, high_x), (low_y, high_y) = FRONT
        low, high = np.array([low_x, low_y, HALF]), np.array([high_x, high_y, HALF])
        front = low + (high - low) * np.append(draw[:, :2], draw[:, :1], axis=1)
        place = np.where((draw[:, 2] < INTO_DRAWER)[:, None] & ~inside[:, None], tray, front)
        goal[:, CUBE, :3] = np.where((thing == 0)[:, None], place, cube)
        return goal


def _idle(world: PickWorld | SceneWorld, entities: Array, state: PlayState) -> Array:
    """Which episodes need another goal: theirs is reached, or takes too long; bool (B,)."""
    if state.goal is None:
        return np.ones(len(entities), bool)
    over = world.success(world.achieved(entities), state.goal) | (state.age >= PATIENCE)
    return (state.oracle.phase == CHOOSE) & over
