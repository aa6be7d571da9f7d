"""The graph baselines on data small enough for a test: each must do what it is for."""

import dataclasses

import numpy as np
import pytest
from stores import contents, generated, rewritten

from entitybench.datasets.api import load_dataset
from entitybench.envs.offers import offers
from entitybench.errors import BadValue, BenchError
from entitybench.leaderboard.evaluation.evaluate import evaluate
from entitybench.leaderboard.tables.data import by_seed
from entitybench.needs import check_fit
from entitybench.registry import agent, resolve_agent, tasks

TASK = "dag-4"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    generated(TASK, folder / "dag", episodes=60)
    return load_dataset(folder / "dag").split("train")


# Three nodes, and one pair of them that interacts: 0 acts on 1, the action on 0, nobody on 2.
PAIR = {"nodes": 3, "graph_seed": 0}
TOY = dataclasses.replace(tasks()[TASK], kwargs=PAIR)


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toy") / "dag"
    generated(TASK, folder, episodes=400, validation_episodes=50, absent=0.3, world_kwargs=PAIR)
    return load_dataset(folder).split("train")


def learned(id, data, updates=400, task=None, **changes):
    task = task or tasks()[TASK]
    target = resolve_agent(agent(id))
    config = target.configure(agent(id), "tiny", task, **changes)
    if hasattr(config, "phases"):
        config = dataclasses.replace(config, phases=of_many(config.phases, updates), width=32)
        config = dataclasses.replace(config, batch_size=256)
    one = target.create(config, task, seed=0, data=data)
    while one.step < one.total:
        one.advance(data)
    return one


def of_many(phases, updates):
    """Phases of a preset for tests, made as long as they must be to learn something."""
    total = sum(phase.updates for phase in phases)
    first = phases[0].updates == 1  # NCII's passive model needs more than a test of contracts
    counts = [max(20 if first else 1, updates * phase.updates // total) for phase in phases]
    rates = {"learning_rate": 3e-3, "final_learning_rate": 3e-4}
    return tuple(
        dataclasses.replace(phase, updates=count, **rates)
        for phase, count in zip(phases, counts, strict=True)
    )


def errors(one, task=TASK):
    record = evaluate(one, task, episodes=25, episode_seed=1_000_000)
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


def test_ncii_finds_edges_without_the_truth_but_for_two_thresholds(data):
    found = errors(learned("ncii", data, updates=900, null_transitions=3_000))
    assert found["misprediction"] < 0.35
    assert found["auroc"] > 0.7


# With a fourth of these data, or half of the updates, the first two are little better than chance:
# what is left of noise in a model has a steep likelihood where the model is certain.
@pytest.mark.parametrize(
    ("id", "updates", "bound", "changes"),
    [
        pytest.param("graph-gradient", 3_000, 0.25, {}, marks=pytest.mark.slow),
        ("graph-attention", 1_200, 0.12, {}),
        ("graph-counterfactual", 1_500, 0.2, {"samples": 8}),
        pytest.param("graph-jaci", 1_200, 0.2, {}, marks=pytest.mark.slow),
        pytest.param("graph-ncd", 800, 0.12, {"contexts": 3}, marks=pytest.mark.slow),
        ("graph-cai", 1_500, 0.2, {"samples": 8}),
    ],
)
def test_each_learner_finds_the_one_pair_that_interacts(id, updates, bound, changes, toy):
    found = errors(learned(id, toy, updates, TOY, **changes), TOY)
    assert found["misprediction"] < bound
    assert found["auroc"] > 0.85


@pytest.mark.parametrize("id", ["graph-surprise", "graph-gradient"])
def test_thresholds_see_no_truth_but_that_of_the_validation_split(id, data, tmp_path):
    whole = load_dataset(data.folder)
    columns, rows = contents(whole)
    for row, first, end in zip(rows, whole.offsets[:-1], whole.offsets[1:], strict=True):
        if row["split"] == "train":
            columns["contacts"][first:end] = False
    blind = rewritten(whole, tmp_path / "blind", columns, rows).split("train")
    found = [learned(id, each, updates=40).buffers["thresholds"] for each in (data, blind)]
    np.testing.assert_array_equal(*found)
    assert (found[0] < 1e29).any()


def test_data_in_which_nobody_is_ever_there_are_refused(data, tmp_path):
    whole = load_dataset(data.folder)
    columns, rows = contents(whole)
    columns["entity_masks"] = np.zeros((len(columns["actions"]), 4), bool)
    nobody = rewritten(whole, tmp_path / "nobody", columns, rows)
    with pytest.raises(BadValue, match=r"all entities of .* are absent in all episodes") as caught:
        learned("ncii", nobody.split("train"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("id", ["ncii", "graph-gradient", "graph-surprise"])
def test_data_without_labels_to_tune_by_are_refused_before_training(id, data, tmp_path):
    whole = load_dataset(data.folder)
    columns, rows = contents(whole)
    alone = [{**row, "split": "train"} for row in rows]
    split = rewritten(whole, tmp_path / "alone", columns, alone).split("train")
    columns["contacts"][:] = np.eye(4, 5, dtype=bool)  # the diagonal, which is always true
    still = rewritten(whole, tmp_path / "still", columns, rows).split("train")
    for store, said in {split: "has no split 'validation'", still: "nobody acts on any"}.items():
        with pytest.raises(BadValue, match=said) as caught:
            learned(id, store, updates=0)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("id", ["graph-static", "graph-distance"])
def test_what_only_counts_refuses_data_without_interactions(id, data, tmp_path):
    whole = load_dataset(data.folder)
    columns, rows = contents(whole)
    columns["contacts"][:] = np.eye(4, 5, dtype=bool)  # the diagonal, which is always true
    still = rewritten(whole, tmp_path / "still", columns, rows).split("train")
    with pytest.raises(
        BadValue, match=r"nobody acts on anybody in .*no interactions to learn from"
    ):
        learned(id, still)


def test_data_in_which_nothing_is_controlled_have_no_influence_to_measure(data, tmp_path):
    whole = load_dataset(data.folder)
    columns, rows = contents(whole)
    columns["actions"][:] = 0.5
    idle = rewritten(whole, tmp_path / "idle", columns, rows)
    with pytest.raises(BadValue, match="there is no controlled factor") as caught:
        learned("graph-cai", idle.split("train"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("id", ["ncii", "graph-gradient"])
def test_a_world_without_interactions_is_refused(id):
    with pytest.raises(BenchError, match="is for graph tasks, and push-1block is") as caught:
        check_fit(agent(id), tasks()["push-1block"], offers(tasks()["push-1block"]))
    assert "\n" not in str(caught.value)


def test_data_without_the_truth_are_refused(tmp_path):
    generated("push-1block", tmp_path / "push", episodes=2)
    store = load_dataset(tmp_path / "push").split("train")
    with pytest.raises(BadValue, match="does not say who acted on whom") as caught:
        learned("graph-static", store)
    assert "\n" not in str(caught.value)
