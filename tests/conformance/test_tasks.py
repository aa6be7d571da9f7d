"""Every registered task behaves like a citizen of Gymnasium or PettingZoo, and of this suite.

Nothing is listed by hand: the registry says what there is.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util

import gymnasium
import numpy as np
import pytest

from entitybench.envs import pettingzoo
from entitybench.envs.api import make, make_vec, make_worlds
from entitybench.envs.core.world import GoalWorld, TeamWorld
from entitybench.envs.views.single import TaskEnv
from entitybench.errors import BadValue
from entitybench.registry import kinds, tasks
from entitybench.types import TaskSpec


def _there(task: TaskSpec) -> bool:
    return not task.extra or importlib.util.find_spec(task.extra) is not None


TASKS = [task for task in tasks() if "state" in task.tags]
ALONE = [task for task in TASKS if kinds()[task.kind].views]
TEAMS = [task for task in TASKS if not kinds()[task.kind].views]
ids = [task.id for task in TASKS]


def each(some: list[TaskSpec]) -> pytest.MarkDecorator:
    """A test of each of these tasks; those whose engine is not installed are skipped."""
    return pytest.mark.parametrize(
        "task",
        [
            pytest.param(
                task,
                id=task.id,
                marks=[]
                if _there(task)
                else pytest.mark.skip(reason=f"pip install -e '.[{task.extra}]'"),
            )
            for task in some
        ],
    )


def busy(task: TaskSpec, steps: int, batch: int, seed: int = 0) -> np.ndarray:
    """Random actions (steps, batch, *action_shape), each held for five steps: things get moved."""
    shape = make_worlds(task, 1).world.action_shape
    rng = np.random.default_rng(seed)
    few = rng.uniform(-1, 1, (steps // 5 + 1, batch, *shape))
    return few.repeat(5, axis=0)[:steps].astype(np.float32)


def same(a: dict, b: dict) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[key], b[key]) for key in a)


def rows(values: dict, row: int) -> dict:
    return {key: value[row : row + 1] for key, value in values.items()}


def test_every_state_task_of_one_agent_can_be_seen() -> None:
    seen = {task.id for task in tasks() if "pixels" in task.tags}
    assert {f"{task.id}-pixels" for task in ALONE if task.kind != "graph"} <= seen
    assert {task.id for task in tasks()} == seen | set(ids)


@each(TASKS)
def test_an_episode_depends_on_its_seed_and_nothing_else(task: TaskSpec) -> None:
    """Alone, in a batch, with other threads, after other episodes: bit for bit the same."""
    seeds, steps = [3, 2**40, 8], 6 if task.extra else 12
    actions = busy(task, steps, len(seeds))
    batch = make_worlds(task, len(seeds), threads=2)
    single = make_worlds(task, 1)
    single.reset([99])
    single.step(actions[0, :1])
    first = batch.reset(seeds)
    runs = [(first, None), *(batch.step(action) for action in actions)]
    for row, seed in enumerate(seeds):
        assert same(single.reset([seed]), rows(first, row))
        for action, (obs, info) in zip(actions, runs[1:], strict=True):
            one, scores = single.step(action[row : row + 1])
            assert same(one, rows(obs, row))
            assert same(scores, rows(info, row))
        assert single.state_digest(0) == batch.state_digest(row)
    single.reset([seeds[0]])
    for action, (obs, info) in zip(actions, runs[1:], strict=True):
        one, scores = single.step_alone(action[0])
        assert all(np.array_equal(one[key], obs[key][0]) for key in obs)
        assert all(np.array_equal(scores[key], info[key][0]) for key in info)
    batch.close()
    single.close()


@each(TASKS)
def test_stored_states_and_snapshots_restart_exactly(task: TaskSpec) -> None:
    actions = busy(task, 10 if task.extra else 30, 2)
    half = len(actions) // 2
    worlds, other = make_worlds(task, 2), make_worlds(task, 1)
    worlds.reset([5, 6])
    for action in actions[:half]:
        worlds.step(action)
    stored, snapshot = worlds.integration_state(1), worlds.snapshot()
    before = worlds.observe()
    ends = [worlds.step(action) for action in actions[half:]]
    digests = [worlds.state_digest(row) for row in range(2)]
    other.reset([6])
    other.set_integration_state(0, stored)
    assert same(other.observe(), rows(before, 1))
    for action, (obs, info) in zip(actions[half:], ends, strict=True):
        one, scores = other.step(action[1:])
        assert same(one, rows(obs, 1))
        assert same(scores, rows(info, 1))
    assert other.state_digest(0) == digests[1]
    other.close()
    other = make_worlds(task, 2)  # rows loaded one after the other leave each other alone
    other.reset([9, 6])
    other.set_integration_state(1, stored)
    other.reset_rows([0], [5])
    assert same(rows(other.observe(), 1), rows(before, 1))
    worlds.reset([7, 8])
    assert same(worlds.restore(snapshot), before)
    for action in actions[half:]:
        worlds.step(action)
    assert [worlds.state_digest(row) for row in range(2)] == digests
    worlds.close()
    other.close()


@each(TASKS)
def test_names_bounds_and_shapes_agree(task: TaskSpec) -> None:
    worlds = make_worlds(task, 2)
    world = worlds.world
    obs = worlds.reset([0, 1])
    entities = obs["state"] if isinstance(world, TeamWorld) else obs["observation"]
    assert entities.shape == (2, world.entities, world.features)
    assert len(world.bodies) == len(set(world.bodies)) == world.entities
    assert len(set(world.feature_names)) == world.features == len(world.bounds)
    assert set(world.movable) <= set(world.bodies)
    assert all(value.dtype == np.float32 for value in obs.values())
    assert all(world.model.body(name).id > 0 for name in world.bodies)
    if isinstance(world, TeamWorld):
        shape = (2, len(world.agents), len(world.agent_feature_names))
        assert obs["observation"].shape == shape
        assert len(world.agent_bounds) == shape[-1]
    assert round(world.substeps * world.physics_dt, 9) == round(world.control_dt, 9)
    worlds.close()


@each(ALONE)
def test_rewards_of_a_whole_episode_are_computed_again(task: TaskSpec) -> None:
    env = make(task, horizon=min(task.horizon, 10 if task.extra else 60))
    assert isinstance(env, TaskEnv)
    obs, info = env.reset(seed=11)
    assert info["seed"] == 11
    for step, action in enumerate(busy(task, env.worlds.horizon, 1)[:, 0]):
        before = env.worlds.state[0].copy()
        obs, reward, terminated, truncated, info = env.step(action)
        assert env.observation_space.contains(obs)
        assert isinstance(reward, float)
        assert {"is_success", "success_fraction", "unstable"} <= info.keys()
        assert 0 <= info["success_fraction"] <= 1
        if isinstance(env.world, GoalWorld):
            again = env.compute_reward(obs["achieved_goal"], obs["desired_goal"], info)
            assert again.dtype == np.float32
        else:
            again = env.reward_of(before, action, env.state)
        assert again == reward
        assert truncated == (step + 1 == env.worlds.horizon)
        if terminated:
            break
    env.close()
    env.close()


@each(TASKS)
def test_observations_stay_in_bounds(task: TaskSpec) -> None:
    _stay_in_bounds(task, 20 if task.extra else 150)


@pytest.mark.slow
@each(TASKS)
def test_observations_stay_in_bounds_for_ten_thousand_steps(task: TaskSpec) -> None:
    _stay_in_bounds(task, 1_000 if task.extra else 10_000)


def _stay_in_bounds(task: TaskSpec, steps: int) -> None:
    """Random, constant and extreme actions, on and on without a reset."""
    worlds = make_worlds(task, 5, threads=2)
    world = worlds.world
    worlds.reset(range(5))
    shape = (steps, *world.action_shape)
    rng = np.random.default_rng(1)
    kinds = (
        rng.uniform(-1, 1, shape),
        np.ones(shape),
        -np.ones(shape),
        np.sign(rng.uniform(-1, 1, shape)),
        1e30 * np.sign(rng.uniform(-1, 1, (steps // 20 + 1, *shape[1:]))).repeat(20, 0)[:steps],
    )
    bounds = {"observation": world.bounds, "achieved_goal": world.bounds, "state": world.bounds}
    if isinstance(world, TeamWorld):
        bounds["observation"] = world.agent_bounds
    for step in range(steps):
        obs, info = worlds.step(np.stack([kind[step] for kind in kinds]))
        for key, bound in bounds.items():
            if key in obs:
                assert np.isfinite(obs[key]).all(), (step, key)
                assert (np.abs(obs[key]) <= bound).all(), _outside(world, obs[key], bound, step)
        assert np.isfinite(info["reward"]).all()
    assert not info["unstable"].any()
    assert not any(warning.number for data in worlds.datas for warning in data.warning)
    worlds.close()


def _outside(world, values: np.ndarray, bound: np.ndarray, step: int) -> str:
    names = getattr(world, "agent_feature_names", world.feature_names)
    names = names if len(names) == values.shape[-1] else world.feature_names
    worst = np.abs(values).max(axis=(0, 1))
    return f"step {step}: " + ", ".join(
        f"{n} {w} > {b}" for n, w, b in zip(names, worst, bound, strict=True) if w > b
    )


@each(ALONE)
@pytest.mark.filterwarnings("ignore")
def test_the_checkers_of_gymnasium_and_sb3_pass(task: TaskSpec) -> None:
    from gymnasium.utils.env_checker import check_env

    env = gymnasium.make(task.gym_id)
    check_env(env.unwrapped, skip_render_check=True)
    sb3 = pytest.importorskip("stable_baselines3.common.env_checker")
    sb3.check_env(env.unwrapped, skip_render_check=True)  # TimeLimit hides compute_reward
    env.close()


@each(ALONE)
def test_a_row_of_a_vector_is_a_single_environment(task: TaskSpec) -> None:
    horizon = 4
    vector = make_vec(task, 2, threads=2, horizon=horizon)
    single = make(task, horizon=horizon)
    obs, infos = vector.reset(seed=[4, 9])
    one, info = single.reset(seed=9)
    ended = False
    for action in busy(task, 8, 2):
        assert vector.observation_space.contains(obs)
        obs, reward, terminated, truncated, infos = vector.step(action)
        if ended:
            one, info = single.reset()
            expected, ended = (0.0, False, False), False
        else:
            one, last, over, cut, info = single.step(action[1])
            expected, ended = (last, over, cut), over or cut
        assert (reward[1], terminated[1], truncated[1]) == expected
        if isinstance(one, dict):
            assert all(np.array_equal(one[key], obs[key][1]) for key in one)
        else:
            assert np.array_equal(one, obs[1])
        assert infos["is_success"][1] == info["is_success"]
    vector.close()
    single.close()


@each(ALONE)
def test_wrong_actions_are_refused(task: TaskSpec) -> None:
    env, batch = make(task), make_vec(task, 2)
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(env.action_space.sample())
    env.reset(seed=0)
    batch.reset(seed=0)
    shape = env.action_space.shape
    with pytest.raises(BadValue, match="shape"):
        env.step(np.zeros(shape[0] + 1))
    with pytest.raises(BadValue, match="shape"):
        batch.step(np.zeros(shape))
    for value in (np.nan, np.inf):
        with pytest.raises(BadValue, match="must be finite"):
            env.step(np.full(shape, value))
        with pytest.raises(BadValue, match="must be finite"):
            batch.step(np.full((2, *shape), value))
    env.close()
    batch.close()


@each(TEAMS)
@pytest.mark.filterwarnings("ignore")
def test_the_checker_of_pettingzoo_passes(task: TaskSpec) -> None:
    from pettingzoo.test import parallel_api_test

    parallel_api_test(make(task), num_cycles=20 if task.extra else 100)


def test_each_team_has_a_module_as_pettingzoos_environments_have() -> None:
    assert dir(pettingzoo) == sorted(pettingzoo.name_of(task) for task in TEAMS)
    assert "pushbox_v1" in dir(pettingzoo)
    assert pettingzoo.pushbox_v1 is pettingzoo.pushbox_v1
    with pytest.raises(AttributeError, match="no pushbx_v1; did you mean pushbox_v1"):
        getattr(pettingzoo, "pushbx_v1")  # noqa: B009 - no checker knows the name
    with pytest.raises(ImportError):
        from entitybench.envs.pettingzoo import pushbox_v99  # noqa: F401


@pytest.mark.filterwarnings("ignore")
def test_a_team_can_act_in_turn() -> None:
    from pettingzoo.test import api_test

    from entitybench.envs.pettingzoo import matrix_xor_v1, spread_v1

    for module in (matrix_xor_v1, spread_v1):
        api_test(module.env(), num_cycles=20)


@each(TEAMS)
def test_a_team_has_a_module_and_its_episodes_are_those_of_their_seeds(task: TaskSpec) -> None:
    """Whole episodes, where PettingZoo's own seed test looks at one step."""
    first = getattr(pettingzoo, pettingzoo.name_of(task)).parallel_env()
    second = make(task)
    steps = min(task.horizon, 20 if task.extra else 400)
    agents = first.possible_agents
    worlds = make_worlds(task, 3)
    together = worlds.reset([1, 2, 3])
    runs = [env.reset(seed=2) for env in (first, second)]
    for action in busy(task, steps, 3):
        assert np.array_equal(np.stack(list(runs[0][0].values())), together["observation"][1])
        assert np.array_equal(first.state(), together["state"][1].ravel())
        assert np.array_equal(first.state(), second.state())
        if not first.agents:
            break
        if first.world.actions is None:
            mine = dict(zip(agents, action[1], strict=True))
        else:
            count = first.world.actions
            chosen = np.clip((action[:, :, 0] + 1) * count / 2, 0, count - 1).astype(int)
            mine = dict(zip(agents, chosen[1].tolist(), strict=True))
            action = ((2 * chosen + 1) / count - 1)[..., None]
        runs = [env.step(mine) for env in (first, second)]
        together, info = worlds.step(action)
        rewards = dict(zip(agents, info["reward"][1].tolist(), strict=True))
        assert runs[0][1] == runs[1][1] == rewards
        ended = bool(info["terminated"][1]) if "terminated" in info else False
        assert runs[0][2] == dict.fromkeys(agents, ended)
        assert runs[0][3] == dict.fromkeys(agents, first.worlds.elapsed[0] >= task.horizon)
    for env in (first, second, worlds):
        env.close()


