"""The contracts of worlds, of Gymnasium and of goal-conditioned learning, looked at closely."""

from __future__ import annotations

import json
import subprocess
import sys

import gymnasium
import numpy as np
import pytest

from entitybench.envs.api import make, make_vec, make_worlds, world_of
from entitybench.envs.views.joint import JointEnv
from entitybench.errors import BadValue, UnknownId
from entitybench.registry import tasks

# What every task keeps is in test_tasks.py; these look closer, at a few.
STATE_TASKS = [f"push-{n}blocks" for n in range(2, 7)]
KEYS = {"observation", "achieved_goal", "desired_goal"}


def actions_of(steps: int, batch: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (steps, batch, 2))


def equal(a: dict, b: dict) -> bool:
    return a.keys() == b.keys() and all(np.array_equal(a[key], b[key]) for key in a)


@pytest.mark.parametrize("id", STATE_TASKS)
def test_an_episode_runs_to_its_horizon(id: str) -> None:
    env = make(id, horizon=4)
    obs, info = env.reset(seed=7)
    assert obs.keys() == KEYS
    assert info["seed"] == 7
    assert env.observation_space.contains(obs)
    for step in range(1, 5):
        obs, reward, terminated, truncated, info = env.step(env.action_space.sample())
        assert env.observation_space.contains(obs)
        assert isinstance(reward, float)
        assert reward == env.compute_reward(obs["achieved_goal"], obs["desired_goal"], info)
        assert {"is_success", "success_fraction"} <= info.keys()
        assert not terminated
        assert truncated == (step == 4)
    assert env.metadata["render_fps"] == round(1 / env.world.control_dt)
    env.close()
    env.close()


@pytest.mark.parametrize("id", STATE_TASKS)
def test_an_episode_does_not_depend_on_the_batch_or_the_threads(id: str) -> None:
    seeds = [3, 11, 2**40, 0, 8]
    actions = actions_of(12, len(seeds))
    batch = make_worlds(id, len(seeds), threads=3)
    singles = [make_worlds(id, 1) for _ in seeds]
    first = batch.reset(seeds)
    for row, (single, seed) in enumerate(zip(singles, seeds, strict=True)):
        assert equal(single.reset([seed]), {key: first[key][row : row + 1] for key in first})
    for action in actions:
        obs, info = batch.step(action)
        for row, single in enumerate(singles):
            one, scores = single.step(action[row : row + 1])
            assert equal(one, {key: obs[key][row : row + 1] for key in obs})
            assert equal(scores, {key: info[key][row : row + 1] for key in info})
    for row, single in enumerate(singles):
        assert single.state_digest(0) == batch.state_digest(row)
    batch.close()


