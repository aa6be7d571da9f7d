"""The push world is what its page says: numbers of its starts, its physics and its scripts."""

from __future__ import annotations

import numpy as np
import pytest

from entitybench.envs.api import make_worlds, world_of
from entitybench.envs.push.moves import behind, to_action
from entitybench.envs.push.oracle import PushOracle
from entitybench.envs.push.play import PushPlay
from entitybench.envs.push.routes import route
from entitybench.envs.push.world import PUSHER_SPACING, SPACING, PushWorld
from entitybench.seeding import BatchGenerator, generator


def name(blocks: int) -> str:
    return f"push-{blocks}block{'s' if blocks > 1 else ''}"


@pytest.mark.parametrize("blocks", [1, 3, 5, 10])
def test_starts_and_goals_keep_their_distances(blocks: int) -> None:
    world = world_of(name(blocks))
    assert isinstance(world, PushWorld)
    assert world.area == pytest.approx(0.32 * max(1, (blocks / 5) ** 0.5))
    apart = SPACING - 1e-6 + 9 * np.eye(blocks)
    for seed in range(60):
        start = world.start(seed)
        obs = world.observe(start.qpos, start.constants)
        pusher, places, goals = obs[0, :2], obs[1:, :2], start.goal[1:, :2]
        for points in (places, goals):
            assert np.abs(points).max() <= world.area
            gaps = np.linalg.norm(points[:, None] - points[None], axis=-1) + 9 * np.eye(blocks)
            assert (gaps >= np.minimum(apart, gaps.max())).all()
        assert np.linalg.norm(places - pusher, axis=-1).min() >= PUSHER_SPACING - 1e-6
        # Ids: the pusher's is 0, the blocks' are distinct and shared with their goals.
        ids = obs[:, 4:].argmax(-1)
        assert ids[0] == 0
        assert len(set(ids.tolist())) == blocks + 1
        assert (obs[:, 4:].sum(-1) == 1).all()
        assert np.array_equal(obs[1:, 4:], start.goal[1:, 4:])
        # A goal asks for places only.
        assert not start.goal[0].any()
        assert not start.goal[:, 2:4].any()
        assert not world.success(world.achieved(obs), start.goal)


def test_ids_and_places_vary_over_all_that_is_allowed() -> None:
    world = world_of("push-3blocks")
    starts = [world.start(seed) for seed in range(200)]
    assert len({int(i) for s in starts for i in s.constants[1:, 4:].argmax(-1)}) == 15
    goals = np.concatenate([s.goal[1:, :2] for s in starts])
    assert np.abs(goals.mean(axis=0)).max() < 0.03
    assert goals.std(axis=0) == pytest.approx(0.64 / 12**0.5, rel=0.06)


def test_a_square_looks_the_same_after_a_quarter_turn() -> None:
    world = world_of("push-1block")
    start = world.start(0)
    turned = start.qpos.copy()
    turned[4] += np.pi / 2
    before, after = (world.observe(q, start.constants) for q in (start.qpos, turned))
    assert np.allclose(before, after, atol=1e-6)
    turned[4] += np.pi / 8
    assert not np.allclose(before, world.observe(turned, start.constants), atol=0.1)


def test_success_is_six_centimetres_for_every_block() -> None:
    world = world_of("push-2blocks")
    goal = world.start(1).goal
    achieved = goal.copy()
    achieved[1, 0] += 0.0599
    assert world.success(achieved, goal)
    achieved[2, 1] += 0.0601
    assert not world.success(achieved, goal)
    assert world.success_fraction(achieved, goal) == 0.5
    assert world.reward(achieved, goal) == -1
    assert world.reward(goal, goal) == 0


def test_the_pusher_moves_as_told_and_stops_at_the_edge() -> None:
    worlds = make_worlds("push-1block", 1)
    world = worlds.world
    assert isinstance(world, PushWorld)
    worlds.reset([0])
    before = worlds.qpos[0, :2].copy()
    worlds.step(np.array([[0.5, 0.0]]))
    moved = worlds.qpos[0, :2] - before
    assert 0.008 < moved[0] < 0.02
    assert abs(moved[1]) < 1e-9
    for _ in range(60):
        worlds.step(np.array([[5.0, 0.0]]))  # cut to 1
    assert worlds.qpos[0, 0] == pytest.approx(world.edge, abs=0.005)


