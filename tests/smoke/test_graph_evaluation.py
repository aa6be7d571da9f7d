"""Graphs are evaluated in the simulation, whichever kinds their task has besides."""

from dataclasses import replace

import numpy as np
import pytest

from entitybench.envs.api import world_of
from entitybench.errors import BadValue, BenchError
from entitybench.leaderboard.evaluation.api import evaluate
from entitybench.leaderboard.evaluation.provenance import Source
from entitybench.leaderboard.evaluation.stored import scores, stored_records
from entitybench.leaderboard.plots.edges import FALSE, FOUND, MISSED, NOTHING, cells, edges, episode
from entitybench.leaderboard.tables.compare import compare
from entitybench.leaderboard.tables.data import by_seed, cell
from entitybench.leaderboard.tables.table import table
from entitybench.registry import dataset_for, datasets, tasks

RARE = replace(tasks()["dag-4"], id="toy", kwargs={"nodes": 3, "threshold": 0.1, "graph_seed": 6})


class Knows:
    """Says the truth, from the rules of the world."""

    def __init__(self, task=RARE):
        self.world = world_of(task)

    def infer(self, transitions, rng):
        now, mask = transitions["observations"].astype(float), transitions["mask"]
        state = np.concatenate([now.reshape(len(now), -1), mask.astype(float)], axis=1)
        action = transitions["actions"].astype(float)
        touched = self.world.touching(state, action, state).astype(float)
        acted = self.world.acting(state, action, state).astype(float)
        return np.concatenate([touched, acted[..., None]], axis=-1)


class Guesses:
    """Draws from the generators it is given, and reads what it is shown."""

    config = None

    def infer(self, transitions, rng):
        batch, count = transitions["mask"].shape
        assert batch == 25
        seen = 0.1 * transitions["next_observations"].sum((1, 2))[:, None, None]
        return np.clip(rng.random((batch, count, count + 1)) + seen, 0, 1)


def rows(record):
    return [(row.training_seed, row.item, row.values, row.digest) for row in record.rows]


def test_the_truth_is_without_error():
    record = evaluate(Knows(), RARE, episodes=6)
    assert record.kind == record.task.kind == "graph"
    assert record.item == "episode"
    # Observations are in single precision, so an edge on the brink may be misjudged.
    for name in ("misprediction", "misprediction_entities", "misprediction_action"):
        assert float(by_seed(record, name)[0]) < 0.003
    assert float(by_seed(record, "auroc")[0]) > 0.997
    asked = sum(record.columns.values[name][0] for name in ("tp", "fp", "fn", "tn"))
    there = np.sqrt(asked / 50)
    assert there in (1, 2, 3)  # of n that are present: n (n - 1) pairs and n edges of the action


def test_number_of_episodes_threads_and_shards_change_no_row():
    whole = rows(evaluate(Guesses(), RARE, episodes=30, threads=1))
    assert rows(evaluate(Guesses(), RARE, episodes=30, threads=3)) == whole
    assert rows(evaluate(Guesses(), RARE, episodes=4)) == whole[:4]
    assert rows(evaluate(Guesses(), RARE, episodes=1, episode_seed=27)) == whole[27:28]
    assert evaluate(Guesses(), RARE, episodes=2, bank="perturbed:latency").task.bank != "public"


@pytest.mark.parametrize("id", ["random", "zero", "constant"])
def test_what_learns_nothing_is_at_chance(id):
    record = evaluate(id, "dag-4", episodes=25)
    found = cell(record, "misprediction")
    assert found.mean == pytest.approx(0.5, abs=0.02)
    if id == "random":
        assert found.low <= found.mean <= found.high
    else:  # one half exactly, of whatever items
        assert found.method == "no interval: all values are equal"


def test_a_task_of_another_kind_is_scored_by_the_agent_s():
    assert "graph" in tasks()["sprites"].also
    assert tasks()["sprites"].kind != "graph"
    source = Source(id="guesses", kind="graph")
    record = evaluate(type("Sourced", (Everything,), {"source": source})(), "sprites", episodes=2)
    assert record.kind == "graph"
    assert record.task.kind == tasks()["sprites"].kind
    values = record.columns.values
    # The action drives the same disc always: that is counted by itself.
    assert values["action_tp"] == [50.0, 50.0]
    assert [a + b for a, b in zip(values["tp"], values["fp"], strict=True)] == [600.0, 600.0]


