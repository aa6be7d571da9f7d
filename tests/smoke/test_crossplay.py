"""`bench crossplay` end to end: games, tables, pictures, going on after a stop, and errors."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

import entitybench as eb
from entitybench.datasets.generate.api import generate
from entitybench.errors import BadValue, BenchError, RecordError, UnknownId
from entitybench.leaderboard.cli.main import main
from entitybench.leaderboard.crossplay.games import play_games
from entitybench.leaderboard.crossplay.result import Crossplay
from entitybench.leaderboard.crossplay.stored import Document
from entitybench.leaderboard.crossplay.teams import teams_of
from entitybench.registry import tasks

GAME = "hockey-2v2"
SHORT = dataclasses.replace(tasks()[GAME], horizon=8)


class Forward:
    """Drives towards the other side, by its own observation alone."""

    def __init__(self, pace=1.0):
        self.pace = pace

    def initial_state(self, batch):
        return np.zeros(batch)

    def act(self, obs, state, rng):
        toward = obs["observation"][..., -4:-2] - obs["observation"][..., :2]
        return np.clip(self.pace * 8 * toward, -1, 1), state + 1


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two training seeds of ma-bc, tiny."""
    folder = tmp_path_factory.mktemp("crossplay")
    generate(f"{GAME}/random-v1", episodes=2, workers=1, out=folder / "data", say=lambda _: None)
    how = {"preset": "tiny", "seeds": [0, 1], "dataset": str(folder / "data")}
    eb.train("ma-bc", GAME, out=folder / "ma-bc", evaluate_every=0, **how)
    return folder / "ma-bc"


def bench(words, capsys):
    code = main(["crossplay", *map(str, words)])
    return code, *capsys.readouterr()


def test_the_command_plays_everybody_on_both_sides(runs, tmp_path, capsys):
    out = tmp_path / "out"
    words = ["--task", GAME, "--agents", f"ma-bc={runs}", "random", "--strangers", 1]
    code, shown, told = bench([*words, "--games", 1, "--out", out], capsys)
    assert code == 0, told
    lines = shown.splitlines()
    assert "hockey-2v2 version 1: 4 teams" in lines[0]
    methods = ["ma-bc", "ma-bc strangers †", "random †"]
    assert sorted(line.partition("  ")[0] for line in lines[4:7]) == methods
    found = Crossplay.read(out)
    assert found.methods.teams == (2, 1, 1)
    assert found.teams.names == ("ma-bc 0", "ma-bc 1", "ma-bc strangers 0+1", "random 0")
    assert found.teams.games.tolist() == (2 - 2 * np.eye(4)).tolist()
    assert found.methods.games.tolist() == [[4, 4, 4], [4, 0, 2], [4, 2, 0]]
    for name in ("methods.png", "teams.png"):
        assert (out / name).read_bytes().startswith(b"\x89PNG")
    # All games are there: nothing is played again, and the file stays as it is, byte by byte.
    before = (out / "crossplay.json").read_bytes()
    code, shown, _ = bench([*words, "--games", 1, "--out", out, "--json"], capsys)
    assert code == 0
    assert json.loads(shown) == json.loads(before)
    assert (out / "crossplay.json").read_bytes() == before


def test_the_script_beats_who_does_nothing(tmp_path, capsys):
    out = tmp_path / "out"
    words = ["--task", "hockey-1v1", "--agents", "zero", "oracle", "--games", 6, "--out", out]
    code, shown, told = bench(words, capsys)
    assert code == 0, told
    assert [line.split()[0] for line in shown.splitlines()[4:6]] == ["oracle", "zero"]
    found = Crossplay.read(out).methods
    assert found.difference[1][0].mean > 0
    assert found.ratings[1].mean == pytest.approx(-found.ratings[0].mean)


def test_the_file_follows_its_schema(tmp_path):
    eb.crossplay({"a": Forward(), "b": Forward(0.5)}, SHORT, games=2, out=tmp_path, threads=1)
    written = json.loads((tmp_path / "crossplay.json").read_text())
    assert set(written) == set(Document.model_fields)
    for by in ("methods", "teams"):
        found = written["summary"][by]
        assert set(found) == {
            "names",
            "ratings",
            "games",
            "wins",
            "draws",
            "losses",
            "goal_difference",
        }
        total = sum(np.array(found[name], float) for name in ("wins", "draws", "losses"))
        np.testing.assert_allclose(total[~np.eye(2, dtype=bool)], 1)


