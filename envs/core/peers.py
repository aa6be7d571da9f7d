"""Environments of other suites, measured beside ours where they are installed (extra `[peers]`)."""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
import time
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

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


# Environments that do not run in this suite's own, measured once where they do: control steps per
# CPU-second of one core (AMD EPYC, November 2026), control rate, time step, substeps, degrees of
# freedom. The planar hit task of air_hockey_challenge needs numpy 1 and is not on PyPI.
RECORDED = {"air_hockey_challenge 3dof-hit (recorded)": (455.0, 50.0, 0.001, 20, 6)}


def installed(names: Iterable[str]) -> tuple[list[Peer], dict[str, str]]:
    """The peers that can be made here, and the reasons why others cannot."""
    found, missing = [], {}
    for name in names:
        if name in RECORDED:
            found.append(_recorded(name))
            continue
        try:
            with _silence():
                found.append(_MAKERS[name](name))
        except ImportError as error:
            missing[name] = f"{error}; pip install -e '.[peers]'".splitlines()[0]
        except Exception as error:  # a broken peer must not end our run
            missing[name] = f"{type(error).__name__}: {error}".splitlines()[0]
    return found, missing


def _recorded(name: str) -> Peer:
    steps, hertz, dt, substeps, dof = RECORDED[name]

    def run() -> tuple[int, float, float]:
        return round(steps), 1.0, 1.0

    return Peer(name, hertz, dt, substeps, dof, run, lambda: None)


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


def _gymnasium(package: str, id: str) -> Callable[[str], Peer]:
    def make(name: str) -> Peer:
        import gymnasium

        module = importlib.import_module(package)
        if package == "gymnasium_robotics":
            gymnasium.register_envs(module)
        env = gymnasium.make(id)
        inner: Any = env.unwrapped
        inner = getattr(inner, "robot_env", inner)  # the kitchen keeps its simulation there
        # OGBench has dm_control's model in `_model`, the others MuJoCo's in `model`.
        model = inner.model if package == "gymnasium_robotics" else inner._model
        dt = float(model.opt.timestep)
        control = float(inner.dt if package == "gymnasium_robotics" else inner._control_timestep)
        rng = np.random.default_rng(0)
        low, high = env.action_space.low, env.action_space.high  # type: ignore[attr-defined]

        def act() -> bool:
            _, _, terminated, truncated, _ = env.step(rng.uniform(low, high).astype(low.dtype))
            return bool(terminated or truncated)

        run = _runner(act, env.reset)
        return Peer(name, 1 / control, dt, round(control / dt), int(model.nv), run, env.close)

    return make


def _robosuite(name: str) -> Peer:
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
    dt = float(env.sim.model.opt.timestep)
    run = _runner(lambda: bool(env.step(rng.uniform(low, high))[2]), env.reset)
    dof = int(env.sim.model.nv)
    return Peer(name, 20.0, dt, round(0.05 / dt), dof, run, env.close)


def _runner(
    act: Callable[[], bool], reset: Callable[[], Any]
) -> Callable[[], tuple[int, float, float]]:
    """Runs of random actions; resets are not timed."""
    over = [True]

    def run() -> tuple[int, float, float]:
        if over[0]:
            reset()
        wall, cpu = time.perf_counter(), time.process_time()
        done = 0
        over[0] = False
        while done < STEPS and not over[0]:
            over[0] = act()
            done += 1
        return done, time.process_time() - cpu, time.perf_counter() - wall

    return run


def _mamujoco(scenario: str, conf: str) -> Callable[[str], Peer]:
    def make(name: str) -> Peer:
        from gymnasium_robotics import mamujoco_v1

        env = mamujoco_v1.parallel_env(scenario, conf, agent_obsk=1)
        inner: Any = env.single_agent_env.unwrapped
        dt = float(inner.model.opt.timestep)
        act, reset = _parallel(env)
        run = _runner(act, reset)
        substeps = int(inner.frame_skip)
        return Peer(name, 1 / (dt * substeps), dt, substeps, int(inner.model.nv), run, env.close)

    return make


def _spread(name: str) -> Peer:
    from mpe2 import simple_spread_v3

    env = simple_spread_v3.parallel_env(N=3, max_cycles=25, continuous_actions=True)
    act, reset = _parallel(env)
    # Its world moves by 0.1 s a step; three bodies in the plane.
    return Peer(name, 10.0, 0.1, 1, 6, _runner(act, reset), env.close)


def _parallel(env: Any) -> tuple[Callable[[], bool], Callable[[], Any]]:
    """Random actions of a PettingZoo environment, and its reset."""
    rng = np.random.default_rng(0)

    def act() -> bool:
        boxes = {name: env.action_space(name) for name in env.agents}
        env.step({n: rng.uniform(b.low, b.high).astype(b.dtype) for n, b in boxes.items()})
        return not env.agents

    return act, lambda: env.reset(seed=0)


_MAKERS: dict[str, Callable[[str], Peer]] = {
    "OGBench cube-triple": _gymnasium("ogbench", "cube-triple-v0"),
    "OGBench cube-quadruple": _gymnasium("ogbench", "cube-quadruple-v0"),
    "OGBench scene": _gymnasium("ogbench", "scene-v0"),
    "Gymnasium-Robotics FetchPush": _gymnasium("gymnasium_robotics", "FetchPush-v4"),
    "Gymnasium-Robotics FrankaKitchen": _gymnasium("gymnasium_robotics", "FrankaKitchen-v1"),
    "Gymnasium-Robotics MaMuJoCo Ant 2x4": _mamujoco("Ant", "2x4"),
    "Gymnasium-Robotics MaMuJoCo HalfCheetah 2x3": _mamujoco("HalfCheetah", "2x3"),
    "mpe2 simple_spread": _spread,
    "robosuite Lift": _robosuite,
    "robosuite Stack": _robosuite,
}
