"""The scripted solver of `scene`: which thing to operate next, and how."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.api import world_as
from entitybench.envs.parts.observed import goal_of
from entitybench.envs.pick import furniture as f
from entitybench.envs.pick.hand import TIP
from entitybench.envs.pick.oracle import ABOVE, CHOOSE, OracleState, PickOracle, distance, nearest
from entitybench.envs.pick.room import NARROW, WIDE_OPEN
from entitybench.envs.pick.scene_world import BUTTON0, CUBE, DRAWER, VALUE, SceneWorld

if TYPE_CHECKING:
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Obs, TaskSpec

TRAVEL = 0.14  # m, above window, cabinet and buttons
OPEN_ENOUGH = f.DRAWER_WAY - 0.02  # m, of the drawer to reach into it
ASTRAY = 0.02  # m, of the cube and of what slides
GRIP = 6  # control steps to close the fingers about a handle
DEEP = 0.009  # m, how far down a button is pushed
# Rows of what is operated, less one.
_CUBE, _BUTTON, _SLIDE = CUBE - 1, BUTTON0 - 1, DRAWER - 1
_WAYS = np.array([[0.0, -1, 0], [1, 0, 0]])


class SceneOracle(PickOracle):
    """Opens what must be open on the way, moves the cube, then sets slides, then the locks."""

    def __init__(self, task: TaskSpec | str) -> None:
        world = world_as(task, SceneWorld)
        self._count = world.entities - 1

    def act(self, obs: Obs, state: OracleState, rng: BatchGenerator) -> tuple[Array, OracleState]:
        del rng
        entities = obs.get("state", obs["observation"]).astype(np.float64)
        goal = goal_of(obs)
        state = OracleState(*(getattr(state, one.name).copy() for one in fields(state)))
        for row in np.flatnonzero(state.phase == CHOOSE).tolist():
            self._next(row, state, entities[row], goal[row].astype(np.float64))
        things = entities[:, 1:, :3].copy()
        things[:, _BUTTON : _BUTTON + 2, 2] += TIP - DEEP  # where the grip point goes to press
        return self._drive(state, entities[:, 0, :6], things), state

    def _presses(self, state: OracleState) -> Array:
        return (state.cube == _BUTTON) | (state.cube == _BUTTON + 1)

    def _next(self, row: int, state: OracleState, entities: Array, goal: Array) -> None:
        """Choose what to do next in one episode, if anything is left to do."""
        values, wanted = entities[1:, VALUE], goal[1:, VALUE]
        cube, place = entities[CUBE, :3], goal[CUBE, :3]
        opened, to_open = values[_SLIDE], wanted[_SLIDE]
        inside, goes_in = in_tray(cube, opened), in_tray(place, to_open)
        if goes_in:
            place = place - [0.0, opened - to_open, 0.0]
        if goal[CUBE].any() and distance(cube[None], place[None])[0] > ASTRAY:
            if (inside or goes_in) and opened < OPEN_ENOUGH:
                self._slide(row, state, entities, 0, f.DRAWER_WAY - 0.003)
            else:
                self._carry(row, state, entities, place)
            return
        for i in range(2):
            if abs(values[_SLIDE + i] - wanted[_SLIDE + i]) > ASTRAY:
                self._slide(row, state, entities, i, float(wanted[_SLIDE + i]))
                return
        for i in range(2):
            if abs(values[_BUTTON + i] - wanted[_BUTTON + i]) > 0.5:
                self._press(row, state, entities, i)
                return

    def _begin(
        self, row: int, state: OracleState, entities: Array, thing: int, place: Array, yaw: float
    ) -> None:
        now = np.arctan2(entities[0, 4], entities[0, 3])
        state.cube[row], state.place[row] = thing, place
        state.yaw[row] = state.turn[row] = nearest(yaw, now)
        state.opening[row] = WIDE_OPEN
        state.travel[row], state.grip[row] = TRAVEL, 2
        state.height[row] = TRAVEL
        state.tries[row, thing] += 1
        state.phase[row], state.age[row] = ABOVE, 0

    def _carry(self, row: int, state: OracleState, entities: Array, place: Array) -> None:
        yaw = np.arctan2(entities[CUBE, 4], entities[CUBE, 3]) / 4
        if state.tries[row, _CUBE] % 2:  # it did not work: the other pair of faces
            yaw += np.pi / 2
        self._begin(row, state, entities, _CUBE, place, yaw)

    def _slide(
        self, row: int, state: OracleState, entities: Array, index: int, value: float
    ) -> None:
        """Move drawer 0 or window 1, which must be unlocked for that."""
        if entities[BUTTON0 + index, VALUE] < 0.5:
            self._press(row, state, entities, index)
            return
        thing = entities[DRAWER + index]
        place = thing[:3] + (value - thing[VALUE]) * _WAYS[index]
        # Fingers slide along the hand's y: as the drawer goes, or across for the window.
        self._begin(row, state, entities, _SLIDE + index, place, index * np.pi / 2)
        state.opening[row], state.grip[row] = NARROW, GRIP
        state.height[row] = thing[2]

    def _press(self, row: int, state: OracleState, entities: Array, index: int) -> None:
        button = entities[BUTTON0 + index]
        self._begin(row, state, entities, _BUTTON + index, button[:3], 0.0)


def in_tray(cube: Array, opened: float) -> bool:
    """Whether a cube (3,) is in the drawer, which is open by so much (m)."""
    offset = np.abs(cube - f.tray_middle(opened))
    return bool(offset[0] < 0.06 and offset[1] < 0.055)
