"""Experts of Stable-Baselines3: trained on our worlds, kept as safetensors, acting in numpy."""

from __future__ import annotations

import itertools
import tomllib
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement

from entitybench.datasets.behaviours.actor import Actor, read_tensors
from entitybench.envs.api import make_worlds
from entitybench.errors import BadValue, DataError

pytest.importorskip("safetensors")
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    pytest.importorskip("stable_baselines3")
    from entitybench.datasets.experts.sb3 import train, write_actor

    folder, found = tmp_path_factory.mktemp("actors"), {}
    for algorithm in ("sac", "td3"):
        model = train("hopper", algorithm=algorithm, steps=80, rows=2, width=8)
        found[algorithm] = model, folder / f"{algorithm}.safetensors"
        write_actor(model.policy.actor, found[algorithm][1], {"task": "hopper"})
    return found


@pytest.mark.parametrize("algorithm", ["sac", "td3"])
def test_numpy_acts_as_the_trained_policy_does(trained, algorithm):
    model, file = trained[algorithm]
    obs = make_worlds("hopper", 5).reset(range(5))
    actor = Actor("hopper", file=str(file))
    action, _ = actor.act(obs, None, None)
    wanted, _ = model.predict(obs["observation"].reshape(5, -1), deterministic=True)
    assert action.shape == (5, 3)
    assert np.allclose(action, wanted, atol=1e-5)
    assert action.std() > 0
    alone, _ = actor.act({"observation": obs["observation"][2:3]}, None, None)
    assert np.array_equal(alone[0], action[2])


def test_the_same_seed_trains_the_same_actor(trained, tmp_path):
    from entitybench.datasets.experts.sb3 import train, write_actor

    model = train("hopper", steps=80, rows=2, width=8)
    write_actor(model.policy.actor, tmp_path / "again", {})
    again, first = read_tensors(str(tmp_path / "again")), read_tensors(str(trained["sac"][1]))
    assert again.keys() == first.keys()
    assert all(np.array_equal(again[name], first[name]) for name in first)


def test_checkpoints_are_written_on_the_way_and_change_nothing(trained, tmp_path, monkeypatch):
    from entitybench.datasets.experts import sb3

    monkeypatch.setattr(sb3, "measure", lambda *_: {})
    words = "hopper --steps 80 --rows 2 --width 8 --checkpoints 3 --out"
    monkeypatch.setattr("sys.argv", ["sb3", *words.split(), str(tmp_path / "it.safetensors")])
    sb3.main()
    names = ["it-20", "it-40", "it-60", "it"]
    assert sorted(path.stem for path in tmp_path.iterdir()) == sorted(names)
    biases = [read_tensors(str(tmp_path / f"{name}.safetensors"))["layer0.bias"] for name in names]
    assert all((one != other).any() for one, other in itertools.pairwise(biases))
    assert np.array_equal(biases[-1], read_tensors(str(trained["sac"][1]))["layer0.bias"])


def test_an_actor_drives_a_team_that_is_its_robot(trained):
    team = make_worlds("team-hopper-3x1", 3)
    alone = make_worlds("hopper", 3)
    file = str(trained["sac"][1])
    joint, _ = Actor("team-hopper-3x1", file=file).act(team.reset(range(3)), None, None)
    single, _ = Actor("hopper", file=file).act(alone.reset(range(3)), None, None)
    assert joint.shape == (3, 3, 1)
    assert np.array_equal(team.world._robots(joint), single)


def test_training_episodes_begin_anew_where_they_end():
    pytest.importorskip("stable_baselines3")
    from entitybench.envs.views.sb3 import BatchedWorlds
    from entitybench.registry import tasks

    worlds = BatchedWorlds(tasks()["hopper"], 3, 1, 0)
    first = worlds.reset()
    ends = np.zeros(3, int)
    for _ in range(120):
        seen, reward, done, infos = worlds.step(np.ones((3, 3)))
        assert seen.shape == first.shape
        assert np.isfinite(reward).all()
        for row in np.flatnonzero(done):
            ends[row] += 1
            assert not infos[row]["TimeLimit.truncated"]
            assert np.abs(infos[row]["terminal_observation"] - seen[row]).max() > 0.01
            assert np.abs(seen[row, :5]).max() < 1.3  # near the start's pose again
    assert (ends >= 1).all()
    worlds.close()


def test_weights_that_are_not_those_of_the_example_are_refused(trained, tmp_path):
    """As safetensors.numpy 0.8.0 writes a transposed array: its numbers in the order of memory."""
    from safetensors.numpy import load_file, save_file

    tensors = load_file(trained["sac"][1])
    assert tensors["example.observation"].shape == (11,)
    assert tensors["example.action"].shape == (3,)
    weight = tensors["layer0.weight"]
    turned = np.ascontiguousarray(weight.T).reshape(weight.shape)
    other = tmp_path / "other"
    save_file({**tensors, "layer0.weight": turned}, other)
    with pytest.raises(DataError, match=r"does not act as its example says: .*ascontiguousarray"):
        Actor("hopper", file=str(other))
    save_file({**tensors, "example.action": np.full(3, np.nan, np.float32)}, other)
    with pytest.raises(DataError, match="does not act as its example says"):
        Actor("hopper", file=str(other))
    alone = {name: x for name, x in tensors.items() if name != "example.action"}
    save_file(alone, other)
    with pytest.raises(DataError, match=r"example of the shapes \(11,\) and \(0,\)"):
        Actor("hopper", file=str(other))
    plain = {name: x for name, x in tensors.items() if not name.startswith("example")}
    save_file(plain, other)  # older files have none
    assert Actor("hopper", file=str(other))


def test_the_shipped_actor_has_an_example():
    assert {"example.observation", "example.action"} <= read_tensors("halfcheetah-sac").keys()
    Actor("halfcheetah", file="halfcheetah-sac")


def test_the_range_of_safetensors_leaves_out_what_ignores_strides():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (found,) = [x for x in project["optional-dependencies"]["train"] if "safetensors" in x]
    assert not Requirement(found).specifier.contains("0.8.0")
    for file in ("default.txt", "numpy1.txt"):
        pins = (ROOT / "constraints" / file).read_text().splitlines()
        (pin,) = [line.partition("==")[2] for line in pins if line.startswith("safetensors==")]
        assert Requirement(found).specifier.contains(pin)


def test_bad_actors_say_what_is_wrong(trained, tmp_path):
    file = trained["sac"][1]
    with pytest.raises(BadValue, match="no actor 'nobody'"):
        Actor("hopper", file="nobody")
    with pytest.raises(BadValue, match="11 features to 3 actions; halfcheetah has 17 and 6"):
        Actor("halfcheetah", file=str(file))
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(DataError, match="cannot be read"):
        Actor("hopper", file=str(cut))
    from safetensors.numpy import load_file, save_file

    tensors = load_file(file)
    del tensors["layer0.bias"]
    save_file(tensors, cut)
    with pytest.raises(DataError, match=r"lacks the tensor 'layer0\.bias'"):
        Actor("hopper", file=str(cut))
