"""What `bench speed --check` says of two tables."""

from __future__ import annotations

import copy

import mujoco
import numpy as np
import pytest

from entitybench.envs.api import make_worlds
from entitybench.envs.speed.runs import CASES
from entitybench.envs.speed.single import markdown as single
from entitybench.envs.speed.table import SLACK, worse
from entitybench.registry import tasks


def row(ratio: float, at_least: float) -> dict:
    target = {
        "task": "a-task",
        "peer": "a peer",
        "sleep": False,
        "kwargs": {},
        "at_least": at_least,
    }
    return {"target": target, "ratio": ratio, "holds": ratio >= at_least}


def table(ratio: float, at_least: float, share: float) -> dict:
    limits = {"a-task": {"batched env / limit": share}, "in-numpy": {}}
    return {"rows": [row(ratio, at_least)], "limits": limits}


def test_what_is_as_before_is_not_worse() -> None:
    before = table(6.0, 5.0, 0.9)
    assert worse(copy.deepcopy(before), before) == []
    assert worse(table(5.1, 5.0, 0.9 * SLACK + 0.01), before) == []


def test_a_target_that_fails_and_a_ratio_that_falls_are_named() -> None:
    assert worse(table(4.9, 5.0, 0.9), table(6.0, 5.0, 0.9)) == [
        "a-task / a peer: 4.9 x, at least 5 x is asked for"
    ]
    assert worse(table(10.0, 5.0, 0.9), table(20.0, 5.0, 0.9)) == [
        "a-task / a peer: 10.0 x, it was 20.0 x"
    ]


def test_a_batch_that_got_far_from_raw_physics_is_named() -> None:
    assert worse(table(6.0, 5.0, 0.5), table(6.0, 5.0, 0.9)) == [
        "a-task, batched: 50% of raw physics, it was 90%"
    ]


def test_what_was_not_measured_before_is_not_compared() -> None:
    before = table(6.0, 5.0, 0.9)
    before["rows"], before["limits"] = [], {}
    assert worse(table(1.0, 5.0, 0.1), before) == []


def test_what_one_environment_reaches_is_told_by_the_rates_that_are_shown() -> None:
    run: dict = {
        "date": "2026-11-29",
        "turns": 5,
        "episodes": 8,
        "cores": 2,
        "load": 0.3,
        "beside": "95da06f of 2026-11-26",
        "rows": [
            {
                "task": "a-task",
                "ours": {"raw": 10_000, "single": 5_000},
                "before": {"raw": 8_000, "single": 2_000},
            }
        ],
    }
    head, _, row, _, said = single(run).splitlines()
    assert row == "| a-task | 10,000 | 5,000 | 50% | 100 | 8,000 | 2,000 | 25% | 375 | 2.50 × |"
    assert head.count("|") == row.count("|")
    assert "of 8 episodes of the oracle the shortest of 5 turns" in said
    assert said.endswith("before: the build 95da06f of 2026-11-26.")
    alone = {**run, "beside": None, "rows": [{**run["rows"][0], "before": None}]}
    head, _, row, _, said = single(alone).splitlines()
    assert row == "| a-task | 10,000 | 5,000 | 50% | 100 |"
    assert head.count("|") == row.count("|")
    assert "before: " not in said


def test_raw_physics_steps_the_pieces_of_its_episodes(monkeypatch: pytest.MonkeyPatch) -> None:
    run = CASES["raw physics"](tasks()["tetris-1piece"], np.zeros((2, 4, 2), np.float32), False)
    for _ in range(4):
        run()  # which records the controls of an episode
    stepped = []
    step = mujoco.mj_step
    monkeypatch.setattr(mujoco, "mj_step", lambda m, *rest: stepped.append(m) or step(m, *rest))
    for _ in range(4):
        run()
    pieces = {tuple(model.geom("piece0_3").pos) for model in stepped}
    worlds = make_worlds("tetris-1piece", 4)
    worlds.reset(range(4))
    assert pieces == {tuple(m.geom("piece0_3").pos) for m in worlds.physics.models}
    assert len(pieces) > 1
