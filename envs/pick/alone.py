"""Worlds of a hand and cubes number by number; see envs/core/alone.py."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.core.alone import Gathered, GoalAlone, clear
from entitybench.envs.pick.world import BOX, SOURCE, STEPS, TOLERANCE, WIDEST

if TYPE_CHECKING:
    from entitybench.envs.core.alone import Numbers
    from entitybench.envs.pick.world import PickWorld
    from entitybench.types import Array


class PickAlone(GoalAlone):
    """Cubes that have places to be at."""

    def __init__(self, world: PickWorld) -> None:
        cubes, size = world.cubes, world.state_size
        super().__init__(world, cubes)
        self._robot = world.robot.tolist()
        self._steps = STEPS.tolist()
        assert SOURCE.tolist() == [0, 1, 2, 3, 4, 4]
        self._places = world.centres.tolist()
        self._turns = world.turns.T.tolist()
        # After the state: the hand's cosine, sine and opening; the cubes' cosines and sines.
        changing, staying = size + 3 + 2 * cubes, world.entities * world.features
        observed = changing + np.arange(staying).reshape(world.entities, world.features)
        desired = observed + staying
        observed[: 1 + cubes, :3] = world.centres
        observed[0, 3:6] = size + np.arange(3)
        observed[1 : 1 + cubes, 3:5] = size + 3 + np.arange(2 * cubes).reshape(cubes, 2)
        self._shown = Gathered(changing, 2 * staying, observed, desired)
        self._asked = world.asked
        self._yaw = np.zeros(1)
        self._wide, _, self._high = BOX.tolist()
        self._near, self._far = clear(TOLERANCE**2)

    def begin(self, state: Array, constants: Array, goal: Array) -> None:
        del state
        self._shown.staying[:] = np.concatenate([constants, goal]).ravel()
        wanted = goal[1 : len(self._places), :3].tolist()
        self._wanted = [(*at, *to) for at, to in zip(self._places[1:], wanted, strict=True)]

    def control(self, state: Numbers, action: Numbers) -> Numbers:
        middle = 0.5 * (state[self._robot[4]] + state[self._robot[5]])
        (x, y, z, turn, grip), steps = action, self._steps
        across, along, up, yaw = (state[place] for place in self._robot[:4])
        return [
            across + steps[0] * x,
            along + steps[1] * y,
            up + steps[2] * z,
            yaw + steps[3] * turn,
            middle + steps[4] * grip,
            middle + steps[5] * grip,
        ]

    def look(self, state: Numbers) -> tuple[Array, Array, Array] | None:
        wide, high = self._wide, self._high
        for x, y, z in self._places:
            if not (
                -wide <= state[x] <= wide
                and -wide <= state[y] <= wide
                and -high <= state[z] <= high
            ):
                return None
        *_, yaw, left, right = self._robot
        self._yaw[0] = state[yaw]
        opening = (state[left] + state[right]) * WIDEST
        seen = [
            *state,
            np.cos(self._yaw).item(),
            np.sin(self._yaw).item(),
            min(max(opening, -0.2), 1.2),
        ]
        for w, x, z, y in self._turns:
            seen += fourfold(state[w], state[x], state[z], state[y])
        observed, desired = self._shown.look(seen)
        return observed, observed * self._asked, desired

    def solved(self, state: Numbers) -> int | None:
        count = 0
        for i, j, k, x, y, z in self._wanted:
            dx, dy, dz = state[i] - x, state[j] - y, 2 * (state[k] - z)
            square = dx * dx + dy * dy + dz * dz
            if square < self._near:
                count += 1
            elif not square > self._far:
                return None
        return count


def fourfold(w: float, x: float, z: float, y: float) -> tuple[float, float]:
    """`world.fourfold` of one quaternion, number by number: the same products and sums."""
    w, z, x, y = w * w - z * z, 2 * (w * z), x * x - y * y, 2 * (x * y)
    w, z, x, y = w * w - z * z, 2 * (w * z), x * x - y * y, 2 * (x * y)
    w, z, x, y = w * w - z * z, 2 * (w * z), x * x - y * y, 2 * (x * y)
    re, im = w + x, z + y
    size = sqrt(re * re + im * im) + 1e-12
    return re / size, im / size
