"""What users put around environments: Gymnasium's wrappers and vectors, Stable-Baselines3's."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import wrappers
from gymnasium.wrappers import vector as of_vectors

import entitybench as eb
from entitybench.errors import BadValue
from entitybench.registry import kinds, tasks

HORIZON = 6
STARTS = ["fork", "spawn", "forkserver"]


def made(task: str = "push-1block", **options: Any) -> gymnasium.Env:
    return gymnasium.make(f"entitybench/{task}-v1", **{"max_episode_steps": HORIZON, **options})


# What another process can be told to make.
SENT = partial(gymnasium.make, "entitybench/push-1block-v1", max_episode_steps=HORIZON)


def batch(**options: Any) -> gymnasium.vector.VectorEnv:
    return eb.make_vec("push-1block", 2, horizon=HORIZON, **options)


def rewards(env: Any, steps: int = HORIZON, last: list[Any] | None = None) -> list[Any]:
    """Of some random actions; `last` gets what the last step gave."""
    rng, found = np.random.default_rng(0), []
    env.reset(seed=0)
    for _ in range(steps):
        result = env.step(rng.uniform(-1, 1, env.action_space.shape).astype(np.float32))
        found.append(np.asarray(result[1]).tolist())
        if last is not None:
            last[:] = result
        if np.all(result[2]) or np.all(result[3]):
            break
    return found


PLAIN = {
    "RecordEpisodeStatistics": wrappers.RecordEpisodeStatistics,
    "FrameStackObservation": lambda env: wrappers.FrameStackObservation(env, 3),
    "FlattenObservation": wrappers.FlattenObservation,
    "RescaleAction": lambda env: wrappers.RescaleAction(env, np.float32(-1), np.float32(1)),
    "ClipAction": wrappers.ClipAction,
    "TimeAwareObservation": wrappers.TimeAwareObservation,
    "NormalizeObservation": lambda e: wrappers.NormalizeObservation(wrappers.FlattenObservation(e)),
}


@pytest.mark.parametrize("name", PLAIN)
def test_a_wrapper_changes_no_reward(name: str) -> None:
    bare = rewards(made())
    assert len(bare) == HORIZON
    assert rewards(PLAIN[name](made())) == bare
    assert rewards(PLAIN[name](eb.make("push-1block", horizon=HORIZON))) == bare


@pytest.mark.parametrize("limit", [None, 4, 200, -1])
def test_the_limit_of_gymnasium_is_the_limit(limit: int | None) -> None:
    env = made(max_episode_steps=limit)
    length = {None: 150, -1: 250}.get(limit, limit)
    last: list[Any] = []
    assert len(rewards(env, 250, last)) == length
    assert (last[3], env.spec.max_episode_steps) == (limit != -1, None if limit == -1 else length)


def test_the_limit_of_a_vector() -> None:
    id = "entitybench/push-1block-v1"
    for mode in (None, "sync"):
        env = gymnasium.make_vec(id, num_envs=2, vectorization_mode=mode, max_episode_steps=4)
        assert len(rewards(env, 20)) == 4
    assert gymnasium.make_vec(id, num_envs=2, max_episode_steps=4).spec.max_episode_steps == 4
    assert batch().spec.max_episode_steps == HORIZON
    with pytest.raises(BadValue, match="max_episode_steps=4 are the same: give one"):
        eb.make_vec("push-1block", 2, horizon=3, max_episode_steps=4)


def test_an_environment_is_made_again_from_its_spec() -> None:
    for env in (made(), eb.make("push-1block", horizon=HORIZON)):
        again = gymnasium.make(env.spec)
        assert again.spec.max_episode_steps == HORIZON
        assert rewards(again, 99) == rewards(env, 99)


def test_a_limit_by_the_wrong_name_is_told() -> None:
    with pytest.raises(BadValue, match="max_episode_steps=9 in the place of horizon"):
        made(horizon=9)
    with pytest.raises(BadValue, match="horizon says how long"):
        eb.make("push-1block", max_episode_steps=9)
    with pytest.raises(BadValue, match=r"'heigth'. Did you mean 'height'"):
        eb.make("push-1block", heigth=9)
    with pytest.raises(BadValue, match="interactions is True or False: got 'yes'"):
        eb.make("push-1block", interactions="yes")


@pytest.mark.parametrize(
    "id", [task.gym_id for task in tasks() if kinds()[task.kind].views is not None]
)
def test_an_id_makes_no_other_task(id: str) -> None:
    other = "push-2blocks" if "push-1block-v" in id else "push-1block"
    for making in (gymnasium.make, gymnasium.make_vec):
        with pytest.raises(BadValue, match=f"^{id} is not|goal task"):
            making(id, task=other)


def test_statistics_of_an_episode() -> None:
    last: list[Any] = []
    gains = rewards(wrappers.RecordEpisodeStatistics(made()), last=last)
    assert (last[4]["episode"]["l"], last[4]["episode"]["r"]) == (HORIZON, sum(gains))


def test_films_of_gymnasium(tmp_path: Path) -> None:
    pytest.importorskip("moviepy")
    env = wrappers.RecordVideo(made(render_mode="rgb_array"), tmp_path)
    rewards(env)
    env.close()
    assert list(tmp_path.glob("*.mp4"))


def test_infos_have_the_types_that_others_give() -> None:
    env = eb.make("push-1block")
    env.reset(seed=0)
    _, reward, terminated, truncated, info = env.step(np.zeros(2))
    types = {name: type(value) for name, value in info.items()}
    assert types == {"is_success": bool, "success_fraction": float, "unstable": bool}
    assert [type(x) for x in (reward, terminated, truncated)] == [float, bool, bool]
    team = eb.make("team-spread")
    team.reset(seed=0)
    _, rewarded, ended, cut, infos = team.step({a: np.zeros(2) for a in team.agents})
    for name, info in infos.items():
        assert {n: type(value) for n, value in info.items()} == types
        assert [type(each[name]) for each in (rewarded, ended, cut)] == [float, bool, bool]


def test_a_vector_gives_what_gymnasiums_own_gives() -> None:
    ours, theirs = batch(), gymnasium.vector.SyncVectorEnv([made, made])
    infos = []
    for env in (ours, theirs):
        _, info = env.reset(seed=3)
        infos.append({name: value.dtype for name, value in info.items()})
        _, reward, terminated, truncated, info = env.step(np.zeros((2, 2), np.float32))
        dtypes = [x.dtype for x in (reward, terminated, truncated)]
        assert dtypes == [np.float64, np.bool_, np.bool_]
        infos.append({name: value.dtype for name, value in info.items()})
    assert infos[:2] == infos[2:]
    assert infos[0]["seed"] == np.int64


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_a_vector_tells_the_seeds_that_gymnasiums_own_tells(mode: str) -> None:
    theirs = gymnasium.vector.SyncVectorEnv([made, made], autoreset_mode=mode)
    found = []
    for env in (batch(autoreset_mode=mode), theirs):
        env.reset(seed=3)
        infos = [env.step(np.zeros((2, 2), np.float32))[4] for _ in range(HORIZON + 1)]
        seeds = [(info["seed"], info["_seed"]) for info in infos if "seed" in info]
        found.append([(seed.tolist(), told.tolist(), seed.dtype) for seed, told in seeds])
    assert found[0] == found[1]
    assert len(found[0]) == 1


VECTORS = {
    "RecordEpisodeStatistics": of_vectors.RecordEpisodeStatistics,
    "ClipAction": of_vectors.ClipAction,
    "FlattenObservation": of_vectors.FlattenObservation,
    "RescaleAction": lambda e: of_vectors.RescaleAction(e, np.float32(-1), np.float32(1)),
}


@pytest.mark.parametrize("name", VECTORS)
def test_a_wrapper_of_vectors_changes_no_reward(name: str) -> None:
    assert rewards(VECTORS[name](batch())) == rewards(batch())


@pytest.mark.parametrize("start", STARTS)
def test_workers_give_what_a_batch_gives(start: str) -> None:
    env = gymnasium.vector.AsyncVectorEnv([SENT, SENT], context=start)
    assert rewards(env) == rewards(batch())
    env.close()


def _of_sb3(env: Any) -> list[Any]:
    rng, found = np.random.default_rng(0), []
    env.seed(0)
    env.reset()
    for _ in range(HORIZON):
        _, gains, done, infos = env.step(rng.uniform(-1, 1, (2, 2)).astype(np.float32))
        found.append(gains.tolist())
    assert done.all()
    assert all(info["TimeLimit.truncated"] for info in infos)
    env.close()
    return found


@pytest.mark.parametrize(
    "start", [s if s == "spawn" else pytest.param(s, marks=pytest.mark.slow) for s in STARTS]
)
def test_workers_of_sb3_give_what_a_batch_gives(start: str) -> None:
    sb3 = pytest.importorskip("stable_baselines3.common.vec_env")
    assert _of_sb3(sb3.SubprocVecEnv([SENT, SENT], start_method=start)) == rewards(batch())


def test_normalisation_of_sb3() -> None:
    sb3 = pytest.importorskip("stable_baselines3.common.vec_env")
    plain = sb3.DummyVecEnv([partial(made, "hopper", max_episode_steps=HORIZON)] * 2)
    env = sb3.VecNormalize(plain)
    seen = env.reset()
    assert seen.shape == (2, *plain.observation_space.shape)
    assert np.isfinite(env.step(np.zeros((2, 3)))[1]).all()
