"""After `kill -9` at any file-system action and one more run: nothing stays, nothing is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from mirrors import TOY, make_toy

from entitybench.datasets.generate.api import generate
from entitybench.datasets.minari.export import export
from entitybench.datasets.transport.publish import publish
from entitybench.leaderboard.cli.main import main

KILLS = Path(__file__).parents[1] / "support" / "kills.py"
TRAIN = "train --agent gcbc --task push-1block --dataset made --preset tiny --device cpu --out runs"
EVAL = "eval --agent random --task push-1block --episodes 1"
GENERATE = "generate push-1block/play-v1 --episodes 1 --workers 1 --out made"


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty folder, which is the working directory and holds the data root."""
    folder = tmp_path / "place"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("ENTITYBENCH_DATA", str(folder / "data"))
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(folder / "minari"))
    return folder


def store():
    generate("push-1block/play-v1", episodes=1, workers=1, out="made", say=lambda _: None)


def killed(place, words, every=1):
    """Kills the command at each `every`-th action in copies of `place`."""
    done = subprocess.run(
        [sys.executable, "-P", str(KILLS), str(place), str(every), *words.split()],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "MUJOCO_GL": os.environ.get("MUJOCO_GL", "egl")},
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["actions"] > 5
    assert found["wrong"] == []


def test_an_evaluation_killed(place):
    killed(place, EVAL, every=5)


@pytest.mark.slow
@pytest.mark.parametrize(
    "words", [EVAL, f"{EVAL} --out kept/record.json", f"{EVAL} --out a.json --video"]
)
def test_an_evaluation_killed_anywhere(place, words):
    killed(place, words)


@pytest.mark.slow
def test_a_plot_killed(place):
    assert main([*EVAL.split(), "--out", "records/a.json"]) == 0
    killed(place, "plot bars records --out plots/bars.svg")


@pytest.mark.slow
@pytest.mark.parametrize("seeds", ["--seed 0", "--seeds 0 1"])
def test_a_training_killed(place, seeds):
    """What was begun goes on with --resume; a folder seedS is whole, or not there."""
    pytest.importorskip("torch")
    generate("push-1block/play-v1", episodes=6, workers=1, out="made", say=lambda _: None)
    killed(place, f"{TRAIN} {seeds} --evaluate-every 0", every=4)


@pytest.mark.slow
def test_publishing_and_downloading_killed(place):
    made = make_toy(place / "made")
    killed(place, "publish made --to site")
    publish(made, "site")
    killed(place, f"download {TOY} --from site")


@pytest.mark.slow
def test_generating_killed(place):
    killed(place, GENERATE)


@pytest.mark.slow
def test_drawing_killed(place):
    """A dataset is whole without pixels too, and has its name while they are drawn."""
    store()
    killed(place, f"{GENERATE} --pixels 16")


@pytest.mark.slow
def test_a_damaged_dataset_is_never_missing_while_it_is_made_anew(place):
    store()
    path = place / "made" / "actions.npy"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    killed(place, GENERATE, every=2)


@pytest.mark.slow
def test_pages_killed(place):
    store()
    killed(place, "page made --out pages")


@pytest.mark.slow
def test_exporting_and_importing_killed(place):
    pytest.importorskip("minari")
    store()
    killed(place, "export made --minari push-1block/made-v0")
    export("made", "push-1block/made-v0")
    killed(place, "import push-1block/made-v0 --out back")
