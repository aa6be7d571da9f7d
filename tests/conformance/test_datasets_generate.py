"""Generation: the same bytes however it is done, and nothing half-made, whatever happens."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

from entitybench.datasets.api import load_dataset
from entitybench.datasets.generate import pool
from entitybench.datasets.generate.api import generate, make_plan
from entitybench.datasets.generate.job import Generation
from entitybench.datasets.generate.parts import part_is_right, part_path
from entitybench.datasets.generate.plan import Plan
from entitybench.datasets.store import writer
from entitybench.datasets.store.store import EpisodeStore
from entitybench.errors import BadValue, DataError, UnknownId
from entitybench.executors import local
from entitybench.registry import datasets
from entitybench.types import DatasetSpec

SHORT = DatasetSpec(
    id="push-2blocks/short-v1",
    task="push-2blocks",
    behaviour="entitybench.envs.push.play:PushPlay",
    episodes=20,
    validation_episodes=2,
    length=45,
    sizes={"paper": 30},
)
BLOCK = 5  # so that the 22 episodes make 5 blocks, the last one smaller


@pytest.fixture(autouse=True)
def _short(tmp_path, monkeypatch):
    monkeypatch.setenv("ENTITYBENCH_DATA", str(tmp_path / "data"))
    if SHORT.id not in datasets():
        datasets().add(SHORT)
    yield
    datasets()._specs.pop(SHORT.id, None)


@pytest.fixture
def lines():
    return []


def tree(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


def make(out: Path | None = None, **kwargs) -> Path:
    return generate(SHORT.id, **{"workers": 1, "block": BLOCK, "out": out, **kwargs})


def test_bytes_depend_on_nothing_but_the_arguments(tmp_path):
    one = make(tmp_path / "a")
    assert tree(make(tmp_path / "other" / "b", workers=3)) == tree(one)
    assert tree(make(tmp_path / "c", block=64)) == tree(one)
    other = tree(make(tmp_path / "d", seed=1))
    assert other["observations.npy"] != tree(one)["observations.npy"]
    assert str(tmp_path) not in (one / "manifest.json").read_text()


def test_fewer_episodes_are_the_first_ones_of_each_episode_index(tmp_path):
    many = EpisodeStore.open(make(tmp_path / "a"))
    few = EpisodeStore.open(make(tmp_path / "b", episodes=6))
    assert len(few) == 7  # one validation episode: a tenth, rounded, at least one
    for index in range(7):
        for name, array in few.episode(index).items():
            assert np.array_equal(array, many.episode(index)[name]), (index, name)


def test_the_manifest_says_what_it_is(tmp_path):
    made = EpisodeStore.open(make(tmp_path / "a")).manifest
    assert made["dataset"] == SHORT.id
    assert (made["task"], made["task_version"], made["seed"]) == ("push-2blocks", 1, 0)
    assert made["splits"] == {"train": [0, 20], "validation": [20, 22]}
    assert made["custom"] is False
    assert len(made["model_hash"]) == 64
    assert made["mujoco"] == __import__("mujoco").__version__
    for name, about in made["files"].items():
        data = (tmp_path / "a" / name).read_bytes()
        assert about == {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    assert set(made["files"]) == {p.name for p in (tmp_path / "a").iterdir()} - {"manifest.json"}
    assert made["size"] == "small"
    for kwargs, size in (({"seed": 3}, "small"), ({"episodes": 4}, None)):
        made = EpisodeStore.open(make(tmp_path / str(kwargs), **kwargs)).manifest
        assert (made["custom"], made["size"]) == (True, size)


def test_a_registered_size_is_not_custom_and_has_its_own_place(tmp_path):
    with pytest.raises(DataError, match="--size paper"):
        load_dataset(SHORT.id, size="paper")
    paper = load_dataset(SHORT.id, size="paper", generate=True)
    assert paper.folder == tmp_path / "data" / "push-2blocks" / "short-v1@paper"
    assert paper.manifest["splits"] == {"train": [0, 30], "validation": [30, 33]}
    assert (paper.manifest["custom"], paper.manifest["size"]) == (False, "paper")
    assert EpisodeStore.open(make(tmp_path / "a", episodes=30)).manifest == paper.manifest
    with pytest.raises(UnknownId, match="small, paper"):
        make(size="huge")
    with pytest.raises(BadValue, match="not both"):
        make(size="paper", episodes=3)


def test_what_cannot_be_replayed_is_not_published(tmp_path, monkeypatch):
    from entitybench.envs.core.batch import Worlds

    real = Worlds.integration_state
    monkeypatch.setattr(Worlds, "integration_state", lambda self, row: real(self, row) * 0.999)
    with pytest.raises(DataError, match=r"replayed from its stored states: .* differ by"):
        make(tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_the_check_at_the_end_says_what_was_reached(tmp_path, lines):
    make(tmp_path / "a", say=lines.append)
    assert lines[0].startswith("checked: episodes ")
    assert "success" in lines[1]
    assert "random -300" in lines[1]
    assert "oracle" in lines[1]


def test_stored_states_and_actions_give_the_observations_again(tmp_path):
    from entitybench.envs.api import make_worlds

    store = EpisodeStore.open(make(tmp_path / "a"))
    worlds = make_worlds(SHORT.task, 1)
    for index in (0, 21):
        row, episode = store.episodes[index], store.episode(index)
        obs = worlds.reset([row["seed"]])
        assert np.array_equal(obs["desired_goal"][0], episode["desired_goals"])
        assert np.array_equal(worlds.integration_state(0), episode["states"][0])
        for checkpoint in range(3):  # steps 0, 20, 40
            worlds.set_integration_state(0, episode["states"][checkpoint])
            first = 20 * checkpoint
            for step in range(first, min(first + 20, SHORT.length)):
                obs, _ = worlds.step(episode["actions"][step][None])
                assert np.array_equal(obs["observation"][0], episode["observations"][step + 1])


def test_start_states_are_never_those_of_an_evaluation():
    plan = make_plan(SHORT)
    seeds = [plan.start_seed(i) for i in range(plan.episodes)]
    assert len(set(seeds)) == len(seeds)
    assert min(seeds) >= 2**32
    assert max(seeds) < 2**53
    assert Plan.from_json(json.loads(json.dumps(plan.json()))) == plan


def test_progress_counts_episodes(tmp_path):
    seen = []
    make(tmp_path / "a", progress=lambda done, total: seen.append((done, total)))
    assert seen == [(0, 22), (5, 22), (10, 22), (15, 22), (20, 22), (22, 22)]


def test_a_complete_dataset_is_left_alone(tmp_path, lines):
    folder = make(tmp_path / "a")
    before = [(p.name, p.stat().st_mtime_ns) for p in sorted(folder.iterdir())]
    make(folder, say=lines.append)
    assert [(p.name, p.stat().st_mtime_ns) for p in sorted(folder.iterdir())] == before
    assert lines == [f"{folder} is complete already; nothing was done."]
    with pytest.raises(DataError, match=r"seed 0, not 5.*--out"):
        make(folder, seed=5)
    with pytest.raises(DataError, match=r"training 20, not 7"):
        make(folder, episodes=7)
    assert [(p.name, p.stat().st_mtime_ns) for p in sorted(folder.iterdir())] == before


def test_a_damaged_dataset_is_made_anew_by_the_line_in_the_error(lines):
    folder = make()
    whole = tree(folder)
    with (folder / "actions.npy").open("r+b") as file:
        file.truncate(1000)
    with pytest.raises(DataError, match=r"actions\.npy .*truncated.*bench generate") as error:
        load_dataset(SHORT.id)
    assert "--out" not in str(error.value)
    make(say=lines.append)
    assert tree(folder) == whole
    assert "actions.npy" in lines[0]
    assert lines[1].startswith("checked: ")


def test_other_files_are_never_overwritten(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(DataError, match="is no dataset"):
        make(tmp_path / "mine")
    with pytest.raises(DataError, match="is no dataset"):
        make(tmp_path / "mine" / "thesis.txt")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "x"


DRIVER = """
import sys
import time
from test_module import SHORT, BLOCK
from entitybench.registry import datasets
from entitybench.datasets.generate.api import generate
datasets().add(SHORT)
stay = lambda done, total: done and time.sleep(5)  # so that there is something to interrupt
generate(SHORT.id, workers=int(sys.argv[2]), block=BLOCK, out=sys.argv[1], progress=stay)
"""


@pytest.mark.parametrize(("workers", "sign"), [(1, "SIGKILL"), (2, "SIGKILL"), (2, "SIGINT")])
def test_resume_after_a_kill(tmp_path, workers, sign, lines):
    whole = tree(make(tmp_path / "whole"))
    final = tmp_path / "stopped"
    partial = tmp_path / "stopped.partial"
    (tmp_path / "test_module.py").write_text(Path(__file__).read_text())
    process = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(final), str(workers)],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
    )
    while not part_path(partial, 0).exists():
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.002)
    process.send_signal(getattr(signal, sign))
    process.communicate(timeout=120)
    assert process.returncode != 0
    assert not final.exists()
    assert not list(tmp_path.glob(".stopped*"))
    # A block that a worker was about to finish may still appear; it is as good as the others.
    make(final, say=lines.append, workers=workers)
    assert lines[0].startswith("going on: ")
    assert lines[1].startswith("checked: ")
    assert tree(final) == whole
    assert not partial.exists()


def test_only_sound_parts_with_the_same_arguments_are_used_again(tmp_path, monkeypatch, lines):
    whole = tree(make(tmp_path / "whole"))
    final = tmp_path / "a"
    partial = tmp_path / "a.partial"

    def stop(done, total):
        if done == 15:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(final, progress=stop)
    assert [part_is_right(part_path(partial, i)) for i in range(5)] == [True] * 3 + [False] * 2
    with part_path(partial, 1).open("r+b") as file:
        file.seek(500)
        file.write(b"\xff\x00\xff")
    made = []
    real = Generation.part
    monkeypatch.setattr(
        Generation, "part", lambda job, i: made.append(job.plan.blocks()[i][0]) or real(job, i)
    )
    make(final, say=lines.append)
    assert made == [5, 15, 20]
    assert lines[0] == "going on: 2 of 5 blocks are there already."
    assert tree(final) == whole

    with pytest.raises(KeyboardInterrupt):
        make(tmp_path / "b", seed=1, progress=stop)
    made.clear()
    make(tmp_path / "b", say=lines.append)
    assert made == [0, 5, 10, 15, 20]
    assert "other arguments" in lines[3]
    assert tree(tmp_path / "b") == whole


@pytest.mark.parametrize("place", ["part", "store"])
def test_a_full_disk_is_one_line_and_nothing_under_the_name(tmp_path, monkeypatch, place):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        if place == "part":
            patch.setattr(pool, "write_part", full)
        else:
            patch.setattr(writer._File, "write", full)
        with pytest.raises(DataError, match="disk is full"):
            make(tmp_path / "a")
    assert {p.name for p in tmp_path.iterdir()} <= {"a.partial", "data"}
    assert tree(make(tmp_path / "a")) == tree(make(tmp_path / "b"))


def test_ctrl_c_at_the_very_end_leaves_nothing(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(writer.os, "replace", interrupt)
        with pytest.raises(KeyboardInterrupt):
            make(tmp_path / "a")
    assert {p.name for p in tmp_path.iterdir()} <= {"a.partial", "data"}


def test_too_small_a_disk_is_said_before_the_work(tmp_path, monkeypatch):
    import shutil

    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr("entitybench.datasets.generate.api.shutil.disk_usage", lambda _: usage)
    with pytest.raises(DataError, match=r"needs .* MB of disk.*--out"):
        make(tmp_path / "a")


def test_two_at_once_do_not_mix(tmp_path):
    with writer.locked(tmp_path / "a"), pytest.raises(DataError, match="another process"):
        make(tmp_path / "a")
    make(tmp_path / "a")


def test_a_killed_worker_is_one_line(tmp_path, monkeypatch):
    def killed():
        process = start()
        process.kill()
        return process

    start = local.start
    monkeypatch.setattr(local, "start", killed)
    with pytest.raises(DataError, match=r"worker process ended with code -9.*finished blocks"):
        make(tmp_path / "a", workers=2)


def test_impossible_numbers_and_unknown_ids():
    for kwargs in ({"episodes": 0}, {"seed": -1}, {"workers": 0}, {"episodes": -5}):
        with pytest.raises(BadValue, match=str(next(iter(kwargs.values())))):
            make(**kwargs)
    with pytest.raises(UnknownId, match="push-2blocks"):
        generate("push-2block/play-v1")


def test_a_task_in_pixels_is_drawn_later():
    from dataclasses import replace

    with pytest.raises(BadValue, match="--pixels 64"):
        make_plan(replace(SHORT, task="push-2blocks-pixels"))


def test_a_missing_dataset_names_the_command_and_can_be_made(tmp_path, capsys):
    with pytest.raises(DataError) as error:
        load_dataset(SHORT.id)
    assert "bench generate push-2blocks/short-v1 --episodes 20 --seed 0" in str(error.value)
    assert "generate=True" in str(error.value)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        store = load_dataset(SHORT.id, generate=True)
    assert store.folder == tmp_path / "data" / "push-2blocks" / "short-v1"
    assert store.content_hash == load_dataset(store.folder).content_hash


def test_a_custom_dataset_under_a_registered_id_says_so():
    make(episodes=3)
    with pytest.warns(UserWarning, match="custom push-2blocks/short-v1: 3 training episodes"):
        load_dataset(SHORT.id)


def test_an_unstable_simulation_is_not_stored(tmp_path, monkeypatch):
    from dataclasses import replace

    monkeypatch.chdir(tmp_path)  # MuJoCo logs its warnings to a file

    wild = replace(SHORT, id="push-2blocks/wild-v1", behaviour=f"{__file__}:Wild")
    datasets().add(wild)
    try:
        with pytest.raises(DataError, match=r"unstable"):
            generate(wild.id, workers=1, out=tmp_path / "a")
        with pytest.raises(DataError, match=r"unstable"):
            generate(wild.id, workers=2, block=4, out=tmp_path / "a")
    finally:
        datasets()._specs.pop(wild.id)
    assert not (tmp_path / "a").exists()


class Wild:
    """A behaviour whose actions are no numbers."""

    def __init__(self, task):
        pass

    def initial_state(self, batch):
        return None

    def act(self, obs, state, rng):
        return np.full((len(rng), 2), np.nan), state


def test_an_episode_that_becomes_unstable_begins_anew(tmp_path, monkeypatch):
    from dataclasses import replace

    monkeypatch.chdir(tmp_path)
    moody = replace(SHORT, id="push-2blocks/moody-v1", behaviour=f"{__file__}:Moody")
    datasets().add(moody)
    try:
        one = generate(moody.id, workers=1, block=4, out=tmp_path / "a")
        assert tree(generate(moody.id, workers=2, out=tmp_path / "b")) == tree(one)
        plan = make_plan(moody)
    finally:
        datasets()._specs.pop(moody.id)
    store = EpisodeStore.open(one)
    assert np.isfinite(store.observations).all()
    again = 0
    for episode, row in enumerate(store.episodes):
        attempts = [plan.behaviour_generator(episode, k).random() < MOODY for k in range(3)]
        attempt = attempts.index(False)
        assert row["seed"] == plan.start_seed(episode, attempt)
        again += attempt > 0
    assert 0 < again < len(store)


MOODY = 0.25  # share of episodes


class Moody(Wild):
    """The same in some episodes, in which it draws a small number first; else it stands still."""

    def act(self, obs, state, rng):
        state = rng.random(len(rng)) < MOODY if state is None else state
        return np.where(state[:, None], np.nan, np.zeros((len(rng), 2))), state
