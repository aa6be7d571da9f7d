"""How fast the simulator is: the limit of the physics, our views, and the peers, in one run.

Rates are control steps per second of CPU time of this process, medians over interleaved rounds, so
that other work on the machine disturbs all alike. Ours replay the oracle's first moves, in which
things are touched all the time; peers have no such script and get random actions. Suites that
differ in robot, control rate and time step are compared in simulated seconds per CPU-second.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import median
from typing import TYPE_CHECKING, Any

import mujoco
import numpy as np

from entitybench.envs.core import peers
from entitybench.envs.core.api import make, make_worlds, oracle_of, task_of, world_of
from entitybench.envs.core.batch import Worlds
from entitybench.envs.core.physics import MujocoPhysics
from entitybench.envs.core.targets import targets_of
from entitybench.envs.core.team import TeamEnv
from entitybench.envs.core.vector import cores
from entitybench.seeding import BatchGenerator, generator

if TYPE_CHECKING:
    from entitybench.envs.core.world import World
    from entitybench.types import Array, TaskSpec

BATCH, FEW = 64, 4  # episodes side by side; fewer where a step is slow
ANY_PHYSICS = ("single env", "batched env")
EPISODE_STEPS = 90  # replayed of each episode: before most oracles are done


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measurement."""

    name: str
    sleep: bool | None  # MuJoCo's sleeping of resting bodies; None where not ours to say
    steps: float  # control steps per CPU-second
    share: float | None  # of the limit: raw physics of the same model with the same sleep
    simulated: float  # simulated seconds per CPU-second
    wall_steps: float  # control steps per second of wall time
    control_hz: float
    dt: float  # s, of physics
    substeps: int
    dof: int
    workload: str


@dataclass(frozen=True, slots=True)
class Speed:
    """All rows of one run, and what they come to."""

    task: str
    batch: int
    rows: tuple[Row, ...]
    missing: dict[str, str]  # peers that were not measured, and why

    def summary(self) -> dict[str, float]:
        """Ratios and overheads; those to peers ("x") are of simulated seconds per CPU-second."""
        rows = {(row.name, row.sleep): row for row in self.rows}
        single, batched = rows["single env", False], rows["batched env", False]
        result = {}
        if ("raw physics", False) in rows:  # worlds in numpy have no limit but themselves
            limit, still = rows["raw physics", False], rows["batched env without physics", False]
            result = {
                "single env / limit": single.steps / limit.steps,
                "batched env / limit": batched.steps / limit.steps,
                "overhead of a world-step, us": 1e6 / batched.steps - 1e6 / limit.steps,
                "numpy of a world-step, us": 1e6 / still.steps,
            }
        for row in self.rows:
            if row.name.startswith("batched env, ") and not row.sleep:
                result[f"{row.name}: wall / one thread"] = row.wall_steps / batched.wall_steps
            if row.sleep is None:
                for ours in (one for one in self.rows if one.name in ("single env", "batched env")):
                    remark = ", sleep" if ours.sleep else ""
                    ratio = ours.simulated / row.simulated
                    result[f"{ours.name}{remark} / {row.name}, x"] = ratio
        return result

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "task": self.task,
            "batch": self.batch,
            "rows": [asdict(row) for row in self.rows],
            "summary": self.summary(),
            "missing": self.missing,
        }

    def text(self) -> str:
        """A table, the ratios, and the peers that are missing."""
        head = (
            "|sleep|steps/CPU-s|of limit|sim-s/CPU-s|steps/s (wall)|Hz|dt ms|substeps|dof|workload"
        )
        table = [tuple(head.split("|")), *(_cells(row) for row in self.rows)]
        widths = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
        lines = ["  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)) for r in table]
        lines += ["", *(f"{name}: {value:.2f}" for name, value in self.summary().items())]
        lines += [f"not measured: {name} ({why})" for name, why in self.missing.items()]
        return "\n".join([f"{self.task}, {self.batch} worlds a batch", "", *lines])


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.name,
        {True: "on", False: "off", None: "-"}[row.sleep],
        f"{row.steps:,.0f}",
        "" if row.share is None else f"{row.share:.0%}",
        f"{row.simulated:,.0f}",
        f"{row.wall_steps:,.0f}",
        f"{row.control_hz:.0f}",
        f"{1000 * row.dt:.3g}",
        str(row.substeps),
        str(row.dof),
        row.workload,
    )