def test_an_episode_is_the_same_in_another_process() -> None:
    program = (
        "import numpy as np; from entitybench.envs.api import make_worlds\n"
        "worlds = make_worlds('push-3blocks', 3, threads=2); worlds.reset([5, 6, 7])\n"
        "for a in np.random.default_rng(0).uniform(-1, 1, (40, 3, 2)): worlds.step(a)\n"
        "print(*(worlds.state_digest(row) for row in range(3)))"
    )
    runs = [
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    worlds = make_worlds("push-3blocks", 1)
    worlds.reset([6])
    for action in actions_of(40, 3):
        worlds.step(action[1:2])
    assert runs[0].stdout == runs[1].stdout
    assert runs[0].stdout.split()[1] == worlds.state_digest(0)


def play(id: str, batch: int, steps: int) -> list[np.ndarray]:
    """Actions that push blocks about: random ones hardly touch any."""
    from entitybench.envs.push.play import PushPlay
    from entitybench.seeding import BatchGenerator, generator

    worlds, policy = make_worlds(id, batch), PushPlay(id)
    rng = BatchGenerator([generator(row) for row in range(batch)])
    obs, state, actions = worlds.reset(range(batch)), policy.initial_state(batch), []
    for _ in range(steps):
        action, state = policy.act(obs, state, rng)
        obs, _ = worlds.step(action)
        actions.append(action)
    return actions


@pytest.mark.parametrize("sleep", [False, True])
def test_a_snapshot_in_mid_episode_is_exact(sleep: bool) -> None:
    actions = play("push-5blocks", 4, 80)
    worlds = make_worlds("push-5blocks", 4, threads=2, sleep=sleep)
    worlds.reset(range(4))
    for action in actions[:40]:
        worlds.step(action)
    snapshot = worlds.snapshot()

    def rest() -> list[str]:
        for action in actions[40:]:
            worlds.step(action)
        return [worlds.state_digest(row) for row in range(4)]

    once = rest()
    worlds.reset(range(10, 14))  # another goal, other ids
    worlds.restore(snapshot)
    assert worlds.elapsed.tolist() == [40] * 4
    assert rest() == once
    assert rest() != once


@pytest.mark.parametrize("id", ["push-1block", "push-5blocks"])
def test_integration_states_restart_exactly(id: str) -> None:
    actions = play(id, 6, 100)
    worlds, again = make_worlds(id, 6), make_worlds(id, 1)
    worlds.reset(range(6))
    for step, action in enumerate(actions):
        if step % 20 == 0:
            states = [worlds.integration_state(row) for row in range(6)]
        worlds.step(action)
        if step % 20 == 19:
            for row in range(6):
                again.reset([row])
                again.set_integration_state(0, states[row])
                for past in actions[step - 19 : step + 1]:
                    again.step(past[row : row + 1])
                assert again.state_digest(0) == worlds.state_digest(row)


@pytest.mark.parametrize("id", STATE_TASKS[:5])
def test_rewards_can_be_recomputed_for_any_goals(id: str) -> None:
    env, worlds = make(id), make_worlds(id, 16)
    obs = worlds.reset(range(16))
    for action in actions_of(5, 16):
        obs, info = worlds.step(action)
    again = env.compute_reward(obs["achieved_goal"], obs["desired_goal"], {})
    assert again.dtype == info["reward"].dtype == np.float32
    assert np.array_equal(again, info["reward"])
    # Any leading axes; and what has been achieved is a goal that is reached.
    goals = obs["achieved_goal"][None].repeat(16, axis=0)
    rewards = env.compute_reward(obs["achieved_goal"][:, None].repeat(16, axis=1), goals, {})
    assert rewards.shape == (16, 16)
    assert (np.diag(rewards) == 0).all()
    assert rewards.min() == -1
    assert np.array_equal(env.world.achieved(obs["observation"]), obs["achieved_goal"])


def test_observations_share_no_memory() -> None:
    worlds = make_worlds("push-2blocks", 2)
    first = worlds.reset([0, 1])
    copies = {key: value.copy() for key, value in first.items()}
    second, _ = worlds.step(np.ones((2, 2)))
    for key in second:
        second[key][:] = 9
    assert equal(first, copies)
    third, _ = worlds.step(np.ones((2, 2)))
    assert third["desired_goal"].max() < 2


@pytest.mark.parametrize("id", ["push-1block", "push-3blocks"])
@pytest.mark.filterwarnings("ignore")
def test_the_checkers_of_gymnasium_and_sb3_pass(id: str) -> None:
    from gymnasium.utils.env_checker import check_env

    env = gymnasium.make(tasks()[id].gym_id)
    check_env(env.unwrapped, skip_render_check=not can_draw())
    sb3 = pytest.importorskip("stable_baselines3.common.env_checker")
    sb3.check_env(env.unwrapped, skip_render_check=True)  # TimeLimit hides compute_reward


def test_gymnasium_knows_the_tasks_without_an_import() -> None:
    program = (
        "import sys, gymnasium\n"
        "assert 'mujoco' not in sys.modules and 'torch' not in sys.modules\n"
        "env = gymnasium.make('entitybench/push-3blocks-v1')\n"
        "obs, info = env.reset(seed=4)\n"
        "print(obs['observation'].shape, info['seed'], env.spec.id)\n"
        "envs = gymnasium.make_vec('entitybench/push-1block-v1', num_envs=3)\n"
        "print(envs.reset(seed=1)[1]['seed'])"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.stdout.split("\n")[:2] == ["(4, 20) 4 entitybench/push-3blocks-v1", "[1 2 3]"], (
        run.stderr
    )


@pytest.mark.parametrize("mode", list(gymnasium.vector.AutoresetMode))
def test_a_row_of_a_batch_is_a_single_environment(mode: gymnasium.vector.AutoresetMode) -> None:
    seeds, horizon = [4, 9, 1], 6
    batch = make_vec("push-2blocks", 3, threads=2, horizon=horizon, autoreset_mode=mode)
    assert batch.metadata["autoreset_mode"] is mode
    single = make("push-2blocks", horizon=horizon)
    obs, infos = batch.reset(seed=seeds)
    assert batch.observation_space.contains(obs)
    one, info = single.reset(seed=seeds[1])
    ended = False
    for action in actions_of(20, 3).astype(np.float32):
        if ended and mode is gymnasium.vector.AutoresetMode.DISABLED:
            with pytest.raises(BadValue, match="reset_mask"):
                batch.step(action)
            obs, infos = batch.reset(options={"reset_mask": np.ones(3, bool)})
            one, info = single.reset()
            assert equal(one, {key: obs[key][1] for key in obs})
        obs, reward, terminated, truncated, infos = batch.step(action)
        assert batch.observation_space.contains(obs)
        if ended and mode is gymnasium.vector.AutoresetMode.NEXT_STEP:
            one, info = single.reset()
            expected = (0.0, False)
        else:
            one, last, _, cut, info = single.step(action[1])
            expected = (last, cut)
        assert (reward[1], truncated[1]) == expected
        ended = bool(truncated[1])
        if ended and mode is gymnasium.vector.AutoresetMode.SAME_STEP:
            assert equal(one, infos["final_obs"][1])
            assert infos["final_info"]["is_success"][1] == info["is_success"]
            one, info = single.reset()
        assert equal(one, {key: obs[key][1] for key in obs})
        assert infos["is_success"][1] == info["is_success"]
        assert not terminated.any()
    batch.close()


def test_a_reset_mask_begins_only_those_rows() -> None:
    batch = make_vec("push-1block", 3, threads=1)
    before, _ = batch.reset(seed=5)
    after, infos = batch.reset(
        seed=[50, 51, 52], options={"reset_mask": np.array([False, True, False])}
    )
    assert np.array_equal(before["desired_goal"][[0, 2]], after["desired_goal"][[0, 2]])
    assert not np.array_equal(before["desired_goal"][1], after["desired_goal"][1])
    assert infos["seed"].tolist() == [5, 51, 7]
    assert infos["_seed"].tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: make("push-3block"), "push-3blocks"),
        (lambda: make("push-3blocks", render_mode="gif"), "rgb_array"),
        (lambda: make("push-3blocks", horizon=0), "horizon is a whole number, 1 or more: got 0"),
        (lambda: make("push-3blocks", horizon=1.5), "horizon is a whole number"),
        (lambda: make("push-3blocks", horizon=float("nan")), "horizon is a whole number"),
        (lambda: make("push-3blocks", bank=None), "public, perturbed or hidden"),
        (lambda: make("push-3blocks", absent="block1"), "tuple of names"),
        (lambda: make("push-3blocks", absent=True), "tuple of names"),
        (lambda: make("push-3blocks", blocks=99), "1 to 15 blocks"),
        (lambda: make("push-3blocks", colour="red"), "colour"),
        (lambda: make("push-3blocks-pixels", pixels=3), "16 to 1024"),
        (lambda: make("push-3blocks-pixels", view="below"), "top, side"),
        (lambda: make("push-3blocks").reset(seed=-1), "whole number"),
        (lambda: make("push-3blocks").reset(seed=1.5), "whole number"),
        (lambda: make_worlds("push-3blocks", 0), "batch is a whole number, 1 or more: got 0"),
        (lambda: make_worlds("push-3blocks", 2, threads=0), "threads is a whole number, 1 or more"),
        (lambda: make_worlds("push-3blocks", 2).reset([1]), "as many seeds"),
        (lambda: make_vec("push-3blocks", 2, autoreset_mode="later"), "NextStep"),
        (lambda: make_vec("push-3blocks", 2, render_mode="human"), "rgb_array"),
        (lambda: make_vec("push-3blocks", 2).reset(seed=[1]), "as many seeds"),
        (lambda: make("push-1block", sleep="x"), "sleep is True or False: got 'x'"),
        (lambda: make("push-1block", render_mode="rgb_array", width=-4), "width .* got -4"),
        (lambda: make("push-1block", render_mode="rgb_array", height="64"), "height .* got '64'"),
        (lambda: make("push-1block", width=64), 'give render_mode="rgb_array" too'),
        (lambda: make_vec("push-1block", 2, height=64), 'give render_mode="rgb_array" too'),
        (lambda: make("team-spread", width=64), 'give render_mode="rgb_array" too'),
        (lambda: make("push-1block").reset(options={"nonsense": 1}), "None or {}: got {'nonsense'"),
        (lambda: make("push-1block").reset(options=[]), r"None or {}: got \[\]"),
        (lambda: make_vec("push-1block", 2).reset(options={"state": 1}), "{'reset_mask': …}: got"),
        (lambda: make("team-spread").reset(options={"state": 1}), "None or {}: got {'state': 1}"),
        (lambda: JointEnv("team-spread").reset(options={"state": 1}), "None or {}: got {'state'"),
    ],
)
def test_mistakes_are_told_in_one_line(call: object, message: str) -> None:
    with pytest.raises((BadValue, UnknownId), match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_options_that_other_packages_pass_on_change_nothing() -> None:
    for task, theirs in (
        ("push-1block", {"minari_autoseed": False}),
        ("team-spread", {"options": 1}),
    ):
        first, second = make(task), make(task)
        obs, _ = first.reset(seed=0)
        same, _ = second.reset(seed=0, options=theirs)
        assert all(np.array_equal(obs[name], same[name]) for name in obs)
        second.reset(seed=0, options={})


def test_wrong_actions_are_told() -> None:
    env = make("push-1block")
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(np.zeros(2))
    env.reset(seed=0)
    with pytest.raises(BadValue, match=r"\(2,\)"):
        env.step(np.zeros(3))
    batch = make_vec("push-1block", 2)
    batch.reset(seed=0)
    with pytest.raises(BadValue, match=r"\(2, 2\)"):
        batch.step(np.zeros(2))

    for wrong in (["a", "b"], [None, None]):
        with pytest.raises(BadValue, match="actions are numbers"):
            env.step(wrong)
    team = make("team-spread")
    team.reset(seed=0)
    with pytest.raises(BadValue, match="dict by agent"):
        team.step(None)


def test_a_closed_environment_is_over() -> None:
    for env in (make("push-1block"), make_vec("push-1block", 2, threads=2)):
        env.reset(seed=0)
        env.close()
        with pytest.raises(gymnasium.error.ResetNeeded):
            env.step(env.action_space.sample())


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_actions_that_are_no_numbers_are_refused(value: float, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)  # MuJoCo would leave a log there
    single, batch = make("push-1block"), make_vec("push-1block", 2)
    single.reset(seed=0)
    batch.reset(seed=0)
    with pytest.raises(BadValue, match="must be finite"):
        single.step(np.array([0.1, value], np.float32))
    with pytest.raises(BadValue, match="must be finite"):
        batch.step(np.array([[0.1, 0.2], [value, 0.0]]))
    assert not list(tmp_path.iterdir())
    single.step(np.array([1e30, -1e30], np.float32))  # far too much, and cut to 1


def test_views_go_back_to_a_snapshot() -> None:
    single, batch = make("push-2blocks"), make_vec("push-2blocks", 3, horizon=15)
    actions = actions_of(20, 3)
    single.reset(seed=5)
    batch.reset(seed=5)
    for action in actions[:10]:
        single.step(action[0])
        batch.step(action)
    one, many = single.snapshot(), batch.snapshot()

    def rest() -> list[dict]:
        alone = [single.step(action[0])[0] for action in actions[10:]]
        return alone + [batch.step(action)[0] for action in actions[10:]]  # past new episodes

    once = rest()
    single.reset(seed=6)
    batch.reset(seed=6)
    obs, info = single.restore(one)
    assert equal(obs, {key: value[0] for key, value in batch.restore(many)[0].items()})
    assert {"is_success", "success_fraction"} <= info.keys()
    assert all(equal(a, b) for a, b in zip(once, rest(), strict=True))


def test_a_snapshot_of_other_worlds_is_refused() -> None:
    two, three = make("push-2blocks"), make("push-3blocks")
    two.reset(seed=0)
    three.reset(seed=0)
    with pytest.raises(BadValue, match="of other worlds"):
        two.restore(three.snapshot())


@pytest.mark.parametrize("id", ["team-spread", "team-pushbox"])
def test_the_state_of_a_team_follows_whoever_steps_it(id: str) -> None:
    """Also the environment that acts for all agents, which hides the team."""
    alone, joint = make(id, horizon=3), JointEnv(id, horizon=3)
    alone.reset(seed=1)
    seen, _ = joint.reset(seed=1)
    for step in range(3):
        before = joint.team.state()
        assert np.array_equal(before, seen["state"].ravel())
        actions = {name: joint.action_space[name].sample() for name in joint.agents}
        alone.step(actions)
        seen = joint.step(actions)[0]
        assert not np.array_equal(joint.team.state(), before)
        assert np.array_equal(joint.team.state(), seen["state"].ravel())
        assert np.array_equal(joint.team.state(), alone.state())
        assert joint.team.agents == alone.agents == (joint.agents if step < 2 else [])


def test_a_team_goes_back_to_an_episode_and_its_end() -> None:
    env = make("team-spread", horizon=3)
    _, infos = env.reset(seed=4)
    begun, seed = env.snapshot(), infos[env.agents[0]]["seed"]
    while env.agents:
        env.step({agent: env.action_space(agent).sample() for agent in env.agents})
    ended = env.snapshot()
    env.reset(seed=9)
    env.restore(ended)
    assert env.agents == []
    _, infos = env.restore(begun)
    assert env.agents == env.possible_agents
    assert infos[env.agents[0]]["seed"] == seed == 4


def test_a_refused_step_of_a_batch_changes_nothing() -> None:
    batch = make_vec("push-1block", 2, horizon=1, autoreset_mode="Disabled")
    with pytest.raises(BadValue, match="first reset begins all rows"):
        batch.reset(seed=0, options={"reset_mask": np.array([True, False])})
    batch.reset(seed=0)
    batch.step(batch.action_space.sample())
    before = batch.worlds.state.copy()
    with pytest.raises(BadValue, match="an episode has ended"):
        batch.step(batch.action_space.sample())
    assert np.array_equal(batch.worlds.state, before)
    assert batch.worlds.elapsed.tolist() == [1, 1]


def test_what_ends_in_a_batch_is_told_whole() -> None:
    batch = make_vec(
        "push-3blocks", 4, horizon=2, threads=1, autoreset_mode="SameStep", interactions=True
    )
    batch.reset(seed=0)
    batch.step(batch.action_space.sample())
    _, _, _, truncated, infos = batch.step(batch.action_space.sample())
    assert truncated.all()
    final = infos["final_info"]["interactions"]
    assert final.shape == (4, 4, 5)
    assert final[:, 0, -1].all()  # the action drives the pusher


def test_by_chance_something_stays_to_be_done() -> None:
    env = make("push-1block", absent=0.9)
    assert all(env.reset(seed=seed)[0]["mask"].all() for seed in range(20))
    everything = make("push-1block", absent=1.0)
    assert everything.reset(seed=0)[1]["is_success"]


@pytest.mark.parametrize("count", [0, -1, 1.5, "a", True, None])
def test_a_batch_is_a_whole_number_of_worlds(count: object) -> None:
    with pytest.raises(BadValue, match="num_envs is a whole number"):
        make_vec("push-1block", count)


def test_worlds_are_built_once() -> None:
    assert world_of("push-3blocks") is world_of("push-3blocks")
    assert world_of("push-3blocks") is not world_of("push-3blocks", sleep=True)


def test_speed_measures_every_view_and_names_missing_peers() -> None:
    from entitybench.envs.speed.measure import speed

    report = speed("push-1block", 0.01, rounds=1, beside=["no such suite"])
    names = {row.name for row in report.rows}
    assert {"raw physics", "single env", "batched env"} <= names
    assert {row.sleep for row in report.rows} >= {False, True}
    assert report.summary()["single env / limit"] > 0
    assert json.loads(json.dumps(report.to_json()))["task"] == "push-1block"
    assert "steps/CPU-s" in report.text()
    measured = {row.name for row in report.rows if row.sleep is None}
    assert measured == set()
    assert report.missing.keys() == {"no such suite"}


def can_draw() -> bool:
    from entitybench.envs.drawing.gl import make_context
    from entitybench.errors import RenderError

    try:
        make_context(8, 8).free()
    except RenderError:
        return False
    return True


@pytest.mark.parametrize(
    ("task", "options"),
    [
        ("push-2blocks", {}),
        ("push-2blocks", {"threads": 2}),
        pytest.param("robosuite-lift", {}, marks=pytest.mark.slow),
        ("robosuite-lift", {"profile": "assets"}),
    ],
)
def test_episodes_that_rest_stand_still_and_change_no_other(task: str, options: dict) -> None:
    if tasks()[task].extra:
        pytest.importorskip(str(tasks()[task].extra))
    one, other = (make_worlds(task, 4, **options) for _ in range(2))
    actions = np.random.default_rng(0).uniform(-1, 1, (12, 4, *one.world.action_shape))
    for worlds in (one, other):
        worlds.reset(range(4))
        for action in actions[:6]:
            worlds.step(action)
    still = one.qpos[2].copy()
    snapshot = other.snapshot()
    one.rest([2])
    for action in actions[6:]:
        one.step(action)
        other.step(action)
    assert np.array_equal(one.qpos[2], still)
    assert not np.array_equal(other.qpos[2], still)
    for row in (0, 1, 3):
        assert one.state_digest(row) == other.state_digest(row)
    for wake in (lambda worlds: worlds.restore(snapshot), lambda worlds: worlds.reset(range(4))):
        one.rest([1, 2])
        for worlds in (one, other):
            wake(worlds)
            worlds.step(actions[0])
        digests = [[worlds.state_digest(row) for row in range(4)] for worlds in (one, other)]
        assert digests[0] == digests[1]
