"""Which checkpoints the arms of claims act with, which of them are there, and their training."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from entitybench.checkpoints import META, read_meta, where
from entitybench.claims import Training
from entitybench.errors import BadValue, DataError
from entitybench.executors.api import LOCAL
from entitybench.leaderboard.evaluation.weights import REFERENCE, owner, reference_weights
from entitybench.leaderboard.training.crew import can_join
from entitybench.leaderboard.training.fleet import train_all
from entitybench.leaderboard.training.metrics import METRICS
from entitybench.leaderboard.training.runs import RunFolder
from entitybench.registry import agent as agent_spec
from entitybench.registry import dataset_for, resolve_agent, tasks

if TYPE_CHECKING:
    from pathlib import Path

    from entitybench.claims import Arm, Claim
    from entitybench.types import AgentSpec


@dataclass(frozen=True)
class Event:
    """What is going on. kind: "plan", "train", "measure", "evaluate" or "verdict"."""

    kind: str
    message: str
    done: int = 0
    total: int = 0


Report = Callable[[Event], None]


@dataclass(frozen=True)
class Need:
    """One checkpoint."""

    agent: str  # that owns the weights
    task: str
    dataset: str | None  # id; None where it learns from something else
    seed: int
    changes: tuple[tuple[str, str], ...] = ()  # settings of its training, values as JSON

    def __str__(self) -> str:
        """Its folder below weights/: AGENT/TASK/DATASET-NAME/seed<S>."""
        folder = where(self.agent, self.task, self.dataset)
        return f"{folder.as_posix()}{suffix(dict(self.changes))}/seed{self.seed}"

    @property
    def parts(self) -> dict[str, Need]:
        """The checkpoints it is built on, by name."""
        found = {}
        for name, part in agent_spec(self.agent).parts.items():
            if agent_spec(part).trains:
                learner = agent_spec(owner(agent_spec(part)))
                dataset = _dataset(learner, self.task, self.dataset)
                found[name] = Need(learner.id, self.task, dataset, self.seed)
        return found


def _dataset(learner: AgentSpec, task: str, named: str | None) -> str | None:
    """What an agent learns from in a task: the dataset that is named, or that of its kind."""
    if learner.learns_from != "dataset":
        return None
    return named or dataset_for(tasks()[task], learner.kind)


def suffix(settings: Mapping[str, str]) -> str:
    """Settings, values as JSON, as the end of a file's name; a hash where they do not fit there."""
    if not settings:
        return ""
    text = "+".join(f"{name}={settings[name]}" for name in sorted(settings)).replace('"', "")
    if len(text) > 60 or not re.fullmatch(r"[\w.=+-]+", text):
        text = sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]
    return f"+{text}"


def as_json(settings: Mapping[str, Any]) -> dict[str, str]:
    """Settings with their values as JSON."""
    return {name: json.dumps(value) for name, value in settings.items()}


def needs(arm: Arm, seeds: Sequence[int]) -> list[Need]:
    """The checkpoints that an arm acts with, one for each training seed."""
    spec = agent_spec(arm.agent)
    if not spec.trains:
        return []
    learner = agent_spec(owner(spec))
    dataset = _dataset(learner, arm.trained_on, arm.dataset)
    changes = tuple(sorted(as_json(arm.changes).items()))
    return [
        Need(
            learner.id,
            arm.trained_on,
            dataset,
            seed,
            changes,
        )
        for seed in seeds
    ]


def kept(need: Need) -> Path:
    """Where a checkpoint that comes with the package lies.

    With changed settings it is of claims: an evaluation takes it where there is no other, and says
    so.
    """
    root = REFERENCE / "claims" if need.changes else REFERENCE
    return root / "weights" / str(need)