def test_threads_and_blocks_change_no_game(tmp_path):
    """Starts 20 to 29 are of two blocks, whose rows are the same in one go and one by one."""
    agents = {"random": "random", "forward": Forward(), "zero": "zero"}
    how = {"task": SHORT, "episode_seed": 20}
    one = eb.crossplay(agents, games=10, threads=1, **how)
    two = eb.crossplay(agents, games=10, threads=3, **how)
    assert one.document == two.document
    part = eb.crossplay(agents, games=7, threads=1, out=tmp_path, **how)
    for whole, less in zip(one.document.goals, part.document.goals, strict=True):
        np.testing.assert_array_equal(whole[..., :7], less)
    more = eb.crossplay(agents, games=10, threads=1, out=tmp_path, **how)
    assert more.document == one.document
    assert repr(one).startswith("hockey-2v2 version 1: 3 teams")
    assert "<table>" in one._repr_html_()


def test_a_stopped_run_goes_on_with_the_games_that_are_missing(tmp_path):
    agents = {"random": "random", "forward": Forward(), "zero": "zero"}
    unbroken = eb.crossplay(agents, SHORT, games=2, threads=1)
    steps: list[int] = []

    def stop(done, total):
        steps.append(total)
        if done == 3 * SHORT.horizon + 2:  # in the fourth of six pairs
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        eb.crossplay(agents, SHORT, games=2, threads=1, out=tmp_path, progress=stop)
    stored = Document.read(tmp_path / "crossplay.json")
    missing = 6 - len(stored.pairs)
    assert 1 <= missing <= 3  # a worker may have begun the next before it hears of the stop
    assert stored.summary is None
    assert f"{2 * missing} games are missing" in repr(Crossplay(stored))
    steps.clear()
    resumed = eb.crossplay(
        agents, SHORT, games=2, threads=1, out=tmp_path, progress=lambda _, n: steps.append(n)
    )
    assert set(steps) == {missing * SHORT.horizon}
    assert resumed.document == unbroken.document
    assert "missing" not in repr(resumed)


def test_agents_can_be_added_to_what_was_played(tmp_path):
    eb.crossplay({"a": "random", "b": "zero"}, SHORT, games=2, out=tmp_path, threads=1)
    agents = {"c": Forward(), "b": "zero", "a": "random"}
    more = eb.crossplay(agents, SHORT, games=2, out=tmp_path, threads=1)
    fresh = eb.crossplay(agents, SHORT, games=2, threads=1)
    assert more.document == fresh.document


def test_each_member_of_a_team_of_strangers_acts_at_its_own_place():
    class Places:
        def __init__(self, number):
            self.number = number

        def initial_state(self, batch):
            return None

        def act(self, obs, state, rng):
            actions = np.zeros((*obs["observation"].shape[:2], 2))
            actions[..., 0] = self.number + 0.1 * np.arange(2)
            return actions, state

    acted = []

    class World:
        agents, action_dim = ("mallet0", "mallet1"), 2

        def turned(self, state):
            return state

        def goals(self, state):
            return np.zeros((len(state), 2))

    class Stage:
        world, batch, horizon = World(), 2, 3
        state = np.zeros((2, 4))

        def reset(self, seeds):
            return self.states()

        def states(self, state=None):
            return {"observation": np.zeros((2, 2, 4), np.float32)}

        def step(self, actions):
            acted.append(actions)
            return self.states(), {"unstable": np.array([False, len(acted) == 2])}

    agents = {"a": {4: Places(0.1), 6: Places(0.2), 9: Places(0.3)}, "b": Places(0.5)}
    teams = teams_of(agents, tasks()[GAME], strangers=None)
    assert [team.seeds for team in teams] == [(4,), (6,), (9,), (4, 6), (6, 9), (9, 4), (0,)]
    goals = play_games(teams[5], teams[6], (0, 1), Stage(), lambda _: None)
    np.testing.assert_allclose(acted[0][:, :, 0], [[0.3, 0.2, 0.5, 0.6]] * 2)
    np.testing.assert_array_equal(goals, [[0, 0], [np.nan, np.nan]])  # the second went wrong
    assert len(teams_of(agents, tasks()[GAME], strangers=1)) == 5
    assert len(teams_of(agents, tasks()["hockey-1v1"], strangers=None)) == 4  # nobody to mix


