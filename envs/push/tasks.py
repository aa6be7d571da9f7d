"""The tasks of the push worlds."""

from __future__ import annotations

from entitybench.envs.parts.seen import seen
from entitybench.types import TaskSpec

PUSH_BLOCKS = range(1, 11)


def _push(blocks: int) -> TaskSpec:
    return TaskSpec(
        id=f"push-{blocks}block{'s' if blocks > 1 else ''}",
        version=1,
        kind="goal-control",
        target="entitybench.envs.push.world:PushWorld",
        kwargs={"blocks": blocks},
        horizon=150 * blocks,
        oracle="entitybench.envs.push.oracle:PushOracle",
        data=f"push-{blocks}block{'s' if blocks > 1 else ''}/play-v1",
        tags=frozenset({"push", "state"}),
        summary=f"push {blocks} blocks to their places, planar"
        if blocks > 1
        else "push a block to its place, planar",
    )


def _region(blocks: int) -> TaskSpec:
    return TaskSpec(
        id=f"push-{blocks}block{'s' if blocks > 1 else ''}-region",
        version=1,
        kind="reward-control",
        target="entitybench.envs.push.variants:PushRegionWorld",
        kwargs={"blocks": blocks},
        horizon=150 * blocks,
        returns=(-150.0 * blocks, 0.0),
        oracle="entitybench.envs.push.oracle:PushOracle",
        data="push-1block-region/corrupt-10-v1" if blocks == 1 else "",
        tags=frozenset({"push", "state"}),
        summary=f"push {blocks} blocks into fixed regions, planar"
        if blocks > 1
        else "push a block into a fixed region, planar",
    )


_POSTS = TaskSpec(
    id="push-1block-obstacles",
    version=1,
    kind="goal-control",
    target="entitybench.envs.push.variants:PushPostsWorld",
    kwargs={"blocks": 1},
    horizon=150,
    oracle="entitybench.envs.push.oracle:PushOracle",
    tags=frozenset({"push", "state"}),
    summary="push a block to its place round three posts, planar",
)
_ZONES = TaskSpec(
    id="push-2blocks-zones",
    version=1,
    kind="goal-control",
    target="entitybench.envs.push.variants:PushZonesWorld",
    kwargs={"blocks": 2},
    horizon=150,
    failures="entitybench.envs.push.failures:FAILURES",
    oracle="entitybench.envs.push.oracle:PushOracle",
    tags=frozenset({"push", "state"}),
    summary="push one of two blocks into one of three coloured zones, planar",
)
_STATE = (*(_push(n) for n in PUSH_BLOCKS), _POSTS, *(_region(n) for n in (1, 2, 3)), _ZONES)

TASKS: tuple[TaskSpec, ...] = (*_STATE, *(seen(task) for task in _STATE))