@dataclass
class Plan:
    """Where each checkpoint is, or that it must be trained; after training all have a place."""

    preset: str
    root: Path  # OUT/PRESET
    shipped: dict[Need, Path] = field(default_factory=dict)
    found: dict[Need, Path] = field(default_factory=dict)  # trained by an earlier call
    missing: list[Need] = field(default_factory=list)  # parts before what is built on them
    evaluate_every: int | None = None

    def folder(self, need: Need) -> Path:
        """Where it is, or will be."""
        there = {**self.shipped, **self.found}
        return there.get(need) or self.root / "weights" / str(need)

    def words(self) -> str:
        """For a terminal."""
        return (
            f"{len(self.shipped)} shipped checkpoints, {len(self.found)} trained earlier, "
            f"{len(self.missing)} to train"
        )

    def waves(self) -> Iterator[list[Need]]:
        """What is missing, in groups that can be trained side by side."""
        depths: dict[Need, int] = {}
        for need in self.missing:
            parts = [depths[part] for part in need.parts.values() if part in depths]
            depths[need] = 1 + max(parts, default=-1)
        for depth in sorted(set(depths.values())):
            yield [need for need in self.missing if depths[need] == depth]


def make_plan(
    claims: Sequence[Claim],
    preset: str,
    root: Path,
    *,
    from_scratch: bool = False,
    training_seeds: int | None = None,
) -> Plan:
    """Look for every checkpoint of the claims: shipped ones first, then those in `root`.

    Raises:
        BadValue: agents whose parts need each other, or weights in `root` of other data or in the
            folders of earlier versions.
    """
    every = [claim.evaluate_every for claim in claims if claim.evaluate_every is not None]
    plan = Plan(preset, root, evaluate_every=min(every, default=None))
    wanted: dict[Need, bool] = {}  # whether its training curve is needed too
    for claim in claims:
        curves = {x.arm for x in claim.quantities() if isinstance(x, Training)}
        for arm in claim.arms:
            for need in needs(arm, claim.seeds(training_seeds)):
                wanted[need] = wanted.get(need, False) or arm.name in curves
    for need in sorted(wanted, key=str):
        _add(plan, need, wanted[need], from_scratch, ())
    return plan


def _add(plan: Plan, need: Need, curve: bool, from_scratch: bool, above: tuple[str, ...]) -> None:
    if need.agent in above:
        circle = " needs ".join([*above[above.index(need.agent) :], need.agent])
        raise BadValue(f"the parts of agents go in a circle: {circle}.")
    if need in plan.shipped or need in plan.found or need in plan.missing:
        return
    shipped = None if from_scratch else _shipped(need, plan.preset, curve)
    own = plan.root / "weights" / str(need)
    if shipped is not None:
        plan.shipped[need] = shipped
    elif own.is_dir():
        _check_data(need, own)
        plan.found[need] = own
    else:
        _check_former(need, own)
        for part in need.parts.values():
            _add(plan, part, False, from_scratch, (*above, need.agent))
        plan.missing.append(need)


def _shipped(need: Need, preset: str, curve: bool) -> Path | None:
    task = tasks()[need.task]
    if need.changes:
        folder = kept(need) if (kept(need) / META).is_file() else None
    else:
        folder = reference_weights(need.agent, need.task, need.dataset).get(need.seed)
    if folder is None or (curve and not (folder / METRICS).is_file()):
        return None
    meta = read_meta(folder)
    same = meta.get("preset") == preset and meta["task_version"] == task.version
    return folder if same else None


def _check_former(need: Need, own: Path) -> None:
    """Raise BadValue where a checkpoint lies as earlier versions laid it: AGENT/TASK/seed<S>."""
    former = own.parents[1] / own.name
    if need.changes or not (former / META).is_file():
        return
    named = (read_meta(former).get("dataset") or {}).get("id")
    if where("", "", named) == where("", "", need.dataset):
        raise BadValue(
            f"{former} lies where earlier versions kept weights: keep it with "
            f"`mkdir -p {shlex.quote(str(own.parent))} && "
            f"mv {shlex.quote(str(former))} {shlex.quote(str(own.parent))}`, or choose another "
            "--out."
        )


