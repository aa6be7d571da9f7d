"""The goal sampler against its rules, on data where every number tells where it comes from."""

from types import SimpleNamespace

import numpy as np
import pytest

from entitybench.datasets.sampling.goals import GoalMix, GoalSampler
from entitybench.errors import BadValue

LENGTHS = np.array([7, 3, 5, 1])
OFFSETS = np.concatenate([[0], np.cumsum(LENGTHS + 1)])
ROWS = int(OFFSETS[-1])
SIZE = 4000


class Numbers:
    """Two entities; features: row of the store, episode, and an id that episodes differ in."""

    feature_names = ("row", "episode", "id0", "id1", "id2", "id3")
    fixed_names = feature_names[2:]

    def achieved(self, observation):
        goal = observation.copy()
        goal[..., 0, :] = 0
        return goal

    def reward(self, achieved, desired):
        near = np.abs(achieved[..., 1, 0] - desired[..., 1, 0]) < 0.5
        return near.astype(np.float32) - 1


def make_store(lengths=LENGTHS):
    offsets = np.concatenate([[0], np.cumsum(lengths + 1)])
    observations = np.zeros((offsets[-1], 2, 6), np.float32)
    observations[:, :, 0] = np.arange(offsets[-1])[:, None]
    episode = np.repeat(np.arange(len(lengths)), lengths + 1)
    observations[:, :, 1] = episode[:, None]
    observations[np.arange(offsets[-1]), 1, 2 + episode % 4] = 1
    observations[:, 0, 5] = 1
    actions = np.arange(offsets[-1], dtype=np.float32)[:, None]
    return SimpleNamespace(
        id="numbers", observations=observations, actions=actions, offsets=offsets, lengths=lengths
    )


@pytest.fixture
def sampler():
    return GoalSampler(make_store(), Numbers())


def rng(seed=0):
    return np.random.default_rng(seed)


def parts(batch):
    """Row, row of the last observation of its episode, episode: each (B,) int."""
    row = batch["observations"][:, 1, 0].astype(int)
    episode = batch["observations"][:, 1, 1].astype(int)
    return row, OFFSETS[episode + 1] - 1, episode


def rows_of(goals):
    return goals[:, 1, 0].astype(int)


def test_transitions_are_whole_and_equally_frequent(sampler):
    batch = sampler.sample(SIZE, rng())
    row, end, episode = parts(batch)
    assert np.array_equal(batch["next_observations"][:, 1, 0], row + 1)
    assert np.array_equal(batch["next_observations"][:, 1, 1], episode)
    assert np.array_equal(batch["actions"][:, 0], row)
    assert np.all(row < end)  # the padding row is never a transition
    seen = np.bincount(row, minlength=ROWS)
    real = np.setdiff1d(np.arange(ROWS), OFFSETS[1:] - 1)
    assert np.all(seen[OFFSETS[1:] - 1] == 0)
    expected = SIZE / len(real)
    assert np.all(np.abs(seen[real] - expected) < 5 * np.sqrt(expected))


def test_next_goals_are_always_reached(sampler):
    batch = sampler.sample(SIZE, rng(), value=GoalMix(next=1))
    assert np.array_equal(rows_of(batch["value_goals"]), parts(batch)[0] + 1)
    assert np.all(batch["rewards"] == 0)
    assert np.all(batch["masks"] == 1)


def test_uniform_goals_cover_the_rest_of_the_episode(sampler):
    batch = sampler.sample(40 * SIZE, rng(), value=GoalMix(uniform=1))
    row, end, _ = parts(batch)
    goal = rows_of(batch["value_goals"])
    assert np.all((goal > row) & (goal <= end))
    # From the first step of the longest episode: round(1 u + 7 (1 - u)); the ends get half a share.
    share = np.bincount(goal[row == 0], minlength=8)[1:] / np.sum(row == 0)
    assert np.allclose(share, np.array([0.5, 1, 1, 1, 1, 1, 0.5]) / 6, atol=0.02)
    assert np.array_equal(batch["rewards"] == 0, goal == row + 1)


