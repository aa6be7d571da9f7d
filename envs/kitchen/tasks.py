"""The tasks of the kitchen."""

from __future__ import annotations

from typing import Any

from entitybench.envs.parts.seen import seen
from entitybench.types import TaskSpec

_WORLD = "entitybench.envs.kitchen.world:"
_NAMES = (
    "microwave",
    "kettle",
    "bottom-left-burner",
    "bottom-right-burner",
    "top-left-burner",
    "top-right-burner",
    "light-switch",
    "slide-cabinet",
    "hinge-cabinet",
)
_VERSIONS = {"kitchen-gripper-slide-cabinet": 2}  # 2: the hand starts to the right of the bar


def _failures(name: str) -> str:
    """The table of the failures that a task can have."""
    if name in ("4tasks", "goal"):
        return "SEVERAL"
    if name.endswith("burner"):
        return "KNOB"
    return "KETTLE_ONLY" if name == "kettle" else "ONE"


def _task(robot: str, name: str) -> TaskSpec:
    four = name == "4tasks"
    kwargs: dict[str, Any] = {"robot": robot}
    summary, horizon = f"operate the {name.replace('-', ' ')}", 140
    if four:
        summary, horizon = "four elements of the kitchen, reward 1 for each", 280
    elif name == "goal":
        summary, horizon = "any of nine elements of the kitchen to their goals", 560
    else:
        kwargs["asked"] = name
    prefix = "kitchen-gripper" if robot == "gripper" else "kitchen"
    return TaskSpec(
        id=f"{prefix}-{name}",
        version=_VERSIONS.get(f"{prefix}-{name}", 1),
        kind="reward-control" if four else "goal-control",
        target=_WORLD + ("KitchenTasksWorld" if four else "KitchenWorld"),
        kwargs=kwargs,
        horizon=horizon,
        returns=(0.0, 4.0) if four else None,
        oracle="entitybench.envs.kitchen.oracle:KitchenOracle",
        failures=f"entitybench.envs.kitchen.failures:{_failures(name)}",
        data=f"{prefix}-4tasks/partial-v1" if four else "",
        tags=frozenset({"kitchen", robot, "state"}),
        summary=f"{summary}, {robot}",
    )


_STATE = tuple(
    _task(robot, name) for robot in ("arm", "gripper") for name in (*_NAMES, "4tasks", "goal")
)

TASKS: tuple[TaskSpec, ...] = (*_STATE, *(seen(task) for task in _STATE))