class Everything:
    def infer(self, transitions, rng):
        batch, count = transitions["observations"].shape[:2]
        assert transitions["actions"].ndim == 2
        return np.ones((batch, count, count + 1))


def test_a_team_s_entities_are_shown_not_what_each_agent_sees():
    source = Source(id="all", kind="graph")
    task = "hockey-mallets-2"
    record = evaluate(type("Sourced", (Everything,), {"source": source})(), task, episodes=2)
    assert record.columns.values["action_fn"] == [0.0, 0.0]
    # Three entities: two mallets and the puck.
    assert record.columns.values["entities_tn"] == [0.0, 0.0]
    pairs = [record.columns.values[f"entities_{name}"] for name in ("tp", "fp")]
    assert np.sum(pairs, axis=0).tolist() == [6 * 40, 6 * 40]


def test_the_data_are_those_that_say_who_acted_on_whom():
    assert dataset_for(tasks()["push-3blocks"], "graph") == "push-3blocks/random-v1"
    assert dataset_for(tasks()["push-3blocks"], "goal-control") == "push-3blocks/play-v1"
    assert dataset_for(tasks()["hopper"], "graph") is None
    for task in tasks():
        if "graph" in (task.kind, *task.also):
            assert datasets()[dataset_for(task, "graph")].interactions


class Raises:
    def infer(self, transitions, rng):
        raise RuntimeError("no idea")


class Lies:
    def __init__(self, given):
        self.given = given

    def infer(self, transitions, rng):
        return self.given


def test_agents_that_fail_are_named_or_count_as_wrong():
    with pytest.raises(BenchError, match=r"Raises raised RuntimeError: no idea"):
        evaluate(Raises(), RARE, episodes=2)
    record = evaluate(Raises(), RARE, episodes=2, failures="record")
    assert float(by_seed(record, "misprediction")[0]) == 1.0
    assert record.failures() == {"infrastructure": 0, "policy": 2}
    with pytest.raises(BadValue, match=r"\(25, 3\); expected \(25, 3, 4\)"):
        evaluate(Lies(np.zeros((25, 3))), RARE, episodes=2)
    for wrong in (np.nan, 1.5):
        with pytest.raises(BadValue, match=rf"is {wrong}; scores lie in \[0, 1\]"):
            evaluate(Lies(np.full((25, 3, 4), wrong)), RARE, episodes=2)


def test_agents_of_other_kinds_are_refused_in_one_line():
    for agent, task, line in (
        ("oracle", "dag-4", "Oracle cannot say who acted on whom: it lacks infer"),
        ("graph-static", "hopper", "graph-static is for graph tasks, and hopper is reward"),
        ("gcbc", "dag-4", "gcbc is for goal-control tasks, and dag-4 is graph"),
    ):
        with pytest.raises(BadValue, match=line) as caught:
            evaluate(agent, task, episodes=1)
        assert "\n" not in str(caught.value)


def test_tables_keep_kinds_apart():
    control = stored_records("sprites", ["oracle", "random"])
    graph = evaluate("zero", "dag-4", episodes=3)
    parts = table([*control, graph]).parts()
    assert [[row.record.kind for row in part.rows] for part in parts] == [
        ["goal-control"] * 2,
        ["graph"],
    ]
    assert "misprediction" in parts[1].markdown()
    assert "misprediction" not in parts[0].markdown()
    assert "success" not in parts[1].markdown()


def test_training_seeds_that_agree_in_all_are_no_more_than_one():
    """They met the same items, so that three of them know as much of others as one does."""
    one, other = (evaluate(id, "dag-4", episodes=5) for id in ("random", "zero"))
    same = [replace(row, training_seed=seed) for seed in range(3) for row in one.rows]
    three = one.model_copy(update={"columns": type(one.columns).of(same)})
    widths = []
    for record in (one, three):
        for name, numbers in compare(record, other).metrics.items():
            found = cell(record, name)
            assert (found.low, found.high) == pytest.approx(
                (cell(one, name).low, cell(one, name).high), nan_ok=True
            )
            widths.append(numbers.difference.high - numbers.difference.low)
    alone, together = np.split(np.array(widths), 2)
    # Drawn apart, items would make intervals of three seeds narrower by the root of 3.
    assert together == pytest.approx(alone, rel=0.25, nan_ok=True)
    assert (alone > 0).any()


