"""What a training run was asked for, and which of its seeds learn side by side."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from entitybench.checkpoints import Checkpoint, read_meta, today
from entitybench.errors import BadValue, Diverged, seed_names
from entitybench.leaderboard.training import runs
from entitybench.leaderboard.training.crew import can_join, crew_of
from entitybench.leaderboard.training.faults import faults_of, shown, wrong
from entitybench.leaderboard.training.loop import Habits, Loop, Report, Status

if TYPE_CHECKING:
    from pathlib import Path

    from entitybench.leaderboard.training.runs import RunFolder
    from entitybench.types import TaskSpec


@dataclass(frozen=True)
class Order:
    """Everything that decides what becomes of a seed."""

    task: TaskSpec
    target: Any  # the agent's class
    config: Any
    store: Any
    device: str
    parts: Mapping[int, Mapping[str, Path]]  # by seed
    asked: Mapping[str, Any]  # what run.json says, whatever the seed

    def decides(self, seed: int) -> dict[str, Any]:
        """What a resumed run must agree on."""
        parts = {name: _sha256(folder) for name, folder in self.parts[seed].items()}
        return {**self.asked, "seed": seed, **({"parts": parts} if parts else {})}

    def devices(self, step: int, before: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """What run.json says of where a run trains from `step` on, and where it did before.

        Devices round differently, so that one that goes on elsewhere is no unbroken run; but it can
        go on anywhere.
        """
        known = (before or {}).get("devices") or []
        if before and not known:  # as earlier versions wrote it
            known = [{"device": before.get("device"), "from": 0}]
        kept = [one for one in known if one["from"] < step]
        if not kept or kept[-1]["device"] != self.device:
            kept.append({"device": self.device, "from": step})
        return {"device": self.device, "devices": kept}

    def written(self, seed: int, group: Sequence[RunFolder]) -> dict[str, Any]:
        """What run.json of a seed of a group says."""
        beside = {"beside": [each.seed for each in group]} if len(group) > 1 else {}
        decided = self.decides(seed)
        return {**decided, **self.devices(0), "unit": self.target.unit, **beside}

    def fresh(self, seed: int) -> Any:
        """A learner of step 0."""
        with faults_of(self.target, "create"):
            return self.target.create(
                self.config,
                self.task,
                seed=seed,
                data=self.store,
                parts=self.parts[seed],
                device=self.device,
            )


def run(order: Order, group: Sequence[RunFolder], habits: Habits, report: Report) -> dict[int, str]:
    """Train a group of seeds to their end, and return those that diverged, with what happened.

    The others of the group go on without them.
    """
    fresh = group[0].asked() is None
    if fresh:
        learners = [order.fresh(folder.seed) for folder in group]  # or it is refused
        with faults_of(order.target, "create"):
            begun = crew_of(learners)
        for folder in group:
            folder.begin(order.written(folder.seed, group))
        runs.save(group, begun)
    lost: dict[int, str] = {}
    while group:
        crew = runs.load(group, order.target, order.device)
        seeds, total = tuple(f.seed for f in group), int(crew.learners[0].total)
        for folder in group:
            before = folder.asked() or {}
            folder.note({**before, **order.devices(crew.step, before)})
        if not fresh or lost:
            word = "go on" if lost else "resumed"
            note = f"{seed_names(seeds)} {word} at {crew.step}"
            report(Status(crew.step, total, note=note, seeds=seeds, unit=str(order.target.unit)))
        try:
            Loop(group, crew, order.store, order.task, habits, report).run()
        except Diverged as error:
            for folder in group:
                if folder.seed in error.seeds:
                    folder.give_up(error.seeds[folder.seed])
                    why = f"seed {folder.seed} stopped: {error.seeds[folder.seed]}"
                    report(Status(crew.step, total, note=why, seeds=(folder.seed,)))
            group = [folder for folder in group if folder.seed not in error.seeds]
            lost |= error.seeds
        else:
            runs.finish(group, crew)
            break
    return lost


def groups_of(
    order: Order, left: Sequence[RunFolder], seeds: set[int]
) -> list[tuple[RunFolder, ...]]:
    """Which seeds learn side by side: those that did so before, and all new ones where they can.

    Args:
        order: what is asked for.
        left: of the seeds that are not finished.
        seeds: all that were asked for.

    Raises:
        BadValue: an unfinished run was asked for something else, or learned beside seeds that are
            not among these.
    """
    by_seed = {folder.seed: folder for folder in left}
    found: list[tuple[RunFolder, ...]] = []
    new = []
    for seed, folder in by_seed.items():
        before = folder.asked()
        if before is None:
            new.append(folder)
            continue
        beside = [int(other) for other in before.get("beside", [seed])]
        if not seeds.issuperset(beside):
            names = " ".join(map(str, beside))
            raise BadValue(
                f"{folder.work} was begun side by side with other seeds: go on with all of them, "
                f"`--seeds {names}`."
            )
        group = tuple(by_seed[other] for other in beside if other in by_seed)
        lacking = [other.seed for other in group if other.asked() is None]
        if lacking:
            raise BadValue(
                f"{folder.work} was begun side by side with seed {lacking[0]}, which has no "
                "checkpoint: delete the folder to begin anew."
            )
        same(folder, before, order.decides(seed))
        if group not in found:
            found.append(group)
    with faults_of(order.target, "together"):
        beside_each_other = len(new) > 1 and can_join(order.target)
        beside_each_other = beside_each_other and not getattr(order.config, "alone", False)
    joined = [tuple(new)] if beside_each_other else [(f,) for f in new]
    return [*found, *(group for group in joined if group)]


def _sha256(folder: Path) -> str:
    return Checkpoint(folder, read_meta(folder)).sha256


def same(
    folder: RunFolder,
    before: Mapping[str, Any],
    asked: Mapping[str, Any],
    where: Path | None = None,
) -> None:
    """Raise BadValue where a run was asked for something else before."""
    if isinstance(config := before.get("config"), dict):
        before = {**before, "config": today(config)}  # of an earlier version, maybe
    for name, value in asked.items():
        old, value = _set(before.get(name)), _set(value)
        if old == value or name == "dataset_id":  # what is learned from is the content
            continue
        if name == "dataset":  # hashes, of which the message shows enough
            old, value = (
                f"{about.get('dataset_id') or 'content'} ({str(about[name])[:12]})"
                for about in ({name: None, **before}, asked)
            )
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            key = next(k for k in {**old, **value} if old.get(k) != value.get(k))
            name, old, value = f"{name}.{key}", old.get(key), value.get(key)
        raise BadValue(
            f"{where or folder.work} was begun with {name} {old!r}, and now it is {value!r}: "
            "choose another --out."
        )


def _set(value: Any) -> Any:
    """Without the settings that are None: earlier versions may not have known them."""
    return (
        {k: x for k, x in value.items() if x is not None} if isinstance(value, Mapping) else value
    )


def plain(target: Any, config: Any) -> dict[str, Any]:
    """A configuration of an agent's class as it comes back from JSON."""
    try:
        return dict(json.loads(json.dumps(asdict(config))))
    except (TypeError, ValueError, RecursionError):
        wrong(target, "configure", f"gives a dataclass of what JSON can hold, not {shown(config)}")
