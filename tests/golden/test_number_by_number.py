"""What one episode computes number by number is, bit for bit, what arrays give for many."""

from __future__ import annotations

from hashlib import sha256

import numpy as np
import pytest

from entitybench.envs.api import make_worlds, world_of
from entitybench.envs.core.batch import Worlds
from entitybench.envs.core.world import GoalWorld, World
from entitybench.envs.hockey.opponents import scripted_v1
from entitybench.envs.tetris import shapes
from entitybench.registry import resolve, tasks

# A task for each way of stepping one episode number by number.
TASKS = (
    *("hockey-1v1", "hockey-2v2", "team-pushbox"),
    *("hockey-strike", "hockey-defend", "hockey-goal", "hockey-goal-obstacles"),
    *("hopper", "halfcheetah", "walker2d", "point-maze-u"),
    *("push-1block", "push-3blocks", "push-1block-obstacles", "push-2blocks-zones"),
    *("tetris-1piece", "tetris-3pieces"),
    *("pick-1cube", "pick-3cubes", "stack-3cubes"),
)


def kinds_below(kind: type[World]) -> set[type[World]]:
    """All classes that come of one, and that one."""
    return {kind}.union(*map(kinds_below, kind.__subclasses__()))


def test_every_class_that_has_such_a_way_is_held_to_it() -> None:
    for task in tasks():
        if not task.extra:
            resolve(task.target)  # brings the class
    own = (kind for kind in kinds_below(World) if kind.__module__.startswith("entitybench."))
    with_one = {kind for kind in own if vars(kind).get("alone_class")}
    assert with_one == {type(world_of(task)) for task in TASKS}


def test_the_script_gives_the_same_alone_as_in_a_batch() -> None:
    """Of one state it is computed number by number: bit for bit what arrays give."""
    rng = np.random.default_rng(0)
    for k in range(3000):
        mallets, puck = rng.uniform(-1, 1, (1 + k % 2, 4)), rng.uniform(-1, 1, 4)
        if k % 3 == 0:
            mallets, puck = np.round(mallets, 1), np.round(puck, 1)
        if k % 7 == 0:
            puck[:2] = mallets[0, :2]
        alone, batch = scripted_v1(mallets, puck), scripted_v1(mallets[None], puck[None])[0]
        assert alone.tobytes() == batch.tobytes()


def test_few_numbers_are_added_up_one_after_the_other() -> None:
    """As numpy does it, which `RunAlone` relies on for the cost of an action."""
    rng = np.random.default_rng(0)
    for count in range(2, 8):
        for numbers in rng.uniform(0, 1, (200, count)):
            total = 0.0
            for number in numbers.tolist():
                total += number
            assert total == np.add.reduce(numbers, -1)


def test_pieces_are_turned_and_cover_as_ever() -> None:
    """Bit for bit what arrays gave, near and far; and the same when asked again."""
    rng = np.random.default_rng(0)
    shape = rng.integers(0, 7, 600)
    here = rng.normal(size=(600, 4)).astype(np.float32)
    there = here.copy()
    there[:, :2] += rng.normal(size=(600, 2)) * np.geomspace(1e-3, 0.3, 600)[:, None]
    there[::2, 2:] += rng.normal(size=(300, 2))
    for _ in range(2):
        share = shapes.coverage(shape, here, there)
        assert sha256(share.tobytes()).hexdigest()[:16] == "f56133a805ebcb95"
    assert 0 < np.count_nonzero(share) < 600
    turned = sha256()
    for k in range(300):
        shape, pose = rng.integers(0, 7, 40), rng.normal(size=(40, 4))
        if k % 5 == 0:
            pose[::3, 2:] = 0
        if k % 7 == 0:
            pose = np.round(pose)
        for each in shapes.turn(shape, pose):
            turned.update(each.tobytes())
    assert turned.hexdigest()[:16] == "9aca78032348a3b5"