def test_geometric_goals_have_their_mean_and_stop_at_the_end():
    long = GoalSampler(make_store(np.array([4000, 4000])), Numbers())
    batch = long.sample(SIZE, rng(), value=GoalMix(geometric=1, mean_steps=10))
    ahead = rows_of(batch["value_goals"]) - batch["observations"][:, 1, 0]
    assert abs(ahead.mean() - 10) < 1
    assert ahead.min() == 1
    short = GoalSampler(make_store(), Numbers()).sample(
        SIZE, rng(), value=GoalMix(geometric=1, mean_steps=1000)
    )
    _, end, _ = parts(short)
    at_end = rows_of(short["value_goals"]) == end
    assert at_end.mean() > 0.95


def test_random_goals_are_of_other_episodes_with_own_ids(sampler):
    batch = sampler.sample(SIZE, rng(), value=GoalMix(random=1), policy=GoalMix(random=1))
    _, _, episode = parts(batch)
    for name in ("value_goals", "policy_goals"):
        goals = batch[name]
        assert np.all(goals[:, 1, 1] != episode)
        assert np.array_equal(goals[:, 1, 2:], batch["observations"][:, 1, 2:])
        assert np.all(goals[:, 0] == 0)  # what the world leaves out of goals stays out
        assert set(goals[:, 1, 0].astype(int)) == set(range(ROWS))
    assert not np.array_equal(batch["value_goals"], batch["policy_goals"])


def test_shares_are_exact(sampler):
    mix = GoalMix(next=0.2, geometric=0.55, random=0.25, mean_steps=3)
    batch = sampler.sample(1000, rng(), value=mix)
    row, _, episode = parts(batch)
    goal = rows_of(batch["value_goals"])
    assert np.array_equal(goal[:200], row[:200] + 1)
    same = batch["value_goals"][:, 1, 1] == episode
    assert np.all(same[:750])
    assert not np.any(same[750:])


def test_subgoals_lie_k_ahead_or_at_the_goal(sampler):
    batch = sampler.sample(SIZE, rng(), policy=GoalMix(uniform=0.5, random=0.5), subgoal_steps=3)
    row, end, episode = parts(batch)
    goal = rows_of(batch["policy_goals"])
    half = SIZE // 2
    expected = np.concatenate([np.minimum(row + 3, goal)[:half], np.minimum(row + 3, end)[half:]])
    assert np.array_equal(batch["subgoals"][:, 1, 0], expected)
    assert np.array_equal(batch["subgoals"][:, 1, 1], episode)
    assert np.all(batch["subgoals"][:, 0, 5] == 1)  # full observations, not goals


def test_rewards_are_the_worlds_own(sampler):
    batch = sampler.sample(SIZE, rng(), value=GoalMix(uniform=0.5, geometric=0.5))
    world = Numbers()
    expected = world.reward(world.achieved(batch["next_observations"]), batch["value_goals"])
    assert np.array_equal(batch["rewards"], expected)


def test_same_generator_same_batch(sampler):
    kwargs = {"value": GoalMix(uniform=1), "policy": GoalMix(random=1), "subgoal_steps": 2}
    first, second = (sampler.sample(64, rng(3), **kwargs) for _ in range(2))
    assert all(np.array_equal(first[key], second[key]) for key in first)
    assert all(value.dtype == np.float32 for value in first.values())


def test_bad_requests_say_what_is_allowed(sampler):
    with pytest.raises(BadValue, match="sum"):
        GoalMix(next=0.5)
    with pytest.raises(BadValue, match="mean_steps"):
        GoalMix(geometric=1, mean_steps=0)
    with pytest.raises(BadValue, match="policy goal mix"):
        sampler.sample(8, rng(), value=GoalMix(next=1), subgoal_steps=5)
    with pytest.raises(BadValue, match="two or more episodes"):
        GoalSampler(make_store(np.array([5])), Numbers()).sample(4, rng(), value=GoalMix(random=1))
    with pytest.raises(BadValue, match="at least one transition"):
        sampler.sample(0, rng())
