"""Environments of other suites, measured beside ours where they are installed (extra `[peers]`)."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import logging
import os
import subprocess
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from entitybench.types import Array

STEPS = 50  # control steps a run


@dataclass(frozen=True, slots=True)
class Peer:
    """One environment of another suite."""

    name: str
    control_hz: float
    dt: float  # s
    substeps: int
    dof: int
    run: Callable[[], tuple[int, float, float]]  # steps, CPU seconds, wall seconds
    close: Callable[[], None]


Maker = Callable[[str, "Array | None"], Peer]

# The planar hit task of air_hockey_challenge needs numpy 1 and is on no package index: it runs in
# an environment of its own, whose interpreter this variable names (docs/speed.md).
AIR_HOCKEY = "ENTITYBENCH_AIR_HOCKEY_PYTHON"


def installed(
    names: Iterable[str], repeated: Mapping[str, Array] | None = None
) -> tuple[list[Peer], dict[str, str], dict[str, str]]:
    """The peers that can be made here.

    Args:
        names: of the peers.
        repeated: by name, actions (steps, *action_shape) that a peer repeats instead of drawing
            some at random: of those that are the same robot as ours.

    Returns:
        The peers; why others are not installed; and what went wrong with those that are.
    """
    found, missing, failed = [], {}, {}
    repeated = repeated or {}
    for name in names:
        if name not in _MAKERS:
            missing[name] = "there is no such peer"
            continue
        try:
            with _silence():
                peer = _MAKERS[name](name, repeated.get(name))
                peer.run()
            found.append(peer)
        except ImportError as error:
            missing[name] = f"{error}; see docs/speed.md".splitlines()[0]
        except Exception as error:  # a broken peer must not end our run
            failed[name] = f"{type(error).__name__}: {error}".splitlines()[0]
    return found, missing, failed


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Suites greet, warn and log when they are imported: that is not our output."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    sink = io.StringIO()
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(sink),
            contextlib.redirect_stderr(sink),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)


def _gymnasium(package: str, id: str) -> Maker:
    def make(name: str, repeated: Array | None) -> Peer:
        del repeated  # their actions are others
        import gymnasium

        module = importlib.import_module(package)
        if package == "gymnasium_robotics":
            gymnasium.register_envs(module)
        env = gymnasium.make(id, disable_env_checker=True)  # it would warn, and not be theirs
        env.reset(seed=0)  # OGBench and OCBench build their models then
        inner: Any = env.unwrapped
        inner = getattr(inner, "robot_env", inner)  # the kitchen keeps its simulation there
        # OGBench and OCBench have their model in `_model`, the others in `model`.
        model = inner.model if package == "gymnasium_robotics" else inner._model
        dt = float(model.opt.timestep)
        control = float(inner.dt if package == "gymnasium_robotics" else inner._control_timestep)
        rng = np.random.default_rng(0)
        low, high = env.action_space.low, env.action_space.high  # type: ignore[attr-defined]

        def act(action: Any) -> bool:
            _, _, terminated, truncated, _ = env.step(action)
            return bool(terminated or truncated)

        run = _runner(act, lambda: rng.uniform(low, high).astype(low.dtype), env.reset)
        return Peer(name, 1 / control, dt, round(control / dt), int(model.nv), run, env.close)

    return make


def _robosuite(name: str, repeated: Array | None) -> Peer:
    import robosuite

    env = robosuite.make(
        name.split()[-1],
        robots="Panda",
        has_renderer=False,
        has_offscreen_renderer=False,
        use_camera_obs=False,
        control_freq=20,
    )
    rng = np.random.default_rng(0)
    low, high = env.action_spec

    def reset() -> None:
        with _silence():  # it loads its controllers anew, and says so
            env.reset()

    dt = float(env.sim.model.opt.timestep)
    run = _runner(
        lambda action: bool(env.step(action)[2]),
        lambda: rng.uniform(low, high),
        reset,
        None if repeated is None else list(repeated),
    )
    dof = int(env.sim.model.nv)
    return Peer(name, 20.0, dt, round(0.05 / dt), dof, run, env.close)


def _runner(
    act: Callable[[Any], bool],
    draw: Callable[[], Any],
    reset: Callable[[], Any],
    repeated: Sequence[Any] | None = None,
) -> Callable[[], tuple[int, float, float]]:
    """Runs of random actions, or of those given; neither drawing them nor resets are timed."""
    over, turn = [True], [0]

    def run() -> tuple[int, float, float]:
        if over[0] or (repeated is not None and turn[0] >= len(repeated)):
            reset()
            turn[0] = 0
        if repeated is None:
            actions = [draw() for _ in range(STEPS)]
        else:
            actions = list(repeated[turn[0] : turn[0] + STEPS])
        wall, cpu = time.perf_counter(), time.process_time()
        done = 0
        over[0] = False
        while done < len(actions) and not over[0]:
            over[0] = act(actions[done])
            done += 1
        turn[0] += done
        return done, time.process_time() - cpu, time.perf_counter() - wall

    return run


def _mamujoco(scenario: str, conf: str) -> Maker:
    def make(name: str, repeated: Array | None) -> Peer:
        from gymnasium_robotics import mamujoco_v1

        env = mamujoco_v1.parallel_env(scenario, conf, agent_obsk=1)
        inner: Any = env.single_agent_env.unwrapped
        dt = float(inner.model.opt.timestep)
        joint = None
        if repeated is not None:
            joint = [dict(zip(env.possible_agents, each, strict=True)) for each in repeated]
        run = _runner(*_parallel(env), joint)
        substeps = int(inner.frame_skip)
        return Peer(name, 1 / (dt * substeps), dt, substeps, int(inner.model.nv), run, env.close)

    return make


def _spread(name: str, repeated: Array | None) -> Peer:
    del repeated  # its actions are others
    from mpe2 import simple_spread_v3

    env = simple_spread_v3.parallel_env(N=3, max_cycles=25, continuous_actions=True)
    # Its world moves by 0.1 s a step; three bodies in the plane.
    return Peer(name, 10.0, 0.1, 1, 6, _runner(*_parallel(env)), env.close)


def _parallel(env: Any) -> tuple[Callable[[Any], bool], Callable[[], Any], Callable[[], Any]]:
    """Of a PettingZoo environment: a step, random actions, the reset."""
    rng = np.random.default_rng(0)
    boxes = {name: env.action_space(name) for name in env.possible_agents}

    def act(actions: Any) -> bool:
        env.step(actions)
        return not env.agents

    def draw() -> dict[str, Any]:
        return {n: rng.uniform(b.low, b.high).astype(b.dtype) for n, b in boxes.items()}

    return act, draw, lambda: env.reset(seed=0)


def _air_hockey(name: str, repeated: Array | None) -> Peer:
    del repeated  # its actions are others
    python = os.environ.get(AIR_HOCKEY)
    if python is None:
        raise ImportError(f"{AIR_HOCKEY} names no Python that can import air_hockey_challenge")
    script = Path(__file__).with_name("air_hockey_peer.py")
    worker = subprocess.Popen(
        [python, "-P", str(script)],  # without this folder, whose modules are named as others are
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    reader, writer = worker.stdout, worker.stdin
    assert reader is not None
    assert writer is not None

    def answer() -> list[float]:
        line = reader.readline()
        if not line:
            raise RuntimeError(f"air_hockey_challenge does not run in {python}")
        numbers: list[float] = json.loads(line)
        return numbers

    def run() -> tuple[int, float, float]:
        writer.write(f"{STEPS}\n")
        writer.flush()
        steps, cpu, wall = answer()
        return int(steps), cpu, wall

    hertz, dt, substeps, dof = answer()
    return Peer(name, hertz, dt, int(substeps), int(dof), run, worker.kill)


_MAKERS: dict[str, Maker] = {
    "OGBench cube-triple": _gymnasium("ogbench", "cube-triple-v0"),
    "OGBench cube-quadruple": _gymnasium("ogbench", "cube-quadruple-v0"),
    "OGBench scene": _gymnasium("ogbench", "scene-v0"),
    "OCBench block-triple": _gymnasium("ocbench", "block-cpu-triple-task1-v0"),
    "OCBench chamber": _gymnasium("ocbench", "chamber-cpu-hard-task1-v0"),
    "OCBench switch": _gymnasium("ocbench", "switch-cpu-3x3-task1-v0"),
    "Gymnasium-Robotics FetchPush": _gymnasium("gymnasium_robotics", "FetchPush-v4"),
    "Gymnasium-Robotics FrankaKitchen": _gymnasium("gymnasium_robotics", "FrankaKitchen-v1"),
    "Gymnasium-Robotics MaMuJoCo Ant 2x4": _mamujoco("Ant", "2x4"),
    "Gymnasium-Robotics MaMuJoCo HalfCheetah 2x3": _mamujoco("HalfCheetah", "2x3"),
    "mpe2 simple_spread": _spread,
    "air_hockey_challenge 3dof-hit": _air_hockey,
    "robosuite Lift": _robosuite,
    "robosuite Stack": _robosuite,
}
