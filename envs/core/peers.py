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
    from collections.abc import Callable, Iterator

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


def installed() -> tuple[list[Peer], dict[str, str]]:
    """The peers that can be made here, and the reasons why others cannot."""
    found, missing = [], {}
    for name, make in _MAKERS.items():
        try:
            with _silence():
                found.append(make(name))
        except ImportError as error:
            missing[name] = f"{error}; pip install -e '.[peers]'".splitlines()[0]
        except Exception as error:  # a broken peer must not end our run
            missing[name] = f"{type(error).__name__}: {error}".splitlines()[0]
    return found, missing


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


_MAKERS: dict[str, Callable[[str], Peer]] = {
    "OGBench cube-triple": _gymnasium("ogbench", "cube-triple-v0"),
    "OGBench cube-quadruple": _gymnasium("ogbench", "cube-quadruple-v0"),
    "OGBench scene": _gymnasium("ogbench", "scene-v0"),
    "Gymnasium-Robotics FetchPush": _gymnasium("gymnasium_robotics", "FetchPush-v4"),
    "robosuite Stack": _robosuite,
}