@pytest.mark.parametrize("side", [(1, 0), (-1, 0), (0, 1), (0, -1)])
def test_a_block_stops_at_the_rail_with_room_behind_it(side: tuple[int, int]) -> None:
    worlds = make_worlds("push-1block", 1)
    world = worlds.world
    assert isinstance(world, PushWorld)
    worlds.reset([0])
    direction = np.array(side, float)
    state = worlds.integration_state(0)
    state[1:6] = [*(-0.1 * direction), 0, 0, 0]  # time, then the positions: a block at the centre
    worlds.set_integration_state(0, state)
    for _ in range(60):
        worlds.step(direction[None])
    block = worlds.qpos[0, 2:4] @ direction
    assert block == pytest.approx(world.rail, abs=0.01)
    assert world.edge - block > 0.0566 + 0.02  # half a diagonal and the pusher's radius


def test_a_pushed_block_carries_another_along() -> None:
    worlds = make_worlds("push-2blocks", 1)
    worlds.reset([0])
    state = worlds.integration_state(0)
    state[1:9] = [-0.2, 0, -0.1, 0, 0, 0.02, 0, 0]
    worlds.set_integration_state(0, state)
    for _ in range(8):
        worlds.step(np.array([[1.0, 0.0]]))
    pusher, first, second = worlds.qpos[0, 0], worlds.qpos[0, 2], worlds.qpos[0, 5]
    assert second > 0.04
    assert first - pusher == pytest.approx(0.06, abs=0.004)
    assert second - first == pytest.approx(0.08, abs=0.004)


def test_worlds_follow_the_recorded_trace() -> None:
    """Places after 60 play actions (seed 0): changed physics must bump the tasks' version."""
    worlds, policy = make_worlds("push-3blocks", 1), PushPlay("push-3blocks")
    rng = BatchGenerator([generator(0, "trace")])
    obs, state = worlds.reset([0]), policy.initial_state(1)
    for _ in range(60):
        action, state = policy.act(obs, state, rng)
        obs, _ = worlds.step(action)
    assert np.allclose(obs["observation"][0, :, :2], TRACE, atol=1e-4)


TRACE = np.array(
    [[-0.14397, -0.24991], [-0.00081, 0.16733], [-0.17615, 0.04195], [-0.08377, -0.25319]]
)


def score(policy: object, blocks: int, seeds: range) -> np.ndarray:
    """Success at the last step of each episode."""
    worlds = make_worlds(name(blocks), len(seeds))
    rng = BatchGenerator([generator(seed, "policy") for seed in seeds])
    obs, state = worlds.reset(seeds), policy.initial_state(len(seeds))
    for _ in range(worlds.horizon):
        action, state = policy.act(obs, state, rng)
        obs, info = worlds.step(action)
    return info["is_success"]


@pytest.mark.parametrize(("blocks", "episodes"), [(1, 40), (2, 30), (3, 24), (4, 20), (5, 20)])
def test_the_oracle_solves_its_task(blocks: int, episodes: int) -> None:
    assert score(PushOracle(name(blocks)), blocks, range(episodes)).mean() >= 0.95


@pytest.mark.slow
@pytest.mark.parametrize("blocks", range(1, 11))
def test_the_oracle_solves_all_evaluation_starts(blocks: int) -> None:
    bar = 0.95 if blocks <= 5 else 0.85
    assert score(PushOracle(name(blocks)), blocks, range(100)).mean() >= bar


