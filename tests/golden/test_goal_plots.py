"""Heat maps of goals: what lies where, and what cannot be drawn."""

from __future__ import annotations

import numpy as np
import pytest

from entitybench.envs.training import WorldsOf
from entitybench.errors import BadValue
from entitybench.leaderboard.cli.main import main
from entitybench.leaderboard.plots.draw import plot
from entitybench.leaderboard.plots.goals import goals
from entitybench.registry import agent, resolve_agent, tasks

pytest.importorskip("matplotlib")


def saved(folder, id, task="hockey-goal", steps=4_000, training=True, **changes):
    target, where = resolve_agent(agent(id)), tasks()[task]
    if id != "fpg":
        changes |= {"starts": steps}
    config = target.configure(agent(id), "tiny", where, steps=steps, **changes)
    data = WorldsOf(where)
    one = target.create(config, where, seed=0, data=data, parts={}, device="cpu")
    while one.step < steps:
        one.advance(data)
    one.save(folder, training=training)
    return one


def test_places_are_those_of_goals(tmp_path):
    one = saved(tmp_path / "hint", "hint", strategy="final")
    asked, relabelled = one.goal_places(500, np.random.default_rng(0))
    assert asked.shape == relabelled.shape == (500, 2)
    replay, puck = one.replay, one.world.features  # the puck is row 1
    begun = {tuple(goal[puck : puck + 2]) for goal in replay.of("goal")}
    assert {tuple(place) for place in asked} <= begun
    # The last observation of the chosen episodes, as hockey says what was achieved there.
    ends = replay.of("observation")[np.unique(replay.of("last"))]
    achieved = one.world.achieved(ends.reshape(len(ends), 2, -1))[:, 1, :2]
    kept = {tuple(place) for place in achieved[replay.of("keep")]}
    assert {tuple(place) for place in relabelled} == kept
    assert not replay.of("keep").all()


def test_there_is_a_panel_for_each_run_and_one_for_what_is_asked(tmp_path):
    for id in ("her", "hint"):
        saved(tmp_path / id, id)
    figure = goals([tmp_path / "her", tmp_path / "hint"])
    panels = [axes for axes in figure.axes if axes.images and axes.get_title(loc="left")]
    titles = [axes.get_title(loc="left").partition(",")[0] for axes in panels]
    assert titles == ["asked for", "her", "hint"]
    shown = [axes.images[0] for axes in panels]
    assert [image.get_array().sum() for image in shown] == pytest.approx([100.0] * 3)
    # Goals are asked for in the far half alone.
    share, (left, right, *_) = shown[0].get_array(), shown[0].get_extent()
    middle = np.linspace(left, right, share.shape[1] + 1)[1:]
    assert share[:, middle <= 0].sum() == 0
    assert shown[1].get_array()[:, middle <= 0].sum() > 50


def test_the_command_draws_runs_in_progress(tmp_path, capsys):
    run = tmp_path / "runs" / "seed0.training"
    saved(run / "checkpoint-000000100", "her", steps=1_000)
    saved(run / "checkpoint-000004000", "her")
    out = tmp_path / "goals.svg"
    for place in (tmp_path / "runs", run, run / "checkpoint-000004000"):
        assert main(["plot", "goals", str(place), "--out", str(out)]) == 0
        assert "step 4,000" in out.read_text()
    first = out.read_bytes()
    assert main(["plot", "goals", str(run), "--out", str(out)]) == 0
    assert out.read_bytes() == first


def test_what_cannot_be_drawn_is_one_line(tmp_path, capsys):
    saved(tmp_path / "done", "her", training=False)
    saved(tmp_path / "sac", "sac")
    saved(tmp_path / "fpg", "fpg", steps=8)
    saved(tmp_path / "early", "her", steps=8)
    saved(tmp_path / "push", "her", task="push-1block")
    saved(tmp_path / "her", "her")
    for names, line in (
        (["done"], "a finished run keeps its weights alone"),
        (["sac"], "sac relabels no goals"),
        (["fpg"], "fpg relabels no goals"),
        (["early"], "no episode to relabel yet"),
        (["push", "her"], "different tasks"),
    ):
        words = [str(tmp_path / name) for name in names]
        assert main(["plot", "goals", *words, "--out", str(tmp_path / "p.png")]) == 2
        text = capsys.readouterr().err
        assert line in text
        assert text.count("\n") == 1
    with pytest.raises(BadValue, match="goals have no metric"):
        plot("goals", [tmp_path / "her"], tmp_path / "p.png", metric="success")
    assert not (tmp_path / "p.png").exists()
