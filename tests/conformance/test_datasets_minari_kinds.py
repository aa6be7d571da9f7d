"""Minari, both ways, for every kind of task: rewards, teams, absent entities, frames."""

from __future__ import annotations

import json
import warnings

import gymnasium
import numpy as np
import pytest
from stores import contents, generated, plain_store, rewritten
from uniform_sets import KINDS

from entitybench.datasets.lint.api import lint
from entitybench.datasets.minari.export import export
from entitybench.datasets.minari.importer import import_minari
from entitybench.datasets.store.schema import Column, episode_row
from entitybench.datasets.store.store import EpisodeStore
from entitybench.datasets.store.writer import StoreWriter, new_store
from entitybench.envs.api import make, world_of
from entitybench.errors import DataError
from entitybench.leaderboard.cli.main import main
from entitybench.registry import tasks

minari = pytest.importorskip("minari")
pytest.importorskip("PIL")
h5py = pytest.importorskip("h5py")

SCORES = {"random": {"return": -50.0}, "expert": {"return": 50.0}, "oracle": None, "episodes": 100}


@pytest.fixture(autouse=True)
def _roots(tmp_path, monkeypatch):
    monkeypatch.setenv("ENTITYBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))


@pytest.fixture(scope="module", params=sorted(KINDS))
def made(request, tmp_path_factory):
    """Episodes of different lengths, with labels of several kinds."""
    root = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ENTITYBENCH_DATA", str(root))
        store = generated(request.param, root / "a", 3)
        columns, rows = contents(store)
        for index, row in enumerate(rows):
            row["labels"] = {"convention": index % 2, "name": "left" if index % 2 else "right"}
        return rewritten(store, root / "b", columns, rows, reference_scores=SCORES)


@pytest.fixture(scope="module")
def team(tmp_path_factory):
    root = tmp_path_factory.mktemp("team")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ENTITYBENCH_DATA", str(root))
        return generated("team-spread", root / "a", 3)


def same_files(a, b):
    names = {path.name for path in a.iterdir()}
    assert names == {path.name for path in b.iterdir()}
    return [name for name in sorted(names) if (a / name).read_bytes() != (b / name).read_bytes()]


def test_round_trip_is_exact_to_the_byte(made, tmp_path):
    export(made, "some/kind-v0")
    back = import_minari("some/kind-v0", tmp_path / "back")
    assert same_files(made.folder, back.folder) == []
    assert lint("some/kind-v0", episodes=0).dataset == made.id


def test_the_environment_is_recovered_and_repeats_every_episode(made):
    export(made, "some/kind-v0")
    data = minari.load_dataset("some/kind-v0")
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        env = data.recover_environment()
    assert env.observation_space == data.observation_space
    assert env.action_space == data.action_space
    seeds = [m["seed"] for m in data.storage.get_episode_metadata(range(len(data)))]
    assert seeds == [row["seed"] for row in made.episodes]
    for seed, episode in zip(seeds, data.iterate_episodes(), strict=True):
        obs, info = env.reset(seed=seed)
        for step in range(len(episode.rewards)):
            assert env.observation_space.contains(obs)
            assert same(obs, at(episode.observations, step))
            assert info["is_success"] == episode.infos["is_success"][step]
            action = at(episode.actions, step)
            assert env.action_space.contains(action)
            obs, reward, ended, _, info = env.step(action)
            assert np.float32(reward) == np.float32(episode.rewards[step])
            assert ended == episode.terminations[step]
        assert same(obs, at(episode.observations, -1))
        assert episode.truncations[-1] != episode.terminations[-1]
    env.close()


def test_what_is_recovered_ends_where_the_data_do(made):
    """Cut after as many steps as they were; evaluation has the task's own limit."""
    export(made, "some/kind-v0")
    data = minari.load_dataset("some/kind-v0")
    env, own = data.recover_environment(), data.recover_environment(eval_env=True)
    horizon = tasks()[made.task].horizon
    assert own.spec.max_episode_steps == horizon
    cut = [i for i, episode in enumerate(data.iterate_episodes()) if episode.truncations[-1]]
    longest = int(made.lengths.max())
    assert env.spec.max_episode_steps == (longest if cut else max(horizon, longest))
    for index in [i for i in cut if made.lengths[i] == longest][:1]:
        episode = data[index]
        env.reset(seed=made.episodes[index]["seed"])
        flags = [env.step(at(episode.actions, step))[2:4] for step in range(longest)]
        assert [cut for _, cut in flags] == episode.truncations.tolist()
        assert [ended for ended, _ in flags] == episode.terminations.tolist()
    env.close()
    own.close()


def test_data_of_another_version_come_without_an_environment(team, tmp_path):
    columns, rows = contents(team)
    old = rewritten(team, tmp_path / "old", columns, rows, task_version=0)
    with pytest.warns(UserWarning, match="of version 0 of team-spread, here is version"):
        export(old, "some/old-v0")
    with pytest.raises(ValueError, match="env_spec is None"):
        minari.load_dataset("some/old-v0").recover_environment()
    assert same_files(old.folder, import_minari("some/old-v0", tmp_path / "b").folder) == []


def at(leaves, step):
    if isinstance(leaves, dict):
        return {name: leaf[step] for name, leaf in leaves.items()}
    return leaves[step]


def same(a, b):
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)
    return np.array_equal(a, b)