def _check_data(need: Need, folder: Path) -> None:
    """Raise BadValue where a checkpoint was trained on other content than the dataset here has."""
    meta = read_meta(folder)
    before = (meta.get("dataset") or {}).get("content_hash")
    if need.dataset is None or before is None:
        return
    from entitybench.datasets.api import load_dataset

    try:
        now = load_dataset(need.dataset).content_hash
    except DataError:
        return  # not on this machine: nothing to compare
    if now != before:
        raise BadValue(
            f"{folder} was trained on other episodes than {need.dataset} has now "
            f"({before[:8]}, {now[:8]}): choose another --out, or delete it."
        )


def train_missing(
    plan: Plan, workers: int, device: str | None, report: Report, executor: str = LOCAL
) -> dict[Need, str]:
    """Train what is missing, `workers` processes at a time, parts first.

    Returns what cannot be had, and why: its training diverged, or that of a part of it.
    """
    for dataset in sorted({need.dataset for need in plan.missing if need.dataset is not None}):
        from entitybench.datasets.api import load_dataset

        report(Event("plan", f"dataset {dataset}"))
        load_dataset(dataset, generate=True)
    total = len(plan.missing)

    def poll() -> None:
        done = [_thousandths(plan, need) for need in plan.missing]
        words = f"training {total} runs, {done.count(1000)} finished"
        report(Event("train", words, sum(done), 1000 * total))

    lost: dict[Need, str] = {}
    for wave in plan.waves():
        whole = []
        for need in wave:
            gone = [part for part in need.parts.values() if part in lost]
            if gone:
                lost[need] = f"it is built on {gone[0]}, and {lost[gone[0]]}"
            else:
                whole.append(need)
        groups = _groups(whole, workers)
        jobs = [_job(plan, group, device) for group in groups]
        for place, why in train_all(jobs, workers, poll, executor=executor).items():
            gone = [need for need in groups[place] if not plan.folder(need).is_dir()]
            lost |= dict.fromkeys(gone, why)
    return lost


def _groups(wave: Sequence[Need], workers: int) -> list[list[Need]]:
    """What one process trains each: training seeds side by side, as far as all workers have some.

    Learners that cannot learn side by side have a process each.
    """
    arms: dict[Need, list[Need]] = {}
    for need in wave:
        arms.setdefault(replace(need, seed=0), []).append(need)
    found = []
    for arm, own in arms.items():
        joined = can_join(resolve_agent(agent_spec(arm.agent)))
        size = -(-len(own) // -(-workers // len(arms))) if joined else 1
        found += [own[first : first + size] for first in range(0, len(own), size)]
    return found


def _job(plan: Plan, group: Sequence[Need], device: str | None) -> dict[str, Any]:
    """The arguments of `train_seeds` for needs that differ by their seed."""
    need, out = group[0], plan.folder(group[0]).parent
    built_on = {
        str(each.seed): {name: str(plan.folder(part)) for name, part in each.parts.items()}
        for each in group
        if each.parts
    }
    job: dict[str, Any] = {
        "agent_id": need.agent,
        "task": need.task,
        "preset": plan.preset,
        "seeds": [each.seed for each in group],
        "out": str(out),
        "resume": any(RunFolder(out, each.seed).checkpoints() for each in group),
        "device": device,
        "dataset": need.dataset,
        "evaluate_every": plan.evaluate_every if agent_spec(need.agent).scored else None,
        "changes": {name: json.loads(value) for name, value in need.changes},
        "parts": built_on,
    }
    return {name: value for name, value in job.items() if value not in (None, {})}


def _thousandths(plan: Plan, need: Need) -> int:
    """How far a run of another process is, from the metrics it writes."""
    folder = RunFolder(plan.folder(need).parent, need.seed)
    if folder.final.is_dir():
        return 1000
    if not folder.metrics.is_file():
        return 0
    with open(folder.metrics, "rb") as file:
        return min(sum(1 for _ in file), 999)
