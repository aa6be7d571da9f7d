"""The tetris world is what its page says."""

from __future__ import annotations

import numpy as np
import pytest

from entitybench.envs.api import make_worlds, oracle_of, world_of
from entitybench.envs.tetris.pushes import clearance, contacts, follow, miss, place, plan
from entitybench.envs.tetris.scene import DRAG, PUSHER_RADIUS
from entitybench.envs.tetris.shapes import (
    CELL,
    CELLS,
    NAMES,
    RADIUS,
    SPREAD,
    SYMMETRY,
    coverage,
    turn,
)
from entitybench.envs.tetris.world import GRID, SHAPE, TetrisWorld, shapes_of
from entitybench.seeding import BatchGenerator, generator

ALL = np.arange(7)


def poses(x: float, y: float, yaw: float) -> np.ndarray:
    angle = SYMMETRY * yaw
    return np.stack([np.full(7, x), np.full(7, y), np.cos(angle), np.sin(angle)], axis=1)


def test_shapes_have_four_cells_about_their_centre() -> None:
    assert np.allclose(CELLS.sum(axis=1), 0)
    for cells in CELLS:
        gaps = np.abs(cells[:, None] - cells).sum(axis=-1)
        assert np.sum(np.isclose(gaps, CELL)) >= 6  # three joints at least
    assert pytest.approx((16 + 1) * CELL**2 / 12) == SPREAD[0]
    assert pytest.approx(2**0.5 * CELL) == RADIUS[1]


def test_coverage_of_known_displacements() -> None:
    here = poses(0.1, -0.2, 0.7)
    assert (coverage(ALL, here, here) == 1).all()
    # A shift by a fifth of a cell uncovers a fifth of I across it, and a twentieth along it.
    flat = poses(0, 0, 0)
    assert coverage(ALL, poses(0, CELL / 5, 0), flat)[0] == pytest.approx(0.8, abs=0.04)
    assert coverage(ALL, poses(CELL / 5, 0, 0), flat)[0] == pytest.approx(0.95, abs=0.02)
    # O is a square.
    assert coverage(ALL, poses(CELL / 5, 0, 0), flat)[1] == pytest.approx(0.9, abs=0.04)
    for k, shape in zip(SYMMETRY, ALL, strict=True):
        turned = coverage(ALL, poses(0, 0, 2 * np.pi / k + 0.3), poses(0, 0, 0.3))
        assert turned[shape] == 1
        half = coverage(ALL, poses(0, 0, np.pi / k), flat)
        assert half[shape] < 0.85


def test_coverage_agrees_with_drawing_lots() -> None:
    rng = generator(0, "coverage")
    for shape in range(7):
        dx, dy = rng.uniform(-0.01, 0.01, 2)
        yaw, goal_yaw = rng.uniform(-3, 3, 2)
        here, there = poses(dx, dy, yaw)[[shape]], poses(0, 0, goal_yaw)[[shape]]
        c, s = (v[0] for v in turn(np.array([shape]), there))
        cell = CELLS[shape][rng.integers(4, size=20000)]
        points = cell + rng.uniform(-CELL / 2, CELL / 2, (20000, 2))
        world = points @ np.array([[c, s], [-s, c]])
        c, s = (v[0] for v in turn(np.array([shape]), here))
        local = (world - [dx, dy]) @ np.array([[c, -s], [s, c]])
        inside = (np.abs(local[:, None] - CELLS[shape]) <= CELL / 2).all(-1).any(-1).mean()
        found = coverage(np.array([shape]), here, there)[0]
        assert found == pytest.approx(inside, abs=0.025)


@pytest.mark.parametrize("pieces", [1, 3, 7])
def test_starts_and_goals_are_on_nodes(pieces: int) -> None:
    world = world_of(f"tetris-{pieces}piece{'s' if pieces > 1 else ''}")
    assert isinstance(world, TetrisWorld)
    seen = set()
    for seed in range(60):
        start = world.start(seed)
        obs = world.observe(start.qpos, start.constants)
        for places in (obs[:, :2], start.goal[1:, :2]):
            nodes = np.round(places / GRID)
            assert np.allclose(nodes * GRID, places, atol=1e-6)
            assert np.abs(nodes).max() <= 1
            assert len(np.unique(nodes, axis=0)) == len(nodes)
        shapes = shapes_of(obs[1:]).tolist()
        assert shapes == sorted(set(shapes))
        assert np.array_equal(obs[1:, SHAPE], start.goal[1:, SHAPE])
        assert not start.goal[0].any()
        assert not world.success(world.achieved(obs), start.goal)
        assert world.success(start.goal, start.goal)
        seen |= set(shapes)
    assert len(seen) == len(NAMES)


def test_each_episode_has_the_shapes_it_names() -> None:
    worlds = make_worlds("tetris-2pieces", 6)
    worlds.reset(range(6))
    for row, model in enumerate(worlds.physics.models):
        for i, shape in enumerate(shapes_of(worlds.constants[row, 1:])):
            cells = [model.geom(f"piece{i}_{j}").pos[:2] for j in range(4)]
            assert np.allclose(cells, CELLS[shape])
            drag = model.dof_damping[model.joint(f"piece{i}_yaw").dofadr[0]]
            assert drag == pytest.approx(DRAG * SPREAD[shape])