BAD = {
    "--task hockey-1v1 --agents ma-bc=RUNS random": "was trained on hockey-2v2, not on hockey-1v1",
    "--task push-3blocks --agents random zero": "push-3blocks has no opponents",
    "--task team-spread --agents random zero": "hockey-1v1 and hockey-2v2 have",
    "--task hockey-2v2 --agents hecrl random": "hecrl is for goal-control tasks",
    "--task hockey-2v2 --agents ncii random": "ncii is for graph tasks",
    "--task hockey-2v2 --agents ma-bc=EMPTY random": "(then write `ma-bc=runs/ma-bc-hockey-2v2`)",
    "--task hockey-2v2 --agents ma-bc=nowhere random": "it is not there",
    "--task hockey-2v2 --agents ma-bcc random": "'ma-bc'",
    "--task hockey-2v2 --agents random": "two sides: got random, one training seed",
    "--task hockey-2v2 --agents random random": "random is named twice",
    "--task hockey-2v2 --agents random=RUNS zero": "random has no weights",
    "--task hockey-2v2 --agents ma-bc= zero": "got 'ma-bc='",
    "--task hockey-2v2 --agents": "two agents or more",
    "--task hockey-3v3 --agents random zero": "'hockey-2v2'",
    "--task hockey-2v2 --agents random zero --games 0": "between 1",
    "--task hockey-2v2 --agents ma-bc=RUNS --train-seeds 0 7": "seed 7",
    "--task hockey-2v2 --agents ma-bc=RUNS --train-seeds 0 0": "twice",
    "--task hockey-2v2 --agents random zero --strangers -1": "between 0",
    "--agents random zero": "--task",
    "--task hockey-2v2": "--agents",
}


@pytest.mark.parametrize("words", BAD)
def test_what_a_user_gets_wrong_is_one_line(words, runs, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    typed = words.replace("RUNS", str(runs)).replace("EMPTY", "empty").split()
    code, shown, told = bench(typed, capsys)
    assert code == 2
    assert shown == ""
    assert told.count("\n") == 1
    assert BAD[words] in told
    assert not list(tmp_path.rglob("crossplay.json"))


def test_games_of_others_are_not_gone_on_with(tmp_path):
    how = {"task": SHORT, "games": 2, "out": tmp_path, "threads": 1}
    eb.crossplay({"a": "random", "b": "zero"}, **how)
    for changed, why in (
        ({"agents": {"a": "random", "c": "zero"}}, "games of b 0, which is not among"),
        ({"games": 1}, "holds 2 games a pair, and 1 are asked for"),
        ({"episode_seed": 5}, "another episode seed"),
        ({"task": dataclasses.replace(SHORT, version=9)}, "another task"),
    ):
        with pytest.raises(BadValue, match=why):
            eb.crossplay(**{"agents": {"a": "random", "b": "zero"}, **how, **changed})
    stored = Document.read(tmp_path / "crossplay.json")
    weights = [stored.teams[0].model_copy(update={"weights": ["0" * 64]}), stored.teams[1]]
    stored.model_copy(update={"teams": weights}).write(tmp_path / "crossplay.json")
    with pytest.raises(BadValue, match="games of a 0, which is not among those asked for, or with"):
        eb.crossplay({"a": "random", "b": "zero"}, **how)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[", "is no JSON"),
        ("{}", "is no file of a crossplay"),
        ('{"crossplay": 2}', "is no file of a crossplay"),
    ],
)
def test_another_file_is_no_crossplay(text, why, tmp_path):
    (tmp_path / "crossplay.json").write_text(text)
    with pytest.raises(RecordError, match=why):
        Crossplay.read(tmp_path)
    with pytest.raises(RecordError, match=why):
        eb.crossplay({"a": "random", "b": "zero"}, SHORT, games=1, out=tmp_path, threads=1)


def test_what_an_agent_raises_is_its_own_fault():
    class Raising(Forward):
        def act(self, obs, state, rng):
            raise RuntimeError("no idea")

    class Odd(Forward):
        def act(self, obs, state, rng):
            return np.full((25, 2, 2), np.nan), state

    for policy, why in ((Raising(), "Raising raised RuntimeError: no idea"), (Odd(), "finite")):
        with pytest.raises(BenchError, match=why):
            eb.crossplay({"bad": policy, "zero": "zero"}, SHORT, games=1, threads=1)


def test_python_takes_what_loads_and_refuses_what_is_none():
    agent = eb.load_agent("random", task=GAME)
    found = eb.crossplay({"a": agent, "b": {3: Forward(), 5: Forward(0.2)}}, SHORT, games=1)
    assert [team.name for team in found.document.teams] == [
        "a 0", "b 3", "b 5", "b strangers 3+5", "b strangers 5+3"
    ]  # fmt: skip
    assert found.team_matrix.values()[0]["games"] == 2
    assert {row["method"] for row in found.standings.values()} == {"a", "b", "b strangers"}
    with pytest.raises(BadValue, match="cannot act"):
        eb.crossplay({"a": agent, "b": 3}, SHORT, games=1)
    with pytest.raises(UnknownId, match="randm"):
        eb.crossplay(["randm", "zero"], SHORT, games=1)
    with pytest.raises(BadValue, match="games is a whole number"):
        eb.crossplay(["random", "zero"], SHORT, games=0)
