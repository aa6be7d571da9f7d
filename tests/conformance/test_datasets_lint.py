"""`bench lint` over stores of ours: clean ones have no finding, planted defects are found."""

from __future__ import annotations

import json
import re
import shutil

import numpy as np
import pytest
from stores import contents, generated, rewritten
from uniform_sets import KINDS

from entitybench.datasets.lint.api import lint
from entitybench.datasets.lint.boundaries import check_rows
from entitybench.datasets.lint.scores import Goals, check_goals
from entitybench.envs.api import goal_world_of
from entitybench.errors import DataError, UnknownId
from entitybench.leaderboard.cli.main import main

GOAL, REWARD, TEAM = "push-1block", "hopper", "team-spread"  # hopper falls at different times
EPISODES = 11  # 9 for training, 2 for validation


@pytest.fixture(autouse=True)
def _root(tmp_path, monkeypatch):
    monkeypatch.setenv("ENTITYBENCH_DATA", str(tmp_path / "data"))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ENTITYBENCH_DATA", str(root))
        return {kind: generated(kind, root / kind) for kind in (GOAL, REWARD, TEAM)}


def found(report):
    return [(finding.check, finding.what) for finding in report.findings]


@pytest.mark.parametrize("task", [GOAL, REWARD, TEAM])
def test_clean_data_have_no_finding(task, made):
    report = lint(made[task].folder)
    assert found(report) == []
    assert set(report.checks.values()) == {"done"}
    assert report.counts == {"done": len(report.checks), "skipped": 0, "failed": 0}
    assert report.measured["replay_error"] == 0
    assert report.measured["replayed_episodes"] == EPISODES


def test_the_report_says_how_much_was_simulated_again(made, monkeypatch):
    monkeypatch.setattr("entitybench.datasets.lint.api.FEW", 0)
    monkeypatch.setattr("entitybench.datasets.lint.api.EPISODES", 2)
    part = f"done, 2 of {EPISODES} episodes simulated again"
    for kind in (GOAL, REWARD, TEAM):
        checks = lint(made[kind].folder).checks
        assert checks["replay"] == part
        assert checks["scores"] == ("done" if kind == GOAL else part)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_of_world_is_clean(kind, tmp_path):
    generated(kind, tmp_path / "a", 4)
    assert found(lint(tmp_path / "a", episodes=2)) == []


def test_contacts_are_recomputed(tmp_path):
    store = generated("dag-4", tmp_path / "a", 4)
    columns, rows = contents(store)
    columns["contacts"][7, 0, 0] ^= True
    rewritten(store, tmp_path / "b", columns, rows)
    assert [f.check for f in lint(tmp_path / "b").findings] == ["scores"]


# name: task, what is done to columns and rows, and the check and words that must come out.


def _terminal_early(columns, rows):
    columns["terminals"][[45, 44]] = False, True


def _mask_at_padding(columns, rows):
    columns["masks"][45] = True


def _goes_on_after_its_end(columns, rows):
    columns["masks"][20] = False


def _falls_unnoticed(columns, rows):
    ends = np.flatnonzero(~columns["masks"])
    ends = ends[~columns["terminals"][ends]]
    assert len(ends)
    columns["masks"][ends] = True


def _not_finite(columns, rows):
    columns["observations"][100:110, 1] = -np.inf


def _frozen(columns, rows):
    columns["observations"][:, 1] = columns["observations"][0, 1]


def _too_large(columns, rows):
    columns["actions"][17, 0] = 1.5


def _padding_acts(columns, rows):
    columns["actions"][45] = 0.5


def _copied(columns, rows):
    for name in ("observations", "actions", "successes"):
        columns[name][9 * 46 : 10 * 46] = columns[name][:46]


def _late(name):
    def shift(columns, rows):
        ends = np.cumsum([row["length"] + 1 for row in rows])
        for first, last in zip([0, *ends], ends, strict=False):
            part = columns[name][first:last]
            part[1:-1] = part[:-2].copy()

    return shift


def _success_unsaid(columns, rows):
    columns["successes"][3] = 1


def _return_of_another(columns, rows):
    rows[2]["return"] += 1


def _return_of_another_goal(columns, rows):
    rows[5]["return"] = -40.0


def _same_seed(columns, rows):
    rows[9]["seed"] = rows[0]["seed"]


def _evaluation_seed(columns, rows):
    rows[4]["seed"] = 3


def _actions_before_noise(columns, rows):
    columns["actions"][5] *= 0.5


def _joined(columns, rows):
    """An episode in which half of another one stands."""
    columns["observations"][20:46] = columns["observations"][66:92]


def _states_of_another(columns, rows):
    columns["states"][1] = columns["states"][4]


