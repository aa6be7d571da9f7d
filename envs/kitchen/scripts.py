"""Where a hand should be to operate an element: way-points in task space, batched.

A pose (n, 5) is the grip point x, y, z (m), the yaw of where the hand points (0: +y, to the left is
positive) and the pitch (rad, down is positive; the gantry's hand has none). Each element has a
`Script`: a pose before it, one at it, and, as a function of the element's value, those along its
way. Grasped elements are pulled, others pushed with closed fingers (the kettle with open ones).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.kitchen import elements as k

if TYPE_CHECKING:
    from collections.abc import Callable

    from entitybench.types import Array

    Place = Array | float

PEG = 2 * k.FINGER_RADIUS  # half the width of two closed fingers
KNOB_GRIP = 0.040  # m from a knob's axis, where the lever is pushed
SWITCH_GRIP = 0.065
# m from the kettle's middle back to the grip point when both open fingers touch it.
KETTLE_BACK = (
    (k.KETTLE_RADIUS + k.FINGER_RADIUS) ** 2 - (k.OPEN + k.FINGER_RADIUS) ** 2
) ** 0.5 + 0.005
CLEAR = 0.10  # m, how far before an element its pre-pose is


@dataclass(frozen=True, slots=True)
class Script:
    """How to operate one element.

    `path(rows, value, lead, goal)` gives poses for entity rows (n, 7) of the element (x, y, z,
    turn0, turn1, value0, value1) and of its goal, the value in rad or m (n,) (the kettle: how far
    beyond its goal, m), and how far ahead of it to aim.
    """

    path: Callable[[Array, Array, Array, Array], Array]
    back: tuple[float, float, float]  # from the first pose on the path to the pre-pose
    grasps: bool
    fingers: float  # how far they are open while approaching, 0 to 1
    lead: float  # rad or m, how far ahead to aim
    target: float  # the value at which it is done
    limit: float = np.inf  # the value beyond which nothing aims, in absolute terms

    def aim(self, value: Array, end: Array) -> Array:
        """By how much more than the present value to aim at, for work that ends at `end`."""
        limit = np.maximum(self.limit, np.abs(end) + 0.18)
        return np.clip(value + self.lead, -limit, limit) - value


def direction(yaw: Array, pitch: Array) -> Array:
    """Where a hand points, (n, 3)."""
    yaw, pitch = np.ascontiguousarray(yaw), np.ascontiguousarray(pitch)
    level = np.cos(pitch)
    return np.stack([-np.sin(yaw) * level, np.cos(yaw) * level, -np.sin(pitch)], axis=-1)


def _pose(x: Place, y: Place, z: Place, yaw: Place, pitch: float) -> Array:
    shape = np.broadcast_shapes(*(np.shape(part) for part in (x, y, z, yaw)))
    parts = [np.broadcast_to(part, shape) for part in (x, y, z, yaw, pitch)]
    return np.stack(parts, axis=-1)


def _door(
    name: str, along: float, yaw: tuple[float, float], pitch: float, width: float
) -> Callable[[Array, Array, Array, Array], Array]:
    """The bar of a door along its arc; the yaw goes from yaw[0] to yaw[1] over `width` rad."""
    hinge = _PLACES[name]

    def path(rows: Array, value: Array, lead: Array, goal: Array) -> Array:
        del rows, goal
        angle = np.ascontiguousarray(value + lead)
        cos, sin = np.cos(angle), np.sin(angle)
        x = hinge[0] + along * cos + k.OFF * sin
        y = hinge[1] + along * sin - k.OFF * cos
        share = np.clip(np.abs(value) / width, 0, 1)
        return _pose(x, y, hinge[2], yaw[0] + share * (yaw[1] - yaw[0]), pitch)

    return path


def _kettle(pitch: float) -> Callable[[Array, Array, Array, Array], Array]:
    def path(rows: Array, value: Array, lead: Array, goal: Array) -> Array:
        del value
        way = goal[:, :2] - rows[:, :2]
        way[:, 1] = np.maximum(way[:, 1], 0.15)  # from the front, also when it is nearly there
        course = way / np.sqrt((way * way).sum(-1))[:, None]
        at = rows[:, :2] + (lead[:, None] - KETTLE_BACK) * course
        return _pose(at[:, 0], at[:, 1], k.KETTLE_HEIGHT, 0, pitch)

    return path


def _knob(name: str, pitch: float) -> Callable[[Array, Array, Array, Array], Array]:
    place = _PLACES[name]

    def path(rows: Array, value: Array, lead: Array, goal: Array) -> Array:
        del rows, goal
        angle = np.ascontiguousarray(-(value + lead))  # clockwise from upright
        cos, sin = np.cos(angle), np.sin(angle)
        # The lever's surface is there, and the fingers this side of it.
        gap = k.LEVER_RADIUS + k.FINGER_RADIUS + k.FINGER_RADIUS * np.abs(cos)
        x = place[0] + KNOB_GRIP * sin - gap * cos
        z = place[2] + KNOB_GRIP * cos + gap * sin
        return _pose(x, place[1] - k.LEVER_OUT, z, 0, pitch)

    return path


def _switch(pitch: float) -> Callable[[Array, Array, Array, Array], Array]:
    place = _PLACES["light-switch"]

    def path(rows: Array, value: Array, lead: Array, goal: Array) -> Array:
        del rows, goal
        angle = np.ascontiguousarray(k.SWITCH_LEAN + value + lead)
        cos, sin = np.cos(angle), np.sin(angle)
        gap = k.SWITCH_RADIUS + PEG
        x = place[0] + SWITCH_GRIP * sin + gap * cos
        y = place[1] - SWITCH_GRIP * cos + gap * sin
        return _pose(x, y, place[2], 0, pitch)

    return path


def _slide(pitch: float) -> Callable[[Array, Array, Array, Array], Array]:
    place = _PLACES["slide-cabinet"]

    def path(rows: Array, value: Array, lead: Array, goal: Array) -> Array:
        del rows, goal
        x = place[0] + value + lead - k.BAR_RADIUS - PEG
        return _pose(x, place[1] - k.OFF, place[2], 0, pitch)

    return path


_PLACES = {element.name: element.place for element in k.ELEMENTS}


def scripts(robot: str) -> tuple[Script, ...]:
    """One for each element, in the order of `elements.NAMES`."""
    arm = robot == "arm"
    low, middle = (0.9, 0.6) if arm else (0.0, 0.0)
    found = {
        "microwave": Script(
            _door("microwave", k.MICROWAVE_BAR, (0.4, 0.4) if arm else (0.2, 0.2), low, 0.75),
            (0.0, -CLEAR, 0.0),
            grasps=True,
            fingers=1.0,
            lead=-0.12,
            target=-0.70,
        ),
        "kettle": Script(
            _kettle(1.2 if arm else 0.0),
            (0.0, -0.06, 0.0),
            grasps=False,
            fingers=1.0,
            lead=0.05,
            target=-0.02,
        ),
        "light-switch": Script(
            _switch(middle), (0.03, -CLEAR, 0.0), grasps=False, fingers=0.0, lead=-0.5, target=-0.6
        ),
        "slide-cabinet": Script(
            _slide(0.0), (-0.03, -CLEAR, 0.0), grasps=False, fingers=0.0, lead=0.06, target=0.33
        ),
        "hinge-cabinet": Script(
            _door("hinge-cabinet", -k.CABINET_BAR, (0.4, 0.0) if arm else (0.0, 0.0), 0.0, 1.2),
            (0.0, -CLEAR, 0.0),
            grasps=True,
            fingers=1.0,
            lead=0.15,
            target=1.33,
        ),
    }
    for element in k.ELEMENTS:
        if element.name.endswith("burner"):
            found[element.name] = Script(
                _knob(element.name, middle),
                (-0.02, -CLEAR, 0.01),
                grasps=False,
                fingers=0.0,
                lead=-0.35,
                target=-0.70,
                limit=0.88,
            )
    return tuple(found[name] for name in k.NAMES)
