"""The scripted solver of Door: grip the handle from the front, turn it up, pull."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.parts.vectors import cross
from entitybench.envs.robosuite.door import DOOR, HANDLE, DoorWorld
from entitybench.envs.robosuite.moves import (
    CLOSE,
    OPEN,
    Phases,
    SuiteOracle,
    action,
    length,
    rows_of,
    step_phases,
)

if TYPE_CHECKING:
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Obs

ALIGN, APPROACH, GRIP, TURN, PULL = range(5)
STAND_OFF = 0.11  # m, before the handle
INWARD = 0.02  # m, from the handle's end: where it is gripped
TURNED = 1.3  # rad, upward, at which the latch is out
AJAR = 0.05  # rad, at which the latch does not matter any more
WIDE = 0.36  # rad, at which the door stays
SLOWLY = 0.4  # of the rotation that is left: a quick one carries the hand away


class DoorOracle(SuiteOracle):
    """Opens the door and holds it open."""

    acts_in = DoorWorld

    def act(self, obs: Obs, state: Phases, rng: BatchGenerator) -> tuple[Array, Phases]:
        del rng
        rows = rows_of(obs)
        hand, door, handle = rows[:, 0], rows[:, DOOR], rows[:, HANDLE]
        phase, age = state.phase, state.age
        bar, inward = handle[:, 3:6], handle[:, 6:9]
        above = cross(bar, inward)  # at first straight up; turns with the handle
        angle, opened = -handle[:, 13], door[:, 13]  # up: the last wrist joint has room that way

        # The hand looks along `inward`, and opens across the bar.
        x, y = hand[:, 3:6], hand[:, 6:9]
        aim_y = cross(inward, -above)
        errors = cross(x, -above) + cross(y, aim_y) + cross(cross(x, y), inward)
        rotation = 0.5 * errors
        point = handle[:, :3] - INWARD * bar
        to = point - hand[:, :3]
        way = to.copy()
        way[phase == ALIGN] -= STAND_OFF * inward[phase == ALIGN]
        way[phase == GRIP] = 0
        ahead = np.clip(TURNED + 0.15 - angle, 0.0, 0.35)[:, None]
        turning = 0.1 * ahead * above
        way[phase == TURN] = (0.5 * to + turning)[phase == TURN]
        rotation[phase == TURN] += (ahead * inward)[phase == TURN]
        pull = -0.05 * inward * np.where(opened < WIDE, 1.0, 0.0)[:, None] + 0.5 * turning
        way[phase == PULL] = pull[phase == PULL]

        following = phase.copy()
        near = length(way) < 0.015
        straight = length(rotation) < 0.12
        following[(phase == ALIGN) & near & straight] = APPROACH
        following[(phase == APPROACH) & (near | (age > 25))] = GRIP
        following[(phase == GRIP) & (age >= 7)] = TURN
        following[(phase == TURN) & ((angle > TURNED) | (opened > AJAR))] = PULL
        following[(phase == TURN) & (age > 80)] = ALIGN
        slipped = (length(to) > 0.06) & (opened < WIDE)
        following[(phase >= TURN) & slipped] = ALIGN
        rotation[phase == ALIGN] *= SLOWLY
        grip = np.where(phase >= GRIP, CLOSE, OPEN)
        return action(way, rotation, grip), step_phases(state, following)
