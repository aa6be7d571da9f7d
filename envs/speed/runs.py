"""What is timed of one task: raw physics, our views, and views that leave the physics out.

A run does some control steps and returns how many, and how long they took.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import mujoco
import numpy as np

from entitybench.envs.api import make, make_worlds, oracle_of, world_of
from entitybench.envs.core.batch import Worlds
from entitybench.envs.core.physics import MujocoPhysics
from entitybench.envs.core.play import Uniform, play
from entitybench.envs.views.team import TeamEnv
from entitybench.envs.views.vector import cores
from entitybench.seeding import BatchGenerator, generator

if TYPE_CHECKING:
    from entitybench.types import Array, TaskSpec

BATCH, FEW = 64, 4  # episodes side by side; fewer where a step is slow
EPISODE_STEPS = 90  # replayed of each episode: before most oracles are done

# A run does some control steps and returns (how many, CPU seconds, wall seconds).
Run = Callable[[], tuple[int, float, float]]


def _arguments(sleep: bool) -> dict[str, Any]:
    return {"sleep": True} if sleep else {}


def _timed(steps: int, work: Callable[[], None]) -> tuple[int, float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return steps, time.process_time() - cpu, time.perf_counter() - wall


def busy_actions(spec: TaskSpec, episodes: int | None = None) -> Array:
    """What the oracle does in some episodes: (steps, episodes, *action_shape).

    Of tasks without an oracle, random actions.
    """
    batch = episodes or (FEW if spec.extra else BATCH)
    worlds = make_worlds(spec, batch)
    policy = Uniform(worlds.world.action_shape) if spec.oracle is None else oracle_of(spec)
    rng = BatchGenerator([generator(seed, "speed") for seed in range(batch)])
    steps = play(worlds, policy, worlds.reset(range(batch)), rng, min(EPISODE_STEPS, spec.horizon))
    actions = [step.action for step in steps]
    worlds.close()
    return np.asarray(actions, np.float32)


def _raw(spec: TaskSpec, actions: Array, sleep: bool) -> Run:
    """The limit: nothing but `mj_step` on recorded controls, one episode after the other."""
    worlds = make_worlds(spec, 1, **_arguments(sleep))
    world, physics = worlds.world, worlds.physics
    assert isinstance(physics, MujocoPhysics)
    data = physics.datas[0]
    recorded: dict[int, list[Array]] = {}
    turn = [0]

    def record(seed: int) -> list[Array]:
        worlds.reset([seed])
        controls = []
        for action in actions[:, seed, None]:
            worlds.step(action)
            controls.append(data.ctrl.copy())
        return controls

    def run() -> tuple[int, float, float]:
        seed = turn[0] = (turn[0] + 1) % actions.shape[1]
        if seed not in recorded:
            recorded[seed] = record(seed)
        worlds.reset([seed])
        controls, ctrl, step, substeps = recorded[seed], data.ctrl, mujoco.mj_step, world.substeps
        model = physics.models[0]  # which differs where episodes have different pieces

        def work() -> None:
            for control in controls:
                ctrl[:] = control
                step(model, data, substeps)

        return _timed(len(controls), work)

    return run


def _single(spec: TaskSpec, actions: Array, sleep: bool) -> Run:
    """The Gymnasium or PettingZoo view of one world, resets not timed."""
    env = make(spec, **_arguments(sleep))
    turn = [0]

    def run() -> tuple[int, float, float]:
        seed = turn[0] = (turn[0] + 1) % actions.shape[1]
        env.reset(seed=seed)
        mine: list[Any] = list(actions[:, seed])
        if isinstance(env, TeamEnv):
            mine = [env.actions_of(action) for action in mine]
        done = [0]

        def work() -> None:
            for action in mine:
                ends = env.step(action)[2:4]
                done[0] += 1
                if any(map(_over, ends)):
                    break

        _, cpu, wall = _timed(0, work)
        return done[0], cpu, wall

    return run


def _over(end: Any) -> bool:
    return any(end.values()) if isinstance(end, dict) else bool(end)


def _batched(threads: int, kind: type[Worlds]) -> Callable[[TaskSpec, Array, bool], Run]:
    def case(spec: TaskSpec, actions: Array, sleep: bool) -> Run:
        world = world_of(spec, **_arguments(sleep))
        batch = actions.shape[1]
        worlds = kind(world, batch, threads=threads, horizon=spec.horizon)

        def run() -> tuple[int, float, float]:
            worlds.reset(range(batch))

            def work() -> None:
                for action in actions:
                    worlds.step(action)

            return _timed(len(actions) * batch, work)

        return run

    return case


class _Still(Worlds):
    """Everything but the physics."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        assert isinstance(self.physics, MujocoPhysics)
        self.physics.substeps = 0


CASES: dict[str, Callable[[TaskSpec, Array, bool], Run]] = {
    "raw physics": _raw,
    "single env": _single,
    "batched env": _batched(1, Worlds),
    "batched env without physics": _batched(1, _Still),
}
if cores() > 1:
    CASES[f"batched env, {cores()} threads"] = _batched(cores(), Worlds)
