"""The graph baselines on data small enough for a test: each must do what it is for."""

import dataclasses

import pytest
from stores import generated

from entitybench.agents.common.config import Phase
from entitybench.datasets.api import load_dataset
from entitybench.errors import BadValue
from entitybench.leaderboard.evaluation.evaluate import evaluate
from entitybench.leaderboard.tables.data import by_seed
from entitybench.registry import agent, resolve_agent, tasks

TASK = "dag-4"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    generated(TASK, folder / "dag", episodes=60)
    return load_dataset(folder / "dag").split("train")


def learned(id, data, **changes):
    target = resolve_agent(agent(id))
    config = target.configure(agent(id), "tiny", tasks()[TASK], **changes)
    if hasattr(config, "phases"):
        phase = Phase(updates=400, learning_rate=3e-3, final_learning_rate=3e-4)
        config = dataclasses.replace(config, phases=(phase,), width=32, batch_size=256)
    one = target.create(config, tasks()[TASK], seed=0, data=data)
    while one.step < one.total:
        one.advance(data)
    return one


def errors(one):
    record = evaluate(one, TASK, episodes=25, episode_seed=1_000_000)
    assert record.kind == "graph"
    return {metric.name: float(by_seed(record, metric.name)[0]) for metric in record.metrics}


def test_surprise_beats_chance_without_the_truth_about_causes(data):
    found = errors(learned("graph-surprise", data))
    assert found["misprediction"] < 0.2
    assert found["auroc"] > 0.85


def test_the_static_graph_knows_which_edges_there_are(data):
    found = errors(learned("graph-static", data, batches=20, batch_size=200))
    assert found["misprediction"] < 0.15
    assert found["auroc"] > 0.85


def test_distance_knows_where_the_action_acts(data):
    found = errors(learned("graph-distance", data, batches=20, batch_size=200))
    assert found["misprediction_action"] < 0.2


def test_data_without_the_truth_are_refused(tmp_path):
    generated("push-1block", tmp_path / "push", episodes=2)
    store = load_dataset(tmp_path / "push").split("train")
    with pytest.raises(BadValue, match="does not say who acted on whom") as caught:
        learned("graph-static", store)
    assert "\n" not in str(caught.value)