def test_a_comparison_is_over_the_items_that_both_have():
    """Also of metrics that are no means over items, with one training seed or several."""
    for first in ("random", "graph-static"):  # one training seed, three
        whole = evaluate(first, "dag-10", episodes=12)
        part = evaluate("zero", "dag-10", episodes=12, episode_seed=6)
        common = [
            evaluate(first, "dag-10", episodes=6, episode_seed=6),
            evaluate("zero", "dag-10", episodes=6, episode_seed=6),
        ]
        found, same = compare(whole, part), compare(*common)
        assert found.episodes == 6
        assert found.metrics == same.metrics
        for name, numbers in found.metrics.items():
            x, y = (float(by_seed(record, name).mean()) for record in common)
            assert (numbers.a.mean, numbers.b.mean) == pytest.approx((x, y))
            for interval in (numbers.difference, numbers.hierarchical):
                assert interval.mean == pytest.approx(x - y)
                if not np.isnan(interval.low):
                    assert interval.low <= interval.mean <= interval.high
        balanced = found.metrics["misprediction"]
        alone = first == "random"  # of the other, each of three seeds is paired with the one
        method = "no interval: there is one training seed" if alone else "hierarchical bootstrap"
        assert balanced.hierarchical.method == method
        if not alone:
            assert balanced.hierarchical.low < balanced.hierarchical.high
        if first == "random":  # of one number each nothing is known but over items
            assert balanced.difference.method == "bootstrap over paired episodes"
            assert balanced.difference.low < balanced.difference.high
            assert np.isnan(balanced.improvement.mean)
        else:
            assert balanced.improvement.mean == 1.0
        assert "balanced misprediction" in found.markdown()


def test_stored_records_of_a_kind():
    found = stored_records("dag-4", kind="graph")
    assert {"random", "zero", "constant"} <= {record.agent.id for record in found}
    assert all(record.kind == "graph" for record in found)
    assert stored_records("dag-4", kind="goal-control") == []
    assert scores("dag-4")["zero"].startswith("misprediction 50.0 % [")


# A picture of an episode ------------------------------------------------------


class Nobody:
    """Names no edge, or all."""

    def __init__(self, score=0.0):
        self.score = score

    def infer(self, transitions, rng):
        batch, count = transitions["mask"].shape
        return np.full((batch, count, count + 1), self.score)


def test_cells_of_a_picture_say_what_was_found_missed_and_false():
    scores, truth = np.array([0.9, 0.1, 0.9, 0.1, 0.9]), np.array([1, 1, 0, 0, 1], bool)
    asked = np.array([1, 1, 1, 1, 0], bool)
    assert cells(scores, truth, asked).tolist() == [FOUND, MISSED, FALSE, NOTHING, NOTHING]


def test_an_episode_as_agents_see_it():
    knows, never, always = (
        cells(*episode(one, RARE, 3)) for one in (Knows(), Nobody(), Nobody(1.0))
    )
    assert len(knows) == 50
    assert (knows == FOUND).sum() > 0
    assert np.isin(knows, (FOUND, NOTHING)).mean() > 0.99
    np.testing.assert_array_equal(np.isin(knows, (FOUND, MISSED)), never == MISSED)
    np.testing.assert_array_equal(never == MISSED, always == FOUND)
    assert (always == FALSE).sum() > (always == FOUND).sum()


def test_the_picture_has_a_panel_for_each_agent_and_a_line_for_each_edge(tmp_path):
    agents = [("who knows", Knows()), ("nobody", Nobody())]
    drawn = edges(agents, RARE, tmp_path / "graph.svg", item=3).read_text()
    structure = world_of(RARE).structure
    assert "who knows" in drawn
    assert "nobody" in drawn
    assert drawn.count("action → node0") == 2 * structure[0, 3]
    assert drawn == edges(agents, RARE, tmp_path / "again.svg", item=3).read_text()


def test_a_picture_of_nobody_or_of_a_world_without_interactions_is_refused(tmp_path):
    with pytest.raises(BadValue, match="needs at least one agent"):
        edges([], RARE, tmp_path / "graph.svg")
    with pytest.raises(BadValue, match=r"a plot is .pdf, .svg, .png, .html: got"):
        edges([("nobody", Nobody())], RARE, tmp_path / "graph.gif")
    with pytest.raises(BadValue, match="it is no graph task"):
        episode(Nobody(), "hopper")
