"""Every speed target in one run, as a table that is committed and that later runs are held to."""

from __future__ import annotations

import importlib.util
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import mujoco

from entitybench.envs.api import world_of
from entitybench.envs.speed.measure import BEYOND, LIMITS, Row, Speed, has_limit, speed
from entitybench.envs.speed.targets import TARGETS, Target
from entitybench.registry import tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

_OF_LIMIT = "batched env / limit"
SLACK = 0.75  # of the committed ratio that a later run must reach: machines differ, and are busy


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One target, measured."""

    target: Target
    ours: Row
    peer: Row

    @property
    def ratio(self) -> float:
        """Simulated seconds per CPU-second, ours by the peer's."""
        return self.ours.simulated / self.peer.simulated

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        target = asdict(self.target)
        target["kwargs"] = dict(self.target.kwargs)
        return {
            "target": target,
            "ours": asdict(self.ours),
            "peer": asdict(self.peer),
            "ratio": round(self.ratio, 3),
            "holds": self.ratio >= self.target.at_least,
        }


def measure(
    targets: Sequence[Target] = TARGETS,
    seconds: float = 0.6,
    *,
    rounds: int = 5,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Measure the targets, each task with its peers in one run.

    Returns:
        "rows", as `Measured.to_json`, "limits" (by task, the batched views beside raw physics; with
        all targets, also of a task for each class of worlds that has none), "missing" (peers
        and why), "failed" (those that are installed, and why), and the version of MuJoCo.
    """
    found: list[Measured] = []
    limits: dict[str, dict[str, float]] = {}
    missing: dict[str, str] = {}
    failed: dict[str, str] = {}
    for task, kwargs in dict.fromkeys((t.task, tuple(t.kwargs.items())) for t in targets):
        mine = [t for t in targets if (t.task, tuple(t.kwargs.items())) == (task, kwargs)]
        why = _absent(task)
        if why:
            missing[task] = why
            continue
        say(" ".join([task, *(f"{name}={value}" for name, value in kwargs)]))
        peers = list(dict.fromkeys(target.peer for target in mine))
        run = speed(task, seconds, rounds=rounds, beside=peers, **dict(kwargs))
        missing |= run.missing
        failed |= run.failed
        limits[task] = _limits(run)
        found += _rows(run, mine)
    for task in families(limits) if targets is TARGETS else ():
        say(f"{task}, its limit")
        limits[task] = _limits(speed(task, seconds / 2, rounds=rounds, beside=(), views=LIMITS))
    return {
        "mujoco": mujoco.__version__,
        "rows": [one.to_json() for one in found],
        "limits": limits,
        "missing": missing,
        "failed": failed,
    }


def families(measured: Collection[str]) -> list[str]:
    """A task for each class of worlds that MuJoCo steps, but for those that are `measured`."""
    found: dict[str, str] = {}
    for task in tasks():
        if "state" in task.tags and not _absent(task.id) and has_limit(world_of(task)):
            found.setdefault(task.target, task.id)
            if task.id in measured:
                found[task.target] = task.id
    return [task for task in found.values() if task not in measured]


def _limits(run: Speed) -> dict[str, float]:
    return {key: round(value, 3) for key, value in run.summary().items() if "x" not in key}


def _absent(task: str) -> str:
    """Why a task cannot be measured here, or nothing."""
    if task not in tasks():
        return "no such task"
    extra = tasks()[task].extra
    if extra and importlib.util.find_spec(extra) is None:
        return f"pip install -e '.[{extra}]'"
    return ""


def _rows(run: Speed, targets: Sequence[Target]) -> list[Measured]:
    rows = {(row.name, row.sleep): row for row in run.rows}
    return [
        Measured(target=t, ours=rows[t.view, t.sleep], peer=rows[t.peer, None])
        for t in targets
        if (t.view, t.sleep) in rows and (t.peer, None) in rows
    ]


def worse(now: dict[str, Any], before: dict[str, Any]) -> list[str]:
    """What got slower: targets that no longer hold, or fell under SLACK of the committed ratio.

    A batched world's share of raw physics is held to SLACK of the committed share too.
    """

    def key(row: dict[str, Any]) -> tuple[Any, ...]:
        target = row["target"]
        return target["task"], target["peer"], target["sleep"], *sorted(target["kwargs"].items())

    old = {key(row): row for row in before["rows"]}
    found = []
    for row in now["rows"]:
        past = old.get(key(row))
        if past is None:
            continue
        name = f"{row['target']['task']} / {row['target']['peer']}"
        if past["holds"] and not row["holds"]:
            least = row["target"]["at_least"]
            found.append(f"{name}: {row['ratio']:.1f} x, at least {least:g} x is asked for")
        elif row["ratio"] < SLACK * past["ratio"]:
            found.append(f"{name}: {row['ratio']:.1f} x, it was {past['ratio']:.1f} x")
    for task, limits in now["limits"].items():
        share, past = (x.get(_OF_LIMIT) for x in (limits, before["limits"].get(task, {})))
        if share is not None and past is not None and share < SLACK * past:
            found.append(f"{task}, batched: {share:.0%} of raw physics, it was {past:.0%}")
    return found


def markdown(result: dict[str, Any]) -> str:
    """The committed table."""
    head = (
        "| ours | Hz, dt × substeps, dof | peer | Hz, dt × substeps, dof | sim-s a CPU-s, ours | "
        "peer | ratio | at least | what makes the difference |"
    )
    lines = [head, "|---|---|---|---|---:|---:|---:|---:|---|"]
    for row in result["rows"]:
        target, ours, peer = row["target"], row["ours"], row["peer"]
        remarks = [f"{k}={v}" for k, v in target["kwargs"].items()]
        remarks += ["sleep"] if target["sleep"] else []
        remarks += ["batched"] if target["view"] == "batched env" else []
        name = f"{target['task']}{' (' + ', '.join(remarks) + ')' if remarks else ''}"
        mark = _in_steps(ours, peer) + ("" if row["holds"] else " ✗")
        lines.append(
            f"| {name} | {_rates(ours)} | {target['peer']} | {_rates(peer)} | "
            f"{ours['simulated']:,.0f} | {peer['simulated']:,.1f} | "
            f"**{row['ratio']:.1f} ×**{mark} | {target['at_least']:g} × | {target['why']} |"
        )
    lines += [
        "",
        "| batched, beside raw physics | of it | two threads, wall | overhead, µs | numpy, µs |",
        "|---|---:|---:|---:|---:|",
    ]
    beyond = False
    for task, limits in result["limits"].items():
        if _OF_LIMIT not in limits:
            continue
        threads = next((v for k, v in limits.items() if "wall" in k), None)
        more = limits[_OF_LIMIT] > 1
        beyond |= more
        lines.append(
            f"| {task} | {limits[_OF_LIMIT]:.0%}{' †' if more else ''} | "
            f"{'–' if threads is None else f'{threads:.2f} ×'} | "
            f"{limits['overhead of a world-step, us']:.1f} | "
            f"{limits['numpy of a world-step, us']:.1f} |"
        )
    lines += [f"\n† {BEYOND}"] if beyond else []
    lines += [f"\nNot measured: {name} ({why})." for name, why in result["missing"].items()]
    lines += [f"\nFAILED: {name} ({why})." for name, why in result.get("failed", {}).items()]
    return "\n".join(lines)


def _in_steps(ours: dict[str, Any], peer: dict[str, Any]) -> str:
    """The ratio of control steps, where it is another: control rates differ."""
    if round(ours["control_hz"], 3) == round(peer["control_hz"], 3):
        return ""
    return f" ({ours['steps'] / peer['steps']:.1f} × in steps)"


def _rates(row: dict[str, Any]) -> str:
    return f"{row['control_hz']:g}, {1000 * row['dt']:.3g} ms × {row['substeps']}, {row['dof']}"