def test_the_rest_of_minaris_interface(made):
    export(made, "some/kind-v0")
    data = minari.load_dataset("some/kind-v0")
    assert data.total_steps == made.transitions
    lengths = [len(episode.rewards) for episode in data]
    assert lengths == made.lengths.tolist()
    data.set_seed(0)
    assert sorted(episode.id for episode in data.sample_episodes(4)) == [0, 1, 2, 3]
    (third,) = data.iterate_episodes([2])
    assert third.id == 2
    normalised = minari.get_normalized_score(data, np.array([-50.0, 0.0, 50.0]))
    assert normalised.tolist() == [0, 0.5, 1]
    assert len(data.filter_episodes(lambda episode: episode.id > 1)) == 2
    for row, known in zip(made.episodes, data.storage.get_episode_metadata(range(4)), strict=True):
        assert known["split"] == row["split"]
        assert known["return"] == row["return"]
        assert bool(known["success"]) == row["success"]
        assert dict(known["labels"]) == row["labels"]
        total = data[row["index"]].rewards.sum(dtype=np.float64)
        assert np.isclose(total, row["return"], rtol=1e-5)
    odd = made.episode(2)["odd"][:-1]
    assert third.infos["odd"].tolist() == [0, *odd.tolist()]
    assert set(third.infos["label_convention"]) == {0}


def test_a_team_is_stored_by_agent(team):
    export(team, "some/team-v0")
    data = minari.load_dataset("some/team-v0")
    agents = list(world_of("team-spread").agents)
    assert data.storage.metadata["entitybench"]["agents"] == agents
    episode, part = data[1], team.episode(1)
    for i, agent in enumerate(agents):
        assert np.array_equal(episode.observations[agent], part["observations"][:, i])
        assert np.array_equal(episode.actions[agent], part["actions"][:, i])
    assert np.array_equal(episode.observations["state"], part["entities"])
    assert np.array_equal(episode.infos["agent_rewards"][1:], part["rewards"])
    assert np.allclose(episode.rewards, part["rewards"].mean(axis=1))


def test_a_part_of_a_team_comes_back_as_a_team(team, tmp_path):
    """A split, or what Minari's own tools made of an export, has lost what lies beside."""
    export(team.split("validation"), "some/part-v0")
    back = import_minari("some/part-v0", tmp_path / "b")
    assert back.task == "team-spread"
    part = team.split("validation").episode(0)
    for name in ("observations", "entities", "actions", "rewards", "masks"):
        assert np.array_equal(back.episode(0)[name], part[name]), name
    assert np.isclose(back.episodes[0]["return"], team.episodes[3]["return"])


def test_the_joint_environment_is_the_team(tmp_path):
    from entitybench.envs.views.joint import JointEnv, joint_spec
    from entitybench.errors import BadValue

    joint = gymnasium.make(joint_spec(tasks()["team-spread"]))
    team = make("team-spread")
    obs, info = joint.reset(seed=3)
    seen, _ = team.reset(seed=3)
    rng = np.random.default_rng(0)
    for _ in range(25):
        assert all(np.array_equal(obs[name], seen[name]) for name in seen)
        assert np.array_equal(obs["state"].ravel(), team.state())
        actions = {name: rng.uniform(-1, 1, 2).astype(np.float32) for name in seen}
        obs, reward, ended, cut, info = joint.step(actions)
        seen, rewards, ends, cuts, _ = team.step(actions)
        assert info["agent_rewards"].tolist() == list(rewards.values())
        assert reward == np.mean(list(rewards.values()))
        assert (ended, cut) == (any(ends.values()), any(cuts.values()))
    assert joint.spec.max_episode_steps == 25
    joint = JointEnv("team-spread")
    with pytest.raises(gymnasium.error.ResetNeeded):
        joint.step(actions)
    joint.reset()
    for wrong in ({}, 3, {name: np.zeros(5) for name in actions}):
        with pytest.raises(BadValue, match="an action is a dict"):
            joint.step(wrong)


