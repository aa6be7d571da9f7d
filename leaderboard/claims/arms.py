"""The records of arms: evaluated, or read where nothing has changed since."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from entitybench.errors import RecordError
from entitybench.leaderboard.claims.plan import Event, as_json, needs, suffix
from entitybench.leaderboard.evaluation import provenance
from entitybench.leaderboard.evaluation.api import Loaded, evaluate, load_agents
from entitybench.leaderboard.evaluation.weights import REFERENCE
from entitybench.records import Record
from entitybench.registry import agent as agent_spec
from entitybench.registry import dataset_for, tasks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from entitybench.claims import Arm
    from entitybench.leaderboard.claims.plan import Plan, Report


def record_file(arm: Arm, on: str = "-on-") -> str:
    """TASK/AGENT.json, with what else it was trained on or changed; `on` goes before the data."""
    name = arm.agent
    name += f"-from-{arm.weights_from}" if arm.weights_from else ""
    usual = dataset_for(tasks()[arm.trained_on], agent_spec(arm.agent).kind)
    if arm.dataset is not None and arm.dataset != usual:
        name += f"{on}{arm.dataset.rpartition('/')[2]}"
    settings = {**as_json(arm.changes), **as_json(arm.options)}
    return f"{arm.task}/{name}{suffix(settings)}.json"


def kept_record(arm: Arm) -> Path:
    """Where the record of an arm lies that comes with the package: as `plan.kept` has weights."""
    if arm.changes:
        return REFERENCE / "claims" / "records" / record_file(arm)
    return REFERENCE / "records" / record_file(arm, on="@")  # a reference record like any


def load(arm: Arm, plan: Plan, seeds: Sequence[int], device: str) -> dict[int, Loaded]:
    """The agents of an arm by training seed."""
    agents: dict[int, Loaded] = {}
    for need in needs(arm, seeds):
        agents |= load_agents(
            arm.agent,
            task=arm.task,
            seeds=[need.seed],
            weights=plan.folder(need),
            weights_from=arm.weights_from,
            preset=plan.preset,
            dataset=need.dataset,
            device=device,
        )
    return agents or load_agents(arm.agent, task=arm.task, device=device)


def record_of(
    arm: Arm,
    agents: Mapping[int, Loaded],
    items: int,
    path: Path,
    threads: int | None,
    report: Report,
) -> Record:
    """The record in `path` if nothing has changed since, or a new one, which is stored there."""
    stored = _stored(path, agents, arm, items)
    if stored is not None:
        report(Event("evaluate", f"{arm.name} on {arm.task}: record found", 1, 1))
        return stored
    words = f"evaluating {arm.name} on {arm.task}"
    record = evaluate(
        dict(agents),
        arm.task,
        episodes=items,
        threads=threads,
        progress=lambda done, total: report(Event("evaluate", words, done, total)),
        **arm.options,
    )
    record.write(path)
    return record


def _stored(path: Path, agents: Mapping[int, Loaded], arm: Arm, items: int) -> Record | None:
    if not path.is_file():
        return None
    try:
        record = Record.read(path)
    except RecordError:
        return None
    sources = {seed: agent.source for seed, agent in agents.items()}
    first = next(iter(sources.values()))
    weights = {
        str(seed): source.weights_sha256
        for seed, source in sources.items()
        if source.weights_sha256 is not None
    }
    data = {each.training_seed: (each.dataset, each.sha256) for each in record.data}
    now = provenance.versions()
    first_item = arm.options.get("episode_seed", 0)
    same = (
        record.hashes.weights == weights,
        all(
            data.get(seed, (None, None)) == (source.dataset, source.dataset_sha256)
            for seed, source in sources.items()
        ),
        record.hashes.task == provenance.task_hash(tasks()[arm.task]),
        _plain(record.agent.config) == _plain(first.config),
        record.device == first.device,
        record.task.bank == arm.options.get("bank", "public"),
        record.items == list(range(first_item, first_item + items)),
        len(record.columns.item) == items * len(agents),
        all(record.versions.get(name) == now[name] for name in ("entitybench", "mujoco", "numpy")),
        record.revision == provenance.revision(),
        record.revision is None or not record.revision.dirty,
    )
    return record if all(same) else None


def _plain(config: Any) -> Any:
    return json.loads(json.dumps(config))