@each(TEAMS)
def test_wrong_actions_of_a_team_are_refused(task: TaskSpec) -> None:
    env = make(task)
    env.reset(seed=0)
    actions = {name: env.action_space(name).sample() for name in env.agents}
    name = env.agents[0]
    with pytest.raises(BadValue, match="each agent"):
        env.step({name: actions[name]} if len(actions) > 1 else {})
    if env.world.actions is None:
        with pytest.raises(BadValue, match="shape"):
            env.step({**actions, name: np.zeros(env.world.action_dim + 1)})
        with pytest.raises(BadValue, match="must be finite"):
            env.step({**actions, name: np.full(env.world.action_dim, np.nan)})
    else:
        with pytest.raises(BadValue, match="0 to"):
            env.step({**actions, name: env.world.actions})
    with pytest.raises(BadValue, match="one agent"):
        make_vec(task, 2)


@each(TASKS)
def test_true_interactions_are_reported(task: TaskSpec) -> None:
    worlds = make_worlds(task, 2, interactions=True)
    plain = make_worlds(task, 2)
    worlds.reset([0, 1])
    plain.reset([0, 1])
    count = worlds.world.entities
    for action in busy(task, 5 if task.extra else 20, 2):
        obs, info = worlds.step(action)
        graph = info["interactions"]
        assert graph.shape == (2, count, count + 1)
        assert graph.dtype == bool
        assert graph[:, np.arange(count), np.arange(count)].all()
        assert same(obs, plain.step(action)[0])  # to watch changes nothing
    worlds.close()
    plain.close()