def test_frames_beside_the_observations_are_lossless(tmp_path):
    frames = np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3), dtype=np.uint8)
    columns = {
        "observations": Column("<f4", (2,)),
        "actions": Column("<f4", (1,)),
        "pixels": Column("|u1", (32, 32, 3), format="hdf5"),
    }
    with new_store(tmp_path / "a") as folder:
        writer = StoreWriter(folder, [15, 23], columns)
        writer.append({"observations": np.ones((40, 2), np.float32), "pixels": frames})
        writer.append({"actions": np.zeros((40, 1), np.float32)})
        rows = [episode_row(i, "train", n, seed=i) for i, n in enumerate((15, 23))]
        about = {"dataset": "a/b-v0", "task": None, "task_version": None, "seed": None}
        writer.finish(rows, {**about, "custom": True, "reference_scores": None})
    store = EpisodeStore.open(tmp_path / "a")
    export(store, "some/frames-v0")
    back = import_minari("some/frames-v0", tmp_path / "b")
    assert np.array_equal(back.columns["pixels"][:], frames)
    assert same_files(store.folder, back.folder) == []


def test_leaves_of_other_projects_go_both_ways(tmp_path):
    arrays = {
        "observations.arm": np.arange(12, dtype=np.float32).reshape(6, 2),
        "observations.deep.cup": np.arange(6.0)[:, None],
        "actions": np.ones((6, 1), np.float32),
        "rewards": np.arange(6, dtype=np.float32),
        "infos.success": np.array([0, 0, 1, 0, 0, 1]),
    }
    arrays["rewards"][[2, 5]] = arrays["actions"][[2, 5]] = 0
    store = plain_store(tmp_path / "a", arrays, [2, 2])
    export(store, "some/leaves-v0")
    episode = minari.load_dataset("some/leaves-v0")[1]
    assert np.array_equal(episode.observations["arm"], arrays["observations.arm"][3:])
    assert episode.infos["success"].tolist() == [0, 0, 1]
    back = import_minari("some/leaves-v0", tmp_path / "b")
    assert same_files(store.folder, back.folder) == []
    assert json.loads((back.folder / "manifest.json").read_text())["dataset"] == "some/thing-v0"


@pytest.fixture
def remote(tmp_path, monkeypatch):
    """A remote of Minari's that is a folder here: its own downloader runs in full."""
    remotes = pytest.importorskip("minari.storage.remotes")
    import shutil

    from minari.storage.remotes.cloud_storage import CloudStorage

    folder = tmp_path / "remote"

    class Folder(CloudStorage):
        broken = False

        def __init__(self, name, token):
            pass

        def list_datasets(self, prefix=None):
            names = [p.parent.parent.relative_to(folder) for p in folder.rglob("metadata.json")]
            return [str(name) for name in names if str(name).startswith(prefix or "")]

        def get_dataset_metadata(self, dataset_id):
            return json.loads((folder / dataset_id / "data" / "metadata.json").read_text())

        def download_dataset(self, dataset_id, path):
            if self.broken:
                (path / dataset_id / "data").mkdir(parents=True)
                raise ConnectionError("the line is cut")
            shutil.copytree(folder / dataset_id, path / dataset_id)

        def list_namespaces(self):
            return ["some"]

        def download_namespace_metadata(self, namespace, path):
            shutil.copy(folder / namespace / "namespace_metadata.json", path / namespace)

        def upload_dataset(self, dataset_id):
            raise NotImplementedError

        upload_namespace = upload_dataset

    monkeypatch.setitem(remotes._registry, "folder", lambda: Folder)
    monkeypatch.setenv("MINARI_REMOTE", "folder://here")
    return Folder


def test_minari_downloads_what_is_not_here(team, tmp_path, remote, capsys):
    export(team, "some/team-v0")
    (tmp_path / "minari").rename(tmp_path / "remote")
    out = str(tmp_path / "a")
    assert main(["import", "some/team-v0", "--out", out]) == 2
    remote.broken = True
    assert main(["import", "some/team-v0", "--download", "--out", out]) == 2
    assert "the line is cut" in capsys.readouterr().err
    assert not (tmp_path / "minari" / "some" / "team-v0").exists()
    remote.broken = False
    for name in ("some/taem-v0", "x/y-v0", "hf://some/team-v0"):
        assert main(["import", name, "--download", "--out", out]) == 2
        assert name in capsys.readouterr().err
    assert main(["import", "some/team-v0", "--download", "--out", out, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["dataset"] == "team-spread/uniform-v1"
    assert same_files(team.folder, tmp_path / "a") == []


def test_a_download_of_nothing_is_noticed(remote, tmp_path, monkeypatch):
    """Minari 220: the command prints success, and nothing was downloaded."""
    monkeypatch.setattr(minari, "download_dataset", lambda name: None)
    with pytest.raises(DataError, match="there is no such dataset"):
        import_minari("some/team-v0", tmp_path / "a", download=True)
    assert not (tmp_path / "a").exists()
