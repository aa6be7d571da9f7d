"""Minari, both ways, and each of its known traps (0.5.4)."""

from __future__ import annotations

import json
import shutil
import warnings
from dataclasses import replace

import gymnasium
import numpy as np
import pytest

from entitybench.datasets.generate.api import generate
from entitybench.datasets.minari import export as export_module
from entitybench.datasets.minari.export import export
from entitybench.datasets.minari.foreign import entries_of
from entitybench.datasets.minari.importer import import_minari
from entitybench.datasets.store.schema import Column, episode_row
from entitybench.datasets.store.store import EpisodeStore
from entitybench.datasets.store.writer import StoreWriter, new_store
from entitybench.envs.api import world_of
from entitybench.errors import BadValue, DataError, MissingExtra, UnknownId
from entitybench.registry import datasets

minari = pytest.importorskip("minari")
pytest.importorskip("PIL")
h5py = pytest.importorskip("h5py")


@pytest.fixture(autouse=True)
def _roots(tmp_path, monkeypatch):
    monkeypatch.setenv("ENTITYBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A small push dataset: 6 training and 1 validation episodes of 45 steps."""
    root = tmp_path_factory.mktemp("made")
    spec = replace(datasets()["push-2blocks/play-v1"], id="push-2blocks/mini-v1", length=45)
    datasets().add(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ENTITYBENCH_DATA", str(root))
        generate(spec.id, episodes=6, workers=1, out=root / "mini")
    yield EpisodeStore.open(root / "mini")
    datasets()._specs.pop(spec.id)


def make_store(folder, lengths, arrays, rows=None, **about):
    """A store of any arrays, without a task."""
    with new_store(folder) as temporary:
        columns = {name: Column.of(array) for name, array in arrays.items()}
        writer = StoreWriter(temporary, lengths, columns)
        writer.append(arrays)
        rows = rows or [episode_row(i, "train", n, seed=i) for i, n in enumerate(lengths)]
        known = {"dataset": "some/thing-v0", "task": None, "task_version": None, "seed": None}
        writer.finish(rows, {**known, "custom": True, "reference_scores": None, **about})
    return EpisodeStore.open(folder)


def same_files(a, b):
    names = {p.name for p in a.iterdir()}
    assert names == {p.name for p in b.iterdir()}
    return [name for name in sorted(names) if (a / name).read_bytes() != (b / name).read_bytes()]


def test_minari_reads_what_we_export(made):
    folder = export(made, "push-2blocks/mini-v0")
    assert (folder / "data" / "main_data.hdf5").is_file()
    data = minari.load_dataset("push-2blocks/mini-v0")
    assert "push-2blocks/mini-v0" in minari.list_local_datasets()
    assert (len(data), data.total_steps) == (7, 7 * 45)
    world = world_of("push-2blocks")
    for index, episode in enumerate(data):
        part = made.episode(index)
        observations = episode.observations
        assert np.array_equal(observations["observation"], part["observations"])
        assert np.array_equal(observations["achieved_goal"], world.achieved(part["observations"]))
        assert np.all(observations["desired_goal"] == part["desired_goals"])
        assert np.array_equal(episode.actions, part["actions"])
        rewards = world.reward(observations["achieved_goal"], observations["desired_goal"])
        assert np.array_equal(episode.rewards, rewards[1:])
        assert np.array_equal(episode.infos["is_success"], rewards == 0)
        assert not episode.terminations.any()
        assert episode.truncations.tolist() == [False] * 44 + [True]
        assert data.observation_space["observation"].contains(observations["observation"][0])
    seeds = [m["seed"] for m in data.storage.get_episode_metadata(range(7))]
    assert seeds == [row["seed"] for row in made.episodes]


def test_the_environment_is_recovered_and_repeats_the_data(made):
    export(made, "push-2blocks/mini-v0")
    data = minari.load_dataset("push-2blocks/mini-v0")
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # requirements that are not met
        for env in (data.recover_environment(), data.recover_environment(eval_env=True)):
            assert env.spec.id == "entitybench/push-2blocks-v1"
    episode = data[3]
    metadata = next(iter(data.storage.get_episode_metadata([3])))
    obs, _ = env.reset(seed=metadata["seed"])
    for step, action in enumerate(episode.actions):
        for key, value in obs.items():
            assert np.array_equal(value, episode.observations[key][step]), (key, step)
        obs, reward, *_ = env.step(action)
        assert reward == episode.rewards[step]


def test_round_trip_is_exact_to_the_byte(made, tmp_path):
    export(made, "push-2blocks/mini-v0")
    back = import_minari("push-2blocks/mini-v0", tmp_path / "back")
    assert back.content_hash == made.content_hash
    assert same_files(made.folder, back.folder) == []
    back.verify()
    again = import_minari(tmp_path / "minari" / "push-2blocks" / "mini-v0", tmp_path / "again")
    assert again.manifest == made.manifest


def test_many_chunks_are_one_dataset(made, tmp_path, monkeypatch):
    monkeypatch.setattr(export_module, "CHUNK", 3)
    export(made, "push-2blocks/mini-v0")
    assert import_minari("push-2blocks/mini-v0", tmp_path / "back").manifest == made.manifest


def test_reference_scores_normalise(made, tmp_path):
    scores = {"random": {"return": -300.0}, "oracle": {"return": -100.0}, "episodes": 100}
    made = EpisodeStore(
        made.folder, {**made.manifest, "reference_scores": scores}, made.columns, made.offsets
    )
    export(made, "push-2blocks/mini-v0")
    data = minari.load_dataset("push-2blocks/mini-v0")
    normalised = minari.get_normalized_score(data, np.array([-300.0, -200.0, -100.0]))
    assert np.allclose(normalised, [0, 0.5, 1])
    assert data.storage.metadata["num_episodes_average_score"] == 100
    back = import_minari("push-2blocks/mini-v0", tmp_path / "a")
    assert back.manifest["reference_scores"] == scores


def test_a_split_is_exported_alone(made, tmp_path):
    export(made.split("validation"), "push-2blocks/val-v0")
    back = import_minari("push-2blocks/val-v0", tmp_path / "back")
    assert (len(back), back.task) == (1, "push-2blocks")
    assert back.manifest["custom"] is True
    assert back.episodes[0]["seed"] == made.episodes[6]["seed"]
    assert np.array_equal(back.observations, made.split("validation").observations)
    assert np.array_equal(back.actions, made.split("validation").actions)


def test_an_edited_dataset_is_not_taken_for_the_registered_one(made, tmp_path):
    folder = export(made, "push-2blocks/mini-v0")
    with h5py.File(folder / "data" / "main_data.hdf5", "a") as file:
        file["episode_2/actions"][5, 0] += 0.25
    back = import_minari("push-2blocks/mini-v0", tmp_path / "back")
    assert back.manifest["custom"] is True
    assert back.content_hash != made.content_hash
    assert back.actions[2 * 46 + 5, 0] == made.actions[2 * 46 + 5, 0] + np.float32(0.25)


# Minari's traps, 0.5.4


def test_trap_long_episodes_are_not_cut(tmp_path):
    rows = 40_001
    arrays = {
        "observations": np.arange(rows, dtype=np.float32)[:, None],
        "actions": np.zeros((rows, 1), np.float32),
    }
    store = make_store(tmp_path / "a", [40_000], arrays)
    export(store, "some/long-v0")
    assert len(minari.load_dataset("some/long-v0")[0].rewards) == 40_000
    assert import_minari("some/long-v0", tmp_path / "b").content_hash == store.content_hash


def test_trap_a_source_cut_by_arrow_is_refused():
    cut = {
        "id": 0,
        "observations": np.zeros((32768, 1)),
        "actions": np.zeros((32767, 1)),
        "rewards": np.zeros(32767),
        "terminations": np.zeros(32767, bool),
        "truncations": np.zeros(32767, bool),
        "infos": None,
    }
    with pytest.raises(DataError, match="32767 steps, its metadata say 40000"):
        entries_of(cut, 40_000)
    assert len(entries_of(cut, 32_767)[0]["rewards"]) == 32_768


def test_trap_vector_rewards_stay_vectors(tmp_path):
    arrays = {
        "observations": np.ones((8, 2), np.float32),
        "actions": np.zeros((8, 2), np.float32),
        "rewards": np.arange(16, dtype=np.float32).reshape(8, 2) * ([[1]] * 7 + [[0]]),
    }
    arrays["rewards"] = arrays["rewards"].astype(np.float32)
    store = make_store(tmp_path / "a", [7], arrays)
    export(store, "some/team-v0")
    assert minari.load_dataset("some/team-v0")[0].rewards.shape == (7, 2)
    assert import_minari("some/team-v0", tmp_path / "b").content_hash == store.content_hash


def test_trap_null_and_nested_metadata_survive(tmp_path):
    arrays = {"observations": np.zeros((3, 2), np.float32), "actions": np.zeros((3, 1), np.float32)}
    row = episode_row(0, "train", 2, labels={"drop": [1, None]}, captions=["a block", "ein Würfel"])
    store = make_store(tmp_path / "a", [2], arrays, rows=[row])
    export(store, "some/rows-v0")
    assert import_minari("some/rows-v0", tmp_path / "b").episodes == [row]


def test_what_hdf5_cannot_hold_is_in_the_row_alone(tmp_path):
    odd = {"": 1, "a\0b": 1, "c": "\0", "d": "\ud800", "e": 2**70, "f": [2**63], "g": 2**62}
    arrays = {"observations": np.zeros((3, 2), np.float32), "actions": np.zeros((3, 1), np.float32)}
    row = episode_row(0, "train", 2, labels=odd)
    store = make_store(tmp_path / "a", [2], arrays, rows=[row])
    export(store, "some/odd-v0")
    metadata = next(iter(minari.load_dataset("some/odd-v0").storage.get_episode_metadata([0])))
    assert metadata["labels"] == {"g": 2**62}
    assert import_minari("some/odd-v0", tmp_path / "b").episodes == [row]


def test_trap_images_are_stored_without_loss(tmp_path):
    frames = np.random.default_rng(0).integers(0, 256, (6, 64, 64, 3), dtype=np.uint8)
    arrays = {"observations": frames, "actions": np.zeros((6, 1), np.float32)}
    store = make_store(tmp_path / "a", [5], arrays)
    if minari.__version__ == "0.5.3":  # always JPEG
        with pytest.raises(MissingExtra, match=r"minari>=0\.5\.4"):
            export(store, "some/frames-v0")
        return
    export(store, "some/frames-v0")
    data = minari.load_dataset("some/frames-v0")
    assert np.array_equal(data[0].observations, frames)
    assert data.storage.metadata["jpeg_encoding"] is False
    assert import_minari("some/frames-v0", tmp_path / "b").content_hash == store.content_hash


@pytest.mark.filterwarnings("ignore::UserWarning:minari")
def test_trap_combined_datasets_lose_seeds_and_we_say_so(made, tmp_path):
    parts = []
    for name in ("push-2blocks/one-v0", "push-2blocks/two-v0"):
        export(made, name)
        parts.append(minari.load_dataset(name))
    minari.combine_datasets(parts, "push-2blocks/both-v0")
    with pytest.warns(UserWarning, match="without seeds"):
        back = import_minari("push-2blocks/both-v0", tmp_path / "back")
    assert len(back) == 14
    assert back.task == "push-2blocks"
    assert all(row["seed"] is None for row in back.episodes)
    assert np.array_equal(back.observations[: len(made.observations)], made.observations)


def test_trap_names_of_one_letter(made):
    for name in ("x/y-v0", "push-2blocks/mini", "", "../evil-v0", "a b-v0", "/tmp/x-v0"):
        with pytest.raises(BadValue, match="no Minari name"):
            export(made, name)


def test_trap_an_interrupted_export_leaves_nothing(made, tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(export_module, "_add_extras", interrupt)
    with pytest.raises(KeyboardInterrupt):
        export(made, "push-2blocks/mini-v0")
    assert minari.list_local_datasets() == {}
    assert list((tmp_path / "minari").rglob("*.hdf5")) == []


def test_a_full_disk_is_noticed_before_hdf5_ends_the_process(made, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    for free in (0, 2**20):
        monkeypatch.setattr(
            shutil, "disk_usage", lambda place, free=free: usage._replace(free=free)
        )
        with pytest.raises(DataError, match="the disk is full"):
            export(made, "push-2blocks/full-v0")
    root = tmp_path / "minari"
    assert not (root / "push-2blocks" / "full-v0").exists()
    assert not list(root.glob(".entitybench*"))


def test_an_existing_name_is_not_overwritten(made, tmp_path):
    path = export(made, "push-2blocks/mini-v0") / "data" / "main_data.hdf5"
    before = path.read_bytes()
    assert export(made, "push-2blocks/mini-v0") == path.parents[1]  # it is that dataset
    with pytest.raises(BadValue, match="exists already"):
        export(made.split("train"), "push-2blocks/mini-v0")
    assert path.read_bytes() == before


def test_an_import_that_is_there_already_is_accepted(made, tmp_path):
    export(made, "push-2blocks/mini-v0")
    export(made.split("train"), "push-2blocks/part-v0")
    out = tmp_path / "out"
    first = import_minari("push-2blocks/mini-v0", out).manifest
    assert import_minari("push-2blocks/mini-v0", out).manifest == first
    with pytest.raises(BadValue, match="holds another dataset"):
        import_minari("push-2blocks/part-v0", out)
    assert EpisodeStore.open(out).manifest == first
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".out")] == []


# Data of other people


def collect(name, episodes, **kwargs):
    """A Minari dataset that is not ours."""
    from minari.data_collector import EpisodeBuffer

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return minari.create_dataset_from_buffers(
            name, [EpisodeBuffer(**episode) for episode in episodes], **kwargs
        )


def foreign_episode(length, **more):
    rng = np.random.default_rng(length)
    return {
        "seed": 5,
        "observations": rng.normal(size=(length + 1, 3)),
        "actions": rng.integers(0, 4, length),
        "rewards": rng.normal(size=length),
        "terminations": np.arange(length) == length - 1,
        "truncations": np.zeros(length, bool),
        **more,
    }


SPACES = {
    "observation_space": gymnasium.spaces.Box(-np.inf, np.inf, (3,), np.float64),
    "action_space": gymnasium.spaces.Discrete(4),
}


def test_other_data_become_a_store(tmp_path):
    infos = {"success": np.array([0, 0, 0, 1.0]), "name": ["a"] * 4, "deep": {"x": np.arange(4)}}
    episodes = [foreign_episode(3, infos=infos), foreign_episode(3, infos=infos, seed=None)]
    collect("someone/walk-v3", episodes, **SPACES)
    with pytest.warns(UserWarning, match=r"left out .*infos\.name"):
        store = import_minari("someone/walk-v3", tmp_path / "a")
    assert store.id == "someone/walk-v3"
    assert store.task is None
    assert set(store.columns) == {
        "observations",
        "actions",
        "rewards",
        "terminals",
        "masks",
        "infos.success",
        "infos.deep.x",
    }
    part = store.episode(0)
    assert np.array_equal(part["observations"], episodes[0]["observations"])
    assert np.array_equal(part["actions"], episodes[0]["actions"])
    assert np.array_equal(part["rewards"], episodes[0]["rewards"])
    assert part["masks"].tolist() == [True, True, False]
    assert [row["seed"] for row in store.episodes] == [5, None]
    assert store.episodes[0]["success"] is True
    assert np.isclose(store.episodes[0]["return"], episodes[0]["rewards"].sum())


def test_other_data_keep_their_environment_and_spaces_when_exported_again(tmp_path):
    env = gymnasium.spec("CartPole-v1")
    episodes = [foreign_episode(n, observations=np.zeros((n + 1, 4), np.float32)) for n in (3, 5)]
    for episode in episodes:
        episode["actions"] %= 2
    first = collect("someone/pole-v0", episodes, env=env)
    store = import_minari("someone/pole-v0", tmp_path / "a")
    export(store, "someone/again-v0")
    again = minari.load_dataset("someone/again-v0")
    assert again.action_space == first.action_space == gymnasium.spaces.Discrete(2)
    assert again.observation_space == first.observation_space
    recovered = again.recover_environment()
    assert (recovered.spec.id, recovered.spec.max_episode_steps) == ("CartPole-v1", 500)
    for one, other in zip(first, again, strict=True):
        assert np.array_equal(one.terminations, other.terminations)
        assert np.array_equal(one.truncations, other.truncations)
        assert all(again.action_space.contains(action) for action in other.actions)
    assert import_minari("someone/again-v0", tmp_path / "b").manifest == store.manifest


def test_episodes_beyond_the_limit_of_their_environment_are_noticed(tmp_path):
    episode = foreign_episode(501, observations=np.zeros((502, 4), np.float32))
    episode["actions"] %= 2
    collect("someone/long-v0", [episode], env=gymnasium.spec("CartPole-v1"))
    with pytest.warns(UserWarning, match="1 episodes have more than the 500 steps"):
        import_minari("someone/long-v0", tmp_path / "a")


def test_spaces_of_data_hold_the_data(tmp_path):
    """A space that the data leave is not believed; without one choices are choices."""
    wrong = gymnasium.spaces.Box(-0.1, 0.1, (3,), np.float64)
    collect("someone/wide-v0", [foreign_episode(9)], **{**SPACES, "observation_space": wrong})
    export(import_minari("someone/wide-v0", tmp_path / "a"), "someone/mended-v0")
    mended = minari.load_dataset("someone/mended-v0")
    assert mended.observation_space == SPACES["observation_space"]
    assert mended.action_space == SPACES["action_space"]
    arrays = {
        "observations": np.zeros((8, 2), np.float32),
        "actions": np.array([0, 1, 2, 0, 5, 1, 0, 0]),
        "rewards": np.zeros(8, np.float32),
    }
    from stores import plain_store

    export(plain_store(tmp_path / "b", arrays, [3, 3]), "someone/plain-v0")
    assert minari.load_dataset("someone/plain-v0").action_space == gymnasium.spaces.Discrete(6)


def test_other_data_that_do_not_fit(tmp_path):
    with_infos = foreign_episode(3, infos={"x": np.arange(4)})
    collect("someone/ragged-v0", [with_infos, foreign_episode(3)], **SPACES)
    with pytest.raises(BadValue, match="same in every episode"):
        import_minari("someone/ragged-v0", tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_sources_that_lead_nowhere(made, tmp_path):
    export(made, "push-2blocks/mini-v0")
    with pytest.raises(UnknownId, match="push-2blocks/mini-v0"):
        import_minari("push-2blocks/mimi-v0", tmp_path / "a")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "notes.txt").write_text("mine")
    with pytest.raises(BadValue, match="exists already"):
        import_minari("push-2blocks/mini-v0", tmp_path / "taken")
    path = tmp_path / "minari" / "push-2blocks" / "mini-v0" / "data" / "main_data.hdf5"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(DataError, match="cannot be read"):
        import_minari("push-2blocks/mini-v0", tmp_path / "a")
    metadata = path.parent / "metadata.json"
    metadata.write_text(json.dumps({**json.loads(metadata.read_text()), "minari_version": "9.9.9"}))
    with pytest.raises(DataError, match="cannot be read"):
        import_minari("push-2blocks/mini-v0", tmp_path / "a")


def test_ogbench_files(tmp_path):
    terminals = np.zeros(9)
    terminals[[3, 8]] = 1
    arrays = {
        "observations": np.arange(18, dtype=np.float32).reshape(9, 2),
        "actions": np.ones((9, 2), np.float32),
        "terminals": terminals,
        "qpos": np.arange(9.0)[:, None],
    }
    np.savez(tmp_path / "toy.npz", **arrays)
    store = import_minari(tmp_path / "toy.npz", tmp_path / "a")
    assert store.lengths.tolist() == [3, 4]
    assert np.array_equal(store.episode(1)["observations"], arrays["observations"][4:])
    assert np.array_equal(store.columns["qpos"], arrays["qpos"])
    assert store.actions[[3, 8]].any() == 0
    np.savez(tmp_path / "bad.npz", observations=np.zeros((3, 2)))
    for bad in ("bad.npz", "none.npz"):
        with pytest.raises(DataError, match=bad):
            import_minari(tmp_path / bad, tmp_path / "b")
    assert not (tmp_path / "b").exists()
