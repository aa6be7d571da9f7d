"""Worlds of a hand and cubes number by number; see envs/core/alone.py."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.core.alone import Gathered, GoalAlone, within
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
        self._size = size
        self._robot = world.robot.tolist()
        self._steps = list(zip(STEPS.tolist(), SOURCE.tolist(), strict=True))
        self._places = world.centres.tolist()
        self._turns = world.turns.T.tolist()
        # Beside the state: the hand's cosine, sine and opening; cubes' cosines, then their sines.
        self._hand, self._cos, self._sin = size, size + 3, size + 3 + cubes
        self._constants = self._sin + cubes
        zero = self._constants + world.entities * world.features
        observed = np.arange(self._constants, zero).reshape(world.entities, world.features)
        observed[: 1 + cubes, :3] = world.centres
        observed[0, 3:6] = size + np.arange(3)
        observed[1 : 1 + cubes, 3] = self._cos + np.arange(cubes)
        observed[1 : 1 + cubes, 4] = self._sin + np.arange(cubes)
        self._shown = Gathered(zero, observed)
        self._asked = world.asked
        self._yaw = np.zeros(1)

    def begin(self, state: Array, constants: Array, goal: Array) -> None:
        super().begin(state, constants, goal)
        self._state = state.data
        self._shown.row[self._constants :] = constants.ravel()
        self._wanted = goal[1 : len(self._places), :3].tolist()

    def control(self, state: Numbers, action: Numbers) -> Numbers:
        x, y, z, yaw, left, right = self._robot
        middle = 0.5 * (state[left] + state[right])
        now = state[x], state[y], state[z], state[yaw], middle, middle
        return [
            place + step * action[source]
            for place, (step, source) in zip(now, self._steps, strict=True)
        ]

    def look(self, state: Numbers) -> tuple[Array, Array] | None:
        wide, _, high = BOX
        for x, y, z in self._places:
            if not (
                -wide <= state[x] <= wide
                and -wide <= state[y] <= wide
                and -high <= state[z] <= high
            ):
                return None
        shown, robot = self._shown, self._robot
        numbers = shown.numbers
        numbers[: self._size] = self._state
        self._yaw[0] = state[robot[3]]
        numbers[self._hand] = np.cos(self._yaw).item()
        numbers[self._hand + 1] = np.sin(self._yaw).item()
        opening = (state[robot[4]] + state[robot[5]]) * WIDEST
        numbers[self._hand + 2] = min(max(opening, -0.2), 1.2)
        for i, (w, x, z, y) in enumerate(self._turns):
            cos, sin = fourfold(state[w], state[x], state[z], state[y])
            numbers[self._cos + i], numbers[self._sin + i] = cos, sin
        observed: Array = shown.look()[0]
        return observed, observed * self._asked

    def solved(self, state: Numbers, observed: Array) -> int | None:
        del observed
        count = 0
        for (i, j, k), (x, y, z) in zip(self._places[1:], self._wanted, strict=True):
            dx, dy, dz = state[i] - x, state[j] - y, 2 * (state[k] - z)
            near = within(dx * dx + dy * dy + dz * dz, TOLERANCE**2)
            if near is None:
                return None
            count += near
        return count


def fourfold(w: float, x: float, z: float, y: float) -> tuple[float, float]:
    """`world.fourfold` of one quaternion, number by number: the same products and sums."""
    for _ in range(3):
        w, z = w * w - z * z, 2 * (w * z)
        x, y = x * x - y * y, 2 * (x * y)
    re, im = w + x, z + y
    size = sqrt(re * re + im * im) + 1e-12
    return re / size, im / size
