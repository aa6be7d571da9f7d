"""What people look at in Python: records, tables, comparisons, loaded agents; and `predict`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import entitybench as eb
from entitybench.errors import BadValue, RecordError, UnknownId
from entitybench.leaderboard.evaluation.weights import REFERENCE
from entitybench.records import Record

RECORDS = REFERENCE / "records"
HECRL, GCBC = (RECORDS / "push-1block" / f"{name}.json" for name in ("hecrl", "gcbc"))


def test_a_number_is_read_from_a_record() -> None:
    record = Record.read(HECRL)
    rows = [row.values["success"] for row in record.rows]
    assert record.summary()["success"] == pytest.approx(np.mean(rows))
    cells = eb.table(record).rows[0].cells
    for name, value in record.summary().items():
        assert value == pytest.approx(cells[name].mean)
    assert str(record) == "<Record of hecrl on push-1block-v1: success 95.6 %, 5 × 100 episodes>"
    assert "success, last step (%)</td><td>95.6" in record._repr_html_()


def test_a_record_of_one_seed_without_values_says_so() -> None:
    record = Record.read(HECRL)
    columns = record.columns
    values = {name: [None] * len(column) for name, column in columns.values.items()}
    changes = {"values": values, "training_seed": [0] * len(columns.training_seed)}
    empty = record.model_copy(update={"columns": columns.model_copy(update=changes)})
    shown = empty._repr_html_()
    assert "1 training seed × " in shown
    assert "<td>–</td>" in shown
    assert "nan" not in shown
    assert "success –, 1 × " in repr(empty)


@pytest.mark.parametrize("path", sorted(RECORDS.glob("dag-*/graph-*.json"))[:3], ids=str)
def test_metrics_that_are_no_means_are_summed_up_as_in_tables(path: Path) -> None:
    record = Record.read(path)
    cells = eb.table(record).rows[0].cells
    for name, value in record.summary().items():
        assert value == pytest.approx(cells[name].mean, nan_ok=True)


def test_tables_take_records_files_and_folders() -> None:
    made = eb.table([Record.read(HECRL), GCBC])
    assert [row.record.agent.id for row in made.rows] == ["hecrl", "gcbc"]
    best = eb.table(RECORDS / "push-1block", sort="success")
    assert best.rows[0].record.agent.id == "ec-iql"
    assert "push-1block version 1" in repr(best)
    assert best._repr_html_().startswith("<table>")
    for wrong in (3, None, [3]):
        with pytest.raises(RecordError, match=r"got (3|None)"):
            eb.table(wrong)  # type: ignore[arg-type]
    with pytest.raises(UnknownId, match=r"unknown metric 'sucess'\. Did you mean 'success'"):
        eb.table(HECRL, sort="sucess")


def test_two_records_are_compared() -> None:
    found = eb.compare(HECRL, Record.read(GCBC))
    assert found.metrics["success"].difference.mean > 0.4
    assert "hecrl − gcbc" in repr(found)
    with pytest.raises(RecordError, match="two records are compared"):
        eb.compare(RECORDS / "push-1block", GCBC)


def played(env: Any, agent: Any, seed: int) -> float:
    """The return of an episode in a loop of one's own."""
    obs, _ = env.reset(seed=seed)
    total, over, action = 0.0, False, agent.predict(obs, begin=True)
    while not over:
        obs, reward, terminated, truncated, _ = env.step(action)
        total, over = total + reward, terminated or truncated
        action = agent.predict(obs)
    return total


def test_a_loaded_agent_acts_in_a_loop_as_it_is_evaluated() -> None:
    pytest.importorskip("torch")
    agent = eb.load_agent("ec-iql", task="push-1block")
    assert repr(agent).startswith("<ec-iql for push-1block: training seed 0, preset small")
    record = eb.evaluate("ec-iql", "push-1block", training_seeds=[0], episodes=2)
    env = eb.make("push-1block")
    returns = [played(env, agent, seed) for seed in (0, 1)]
    # A batch is rounded otherwise than one row, so that it may take some steps more.
    expected = [row.values["return"] for row in record.rows]
    assert np.abs(np.array(returns) - expected).max() <= 5


def test_vectors_and_teams_are_played_too() -> None:
    agent = eb.load_agent("random", task="push-1block")
    envs = eb.make_vec("push-1block", 3)
    obs, _ = envs.reset(seed=0)
    actions = agent.predict(obs, begin=True)
    assert actions.shape == (3, 2)
    envs.step(actions)
    for task in ("team-spread", "team-matrix-xor"):
        team: Any = eb.make(task)
        seen, _ = team.reset(seed=0)
        joint = eb.load_agent("random", task=task).predict(seen)
        assert set(joint) == set(team.agents)
        team.step(joint)
    hopper = eb.make("hopper")
    state, _ = hopper.reset(seed=0)
    assert hopper.action_space.contains(eb.load_agent("random", task="hopper").predict(state))


def test_what_is_no_observation_is_told() -> None:
    agent = eb.load_agent("random", task="push-1block")
    for wrong, got in (
        ([1, 2], r"list of observation \(2,\) int64"),
        ([[1], [1, 2]], "list of no arrays"),
        (eb.make("push-1block").reset(seed=0)[0]["observation"], r"ndarray of observation \("),
        (eb.make("push-3blocks").reset(seed=0)[0], r"dict of .*desired_goal \(4, 20\) float32"),
        (eb.make("hopper").reset(seed=0)[0], r"ndarray of observation \("),
    ):
        with pytest.raises(BadValue, match=f"^an observation of push-1block is what .*: got {got}"):
            agent.predict(wrong)
    team: Any = eb.load_agent("random", task="team-spread")
    cut = {name: seen[:-1] for name, seen in eb.make("team-spread").reset(seed=0)[0].items()}
    with pytest.raises(BadValue, match="each agent's observation of team-spread has the shape"):
        team.predict(cut)
    with pytest.raises(BadValue, match="a dict by agent"):
        team.predict(np.zeros(3))
    members, _ = eb.make("team-pushbox").reset(seed=0)
    knows = eb.load_agent("oracle", task="team-pushbox")
    with pytest.raises(BadValue, match=r"of team-pushbox reads 'state' too.*eb\.evaluate gives it"):
        knows.predict(members)
    pytest.importorskip("torch")
    with pytest.raises(BadValue, match="graph-static is for graph tasks and does not act"):
        eb.load_agent("graph-static", task="dag-10").predict(np.zeros((10, 4)))