def _wrong_entities(columns, rows):
    columns["entities"][11, 0, 0] += 0.1


PLANTED = {
    "terminals early": (GOAL, _terminal_early, "boundaries", "set inside an episode"),
    "mask at padding": (GOAL, _mask_at_padding, "boundaries", "bootstrap"),
    "goes on": (GOAL, _goes_on_after_its_end, "boundaries", "their episodes go on"),
    "falls unnoticed": (REWARD, _falls_unnoticed, "scores", r"masks are not what the task gives"),
    "not finite": (GOAL, _not_finite, "features", r"10 of 506 .*-inf"),
    "frozen": (GOAL, _frozen, "features", "differ between starts"),
    "too large": (GOAL, _too_large, "actions", "by up to 0.5"),
    "padding acts": (GOAL, _padding_acts, "actions", "leads nowhere"),
    "copied": (GOAL, _copied, "duplicates", "1 of them in another split"),
    "rewards late": (REWARD, _late("rewards"), "scores", "off by one step"),
    "team rewards late": (TEAM, _late("rewards"), "scores", "off by one step"),
    "success unsaid": (GOAL, _success_unsaid, "scores", "1 of 506 successes"),
    "return of another": (TEAM, _return_of_another, "scores", "the rewards sum to"),
    "return of another goal": (GOAL, _return_of_another_goal, "scores", "the rewards sum to -45"),
    "same seed": (GOAL, _same_seed, "starts", "a seed of another split"),
    "evaluation seed": (GOAL, _evaluation_seed, "starts", r"below 2\*\*32"),
    "actions before noise": (GOAL, _actions_before_noise, "replay", "stored actions lead to"),
    "joined": (GOAL, _joined, "continuity", "lead from one motion into another"),
    "states of another": (GOAL, _states_of_another, "replay", "stored actions lead to"),
    "entities": (TEAM, _wrong_entities, "scores", "1 of 286 entities"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_planted_defects_are_found(name, made, tmp_path):
    task, plant, check, words = PLANTED[name]
    columns, rows = contents(made[task])
    plant(columns, rows)
    rewritten(made[task], tmp_path / "a", columns, rows)
    report = lint(tmp_path / "a", episodes=EPISODES)
    fitting = [f for f in report.findings if f.check == check and re.search(words, f.what)]
    assert fitting, found(report)
    assert report.errors
    assert all(f.where and f.fix for f in report.findings)


def test_starts_of_the_evaluation(made, tmp_path):
    """A start that an evaluation has, though its seed says otherwise."""
    columns, rows = contents(made[GOAL])
    world = goal_world_of(GOAL)
    start = world.start(5)
    columns["desired_goals"][2] = start.goal
    columns["observations"][2 * 46] = world.observe(start.qpos, start.constants)
    rewritten(made[GOAL], tmp_path / "a", columns, rows)
    assert any("public evaluation" in what for check, what in found(lint(tmp_path / "a")))


def test_rows_that_describe_other_episodes(made):
    rows, lengths = made[GOAL].episodes, made[GOAL].lengths.copy()
    splits = {"train": [0, 9], "validation": [9, 11]}
    assert check_rows(rows, lengths, splits) == []
    (finding,) = check_rows(rows, lengths, {"train": [0, 8], "validation": [8, 11]})
    assert finding.where == "episodes.jsonl, episode 8"
    lengths[3] = 44
    (finding,) = check_rows(rows, lengths, splits)
    assert "the row says 45 steps" in finding.what
    lengths[3] = 45
    (finding,) = check_rows(rows[:9], lengths, splits)
    assert "9 rows for 11 episodes" in finding.what


def test_rewards_of_goal_tasks_are_recomputed_in_every_row():
    """A point on a line, the goal at 5, a reward of 0 where it is reached and else -1."""
    places = np.tile(np.arange(10.0), 3)[:, None, None]
    offsets, episode = np.arange(0, 31, 10), np.repeat(np.arange(3), 10)

    def success(achieved, desired):
        return np.abs(achieved - desired)[:, 0, 0] < 0.5

    def findings(rewards):
        columns = {"observations": places, "desired_goals": np.full((3, 1, 1), 5.0)}
        columns |= {"rewards": rewards, "successes": places[:, 0, 0] == 5}
        found, given = check_goals(columns, offsets, episode, rules)
        assert given.tolist() == np.where(np.arange(30) % 10 == 9, 0, after).tolist()
        return found

    rules = Goals(lambda o: o, success, lambda a, d: success(a, d) - 1.0)
    here = success(places, 5.0) - 1.0
    after = np.roll(here, -1)
    assert findings(after) == []
    (finding,) = findings(here)
    assert "off by one step, those of the state before the action" in finding.what
    assert finding.where == "rewards, episode 0, step 4"
    (finding,) = findings(np.where(episode == 1, -1.0, after))
    assert "1 of 27 rewards" in finding.what
    assert "off by one" not in finding.what


def test_reference_scores(made, tmp_path):
    good = {"random": {"return": -300.0}, "oracle": {"return": -61.97}, "episodes": 100}
    for name, scores, words in (
        ("other", {**good, "oracle": {"return": -50.0}}, "measured for this version"),
        ("reversed", {**good, "random": {"return": 0.0}}, "cannot be normalised"),
    ):
        rewritten(made[GOAL], tmp_path / name, *contents(made[GOAL]), reference_scores=scores)
        report = lint(tmp_path / name, episodes=0)
        assert [f.check for f in report.findings] == ["references"]
        assert words in report.findings[0].what


def test_damaged_files_are_all_named(made, tmp_path, capsys):
    store = rewritten(made[GOAL], tmp_path / "a", *contents(made[GOAL]))
    with (store.folder / "actions.npy").open("r+b") as file:
        file.seek(300)
        file.write(b"?")
    (store.folder / "masks.npy").write_bytes(b"")
    report = lint(tmp_path / "a")
    assert [(f.check, f.where) for f in report.findings] == [
        ("files", "actions.npy"),
        ("files", "masks.npy"),
    ]
    assert report.checks["replay"] == "skipped: files are damaged"
    assert report.checks["files"] == "failed: 2 errors"
    assert report.counts == {"done": 0, "skipped": len(report.checks) - 1, "failed": 1}
    assert main(["lint", str(tmp_path / "a")]) == 2
    assert "2 errors, 0 warnings" in capsys.readouterr().out
    (store.folder / "manifest.json").write_text("{")
    assert main(["lint", str(tmp_path / "a")]) == 2
    assert "manifest.json" in capsys.readouterr().err


def test_other_physics_are_not_replayed(made, tmp_path):
    rewritten(made[GOAL], tmp_path / "a", *contents(made[GOAL]), mujoco="3.7.0")
    checks = lint(tmp_path / "a").checks
    assert checks["replay"].startswith("skipped: made with MuJoCo 3.7.0")
    assert checks["scores"] == "done"  # of a goal task they need no simulation
    rewritten(made[REWARD], tmp_path / "c", *contents(made[REWARD]), mujoco="3.7.0")
    assert lint(tmp_path / "c").checks["scores"].startswith("done: not in full: made with MuJoCo")
    rewritten(made[GOAL], tmp_path / "b", *contents(made[GOAL]), task_version=0)
    assert "another version" in lint(tmp_path / "b").checks["replay"]


def test_rewards_at_padding_rows_are_found(made, tmp_path):
    columns, rows = contents(made[REWARD])
    columns["rewards"][made[REWARD].offsets[1:] - 1] = -1
    report = lint(rewritten(made[REWARD], tmp_path / "a", columns, rows).folder)
    assert any("padding rows hold a reward" in f.what for f in report.findings)
    assert report.checks["boundaries"] == "failed: 1 error"


def test_the_command(made, capsys):
    folder = str(made[GOAL].folder)
    assert main(["lint", folder, "--episodes", "2"]) == 0
    shown = capsys.readouterr().out
    assert "0 errors, 0 warnings; checks: 10 done, 0 skipped, 0 failed" in shown
    assert "replayed episodes  2" in shown
    assert main(["lint", folder, "--episodes", "2", "--strict"]) == 0
    capsys.readouterr()
    assert main(["lint", folder, "--episodes", "0"]) == 0
    shown = capsys.readouterr().out
    assert "skipped: no episode was to be simulated again" in shown
    assert "checks: 9 done, 1 skipped, 0 failed" in shown
    assert main(["lint", folder, "--episodes", "0", "--strict", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["skipped"] == 1
    assert main(["lint", folder, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["errors"], report["findings"], report["episodes"]) == (0, [], EPISODES)
    assert 0 <= report["measured"]["saturated"] < 0.01


def test_sources_that_lead_nowhere(tmp_path):
    with pytest.raises(DataError, match="bench generate"):
        lint("push-2blocks/play-v1")
    with pytest.raises(UnknownId, match="push-2blocks/play-v1"):
        lint("push-2blocks/plya-v1")
    with pytest.raises(DataError, match="nothing at"):
        lint(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no Minari dataset"):
        lint(tmp_path / "empty")


def test_linting_changes_nothing(made, tmp_path):
    folder = made[GOAL].folder
    shutil.copytree(folder, tmp_path / "b")
    lint(folder)
    for path in (tmp_path / "b").iterdir():
        assert (folder / path.name).read_bytes() == path.read_bytes()
    assert len(list(folder.iterdir())) == len(list((tmp_path / "b").iterdir()))
