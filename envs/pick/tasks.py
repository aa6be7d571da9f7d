"""The tasks of the pick worlds."""

from __future__ import annotations

from entitybench.envs.parts.seen import seen
from entitybench.types import TaskSpec

_FAILURES = {
    "stack-2": "entitybench.envs.pick.failures:STACK_2",
    "stack-3": "entitybench.envs.pick.failures:STACK_3",
    "stack-4": "entitybench.envs.pick.failures:STACK_3",
    "stack-5": "entitybench.envs.pick.failures:STACK_3",
}


def _cubes(kind: str, cubes: int) -> TaskSpec:
    s = "s" if cubes > 1 else ""
    return TaskSpec(
        id=f"{kind}-{cubes}cube{s}",
        version=1,
        kind="goal-control",
        target=f"entitybench.envs.pick.world:{kind.capitalize()}World",
        kwargs={"cubes": cubes},
        horizon=50 + 100 * cubes,
        oracle="entitybench.envs.pick.oracle:PickOracle",
        failures=_FAILURES.get(f"{kind}-{cubes}"),
        data=f"{kind}-{cubes}cube{s}/play-v1",
        tags=frozenset({"pick", "state"}),
        summary=(
            f"pick up {cubes} cube{s} and put {'them' if s else 'it'} down elsewhere"
            if kind == "pick"
            else f"stack {cubes} cubes in a given order"
        ),
    )


_SCENE = TaskSpec(
    id="scene",
    version=1,
    kind="goal-control",
    target="entitybench.envs.pick.scene_world:SceneWorld",
    horizon=400,
    oracle="entitybench.envs.pick.scene_oracle:SceneOracle",
    data="scene/play-v1",
    tags=frozenset({"pick", "state"}),
    summary="a cube, a drawer and a window, and buttons that lock and unlock them",
)
_BINS = TaskSpec(
    id="pick-2cubes-bins",
    version=1,
    kind="goal-control",
    target="entitybench.envs.pick.bins:BinsWorld",
    kwargs={"cubes": 2},
    horizon=120,
    oracle="entitybench.envs.pick.oracle:PickOracle",
    failures="entitybench.envs.pick.failures:BINS",
    data="pick-2cubes-bins/play-v1",
    tags=frozenset({"pick", "state"}),
    summary="put one of two cubes into one of three coloured bins",
)
_STACK = tuple(_cubes("stack", n) for n in range(2, 6))
_STATE = (
    *(_cubes("pick", n) for n in range(1, 11)),
    *_STACK,
    _SCENE,
    _BINS,
)

# From above all of a stack but its top is hidden.
_VIEWS = {task.id: "side" for task in _STACK}

TASKS: tuple[TaskSpec, ...] = (*_STATE, *(seen(task, _VIEWS.get(task.id)) for task in _STATE))
