"""The tasks of the tetris worlds."""

from __future__ import annotations

from entitybench.envs.parts.seen import seen
from entitybench.types import TaskSpec

HORIZONS = (500, 800, 1000, 1200, 1500, 2000, 2000)  # by number of pieces, as in HECRL


def _tetris(pieces: int) -> TaskSpec:
    plural = "s" if pieces > 1 else ""
    return TaskSpec(
        id=f"tetris-{pieces}piece{plural}",
        version=1,
        kind="goal-control",
        target="entitybench.envs.tetris.world:TetrisWorld",
        kwargs={"pieces": pieces},
        horizon=HORIZONS[pieces - 1],
        oracle="entitybench.envs.tetris.oracle:TetrisOracle",
        tags=frozenset({"tetris", "state"}),
        summary=f"push and turn {pieces} tetromino{'es' if pieces > 1 else ''} to cover "
        f"{'their goals' if pieces > 1 else 'its goal'}, planar",
    )


_STATE = tuple(_tetris(n) for n in range(1, len(HORIZONS) + 1))

TASKS: tuple[TaskSpec, ...] = (*_STATE, *(seen(task) for task in _STATE))
