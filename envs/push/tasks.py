"""The tasks of the push worlds."""

from __future__ import annotations

from entitybench.types import TaskSpec

PUSH_BLOCKS = range(1, 11)


def _push(blocks: int) -> TaskSpec:
    return TaskSpec(
        id=f"push-{blocks}block{'s' if blocks > 1 else ''}",
        version=1,
        kind="goal-control",
        world="entitybench.envs.push.world:PushWorld",
        kwargs={"blocks": blocks},
        horizon=150 * blocks,
        oracle="entitybench.envs.push.oracle:PushOracle",
        datasets=(f"push-{blocks}block{'s' if blocks > 1 else ''}/play-v1",),
        tags=frozenset({"push", "state"}),
        summary=f"push {blocks} block{'s' if blocks > 1 else ''} to their places, planar",
    )


def _push_pixels(blocks: int) -> TaskSpec:
    state = _push(blocks)
    return TaskSpec(
        id=f"{state.id}-pixels",
        version=1,
        kind="goal-control",
        world=state.world,
        kwargs={**state.kwargs, "pixels": 64},
        horizon=state.horizon,
        oracle=state.oracle,
        tags=frozenset({"push", "pixels"}),
        summary=f"{state.summary}, seen from a camera",
    )


TASKS: tuple[TaskSpec, ...] = (
    *(_push(n) for n in PUSH_BLOCKS),
    *(_push_pixels(n) for n in PUSH_BLOCKS),
)
