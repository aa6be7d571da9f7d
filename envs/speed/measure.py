"""How fast the simulator is: the limit of the physics, our views, and the peers, in one run.

Rates are control steps per second of CPU time of this process, medians over interleaved rounds, so
that other work on the machine disturbs all alike. Ours replay the oracle's first moves, in which
things are touched all the time; peers have no such script and get random actions. Suites that
differ in robot, control rate and time step are compared in simulated seconds per CPU-second.
"""

from __future__ import annotations

import inspect
from dataclasses import asdict, dataclass, replace
from statistics import median
from typing import TYPE_CHECKING, Any

from entitybench.envs.api import task_of, world_of
from entitybench.envs.core.physics import MujocoPhysics
from entitybench.envs.speed import peers
from entitybench.envs.speed.runs import CASES, Run, busy_actions
from entitybench.envs.speed.targets import targets_of
from entitybench.registry import resolve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.envs.core.world import World
    from entitybench.types import TaskSpec

ANY_PHYSICS = ("single env", "batched env")
# What a batch is beside its limit; see `Speed.summary`.
LIMITS = tuple(case for case in CASES if case != "single env")
# What a share above one means.
BEYOND = (
    "Nothing is faster than the physics that it is made of. The two are timed in turns, and what "
    "else the machine does slows one more than the other: read a share above 100 % as 100 %, "
    "within that much of error, and its overhead as too small to be seen beside it."
)


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
    missing: dict[str, str]  # peers that are not installed, and why
    failed: dict[str, str]  # those that are and cannot be measured: a defect of ours or theirs

    def summary(self) -> dict[str, float]:
        """Ratios and overheads; those to peers ("x") are of simulated seconds per CPU-second."""
        rows = {(row.name, row.sleep): row for row in self.rows}
        batched, result = rows["batched env", False], {}
        if ("raw physics", False) in rows:  # worlds in numpy have no limit but themselves
            limit, still = rows["raw physics", False], rows["batched env without physics", False]
            if ("single env", False) in rows:
                result["single env / limit"] = rows["single env", False].steps / limit.steps
            result |= {
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
            "failed": self.failed,
        }

    def text(self) -> str:
        """A table, the ratios, and the peers that are missing or fail."""
        head = (
            "|sleep|steps/CPU-s|of limit|sim-s/CPU-s|steps/s (wall)|Hz|dt ms|substeps|dof|workload"
        )
        table = [tuple(head.split("|")), *(_cells(row) for row in self.rows)]
        widths = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
        lines = ["  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)) for r in table]
        lines += ["", *(f"{name}: {value:.2f}" for name, value in self.summary().items())]
        if any(row.share is not None and row.share > 1 for row in self.rows):
            lines.append(BEYOND)
        lines += [f"not measured: {name} ({why})" for name, why in self.missing.items()]
        lines += [f"FAILED: {name} ({why})" for name, why in self.failed.items()]
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
    views: Sequence[str] | None = None,
    **kwargs: Any,
) -> Speed:
    """Measure a task.

    Args:
        seconds: of CPU time for each measurement of each round.
        rounds: whose median is taken.
        beside: names of peers; by default those that targets.py has for the task.
        views: names of rows of ours, without sleep; by default all there are, with and without.
        kwargs: arguments of the world.
    """
    spec = task_of(task)
    if kwargs:
        spec = replace(spec, kwargs={**spec.kwargs, **kwargs})
    world = world_of(spec)
    actions = busy_actions(spec)
    ours = [
        (case, sleep)
        for sleep in ((False, True) if _sleeps(world) and views is None else (False,))
        for case in CASES
        if (views is None or case in views) and (case in ANY_PHYSICS or has_limit(world))
    ]
    runs: dict[Any, Run] = {key: CASES[key[0]](spec, actions, key[1]) for key in ours}
    if beside is None:
        beside = list(dict.fromkeys(target.peer for target in targets_of(spec.id)))
    alike = {target.peer for target in targets_of(spec.id) if target.alike}
    others, missing, failed = peers.installed(beside, dict.fromkeys(alike, actions[:, 0]))
    runs |= {peer.name: peer.run for peer in others}
    rates = _rates(runs, seconds, rounds)
    workload = "random" if spec.oracle is None else "oracle"
    rows = [_our_row(world, case, sleep, rates, workload) for case, sleep in ours]
    rows += [
        _peer_row(peer, rates, workload if peer.name in alike else "random") for peer in others
    ]
    for peer in others:
        peer.close()
    return Speed(spec.id, actions.shape[1], tuple(rows), missing, failed)


def has_limit(world: World) -> bool:
    """Whether a world is stepped by MuJoCo alone, whose speed is then the limit."""
    return resolve(world.physics_class) is MujocoPhysics


# By run: control steps per CPU-second and per second of wall time.
Rates = dict[Any, tuple[float, float]]


def _rates(runs: dict[Any, Run], seconds: float, rounds: int) -> Rates:
    """The medians over rounds, in each of which all runs have their turn."""
    found: dict[Any, list[tuple[float, float]]] = {key: [] for key in runs}
    for _ in range(rounds):
        for key, run in runs.items():
            found[key].append(_rate(run, seconds))
    return {key: (median(c for c, _ in r), median(w for _, w in r)) for key, r in found.items()}


def _our_row(world: World, case: str, sleep: bool, rates: Rates, workload: str) -> Row:
    steps, wall_steps = rates[case, sleep]
    limit = None if "without" in case else rates.get(("raw physics", sleep))
    return Row(
        name=case,
        sleep=sleep,
        steps=steps,
        share=None if limit is None else steps / limit[0],
        simulated=steps * world.control_dt,
        wall_steps=wall_steps,
        control_hz=1 / world.control_dt,
        dt=world.physics_dt,
        substeps=world.substeps,
        dof=int(world.model.nv),
        workload=workload,
    )


def _peer_row(peer: peers.Peer, rates: Rates, workload: str) -> Row:
    steps, wall_steps = rates[peer.name]
    return Row(
        name=peer.name,
        sleep=None,
        steps=steps,
        share=None,
        simulated=steps / peer.control_hz,
        wall_steps=wall_steps,
        control_hz=peer.control_hz,
        dt=peer.dt,
        substeps=peer.substeps,
        dof=peer.dof,
        workload=workload,
    )


def _sleeps(world: World) -> bool:
    """Whether the world can be made with MuJoCo's sleeping of resting bodies."""
    return "sleep" in inspect.signature(type(world).__init__).parameters


def _rate(run: Run, seconds: float) -> tuple[float, float]:
    """Control steps per CPU-second and per second of wall time."""
    steps, cpu, wall = 0, 0.0, 0.0
    while cpu < seconds:
        more, used, passed = run()
        steps, cpu, wall = steps + more, cpu + used, wall + passed
    return steps / cpu, steps / wall
