"""`bench play` and `bench view`: with scripted screens, without a display, and in a real window."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from screens import ScriptedScreen

from entitybench.datasets.api import load_dataset
from entitybench.datasets.generate.api import generate
from entitybench.datasets.generate.draw import frames_of
from entitybench.datasets.pages.viewer import show, viewing
from entitybench.envs.api import make_worlds
from entitybench.envs.core.batch import Worlds
from entitybench.envs.drawing.render import Renderer
from entitybench.envs.views.keyboard import PAIRS, Clock, Keyboard, keys_of, played
from entitybench.errors import BadValue, DataError
from entitybench.leaderboard.cli.main import main
from entitybench.leaderboard.evaluation.video import check_video
from entitybench.registry import task

NOTHING = np.zeros((32, 32, 3), np.uint8)


def clock() -> Clock:
    return Clock(0.0, lambda _: None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("view") / "data"
    return generate("push-1block/play-v1", episodes=2, workers=1, out=out, say=lambda _: None)


def test_keys_that_are_held_steer_the_pusher() -> None:
    worlds = make_worlds("push-1block", 1)
    screen = ScriptedScreen(frozenset({"right", "up"}), {12: ["enter"], 20: ["escape"]})
    before = worlds.reset([3])["observation"][0, 0, :2]
    seen = []

    def picture() -> np.ndarray:
        seen.append(worlds.observe()["observation"][0, 0, :2].copy())
        return NOTHING

    (outcome,) = list(played(worlds, screen, picture, count(3), clock()))
    assert (outcome.seed, outcome.steps, outcome.left) == (3, 11, True)
    assert outcome.reward == -11.0
    assert outcome.words.startswith("start 3: left after 11 steps, 0 % of entities")
    assert outcome.json()["return"] == -11.0
    assert (seen[11] > before).all()  # to the right and up
    assert len(screen.pictures) == 20  # the second start was left by escape
    assert screen.texts[0] == "start 3"
    assert screen.texts[12] == "start 4"


def test_episodes_are_played_to_their_end_in_order() -> None:
    worlds = make_worlds("push-1block", 1, horizon=4)
    screen = ScriptedScreen(typed={2: ["space"]})
    sleeps: list[float] = []

    def sleep(seconds: float) -> None:
        sleeps.append(seconds)
        if len(sleeps) == 5:  # the pause is over
            screen._typed[len(screen.pictures)] = ["space"]

    found = list(played(worlds, screen, lambda: NOTHING, iter([0, 1]), Clock(0.0, sleep)))
    assert [(o.seed, o.steps, o.left) for o in found] == [(0, 4, False), (1, 4, False)]
    assert len(sleeps) > 8  # a step each, and the pause


def test_a_team_is_steered_an_agent_at_a_time() -> None:
    screen = ScriptedScreen(frozenset({"left", "up", "shift"}))
    keyboard = Keyboard(screen, (3, 2))
    action, _ = keyboard.act({}, None, None)  # type: ignore[arg-type]
    expected = np.zeros((1, 3, 2))
    expected[0, 0] = -1 / 3, 1 / 3
    assert np.allclose(action, expected)
    for agent in (1, 2, 0):
        keyboard.next_agent()
        assert keyboard.agent == agent
    assert "tab: the next agent" in keys_of((3, 2))
    assert "tab" not in keys_of((2,))
    with pytest.raises(BadValue, match="13 dimensions is too much"):
        Keyboard(screen, (len(PAIRS) + 1,))


def test_recorded_episodes_are_shown_as_they_were(folder: Path) -> None:
    what = viewing(load_dataset(folder))
    store = what.store
    screen = ScriptedScreen()
    assert show(what, screen, lambda: None, first=1, count=1) == [1]
    rows = range(int(store.offsets[1]), int(store.offsets[2]))
    assert len(screen.pictures) == len(rows)
    for mine, other in zip(screen.pictures, frames_of(store, 32, rows, what.view), strict=True):
        assert np.array_equal(mine, other)
    assert screen.texts[0].startswith("episode 1 of 3, return ")


def test_keys_lead_from_episode_to_episode(folder: Path) -> None:
    what = viewing(load_dataset(folder))
    keys = {3: ["right"], 5: ["left"], 7: ["space"], 8: ["escape"]}
    screen = ScriptedScreen(typed=keys)
    ticks: list[int] = []

    def tick() -> None:
        ticks.append(len(screen.pictures))
        if ticks.count(7) == 4:
            screen._typed[7] = ["space"]

    assert show(what, screen, tick) == [0, 1, 0]
    assert len(screen.pictures) == 8
    with pytest.raises(BadValue, match=r"no episode 9 in .* it has 3, from 0"):
        show(what, screen, tick, first=9)
    with pytest.raises(BadValue, match="no view 'above'"):
        viewing(load_dataset(folder), "above")


def test_what_holds_no_poses_is_refused(folder: Path) -> None:
    store = load_dataset(folder)
    store.columns = {k: v for k, v in store.columns.items() if k != "poses"}
    with pytest.raises(DataError, match="holds no poses of its scene"):
        viewing(store)


@pytest.mark.parametrize(
    ("words", "instead"),
    [(["play", "push-1block"], "bench eval --video"), (["view", "FOLDER"], "bench page FOLDER")],
)
def test_without_a_display_one_line_says_so(
    words: list[str],
    instead: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert main([str(folder) if word == "FOLDER" else word for word in words]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "no display to open a window on" in said
    assert instead.replace("FOLDER", str(folder)) in said


@pytest.fixture
def open_things(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is open of worlds and drawing contexts."""
    found: list[str] = []
    for kind in (Worlds, Renderer):

        def made(self: Any, *given: Any, _of: Any = kind.__init__, **options: Any) -> None:
            _of(self, *given, **options)
            found.append(type(self).__name__)

        def closed(self: Any, _of: Any = kind.close) -> None:
            _of(self)
            found.remove(type(self).__name__)

        monkeypatch.setattr(kind, "__init__", made)
        monkeypatch.setattr(kind, "close", closed)
    return found


def test_a_game_that_breaks_off_leaves_nothing_open(
    open_things: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Broken(ScriptedScreen):
        def show(self, picture: Any, text: str = "") -> None:
            raise BadValue(f"cannot show it; open are {len(open_things)}.")

    monkeypatch.setattr("entitybench.envs.views.screen.check_display", lambda _: None)
    monkeypatch.setattr("entitybench.envs.views.screen.GlfwScreen", lambda *_: Broken())
    assert main(["play", "push-1block"]) == 2
    assert "open are 2" in capsys.readouterr().err
    assert not open_things


def test_a_camera_that_cannot_be_had_leaves_no_worlds_open(open_things: list[str]) -> None:
    pytest.importorskip("imageio_ffmpeg")
    with pytest.raises(BadValue, match="no view 'above'"):
        check_video(task("push-1block"), view="above")
    assert not open_things


@pytest.mark.skipif(shutil.which("Xvfb") is None, reason="Xvfb is not installed")
def test_a_real_window_shows_an_episode(folder: Path) -> None:
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "200x200x24"],
        pass_fds=[write],
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    try:
        number = os.read(read, 20).decode().strip()
        bench = [sys.executable, "-m", "entitybench", "view", str(folder), "--episodes", "1"]
        done = subprocess.run(
            [*bench, "--size", "64", "--speed", "100", "--json"],
            env={**os.environ, "DISPLAY": f":{number}"},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == [0]
    finally:
        os.close(read)
        server.terminate()
        server.wait()
