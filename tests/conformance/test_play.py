"""The generator of steps that evaluation, generation, measuring and failures go through."""

from __future__ import annotations

import numpy as np

from entitybench.datasets.experts.rollouts import Seen, rollouts
from entitybench.envs.api import make_worlds, world_of
from entitybench.envs.core.play import play
from entitybench.envs.locomotion.expert import Linear
from entitybench.seeding import BatchGenerator, generator


class Counts:
    """A policy that remembers how often it acted, and draws."""

    def initial_state(self, batch):
        return np.zeros(batch, int)

    def act(self, obs, state, rng):
        return rng.uniform(-1.5, 1.5, (len(rng), 2)), state + 1


def test_each_step_has_what_was_seen_done_and_seen_then():
    worlds, again = make_worlds("push-1block", 3), make_worlds("push-1block", 3)
    rng = BatchGenerator([generator(row) for row in range(3)])
    obs = first = worlds.reset(range(3))
    again.reset(range(3))
    steps = list(play(worlds, Counts(), obs, rng, 5))
    assert [step.index for step in steps] == list(range(5))
    assert [step.state.tolist() for step in steps] == [[n] * 3 for n in range(1, 6)]
    assert steps[0].obs is first
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        after, info = again.step(step.action)
        assert all(np.array_equal(after[key], step.after[key]) for key in after)
        assert all(np.array_equal(info[key], step.info[key]) for key in info)
        assert following is None or following.obs is step.after


def test_the_worlds_are_the_callers_between_steps():
    worlds = make_worlds("push-1block", 2)
    rng = BatchGenerator([generator(row) for row in range(2)])
    for step in play(worlds, Counts(), worlds.reset(range(2)), rng, 100):
        assert worlds.elapsed.tolist() == [step.index + 1] * 2
        if step.index == 2:
            break
    assert worlds.elapsed.tolist() == [3, 3]


def test_experts_are_searched_for_in_the_same_loop():
    # The numbers of the loop that stepped MuJoCo by itself.
    world, rng = world_of("hopper"), np.random.default_rng(0)
    weights = rng.standard_normal((6, world.action_dim, world.features)) * 0.3
    size = world.features
    seen = Seen(0.0, np.zeros(size), np.zeros(size))
    policy = Linear(weights, *seen.normal())
    returns, lengths = rollouts(world, policy, list(range(6)), seen, horizon=80)
    assert lengths.tolist() == [19, 14, 44, 24, 17, 7]
    assert returns.round(3).tolist() == [11.635, 10.073, 13.663, 37.091, 6.71, 3.085]
    assert seen.count == lengths.sum()
