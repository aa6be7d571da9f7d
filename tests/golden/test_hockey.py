"""The hockey worlds are what their page says: bounces, rules, rewards, scripts."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from entitybench.envs.api import make_worlds, oracle_of, world_of
from entitybench.envs.hockey.game import CROWDED, FORWARD, FREE, HockeyGame
from entitybench.envs.hockey.goal import AT_X, HIT, NEAR, RADIUS, HockeyGoal
from entitybench.envs.hockey.mallets import COMMANDS, ON_SPOT, PACE, HockeyMallets
from entitybench.envs.hockey.mallets_oracle import RandomCommands
from entitybench.envs.hockey.opponents import V1_SPEED, scripted_v1
from entitybench.envs.hockey.predict import STEP, Surroundings, predict
from entitybench.envs.hockey.strike import KEEP, LINE, HockeyDefend, HockeyStrike
from entitybench.envs.hockey.table import (
    BLOCK_HALF_EDGE,
    HALF_LENGTH,
    HALF_WIDTH,
    MALLET_RADIUS,
    MALLET_SPEED,
    MOUTH,
    NET,
    PUCK_RADIUS,
    TILT,
)
from entitybench.envs.hockey.world import FASTEST, HockeyWorld
from entitybench.seeding import BatchGenerator, generator

SOLO = ("hockey-goal", "hockey-goal-obstacles", "hockey-strike", "hockey-defend")


class Table:
    """One MjData of a world, its puck and mallets set by hand."""

    def __init__(self, task: str) -> None:
        self.world = world_of(task)
        assert isinstance(self.world, HockeyWorld)
        self.model = self.world.model
        self.data = mujoco.MjData(self.model)
        self.velocities = self.world.speeds - self.model.nq

    def put(self, places: dict[int, tuple[float, float]], **speed: tuple[float, float]) -> None:
        """Rows to places; `puck` and `mallet` to speeds."""
        mujoco.mj_resetData(self.model, self.data)
        for row, place in places.items():
            self.data.qpos[self.world.places[row]] = place
        for name, row in (("puck", self.world.puck), ("mallet", 0)):
            if name in speed:
                self.data.qvel[self.velocities[row]] = speed[name]

    def place(self, row: int) -> np.ndarray:
        return self.data.qpos[self.world.places[row]].copy()

    def speed(self, row: int) -> np.ndarray:
        return self.data.qvel[self.velocities[row]].copy()

    def step(self, count: int = 1) -> None:
        mujoco.mj_step(self.model, self.data, count)


def test_the_table_has_the_published_sizes() -> None:
    assert (2 * HALF_LENGTH, 2 * HALF_WIDTH) == (1.930, 0.864)
    assert (MALLET_RADIUS, PUCK_RADIUS, MALLET_SPEED, TILT) == (0.0508, 0.0318, 2.0, -0.5)
    small = world_of("hockey-goal-obstacles").layout()
    assert (small.mallet_radius, small.puck_radius, 2 * BLOCK_HALF_EDGE) == (0.0308, 0.0218, 0.105)
    for task in SOLO:
        assert world_of(task).control_dt == 0.05
        assert world_of(task).physics_dt == 0.005
    assert world_of("hockey-1v1").control_dt == 0.02


@pytest.mark.parametrize("speed", [0.3, 1.0, 3.0, 10.0])
def test_rims_give_back_four_fifths_of_the_speed_at_any_phase(speed: float) -> None:
    table = Table("hockey-strike")
    for phase in np.linspace(0, speed * 0.005, 7):
        table.put({0: (-0.85, 0.3), 1: (0.3, 0.3 + phase)}, puck=(0, speed))
        before = speed
        while table.speed(1)[1] > 0:
            before = table.speed(1)[1]
            table.step()
        assert -table.speed(1)[1] / before == pytest.approx(0.796, abs=0.004)
        assert abs(table.speed(1)[0]) < 1e-9


def test_a_mallet_at_full_speed_gives_a_puck_at_rest_two_and_a_half_metres_a_second() -> None:
    table = Table("hockey-strike")
    table.put({0: (-0.8, 0), 1: (-0.3, 0)})
    table.data.ctrl[:] = [MALLET_SPEED, 0]
    while table.speed(1)[0] < 0.01:
        table.step()
    assert table.speed(1)[0] == pytest.approx(2.495, abs=0.01)
    assert abs(table.speed(1)[1]) < 1e-9


def test_a_puck_loses_half_of_its_speed_a_second_to_the_air() -> None:
    table = Table("hockey-strike")
    table.put({0: (-0.85, 0.3), 1: (-0.2, 0)}, puck=(0.5, 0))
    table.step(200)
    assert table.speed(1)[0] == pytest.approx(0.5 * np.exp(-0.5), rel=2e-3)


def test_a_tilted_table_draws_the_puck_and_leaves_the_mallet() -> None:
    table = Table("hockey-goal")
    table.put({0: (-0.7, -0.3), 1: (0.8, 0.2)})
    table.step(20)
    assert table.speed(1)[0] == pytest.approx(TILT * 0.1, rel=0.04)
    assert np.abs(table.place(0) - [-0.7, -0.3]).max() < 1e-9
    table.step(1500)
    assert table.place(1)[0] < -HALF_LENGTH - PUCK_RADIUS  # in the tray
    resting = table.place(1)
    table.step(2000)
    assert np.abs(table.place(1) - resting).max() < 1e-3


# Mallets give less than 4 m/s; see below.
@pytest.mark.parametrize("speed", [4.0, 8.0])
def test_nothing_fast_gets_through_rims_and_posts(speed: float) -> None:
    table = Table("hockey-strike")
    rng = generator(0, "test-rims")
    for shot in range(60):
        angle = 2 * np.pi * shot / 60
        start = rng.uniform([-0.9, -0.39], [0.9, 0.39])
        table.put(
            {0: (-0.9, 0.38), 1: tuple(start)}, puck=(speed * np.cos(angle), speed * np.sin(angle))
        )
        for _ in range(120):
            table.step()
            x, y = np.abs(table.place(1))
            assert y < HALF_WIDTH + 0.01  # its centre, at the deepest
            if x > HALF_LENGTH + 0.005:
                assert y < MOUTH / 2
            assert x < HALF_LENGTH + NET + 0.01


@pytest.mark.parametrize("speed", [4.0, 6.0])
def test_nothing_fast_gets_through_a_mallet(speed: float) -> None:
    table = Table("hockey-strike")
    for angle in np.linspace(0, 2 * np.pi, 24, endpoint=False):
        for aside in (-0.5, 0.0, 0.3):
            course = np.array([np.cos(angle), np.sin(angle)])
            left = np.array([-course[1], course[0]])
            middle = np.array([-0.5, 0.0])
            start = middle - 0.25 * course + aside * MALLET_RADIUS * left
            table.put({0: tuple(middle), 1: tuple(start)}, puck=tuple(speed * course))
            # The mallet moves towards the puck at full speed, held there by its servo.
            table.data.qvel[:2] = table.data.ctrl[:2] = -MALLET_SPEED * course
            for _ in range(20):
                table.step()
                apart = table.place(1) - table.place(0)
                # It never comes to lie behind the mallet.
                assert apart @ course < 0.02
                assert np.hypot(*apart) > 0.3 * (MALLET_RADIUS + PUCK_RADIUS)
            assert np.hypot(*(table.place(1) - table.place(0))) > MALLET_RADIUS + PUCK_RADIUS


@pytest.mark.parametrize("speed", [4.0, 6.0])
def test_nothing_fast_gets_through_an_obstacle(speed: float) -> None:
    table = Table("hockey-goal-obstacles")
    rows = range(2, 5)
    block = np.array([0.3, 0.0])
    away = {row: (0.8, 0.36 * (row - 3)) for row in rows if row != 3}
    for angle in np.linspace(0, 2 * np.pi, 36, endpoint=False):
        course = np.array([np.cos(angle), np.sin(angle)])
        for aside in (-0.04, -0.01, 0.03):
            start = block - 0.2 * course + aside * np.array([-course[1], course[0]])
            table.put(
                {0: (-0.8, 0), 1: tuple(start), 3: tuple(block), **away},
                puck=tuple(speed * course),
            )
            for _ in range(16):
                table.step()
                inside = np.abs(table.place(1) - block).max()
                assert inside > BLOCK_HALF_EDGE - 0.012
            assert np.abs(table.place(3) - block).max() < 1e-4


def test_mallets_cannot_make_a_puck_faster_than_was_tested() -> None:
    """Two mallets that drive at a puck from both sides at full speed, again and again."""
    worlds = make_worlds("hockey-1v1", 1)
    world = worlds.world
    worlds.reset([0])
    fastest = 0.0
    for start in range(6):
        table = Table("hockey-1v1")
        table.put({0: (-0.5, 0.001 * start), 1: (0.5, 0.0), 2: (0.0, 0.002)}, puck=(2.0, 0))
        for _ in range(300):
            x = table.place(2)[0]
            table.data.ctrl[:] = [2 * np.sign(x - table.place(0)[0] + 0.05), 0, 0, 0]
            table.data.ctrl[2] = 2 * np.sign(x - table.place(1)[0] - 0.05)
            table.step()
            fastest = max(fastest, float(np.hypot(*table.speed(2))))
    assert fastest < 4.0
    assert fastest < FASTEST
    assert world.entities == 3


def test_goals_and_obstacles_leave_the_puck_its_way_down() -> None:
    world = world_of("hockey-goal-obstacles")
    assert isinstance(world, HockeyGoal)
    for seed in range(60):
        start = world.start(seed)
        state = np.concatenate([start.qpos, start.qvel, start.memory])
        obs = world.observe(state, start.constants)
        puck, blocks, goal = obs[1], obs[2:, :2], start.goal[1]
        assert puck[2] == -1
        assert abs(puck[1]) <= 2 * HALF_WIDTH / 3
        assert goal[0] > 0
        assert (np.abs(blocks[:, 1] - puck[1]) > BLOCK_HALF_EDGE + world.puck_radius).all()
        assert not world.success(world.achieved(obs), start.goal)


def test_a_hit_counts_where_the_puck_moves_away_and_stays_counted() -> None:
    worlds = make_worlds("hockey-goal", 1)
    world = worlds.world
    assert isinstance(world, HockeyGoal)
    worlds.reset([0])
    goal = worlds.goals[0, 1, :2]

    def throw(x: float, vx: float, near: bool) -> dict[str, np.ndarray]:
        worlds.reset([0])
        data = worlds.datas[0]
        data.qpos[world.places[1]] = [x, goal[1]]
        data.qvel[world.speeds[1] - world.model.nq] = [vx, 0]
        worlds.physics.read(worlds.state)
        worlds.state[0, world.slot("memory")][2] = near
        for _ in range(12):
            obs, info = worlds.step(np.zeros((1, 2)))
        return {**obs, **info}

    assert not throw(goal[0] + 0.3, -1.5, True)["is_success"][0]
    assert not throw(goal[0] - 0.35, 1.5, False)["is_success"][0]
    seen = throw(goal[0] - 0.35, 1.5, True)
    assert seen["is_success"][0]
    assert seen["observation"][0, 1, HIT] == 1
    noted = seen["observation"][0, 1, AT_X : AT_X + 2]
    assert np.hypot(*(noted - goal)) <= RADIUS + 1e-6
    assert np.allclose(seen["achieved_goal"][0, 1, :2], noted)
    for _ in range(60):  # it falls back, into the tray
        obs, info = worlds.step(np.zeros((1, 2)))
    assert info["is_success"][0]
    assert obs["observation"][0, 1, NEAR] == 1


def test_what_is_achieved_fulfils_itself_and_moving_away_can_be_asked_for() -> None:
    world = world_of("hockey-goal")
    goal = world.start(3).goal
    achieved = goal.copy()
    achieved[1, 0] += RADIUS - 1e-3
    assert world.success(achieved, goal)
    achieved[1, HIT] = 0
    assert not world.success(achieved, goal)
    assert world.success(achieved, achieved)
    assert world.reward(achieved, goal) == -1


def test_strike_pays_until_the_puck_is_in_the_far_goal() -> None:
    world = world_of("hockey-strike")
    assert isinstance(world, HockeyStrike)
    start = world.start(0)
    state = np.concatenate([start.qpos, start.qvel])
    scored = state.copy()
    scored[world.puck_x] = LINE + 0.001
    conceded = state.copy()
    conceded[world.puck_x] = -LINE - 0.001
    assert world.reward(state, np.zeros(2), state) == -1
    assert world.reward(state, np.zeros(2), scored) == 0
    assert world.status(scored)["is_success"]
    assert not world.status(conceded)["is_success"]
    outcome = [world.observe(s, start.constants)[1, 4] for s in (state, scored, conceded)]
    assert outcome == [0, 1, -1]


def test_defend_pays_a_save_once_and_forgives_no_goal() -> None:
    worlds = make_worlds("hockey-defend", 30)
    world = worlds.world
    assert isinstance(world, HockeyDefend)
    worlds.reset(range(30))
    total = np.zeros(30)
    for _ in range(worlds.horizon):
        _, info = worlds.step(np.zeros((30, 2)))
        total += info["reward"]
    assert (total == -1).all()  # every puck is shot at the goal
    for seed in range(40):
        start = world.start(seed)
        puck, mallet = start.qpos[world.places[1]], start.qpos[world.places[0]]
        speed = start.qvel[world.speeds[1] - world.model.nq]
        aside = (speed[0] * (mallet - puck)[1] - speed[1] * (mallet - puck)[0]) / np.hypot(*speed)
        assert abs(aside) > KEEP


@pytest.mark.parametrize("task", SOLO)
def test_the_oracle_solves_what_chance_does_not(task: str) -> None:
    count = 20
    worlds, policy = make_worlds(task, count), oracle_of(task)
    rng = BatchGenerator([generator(i, "test") for i in range(count)])
    obs, state = worlds.reset(range(count)), policy.initial_state(count)
    for _ in range(worlds.horizon):
        action, state = policy.act(obs, state, rng)
        obs, info = worlds.step(action)
    assert info["is_success"].mean() >= 0.95
    worlds = make_worlds(task, 60)
    worlds.reset(range(60))
    chance = generator(1, "test-random")
    for _ in range(worlds.horizon):
        _, info = worlds.step(chance.uniform(-1, 1, (60, 2)))
    assert info["is_success"].mean() < 0.1


def test_predictions_are_what_happens() -> None:
    table = Table("hockey-strike")
    table.put({0: (-0.9, 0.38), 1: (-0.1, 0.1)}, puck=(1.0, 1.7))
    path, _ = predict(np.array([-0.1, 0.1, 1.0, 1.7]), Surroundings(mouth=MOUTH), 120)
    for k in range(1, 120):
        table.step(2)
        assert np.abs(path[k] - table.place(1)).max() < 0.02, k * STEP


def test_opponents_are_a_pure_slower_script_for_any_batch() -> None:
    rng = generator(0, "test-opponents")
    mallets, puck = rng.uniform(-0.8, 0.8, (7, 2, 4)), rng.uniform(-0.8, 0.8, (7, 4))
    all_at_once = scripted_v1(mallets, puck)
    for i in range(7):
        assert np.array_equal(scripted_v1(mallets[i], puck[i]), all_at_once[i])
    assert np.hypot(all_at_once[..., 0], all_at_once[..., 1]).max() <= V1_SPEED + 1e-9
    trace = scripted_v1(
        np.array([[-0.7, 0.1, 0, 0], [-0.4, -0.1, 0, 0]]), np.array([-0.2, 0.05, 0.1, 0])
    )
    assert np.allclose(trace, [[-0.72, -0.465], [0.43637, 0.89977]], atol=2e-4)  # v1 never changes


def test_a_goal_counts_and_puts_the_puck_back_where_there_is_room() -> None:
    worlds = make_worlds("hockey-2v2", 1)
    world = worlds.world
    assert isinstance(world, HockeyGame)
    worlds.reset([0])
    data = worlds.datas[0]
    data.qpos[world.places[4]] = [HALF_LENGTH - 0.02, 0]
    data.qvel[world.speeds[4] - world.model.nq] = [2.5, 0]
    data.qpos[world.places[:4]] = [[-0.5, 0.2], [-0.5, -0.2], [0.25, 0.01], [0.6, -0.3]]
    worlds.physics.read(worlds.state)
    before = worlds.state[0].copy()
    rewards = 0.0
    for _ in range(4):
        _, info = worlds.step(np.zeros((1, 2, 2)))
        rewards += info["reward"][0]
    goals = worlds.state[0, world.slot("userdata")]
    assert goals.tolist() == [1, 0]
    assert info["is_success"][0]
    assert info["success_fraction"][0] == 1
    assert rewards[0] == rewards[1]
    assert 1 < rewards[0] < 1.2
    place = worlds.state[0, world.places[4]]
    others = worlds.state[0, world.places[:4]]
    assert place[0] == pytest.approx(0.25, abs=0.01)
    assert np.hypot(*(others - place).T).min() > FREE - 0.02
    # The terms, by hand.
    after = before.copy()
    after[world.slot("userdata")] = [0, 1]
    after[world.speeds[4]] = [-1, 0]
    terms = world.reward_terms(before, np.zeros((2, 2)), after)
    assert terms["goal"].tolist() == [0, 0]
    assert terms["conceded"].tolist() == [-1, -1]
    assert terms["forward"].tolist() == [-FORWARD, -FORWARD]
    assert terms["crowded"].tolist() == [0, 0]
    after[world.places[0, 1]] = -0.1
    assert world.reward_terms(before, np.zeros((2, 2)), after)["crowded"].tolist() == [CROWDED] * 2


def test_an_agent_sees_itself_its_mate_the_opponents_and_the_puck() -> None:
    worlds = make_worlds("hockey-2v2", 2)
    obs = worlds.reset([4, 5])
    assert obs["observation"].shape == (2, 2, 20)
    entities = obs["state"][..., :4]
    assert np.array_equal(obs["observation"][:, 0], entities.reshape(2, 20))
    assert np.array_equal(obs["observation"][:, 1, :8], entities[:, [1, 0]].reshape(2, 8))
    assert make_worlds("hockey-1v1", 1).reset([0])["observation"].shape == (1, 1, 12)


@pytest.mark.parametrize("task", ["hockey-1v1", "hockey-2v2"])
def test_the_scripted_side_wins_most_games_and_loses_none(task: str) -> None:
    count = 3
    worlds, policy = make_worlds(task, count), oracle_of(task)
    obs, state = worlds.reset(range(count)), policy.initial_state(count)
    rng = BatchGenerator([generator(i, "test") for i in range(count)])
    for _ in range(worlds.horizon):
        action, state = policy.act(obs, state, rng)
        obs, _ = worlds.step(action)
    goals = worlds.state[:, worlds.world.slot("userdata")]
    assert (goals[:, 0] >= goals[:, 1]).all()
    assert goals[:, 0].sum() >= 1


def test_commands_move_a_mallet_three_and_a_half_pixels() -> None:
    worlds = make_worlds("hockey-mallets-4", 1)
    world = worlds.world
    assert isinstance(world, HockeyMallets)
    worlds.reset([0])
    data = worlds.datas[0]
    data.qpos[world.places] = [[-0.2, -0.2], [-0.2, 0.2], [0.2, -0.2], [0.2, 0.2], [0, 0.38]]
    data.qvel[:] = 0
    worlds.physics.read(worlds.state)
    command = np.array([[[0.4 * (i - 2)] for i in (1, 2, 3, 4)]])
    assert world.commands(command).tolist() == [[1, 2, 3, 4]]
    assert [COMMANDS[i] for i in (1, 2, 3, 4)] == ["+x", "-x", "+y", "-y"]
    before = worlds.state[0, world.places[:4]].copy()
    worlds.step(command)
    worlds.step(command)
    moved = (worlds.state[0, world.places[:4]] - before) / 2
    pixels = 64 / (2 * world.layout().view)
    assert 3 < PACE * world.control_dt * pixels < 4
    assert 3.5 < MALLET_RADIUS * pixels < 4.5
    assert np.allclose(moved, 0.045 * np.array([[1, 0], [-1, 0], [0, 1], [0, -1]]), atol=2e-3)


def test_synchronous_mallets_get_one_command() -> None:
    world = world_of("hockey-mallets-4-sync")
    assert isinstance(world, HockeyMallets)
    command = np.array([[0.9], [-0.9], [0.1], [-0.5]])
    assert world.commands(command).tolist() == [4, 4, 2, 1]
    start = world.start(7)
    spots = start.constants[:2, 4:6]
    places = start.qpos[world.places[:2]]
    assert np.allclose(spots[1] - spots[0], places[1] - places[0], atol=1e-6)


@pytest.mark.parametrize("bank", ["public", "perturbed"])
@pytest.mark.parametrize("task", ["hockey-mallets-2", "hockey-mallets-4", "hockey-mallets-4-sync"])
def test_each_mallet_finds_its_spot(task: str, bank: str) -> None:
    count = 10
    worlds, policy = make_worlds(task, count, bank=bank), oracle_of(task)
    rng = BatchGenerator([generator(i, "test") for i in range(count)])
    obs, state = worlds.reset(range(count)), policy.initial_state(count)
    for _ in range(worlds.horizon):
        action, state = policy.act(obs, state, rng)
        obs, info = worlds.step(action)
    assert info["is_success"].mean() >= 0.9
    mallets = obs["state"][:, :-1]
    near = np.hypot(*(mallets[..., :2] - mallets[..., 4:6]).transpose(2, 0, 1)) <= ON_SPOT
    assert (near.all(-1) == info["is_success"]).all()
    assert np.allclose(near.mean(-1), info["success_fraction"])


def test_interactions_show_who_struck_the_puck() -> None:
    worlds = make_worlds("hockey-strike", 1, interactions=True)
    worlds.reset([0])
    data, world = worlds.datas[0], worlds.world
    data.qpos[world.places] = [[-0.5, 0], [-0.3, 0]]
    data.qvel[:] = 0
    worlds.physics.read(worlds.state)
    seen = []
    for _ in range(6):
        _, info = worlds.step(np.array([[1.0, 0.0]]))
        seen.append(info["interactions"][0])
    assert seen[0].tolist() == [[True, False, True], [False, True, False]]
    assert sum(graph[1, 0] for graph in seen) == 1
    assert all(graph[1, 0] == graph[0, 1] for graph in seen)


def test_an_absent_obstacle_stops_nothing() -> None:
    for absent in ((), ("block1",)):
        worlds = make_worlds("hockey-goal-obstacles", 1, absent=absent)
        worlds.reset([0])
        data, world = worlds.datas[0], worlds.world
        block = data.qpos[world.places[3]].copy()
        data.qpos[world.places[1]] = block - [0.2, 0]
        data.qvel[world.speeds[1] - world.model.nq] = [2.0, 0]
        worlds.physics.read(worlds.state)
        for _ in range(3):
            worlds.step(np.zeros((1, 2)))
        passed = worlds.state[0, world.places[1, 0]] > block[0]
        assert passed == bool(absent)


def test_nothing_is_reached_where_the_puck_is_absent() -> None:
    worlds = make_worlds("hockey-goal-obstacles", 4, absent=("puck",))
    obs, judged = worlds.reset(range(4)), worlds.judge()
    assert not obs["desired_goal"].any()
    assert not judged["is_success"].any()
    obs, info = worlds.step(np.zeros((4, 2)))
    assert not info["is_success"].any()
    assert (info["reward"] == -1).all()


def test_commands_of_videos_are_held_for_one_to_three_steps() -> None:
    policy = RandomCommands("hockey-mallets-4")
    rng = BatchGenerator([generator(i, "test-commands") for i in range(3)])
    state, actions = policy.initial_state(3), []
    for _ in range(200):
        action, state = policy.act({}, state, rng)
        actions.append(action[..., 0])
    world = world_of("hockey-mallets-4")
    assert isinstance(world, HockeyMallets)
    commands = world.commands(np.stack(actions)[..., None])  # (T, B, M)
    assert set(np.unique(commands)) == set(range(len(COMMANDS)))
    moving = (np.diff(commands, axis=0) != 0).mean()
    assert moving == pytest.approx(
        0.4, abs=0.05
    )  # a new command every 2 steps, 4 in 5 of them other