@pytest.mark.parametrize("blocks", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_random_actions_solve_nothing(blocks: int) -> None:
    class Random:
        def initial_state(self, batch: int) -> int:
            return batch

        def act(self, obs: dict, state: int, rng: BatchGenerator) -> tuple[np.ndarray, int]:
            return rng.uniform(-1, 1, (state, 2)), state

    assert score(Random(), blocks, range(100)).mean() < 0.05


@pytest.mark.parametrize("kind", [PushOracle, PushPlay])
def test_scripts_do_not_depend_on_the_batch(kind: type) -> None:
    id, seeds, steps = "push-4blocks", [5, 2, 9, 14, 3], 120

    def run(rows: list[int]) -> dict[int, list[np.ndarray]]:
        worlds, policy = make_worlds(id, len(rows)), kind(id)
        rng = BatchGenerator([generator(seed, "policy") for seed in rows])
        obs, state = worlds.reset(rows), policy.initial_state(len(rows))
        actions: dict[int, list[np.ndarray]] = {seed: [] for seed in rows}
        for _ in range(steps):
            action, state = policy.act(obs, state, rng)
            assert np.abs(action).max() <= 1
            for seed, one in zip(rows, action, strict=True):
                actions[seed].append(one)
            obs, _ = worlds.step(action)
        return actions

    together, alone = run(seeds), run(seeds[1:2])
    assert np.array_equal(together[2], alone[2])


def test_play_moves_blocks_to_places() -> None:
    """Sub-tasks of at most 60 steps, most of them done, noise on actions."""
    worlds, policy = make_worlds("push-3blocks", 32), PushPlay("push-3blocks")
    rng = BatchGenerator([generator(row) for row in range(32)])
    obs, state = worlds.reset(range(32)), policy.initial_state(32)
    moving, begun, done, extreme = [], 0, 0, []
    for _ in range(150):
        action, after = policy.act(obs, state, rng)
        fresh = after.age == 1
        begun += int(fresh.sum())
        done += int((fresh & (state.age < 60)).sum())
        assert after.age.max() <= 60
        state = after
        following, _ = worlds.step(action)
        step = np.abs(following["observation"] - obs["observation"])[:, 1:, :2]
        moving.append((step.max(axis=(1, 2)) > 1e-3).mean())
        extreme.append(np.abs(action).mean())
        obs = following
    assert 0.3 < np.mean(moving) < 0.7
    assert begun / 32 > 3
    assert done / (begun - 32) > 0.8
    assert 0.3 < np.mean(extreme) < 0.8


def test_a_way_leads_round_an_obstacle_and_keeps_to_it() -> None:
    """The straight way is blocked: the first waypoint is beside it, and stays where it is."""
    here, there = np.array([[-0.3, 0.0]]), np.array([[0.3, 0.0]])
    obstacle, none, turn = np.array([[[0.0, 0.01]]]), np.full((1, 2), np.nan), np.zeros(1)

    def way(start: np.ndarray, previous: np.ndarray) -> np.ndarray:
        return route(start, there, obstacle, 0.1, 0.5, previous=previous, turn=turn, loyalty=0.05)

    first = way(here, none)
    assert first[0, 1] < -0.05  # below, since the obstacle is a little above
    place, waypoint = here, first
    for _ in range(60):
        waypoint = way(place, waypoint)
        leg = waypoint - place
        place = place + leg * min(1, 0.025 / max(float(np.linalg.norm(leg)), 1e-9))
        assert np.linalg.norm(place - obstacle[0]) > 0.095
    assert np.linalg.norm(place - there) < 1e-6


def test_actions_and_push_places() -> None:
    assert np.allclose(to_action(np.array([[0.02, 0.0], [3.0, 4.0]])), [[0.5, 0.0], [0.6, 0.8]])
    east, block = np.array([[1.0, 0.0]]), np.zeros((1, 2))
    assert behind(np.array([[-0.06, 0.0]]), block, east)
    assert not behind(np.array([[0.06, 0.0]]), block, east)
    assert not behind(np.array([[-0.06, 0.03]]), block, east)


def test_goals_keep_what_is_asked_of_any_number_of_observations() -> None:
    world = PushWorld(2)
    rng = np.random.default_rng(0)
    for shape in ((), (1,), (15,), (16,), (33,), (3, 50)):
        observation = rng.normal(size=(*shape, 3, world.features)).astype(np.float32)
        wanted = observation.copy()
        wanted[..., 0, :] = 0
        wanted[..., 2:4] = 0
        assert world.achieved(observation).tobytes() == wanted.tobytes()
        turned = np.asfortranarray(observation)  # not in the order of its numbers
        assert (world.achieved(turned) == wanted).all()