def speed(
    task: str | TaskSpec = "push-3blocks",
    seconds: float = 1.0,
    *,
    rounds: int = 3,
    beside: Sequence[str] | None = None,
    **kwargs: Any,
) -> Speed:
    """Measure a task.

    Args:
        seconds: of CPU time for each measurement of each round.
        rounds: whose median is taken.
        beside: names of peers; by default those that targets.py has for the task.
        kwargs: arguments of the world.
    """
    spec = task_of(task)
    if kwargs:
        spec = replace(spec, kwargs={**spec.kwargs, **kwargs})
    world = world_of(spec)
    actions = _busy_actions(spec)
    ours = [
        (case, sleep)
        for sleep in ((False, True) if _sleeps(world) else (False,))
        for case in _CASES
        if type(world.physics(1, 1)) is MujocoPhysics or case in ANY_PHYSICS
    ]
    runs = {(case, sleep): _CASES[case](spec, actions, sleep) for case, sleep in ours}
    if beside is None:
        beside = list(dict.fromkeys(target.peer for target in targets_of(spec.id)))
    others, missing = peers.installed(beside)
    rates: dict[Any, list[tuple[float, float]]] = {}
    for _ in range(rounds):
        for key, run in runs.items():
            rates.setdefault(key, []).append(_rate(run, seconds))
        for peer in others:
            rates.setdefault(peer.name, []).append(_rate(peer.run, seconds))
    mid = {key: (median(c for c, _ in r), median(w for _, w in r)) for key, r in rates.items()}
    dof = int(world.model.nv)
    rows = []
    for case, sleep in ours:
        limit = mid.get(("raw physics", sleep))
        rows.append(
            Row(
                name=case,
                sleep=sleep,
                steps=mid[case, sleep][0],
                share=None
                if limit is None or "without" in case
                else mid[case, sleep][0] / limit[0],
                simulated=mid[case, sleep][0] * world.control_dt,
                wall_steps=mid[case, sleep][1],
                control_hz=1 / world.control_dt,
                dt=world.physics_dt,
                substeps=world.substeps,
                dof=dof,
                workload="random" if spec.oracle is None else "oracle",
            )
        )
    rows += [
        Row(
            name=peer.name,
            sleep=None,
            steps=mid[peer.name][0],
            share=None,
            simulated=mid[peer.name][0] / peer.control_hz,
            wall_steps=mid[peer.name][1],
            control_hz=peer.control_hz,
            dt=peer.dt,
            substeps=peer.substeps,
            dof=peer.dof,
            workload="random",
        )
        for peer in others
    ]
    for peer in others:
        peer.close()
    return Speed(spec.id, actions.shape[1], tuple(rows), missing)


def _sleeps(world: World) -> bool:
    """Whether the world can be made with MuJoCo's sleeping of resting bodies."""
    return "sleep" in inspect.signature(type(world).__init__).parameters


def _arguments(sleep: bool) -> dict[str, Any]:
    return {"sleep": True} if sleep else {}


# A run does some control steps and returns (how many, CPU seconds, wall seconds).
Run = Callable[[], tuple[int, float, float]]


def _rate(run: Run, seconds: float) -> tuple[float, float]:
    """Control steps per CPU-second and per second of wall time."""
    steps, cpu, wall = 0, 0.0, 0.0
    while cpu < seconds:
        more, used, passed = run()
        steps, cpu, wall = steps + more, cpu + used, wall + passed
    return steps / cpu, steps / wall


def _timed(steps: int, work: Callable[[], None]) -> tuple[int, float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return steps, time.process_time() - cpu, time.perf_counter() - wall


def _busy_actions(spec: TaskSpec) -> Array:
    """What the oracle does in some episodes: (steps, episodes, *action_shape).

    Of tasks without an oracle, random actions.
    """
    batch = FEW if spec.extra else BATCH
    policy = None if spec.oracle is None else oracle_of(spec)
    worlds = make_worlds(spec, batch)
    rng = BatchGenerator([generator(seed, "speed") for seed in range(batch)])
    obs = worlds.reset(range(batch))
    state = None if policy is None else policy.initial_state(batch)
    actions = []
    for _ in range(min(EPISODE_STEPS, spec.horizon)):
        if policy is None:
            action = rng.uniform(-1.0, 1.0, (batch, *worlds.world.action_shape))
        else:
            action, state = policy.act(obs, state, rng)
        obs, _ = worlds.step(action)
        actions.append(action)
    worlds.close()
    return np.asarray(actions, np.float32)


def _raw(spec: TaskSpec, actions: Array, sleep: bool) -> Run:
    """The limit: nothing but `mj_step` on recorded controls, one episode after the other."""
    worlds = make_worlds(spec, 1, **_arguments(sleep))
    world, model = worlds.world, worlds.model
    physics = worlds.physics
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
        self.physics.world = _NoSubsteps(self.world)  # type: ignore[assignment]  # a stand-in


class _NoSubsteps:
    """A world in which no time passes."""

    substeps = 0

    def __init__(self, world: World) -> None:
        self._world = world

    def __getattr__(self, name: str) -> Any:
        return getattr(self._world, name)


_CASES: dict[str, Callable[[TaskSpec, Array, bool], Run]] = {
    "raw physics": _raw,
    "single env": _single,
    "batched env": _batched(1, Worlds),
    "batched env without physics": _batched(1, _Still),
}
if cores() > 1:
    _CASES[f"batched env, {cores()} threads"] = _batched(cores(), Worlds)
