"""How fast the worlds are to be, beside environments of other suites: what `bench speed` checks.

Ratios are of simulated seconds per CPU-second of one core. A peer is named as in peers.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One of our tasks, one environment of another suite."""

    task: str
    peer: str
    at_least: float  # ratio of simulated seconds per CPU-second
    why: str  # what makes the difference
    view: str = "single env"  # or "batched env"
    alike: bool = False  # the same robot: the peer repeats our actions instead of random ones
    sleep: bool = False  # MuJoCo's sleeping of resting bodies, on our side
    kwargs: Mapping[str, Any] = field(default_factory=dict)  # arguments of our world


_GANTRY = "a gantry gripper of few boxes instead of an arm with a linkage, no IK layer, 5 ms for 2"
_OCBENCH = "a gantry gripper of few boxes instead of an arm of meshes with a linkage, 5 ms for 2"
_SWITCHES = "the same; two buttons, a drawer and a window instead of nine switches"
_MAMUJOCO = "the same physics; observations by array instead of by name"
_SERVOS = "servos and one IK a control step instead of a Python controller at every substep"

TARGETS: tuple[Target, ...] = (
    Target(task="pick-3cubes", peer="OGBench cube-triple", at_least=5, why=_GANTRY),
    Target(task="pick-3cubes", peer="OGBench cube-triple", at_least=5, why=_GANTRY, sleep=True),
    Target(task="stack-3cubes", peer="OGBench cube-triple", at_least=5, why=_GANTRY),
    Target(task="stack-3cubes", peer="OGBench cube-triple", at_least=5, why=_GANTRY, sleep=True),
    Target(task="pick-10cubes", peer="OGBench cube-quadruple", at_least=2, why=_GANTRY),
    Target(task="pick-10cubes", peer="OGBench cube-quadruple", at_least=5, why=_GANTRY, sleep=True),
    Target(task="scene", peer="OGBench scene", at_least=5, why=_GANTRY),
    Target(task="pick-3cubes", peer="OCBench block-triple", at_least=2, why=_OCBENCH),
    Target(task="scene", peer="OCBench chamber", at_least=3, why=_OCBENCH),
    Target(task="scene", peer="OCBench switch", at_least=3, why=_SWITCHES),
    Target(
        task="push-3blocks",
        peer="Gymnasium-Robotics FetchPush",
        at_least=12,
        why="a pusher on two slides instead of an arm, blocks in the plane, 10 ms for 2",
    ),
    Target(
        task="hockey-strike",
        peer="air_hockey_challenge 3dof-hit",
        at_least=80,
        why="a mallet on two slides instead of an arm of three joints, 5 ms for 1, no controller",
    ),
    Target(
        task="kitchen-4tasks",
        peer="Gymnasium-Robotics FrankaKitchen",
        at_least=3,
        why="capsules and boxes instead of meshes, 5 ms for 2",
    ),
    Target(
        task="kitchen-gripper-4tasks",
        peer="Gymnasium-Robotics FrankaKitchen",
        at_least=8,
        why="the same, and a gantry gripper instead of the arm",
    ),
    Target(
        task="team-pushbox",
        peer="Gymnasium-Robotics MaMuJoCo Ant 2x4",
        at_least=5,
        why="discs and a box in the plane instead of a walking body",
    ),
    Target(
        task="team-pushbox",
        peer="mpe2 simple_spread",
        at_least=4,
        why="physics in C instead of Python (mpe2's step counted as its 0.1 s)",
    ),
    Target(
        task="team-spread",
        peer="mpe2 simple_spread",
        at_least=20,
        why="the same equations for 64 episodes at once",
        view="batched env",
    ),
    Target(
        task="team-cheetah-2x3",
        peer="Gymnasium-Robotics MaMuJoCo HalfCheetah 2x3",
        at_least=1.3,
        why=_MAMUJOCO,
        alike=True,
    ),
    Target(
        task="team-ant-2x4",
        peer="Gymnasium-Robotics MaMuJoCo Ant 2x4",
        at_least=1.3,
        why=_MAMUJOCO,
        alike=True,
    ),
    Target(
        task="robosuite-lift",
        peer="robosuite Lift",
        alike=True,
        at_least=0.95,
        why="robosuite itself under our layer",
        kwargs={"profile": "faithful"},
    ),
    Target(
        task="robosuite-lift",
        peer="robosuite Lift",
        alike=True,
        at_least=1.8,
        why="5 ms for 2, soft resets, few observables",
        kwargs={"profile": "fast"},
    ),
    Target(
        task="robosuite-lift",
        peer="robosuite Lift",
        alike=True,
        at_least=7,
        why=_SERVOS,
        kwargs={"profile": "assets"},
    ),
)


def targets_of(task: str) -> tuple[Target, ...]:
    """Those of a task."""
    return tuple(target for target in TARGETS if target.task == task)