def test_a_push_moves_a_piece_as_the_model_says() -> None:
    """Through the centre straight on, beside it round: the oil film's closed form holds."""
    worlds = make_worlds("tetris-1piece", 1)
    worlds.reset([0])
    shape = int(shapes_of(worlds.constants[0, 1:])[0])
    at = contacts(shape)
    state = worlds.integration_state(0)
    for contact in (0, len(at.point) // 2):
        direction = -at.normal[contact]
        begin = at.centre[contact] - 0.001 * direction
        state[1:6] = [*begin, 0.0, 0.0, 0.0]
        worlds.set_integration_state(0, state)
        for _ in range(3):
            worlds.step(0.25 * direction[None])
        pose = worlds.qpos[0, 2:5]
        twist = at.twist[contact, 0]
        length = np.hypot(*pose[:2]) / np.hypot(*twist[:2])
        model = follow(np.zeros(3), twist, length)
        assert np.allclose(pose[:2], model[:2], atol=0.004)
        assert pose[2] == pytest.approx(model[2], abs=0.15)


def test_plans_reach_the_goal_in_the_model() -> None:
    nothing, goal = np.zeros((0, 2)), np.array([0.24, 0.0, 2.0])
    for shape in range(7):
        pose, pusher = np.zeros(3), np.array([-0.2, 0.0])
        for _ in range(6):
            if miss(shape, pose, goal, 1.0) < 0.003:
                break
            push = plan(
                shape, pose, goal, pusher, nothing, care=1.0, precise=0.0018, rail=0.36, edge=0.46
            )
            pose = push.end
            pusher = place(pose, contacts(shape).centre[push.contact])
        assert miss(shape, pose, goal, 1.0) < 0.003


def test_pushes_end_before_what_is_in_their_way() -> None:
    goal, pusher = np.array([0.24, 0.0, 0.0]), np.array([-0.2, 0.0])
    wall = np.stack([np.full(7, 0.12), CELL * np.arange(-3, 4)], axis=1)
    settings = {"care": 1.0, "precise": 0.0018, "rail": 0.36, "edge": 0.46}
    through = 0
    for shape in range(7):
        free = plan(shape, np.zeros(3), goal, pusher, np.zeros((0, 2)), **settings)
        through += clearance(shape, free.end, wall) < CELL
        push = plan(shape, np.zeros(3), goal, pusher, wall, **settings)
        assert clearance(shape, push.end, wall) >= CELL
        assert push.end[0] < 0.12
    assert through  # else the wall was in no push's way


def test_contacts_have_room_for_the_pusher() -> None:
    for shape in range(7):
        at = contacts(shape)
        gap = np.maximum(np.abs(at.centre[:, None] - CELLS[shape]) - CELL / 2, 0)
        assert np.hypot(gap[..., 0], gap[..., 1]).min() >= PUSHER_RADIUS - 1e-9


def score(task: str, policy: object, seeds: range, **kwargs: object) -> np.ndarray:
    worlds = make_worlds(task, len(seeds), **kwargs)
    rng = BatchGenerator([generator(seed, "policy") for seed in seeds])
    obs, state = worlds.reset(seeds), policy.initial_state(len(seeds))
    for _ in range(worlds.horizon):
        action, state = policy.act(obs, state, rng)
        obs, info = worlds.step(action)
        if info["is_success"].all() and not kwargs:
            break
    return info["is_success"]


def test_the_oracle_solves_one_piece() -> None:
    assert score("tetris-1piece", oracle_of("tetris-1piece"), range(6)).mean() >= 0.95


def test_the_oracle_solves_one_piece_with_late_actions() -> None:
    oracle, bank = oracle_of("tetris-1piece"), "perturbed:latency"
    assert score("tetris-1piece", oracle, range(6), bank=bank).mean() >= 0.8


@pytest.mark.slow
@pytest.mark.parametrize("pieces", range(2, 8))
def test_the_oracle_solves_more_pieces(pieces: int) -> None:
    task = f"tetris-{pieces}pieces"
    assert score(task, oracle_of(task), range(20)).mean() >= (0.9 if pieces <= 5 else 0.8)


@pytest.mark.slow
def test_the_oracle_solves_most_perturbed_starts() -> None:
    oracle = oracle_of("tetris-2pieces")
    assert score("tetris-2pieces", oracle, range(10), bank="perturbed").mean() >= 0.9


@pytest.mark.slow
def test_the_oracle_solves_starts_that_lack_pieces() -> None:
    oracle = oracle_of("tetris-2pieces")
    assert score("tetris-2pieces", oracle, range(10), absent=0.4).mean() >= 0.9


def test_random_actions_solve_nothing() -> None:
    class Random:
        def initial_state(self, batch: int) -> int:
            return batch

        def act(self, obs: dict, state: int, rng: BatchGenerator) -> tuple[np.ndarray, int]:
            return rng.uniform(-1, 1, (state, 2)), state

    assert score("tetris-1piece", Random(), range(20)).mean() < 0.05


def test_results_do_not_depend_on_the_batch() -> None:
    def run(seeds: list[int]) -> np.ndarray:
        worlds, policy = make_worlds("tetris-3pieces", len(seeds)), oracle_of("tetris-3pieces")
        rng = BatchGenerator([generator(seed, "policy") for seed in seeds])
        obs, state = worlds.reset(seeds), policy.initial_state(len(seeds))
        found = []
        for _ in range(40):
            action, state = policy.act(obs, state, rng)
            obs, _ = worlds.step(action)
            found.append(obs["observation"])
        return np.array(found)

    assert np.array_equal(run([4, 7, 1, 9, 2])[:, 1], run([7])[:, 0])
