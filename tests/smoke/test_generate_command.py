"""`bench generate`, `bench export` and `bench import` as a user types them."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys

import pytest

import entitybench as eb
from entitybench.datasets.catalogue.scores import reference_of
from entitybench.errors import DataError
from entitybench.registry import tasks


def bench(*words, **env):
    command = [sys.executable, "-m", "entitybench", *words]
    return subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **env}, check=False
    )


def test_generate_export_import(tmp_path):
    pytest.importorskip("minari")
    env = {
        "ENTITYBENCH_DATA": str(tmp_path / "data"),
        "MINARI_DATASETS_PATH": str(tmp_path / "minari"),
    }
    made, back = tmp_path / "made", tmp_path / "back"
    line = f"generate push-1block/play-v1 --episodes 3 --seed 7 --workers 2 --out {made}"
    first = bench(*line.split(), **env)
    assert first.returncode == 0, first.stderr
    store = eb.load_dataset(made)
    assert (len(store), store.manifest["seed"], store.manifest["custom"]) == (4, 7, True)
    again = bench(*line.split(), "--json", **env)
    assert json.loads(again.stdout)["content_hash"] == store.content_hash
    assert "complete already" in again.stderr

    assert bench("export", str(made), "--minari", "push-1block/tiny-v0", **env).returncode == 0
    done = bench("import", "push-1block/tiny-v0", "--out", str(back), **env)
    assert done.returncode == 0, done.stderr
    assert eb.load_dataset(back).manifest == store.manifest


def test_generate_says_what_it_checked_and_draws(tmp_path):
    pytest.importorskip("h5py")
    line = (
        f"generate push-1block/play-v1 --episodes 2 --workers 2 --out {tmp_path / 'a'} --pixels 16"
    )
    done = bench(*line.split(), ENTITYBENCH_DATA=str(tmp_path / "data"))
    if "RenderError" in done.stderr or "OpenGL" in done.stderr:
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{tmp_path / 'a'}\n"
    checked, scores, drawn = done.stderr.splitlines()
    assert drawn.startswith("every state is drawn, 16 pixels along an edge")
    assert checked == "checked: episodes 0, 1, 2 replayed from their states, all equal"
    known = reference_of(tasks()["push-1block"])
    for who in ("random", "oracle"):
        assert f"{who} {known[who]['return']:.4g}, {known[who]['success']:.1%}" in scores
    store = eb.load_dataset(tmp_path / "a")
    assert store.columns["frames"].shape == (3 * 151, 16, 16, 3)
    again = bench(*line.split(), "--json", ENTITYBENCH_DATA=str(tmp_path / "data"))
    assert json.loads(again.stdout) == store.manifest
    assert again.stderr.count("nothing was done") == 2


def test_the_line_in_the_error_makes_the_dataset(tmp_path, monkeypatch):
    monkeypatch.setenv("ENTITYBENCH_DATA", str(tmp_path))
    with pytest.raises(DataError) as error:
        eb.load_dataset("push-1block/play-v1")
    line = str(error.value).partition("`")[2].partition("`")[0]
    words = shlex.split(line)
    assert words[:3] == ["bench", "generate", "push-1block/play-v1"]
    words[words.index("--episodes") + 1] = "2"  # the whole of it takes too long here
    done = bench(*words[1:])
    assert done.returncode == 0, done.stderr
    with pytest.warns(UserWarning, match="custom"):
        assert len(eb.load_dataset("push-1block/play-v1")) == 3


def test_errors_are_one_line_and_exit_code_2(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "x").write_text("x")
    for words in (
        ["generate", "push-1blok/play-v1"],
        ["generate", "push-1block/play-v1", "--episodes", "0"],
        ["generate", "push-1block/play-v1", "--size", "papre", "--out", str(tmp_path / "new")],
        ["generate", "push-1block/play-v1", "--pixels", "7", "--out", str(tmp_path / "new")],
        ["generate", "push-1block/play-v1", "--out", str(tmp_path / "mine")],
        ["import", "nobody/nothing-v0", "--out", str(tmp_path / "new")],
        ["export", str(tmp_path / "mine"), "--minari", "some/name-v0"],
    ):
        done = bench(*words, ENTITYBENCH_DATA=str(tmp_path / "data"))
        assert done.returncode == 2, (words, done)
        assert "Traceback" not in done.stderr
        assert not (tmp_path / "new").exists()


@pytest.mark.skipif(os.name == "nt", reason="no process groups")
def test_a_worker_is_silent_from_its_first_moment(capfd):
    from entitybench.executors import local

    worker = local.start()
    assert os.getpgid(worker.pid) != os.getpgrp(), "Ctrl-C would reach it before it is ready"
    worker.stdin.close()  # as when Ctrl-C came before it was told what to do
    assert worker.wait(60) == 0
    worker.stdout.close()
    assert capfd.readouterr().err == ""


@pytest.mark.skipif(os.name == "nt", reason="no process groups")
def test_ctrl_c_while_workers_start_is_one_line(tmp_path):
    script = (
        "import os, signal, sys\n"
        "from entitybench.executors import local\n"
        "from entitybench.leaderboard.cli.main import main\n"
        "start = local.start\n"
        "local.start = lambda: (start(), os.killpg(0, signal.SIGINT))[0]\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    line = f"generate push-1block/play-v1 --episodes 400 --workers 2 --out {tmp_path / 'a'}"
    done = subprocess.run(
        [sys.executable, "-P", "-c", script, *line.split()],
        capture_output=True,
        text=True,
        start_new_session=True,
        check=False,
    )
    assert done.returncode == 130, done.stderr
    kept = "what is finished is kept: give the same command again to go on."
    assert done.stderr.splitlines() == [kept, "bench: interrupted."]