@each(TASKS)
def test_perturbed_and_hidden_starts(task: TaskSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENTITYBENCH_SALT", "a salt of enough letters")
    public = make_worlds(task, 2)
    start = public.reset([0, 1])
    actions = busy(task, 3 if task.extra else 10, 2)
    for bank in ("perturbed", "hidden"):
        worlds, again = (make_worlds(task, 2, bank=bank) for _ in range(2))
        first = worlds.reset([0, 1])
        assert first.keys() == start.keys()
        assert same(first, again.reset([0, 1]))
        for action in actions:
            obs, _ = worlds.step(action)
            assert same(obs, again.step(action)[0])
            assert all(np.isfinite(value).all() for value in obs.values())
        worlds.close()
        again.close()
    public.close()


@each(TASKS)
def test_entities_can_be_absent(task: TaskSpec) -> None:
    worlds = make_worlds(task, 4, absent=0.5)
    movable = worlds.world.movable
    obs = worlds.reset(range(4))
    assert obs["mask"].shape == (4, worlds.world.entities)
    fixed = [name not in movable for name in worlds.world.bodies]
    assert obs["mask"][:, fixed].all()
    for action in busy(task, 3 if task.extra else 10, 4):
        obs, _ = worlds.step(action)
        key = "state" if isinstance(worlds.world, TeamWorld) else "observation"
        assert (obs[key][~obs["mask"]] == 0).all()
        assert all(np.isfinite(value).all() for value in obs.values())
    worlds.close()
    if movable:
        worlds = make_worlds(task, 1, absent=movable[-1:])
        row = worlds.world.bodies.index(movable[-1])
        assert worlds.reset([0])["mask"].tolist() == [
            [index != row for index in range(worlds.world.entities)]
        ]
        worlds.close()


@pytest.mark.slow
@each(TASKS)
def test_memory_does_not_grow(task: TaskSpec) -> None:
    worlds = make_worlds(task, 10, threads=2)
    actions = busy(task, 50, 10)
    rounds = 40 if task.extra else 200  # 20 000 or 100 000 world-steps

    def run(times: int) -> None:
        for _ in range(times):
            worlds.reset(range(10))
            for action in actions:
                worlds.step(action)
        gc.collect()

    run(rounds // 10)
    before = _resident()
    run(rounds - rounds // 10)
    assert _resident() - before < 8_000_000
    worlds.close()


def _resident() -> int:
    """Bytes of memory that this process has."""
    pages = open("/proc/self/statm").read().split()[1]  # noqa: SIM115
    return int(pages) * 4096


@each(TASKS)
def test_golden_rollouts_are_stored_for_this_mujoco(task: TaskSpec) -> None:
    """Their hashes are the processor's too; `bench doctor` compares them and says what it means."""
    from entitybench.envs.golden import rollout, stored

    assert f"{task.id}-v{task.version}" in stored(), "python -m entitybench.envs.golden --write"
    assert len(rollout(task)) == 64
