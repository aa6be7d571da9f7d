"""The table of first baselines, from records made by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from entitybench.kinds import CONTROL_METRICS
from entitybench.leaderboard.documents.baselines import baselines, published, scores
from entitybench.leaderboard.evaluation.stored import record_path
from entitybench.leaderboard.tables.data import cell, metric_of
from entitybench.records import (
    AgentInfo,
    Columns,
    DataInfo,
    Hashes,
    MetricInfo,
    Record,
    Row,
    TaskInfo,
)

TASK, DATA = "hopper", "hopper/medium-v1"


def stored(root: Path, agent: str, returns: list[list[float]], dataset: str | None = None) -> Path:
    """A record of hopper with returns[training seed][episode]."""
    rows = [
        Row(s, e, {m.name: (value if m.name == "return" else 0.0) for m in CONTROL_METRICS})
        for s, line in enumerate(returns)
        for e, value in enumerate(line)
    ]
    learned = [DataInfo(training_seed=s, dataset=dataset, sha256="a") for s in range(len(returns))]
    more: dict[str, Any] = {"data": learned} if dataset else {}
    record = Record(
        kind="reward-control",
        metrics=[MetricInfo.of(metric) for metric in CONTROL_METRICS],
        agent=AgentInfo(id=agent),
        task=TaskInfo(id=TASK, version=1, kind="reward-control", horizon=1000),
        hashes=Hashes(task="t"),
        versions={},
        device="cpu",
        block=25,
        threads=1,
        wall_time_s=1.0,
        created="2026",
        rows=Columns.of(rows),
        **more,
    )
    return record.write(record_path(agent, TASK, dataset=dataset, root=root / "records"))


def folder(tmp_path: Path) -> Path:
    """Random reaches 10, the oracle 110."""
    stored(tmp_path, "random", [[10.0, 10.0]])
    stored(tmp_path, "oracle", [[110.0, 110.0]])
    return tmp_path


def test_a_zero_has_no_sign(tmp_path: Path) -> None:
    root = folder(tmp_path)
    stored(root, "bc", [[9.99, 9.99], [9.99, 9.99]], DATA)
    assert "| 0.0 [–] |" in baselines("reward-control", root)


def test_random_is_0_and_the_oracle_100(tmp_path: Path) -> None:
    root = folder(tmp_path)
    path = stored(root, "bc", [[60.0, 60.0], [70.0, 70.0], [50.0, 50.0]], DATA)
    assert path.name == "bc@medium-v1.json", "another dataset than the task's own is in the name"
    (score,) = scores(root / "records", "reward-control")["hopper"].trained
    assert (score.dataset, score.agent, score.size) == (DATA, "bc", "3 × 2")
    # Means of the seeds 50, 60, 40: t(0.975, 2) = 4.303 times 10 / sqrt(3).
    assert round(score.mean, 6) == 50.0
    assert round(score.high - score.mean, 2) == 24.84


def test_no_interval_goes_beyond_what_a_return_can_be(tmp_path: Path) -> None:
    """Reward 1 at the goal of a maze, once: the means 1, 1 and 0.5 have t's interval to 1.55."""
    path = stored(tmp_path, "bc", [[1.0, 1.0], [1.0, 1.0], [1.0, 0.0]], DATA)
    free = cell(Record.read(path), "return")
    assert free.high > 1.5
    maze = TaskInfo(id="point-maze-u", version=1, kind="reward-control", horizon=300)
    record = Record.read(path).model_copy(update={"task": maze})
    found = cell(record, "return")
    assert (found.mean, found.low, found.high) == (free.mean, free.low, 1.0)
    assert (metric_of(record, "return").lower, metric_of(record, "return").upper) == (0.0, 1.0)
    other = record.model_copy(update={"task": maze.model_copy(update={"version": 99})})
    assert cell(other, "return") == free, "another version may pay otherwise"


def test_a_row_a_dataset_and_a_dash_where_nothing_ran(tmp_path: Path) -> None:
    root = folder(tmp_path)
    stored(root, "bc", [[60.0], [60.0]], DATA)
    stored(root, "iql", [[110.0], [110.0]], "hopper/expert-v1")
    stored(root, "zero", [[30.0, 30.0]])
    lines = baselines("reward-control", root).splitlines()
    oracle = "100.0 [–]"
    chance = f"{oracle} | 0.0 [–] | – | 20.0 [–] | 10 and 110"  # no constant
    head = "| dataset | bc | iql | oracle | random | constant | zero | x at 0 and 100 |"
    assert lines[0] == f"{head} seeds × episodes | records |"
    assert lines[2].startswith(f"| hopper/medium-v1 | 50.0 [–] | – | {chance} | 2 × 1 |")
    assert lines[3].startswith(f"| hopper/expert-v1 | – | 100.0 [–] | {chance} | 2 × 1 |")
    assert baselines("team-control", root) == ""


def test_published_numbers_stand_beside_ours(tmp_path: Path) -> None:
    root = folder(tmp_path)
    stored(root, "bc", [[60.0], [60.0]], DATA)
    table = {"source": "A, 2020", "difference": "Other data.", "scores": {DATA: {"bc": 1, "x": 2}}}
    (root / "published.json").write_text(json.dumps({"d4rl": table}))
    text = published("d4rl", root)
    assert "| hopper/medium-v1 | 50.0 (1.0) | – (2.0) |" in text
    assert text.endswith("Published: A, 2020. Other data.")
