"""The tasks of robosuite's arms."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from entitybench.types import TaskSpec


def _task(
    name: str,
    kind: str,
    world: str,
    horizon: int,
    oracle: str,
    summary: str,
    kwargs: dict[str, Any] | None = None,
    data: str = "",
) -> TaskSpec:
    return TaskSpec(
        id=name,
        version=1,
        kind=kind,
        target=f"entitybench.envs.robosuite.{world}",
        kwargs=kwargs or {},
        horizon=horizon,
        oracle=f"entitybench.envs.robosuite.{oracle}",
        data=data,
        extra="robosuite",
        tags=frozenset({"robosuite", "state"}),
        summary=summary,
    )


def _both(*words: Any, seen_version: int = 1) -> tuple[TaskSpec, TaskSpec]:
    """A task, and the same from pixels."""
    task = _task(*words)
    seen = replace(
        task,
        id=f"{task.id}-pixels",
        version=seen_version,
        kwargs={**task.kwargs, "pixels": 64},
        tags=frozenset({"robosuite", "pixels"}),
        summary=f"{task.summary}, seen from a camera",
    )
    return task, seen


TASKS: tuple[TaskSpec, ...] = (
    *_both(
        "robosuite-lift",
        "reward-control",
        "cubes:LiftWorld",
        100,
        "grasping:LiftOracle",
        "robosuite's Lift: lift a cube",
    ),
    *_both(
        "robosuite-stack",
        "reward-control",
        "cubes:StackWorld",
        150,
        "grasping:StackOracle",
        "robosuite's Stack: put one cube on another",
    ),
    *_both(
        "robosuite-door",
        "reward-control",
        "door:DoorWorld",
        300,
        "handle:DoorOracle",
        "robosuite's Door: turn the handle and pull",
        seen_version=2,
    ),
    *_both(
        "robosuite-pickplace",
        "reward-control",
        "bins:BinsWorld",
        250,
        "placing:BinsOracle",
        "robosuite's PickPlace with the can alone: from one bin to its part of the other",
        {"things": ["can"]},
    ),
    _task(
        "team-lift",
        "team-control",
        "pair:LiftTeam",
        200,
        "carrying:TeamOracle",
        "robosuite's TwoArmLift: two arms lift a pot by its handles",
        data="team-lift/medium-replay-v1",
    ),
    *(
        spec
        for blocks in range(1, 4)
        for spec in _both(
            f"robosuite-push-{blocks}block{'s' if blocks > 1 else ''}",
            "goal-control",
            "pushing:BlocksWorld",
            150 if blocks == 1 else 200 * blocks,
            "pusher:HandOracle",
            f"an arm pushes {blocks} blocks to their places"
            if blocks > 1
            else "an arm pushes a block to its place",
            {"blocks": blocks},
        )
    ),
)