def reached(world: World, state: np.ndarray, goal: np.ndarray, share: float) -> np.ndarray:
    """A state on the straight way from this one to one in which the goal is reached."""
    assert isinstance(world, GoalWorld)
    there = state.copy()
    there[: world.model.nq] = world.goal_qpos(goal)
    return state + share * (there - state)


def limits(worlds: Worlds, count: int) -> list[np.ndarray]:
    """States about where the goal is reached: the last that is not and the first that is."""
    world, state, goal = worlds.world, worlds.state[0].copy(), worlds.goals[0]
    if not isinstance(world, GoalWorld):
        return []

    def solved(share: float) -> bytes:
        seen = world.observe(reached(world, state, goal, share), worlds.constants[0])
        return world.solved(world.achieved(seen), goal).tobytes()

    found = []
    for wide in np.linspace(0.9, 1.1, count):
        low, high = 0.0, float(wide)
        while low < (middle := (low + high) / 2) < high:
            low, high = (low, middle) if solved(middle) != solved(0.0) else (middle, high)
        found += [reached(world, state, goal, share) for share in (low, high, wide)]
    return found


def states(worlds: Worlds, rng: np.random.Generator, count: int) -> list[np.ndarray]:
    """States (S,) near and far from this one, and such as no episode gets to."""
    found = limits(worlds, count)
    positions = worlds.world.model.nq
    found += [np.concatenate([one[:positions], -one[positions:]]) for one in found]
    for scale in np.geomspace(1e-3, 3.0, count):
        state = worlds.state[0] + scale * rng.standard_normal(worlds.state.shape[1])
        few = rng.random(state.shape) < 0.1
        found += [state, np.where(few, np.round(state), state)]
    return [*found, -worlds.state[0], np.zeros_like(worlds.state[0])]


def same(one: object, other: object) -> bool:
    """Whether two values have the same numbers and signs, whatever they are kept in."""
    first, second = np.asarray(one, np.float64), np.asarray(other, np.float64)
    return first.shape == second.shape and first.tobytes() == second.tobytes()


@pytest.mark.parametrize("task", TASKS)
def test_one_episode_number_by_number_is_what_arrays_give(task: str) -> None:
    """Of any state: its controls, what is remembered, seen and scored, bit for bit."""
    worlds, rng = make_worlds(task, 1), np.random.default_rng(0)
    world, alone = worlds.world, worlds.alone
    assert alone is not None
    told = {"control": 0, "remember": 0, "see": 0}
    for seed in range(6):
        worlds.reset([seed])
        constants, goal = worlds.constants[0], worlds.goals[0]
        before = worlds.state[0].copy()
        for state in states(worlds, rng, 6):
            state[world.slot("memory")] = before[world.slot("memory")]
            action = np.clip(rng.normal(0, 0.8, world.action_shape), -1, 1)
            flat = action.ravel().tolist()
            alone.begin(state, constants, goal)
            controls = alone.control(state.tolist(), flat)
            if controls is not None:
                told["control"] += 1
                assert same(controls, world.control(state, action))
            due = world.due(state)
            assert alone.due(state.tolist()) == (due is not None and bool(due))
            if world.memory:
                noted, wanted = (
                    alone.remember(before.tolist(), state.tolist()),
                    world.remember(before, action, state),
                )
                if noted is not None:
                    told["remember"] += 1
                    stays = before[world.slot("memory")][len(noted) :]
                    assert same([*noted, *stays], wanted)
                state[world.slot("memory")] = wanted
            seen = alone.see(before.tolist(), flat, state.tolist())
            if seen is not None:
                told["see"] += 1
                obs, scores = worlds.score(before, action, state, constants, goal)
                for mine, wanted in ((seen[0], obs), (seen[1], scores)):
                    assert mine.keys() == wanted.keys()
                    assert all(same(mine[key], wanted[key]) for key in wanted), state
                assert all(np.asarray(seen[0][key]).dtype == obs[key].dtype for key in obs)
                kinds = {type(value) for value in seen[1].values()}
                assert kinds <= {float, bool, list}
            before = state
    assert told["control"]
    assert told["see"]
    assert bool(told["remember"]) == bool(world.memory and world.reads)
