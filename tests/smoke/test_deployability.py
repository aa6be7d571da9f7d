"""What matters on a robot beside success: limits, jerk, contacts with obstacles, time, costs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import entitybench as eb
from entitybench.envs.api import make_worlds, world_of
from entitybench.envs.core.obstacles import Bumps
from entitybench.errors import UnknownId
from entitybench.kinds import COSTS
from entitybench.leaderboard.cli.main import main
from entitybench.leaderboard.evaluation.evaluate import evaluate
from entitybench.leaderboard.evaluation.handling import Handling, jerk, violations
from entitybench.leaderboard.evaluation.latency import LEAST
from entitybench.leaderboard.evaluation.stored import stored_records
from entitybench.leaderboard.submission.arrays import unpacked
from entitybench.leaderboard.submission.check import verify
from entitybench.leaderboard.submission.pack import pack
from entitybench.leaderboard.submission.rules import Report
from entitybench.leaderboard.submission.wanted import Wanted
from entitybench.leaderboard.tables.extras import extra_cell, handled
from entitybench.leaderboard.tables.table import table
from entitybench.records import MOST, Costs, Record
from entitybench.registry import tasks
from tests.support.bundles import ACTIONS, STATES, Files, altered, content, moved, row

RECORDS = Path(__file__).parents[2] / "leaderboard" / "reference" / "records"


class Towards:
    """Goes the same way always, beyond the limits on the first axis."""

    def __init__(self, action: tuple[float, ...] = (3.0, 0.25)) -> None:
        self.action = action

    def initial_state(self, batch: int) -> None:
        del batch

    def act(self, obs: dict[str, Any], state: None, rng: Any) -> tuple[Any, None]:
        del obs
        return np.tile(self.action, (len(rng), 1)), state


class Flips(Towards):
    """From one limit to the other, at every step."""

    def initial_state(self, batch: int) -> Any:
        return np.ones((batch, 2))

    def act(self, obs: dict[str, Any], state: Any, rng: Any) -> tuple[Any, Any]:
        del obs, rng
        return state, -state


def test_violations_by_hand() -> None:
    actions = np.array([[0.0, 1.0], [-1.0, 1.5], [-2.0, -1.0001], [0.5, 0.5]])
    assert violations(actions) == 3 / 8
    assert np.isnan(violations(np.empty((0, 2))))


def test_jerk_by_hand() -> None:
    assert jerk(np.linspace([-1, 0], [1, 0.5], 9)) == pytest.approx(0, abs=1e-15)
    assert jerk(np.tile([[1.0, -1.0], [-1.0, 1.0]], (4, 1))) == 2
    # Second differences (1, 0) and (-2, 4), halved; one is cut from 5 to 1 before.
    actions = np.array([[0.0, 0.0], [0.0, 0.0], [1.0, 0.0], [0.0, 5.0]])
    expected = (np.sqrt((0.5**2 + 0) / 2) + np.sqrt((1.0**2 + 0.5**2) / 2)) / 2
    assert jerk(actions) == pytest.approx(expected, rel=1e-12)
    assert np.isnan(jerk(actions[:2]))
    noise = np.random.default_rng(0).uniform(-1, 1, (1000, 1000))
    assert jerk(noise) == pytest.approx(np.sqrt(0.5), abs=0.002)


def test_rows_hold_how_the_robot_was_handled() -> None:
    record = evaluate(Towards(), "push-1block", episodes=2, threads=1)
    assert record.columns.values["violations"] == [0.5, 0.5]
    assert record.columns.values["jerk"] == [0.0, 0.0]
    assert "contacts" not in record.columns.values  # there is nothing to stay clear of
    flips = evaluate(Flips(), "push-1block", episodes=2, threads=1)
    assert flips.columns.values["jerk"] == [2.0, 2.0]
    assert flips.columns.values["violations"] == [0.0, 0.0]


@pytest.mark.parametrize(
    "task", [t.id for t in tasks() if "obstacles" in t.id or "maze" in t.id or t.id == "team-tag"]
)
def test_every_world_names_obstacles_that_are_there(task: str) -> None:
    world: Any = world_of(tasks()[task])
    assert world.obstacles
    if world.reads:
        assert Bumps(world)._pairs


def test_a_touch_is_what_the_places_say() -> None:
    """A point that is pushed against a wall of a maze touches it from when it is there."""
    worlds = make_worlds(tasks()["point-maze-u"], 3, 1)
    worlds.reset([0, 1, 2])
    seen = []
    for _ in range(60):
        worlds.step(np.array([[-1.0, 0.0], [0.0, 0.0], [0.0, 0.0]]))
        seen.append(worlds.bumped())
    found = np.array(seen)
    assert found[-1].tolist() == [True, False, False]
    assert not found[0].any()
    first = int(np.argmax(found[:, 0]))
    assert found[first:, 0].mean() > 0.9
    worlds.close()


def test_other_contacts_are_no_contacts_with_obstacles() -> None:
    """The pusher touches blocks too, and blocks touch posts: neither counts."""
    worlds = make_worlds(tasks()["push-1block-obstacles"], 1, 1)
    bumps = Bumps(worlds.world)
    model = worlds.model
    pusher, block, post = (model.geom(name).id for name in ("pusher", "block0", "post1"))

    class Data:
        def __init__(self, *pairs: tuple[int, int]) -> None:
            self.ncon = len(pairs)
            self.contact = type("Contacts", (), {"geom": np.array(pairs).reshape(-1, 2)})

    cases = [(), ((pusher, block),), ((block, post),), ((block, pusher), (post, pusher))]
    assert bumps.of([Data(*pairs) for pairs in cases]).tolist() == [False, False, False, True]
    worlds.close()


def test_discs_that_overlap_a_landmark_touch_it() -> None:
    worlds = make_worlds(tasks()["team-tag"], 2, 1)
    worlds.reset([0, 1])
    world: Any = worlds.world
    places = world.places(worlds.state)  # a view
    places[:, :3] = [[5.0, 5.0], [6.0, 5.0], [7.0, 5.0]]
    places[1, 1] = places[1, 4] + [0.2, 0.0]
    assert worlds.bumped().tolist() == [False, True]
    places[1, 1], places[1, 3] = [6.0, 5.0], places[1, 4]  # the prey is no agent
    assert worlds.bumped().tolist() == [False, False]


def test_nothing_is_said_of_what_never_acted() -> None:
    handling = Handling(world_of(tasks()["push-1block-obstacles"]))
    assert (
        handling.values(np.zeros(2, int))
        == [{"violations": None, "jerk": None, "contacts": None}] * 2
    )


# --- times and costs ---


def test_single_decisions_are_timed_beside_the_rows() -> None:
    record = eb.evaluate(Towards(), "push-1block", episodes=2, threads=1)
    plain = evaluate(Towards(), "push-1block", episodes=2, threads=1)
    costs = record.costs
    assert costs is not None
    assert costs.decisions >= LEAST
    assert costs.decision_p50_ms is not None
    assert costs.decision_p99_ms is not None
    assert 0 < costs.decision_p50_ms <= costs.decision_p99_ms
    assert costs.evaluation_cpu_s is not None
    assert costs.evaluation_cpu_s > 0
    assert plain.costs is not None
    assert plain.costs.decisions == 0
    assert plain.deterministic() == record.deterministic()
    assert "costs" not in record.deterministic()


def test_what_cannot_act_for_one_episode_is_told() -> None:
    class Whole(Towards):
        def initial_state(self, batch: int) -> None:
            assert batch == 25

    record = eb.evaluate(Whole(), "push-1block", episodes=1, threads=1)
    assert record.costs is not None
    assert record.costs.unmeasured == "it cannot act for one episode: AssertionError"
    assert "was not timed: it cannot act" in handled(record)


def test_costs_are_read_again_and_absent_where_nobody_measured(tmp_path: Path) -> None:
    record = eb.evaluate(Towards(), "push-1block", episodes=1, threads=1)
    assert Record.read(record.write(tmp_path / "new.json")) == record
    file = next(
        path
        for path in sorted(RECORDS.glob("*/*.json"))
        if (data := json.loads(path.read_text()))["schema_version"] == 2 and "costs" not in data
    )
    stored = Record.read(file)
    assert stored.costs is None
    assert stored.to_json() == file.read_text()


def test_costs_of_records_that_make_one_row() -> None:
    first = Costs(decisions=0, evaluation_cpu_s=1.5, training_cpu_s={"0": 10.0})
    second = Costs(
        decision_p50_ms=1.0,
        decision_p99_ms=2.0,
        decisions=100,
        evaluation_cpu_s=2.0,
        training_cpu_s={"1": 12.0},
    )
    both = Costs.together([first, second])
    assert (both.decision_p50_ms, both.decisions, both.evaluation_cpu_s) == (1.0, 100, 3.5)
    assert both.training_cpu_s == {"0": 10.0, "1": 12.0}
    assert Costs.together([first, Costs()]).evaluation_cpu_s is None


# --- tables ---


def test_tables_show_them_where_they_are_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    calm = evaluate(Towards(), "push-1block", episodes=2, threads=1)
    wild = evaluate(Flips(), "push-1block", episodes=2, threads=1)
    plain = table([wild, calm])
    assert "jerk of actions" not in plain.markdown()
    ranked = plain.ranked("jerk")
    assert [row.record.agent.id for row in ranked.rows] == ["Towards", "Flips"]
    assert ranked.grid().header[-2] == "jerk of actions"
    chosen = plain.showing(["deployability"])
    assert chosen.grid().header[1] == "success, last step (%)"
    assert {metric.name for metric in COSTS} < set(chosen.metrics)
    assert chosen.to_json()["rows"][0]["metrics"]["jerk"]["mean"] == 2.0
    assert chosen.values()[1]["violations"] == 0.5
    assert chosen.grid().rows[0][chosen.grid().header.index("touching obstacles (steps)")] == "–"
    with pytest.raises(UnknownId, match="jerk"):
        plain.showing(["jork"])
    stored = str(RECORDS / "push-1block" / "random.json")
    assert main(["table", stored, "--columns", "success", "jerk", "--json"]) == 0
    assert list(json.loads(capsys.readouterr().out)["rows"][0]["metrics"]) == ["success", "jerk"]
    assert main(["table", "--suite", "control-small", "--columns", "jerk"]) == 2
    assert "--columns are of tables by task" in capsys.readouterr().err


def test_the_share_of_numbers_beyond_limits_is_no_yes_or_no() -> None:
    record = evaluate(Flips(), "push-1block", episodes=5, threads=1)
    assert np.isnan(extra_cell(record, "violations").low)  # all equal: nothing is known


def test_the_command_says_it_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "a.json")
    words = ["eval", "--agent", "constant", "--task", "point-maze-u", "--episodes", "1"]
    assert main([*words, "--out", out]) == 0
    line = next(x for x in capsys.readouterr().out.splitlines() if x.startswith("constant: a "))
    assert "a single decision 0." in line
    assert "jerk 0.000" in line
    assert "steps an episode in touch with obstacles" in line


# --- bundles ---


@pytest.fixture(scope="module")
def bundle() -> tuple[bytes, Record]:
    record = eb.evaluate("random", "point-maze-u", episodes=2, threads=1)
    assert max(record.columns.values["contacts"]) > 0  # type: ignore[type-var]
    return pack(record, threads=1), record


def test_a_bundle_with_them_passes(bundle: tuple[bytes, Record]) -> None:
    report = verify(bundle[0], Wanted(threads=1))
    assert (report.findings, report.level) == ([], 2)


@pytest.mark.parametrize("name", ["violations", "jerk", "contacts"])
def test_the_checker_finds_each_of_them_altered(name: str, bundle: tuple[bytes, Record]) -> None:
    before = bundle[1].columns.values[name][1]
    assert before is not None
    changed = altered(bundle[0], row(name, 0.5 if before != 0.5 else 0.25))
    report: Report = verify(changed, Wanted(threads=1))
    assert [f.rule for f in report.findings] == ["scores"]
    assert report.findings[0].what.startswith(f"{name} is ")
    assert report.findings[0].where == "training seed 0, episode 1"


def test_a_rounding_hides_no_contacts(bundle: tuple[bytes, Record]) -> None:
    """Some of them may come a step earlier where states round otherwise, and no more."""
    touched = bundle[1].columns.values["contacts"][1]
    assert touched is not None
    for number, severity in ((touched + 1, "warning"), (touched + 0.2 * touched + 3, "error")):

        def alter(files: Files, number: float = number) -> None:
            moved(STATES, (-2, 1), 1e-10)(files)
            row("contacts", number)(files)

        found = verify(altered(bundle[0], alter), Wanted(threads=1)).findings
        scores = [each for each in found if each.what.startswith("contacts is ")]
        assert [each.severity for each in scores] == [severity]


def test_actions_beyond_the_limits_are_packed_as_they_were(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "import numpy as np\n\n\nclass Towards:\n"
        "    def initial_state(self, batch):\n        return None\n\n"
        "    def act(self, obs, state, rng):\n"
        "        return np.tile((3.0, 1e300), (len(rng), 1)), state\n"
    )
    record = eb.evaluate(f"{file}:Towards", "push-1block", episodes=1, threads=1)
    assert record.columns.values["violations"] == [1.0]
    made = pack(record, threads=1)
    actions = unpacked(content(made)[ACTIONS], ("<f8",))
    assert actions[0].tolist() == [3.0, MOST]
    report = verify(made, Wanted(threads=1))
    assert (report.findings, report.level) == ([], 2)


def test_what_learned_by_acting_is_told_in_environment_steps() -> None:
    [acted] = stored_records("hockey-goal", ["hint"])
    [learned] = stored_records("hockey-goal", ["gcbc"])
    assert "150,000 environment steps of training" in handled(acted)
    assert f"{learned.agent.updates:,} training updates" in handled(learned)
