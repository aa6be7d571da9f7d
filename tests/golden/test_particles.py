"""Entities out of pixels: what particles say of a picture, and of a world that is seen."""

from __future__ import annotations

import numpy as np
import pytest

from entitybench.envs.api import make, make_vec, make_worlds
from entitybench.envs.drawing.particles import PARTICLE, particles
from entitybench.errors import BadValue

X, Y, WIDTH, HEIGHT, ORDER, SEEN = range(6)
RED = slice(6, 9)


def test_a_picture_of_two_entities_by_hand():
    entity = np.full((4, 8), -1)
    entity[0, 0:4] = 2  # the upper left
    entity[2:4, 6:8] = 0  # the lower right corner
    entity[1, 0] = 2  # of which a second row shows one pixel
    picture = np.zeros((4, 8, 3), np.uint8)
    picture[entity == 2] = (255, 0, 51)
    picture[2, 6:8] = (0, 204, 0)
    depth = np.full((4, 8), 9.0)
    depth[entity == 2] = 1.5
    depth[entity == 0] = 2.0
    found = particles(picture, entity, depth, 3)
    assert found.shape == (3, len(PARTICLE))
    assert found.dtype == np.float32
    assert not found[1].any()  # nobody sees it
    columns, rows = (0 + 1 + 2 + 3 + 0) / 5, 1 / 5
    assert found[2, [X, Y]] == pytest.approx([(2 * columns + 1) / 8 - 1, 1 - (2 * rows + 1) / 4])
    assert found[0, [X, Y]] == pytest.approx([0.75, -0.5])
    assert found[:, WIDTH] == pytest.approx([0.5, 0, 1])
    assert found[:, HEIGHT] == pytest.approx([1, 0, 1])
    assert found[:, ORDER] == pytest.approx([1 / 3, 0, 0])  # the nearer one is first
    assert found[:, SEEN].tolist() == [1, 0, 1]
    assert found[2, RED] == pytest.approx([1, 0, 0.2])
    assert found[0, RED] == pytest.approx([0, 0.4, 0])


def test_an_empty_picture_shows_nobody():
    found = particles(np.zeros((2, 2, 3), np.uint8), np.full((2, 2), -1), np.ones((2, 2)), 4)
    assert not found.any()


def test_particles_are_where_the_entities_are():
    worlds = make_worlds("push-3blocks-pixels", 4, particles=True)
    obs = worlds.reset([0, 1, 2, 3])
    for _ in range(3):
        half = worlds.world.edge + 0.02  # m, half of what the camera sees
        seen = obs["particles"]
        assert seen.shape == (4, 4, len(PARTICLE))
        assert (seen[..., SEEN] == 1).all()
        # To half a pixel, but for a block of which the pusher hides a part.
        off = np.abs(seen[..., :2] - obs["state"][..., :2] / half)
        assert np.median(off) < 1 / 64
        assert off.max() < 0.08
        goals = obs["goal_particles"]
        assert not goals[:, 0].any()  # the pusher is in no goal
        assert np.abs(goals[:, 1:, :2] - obs["goal_state"][:, 1:, :2] / half).max() < 1 / 64
        # A block and its goal have one colour.
        assert np.abs(goals[:, 1:, RED] - seen[:, 1:, RED]).max() < 0.1
        obs = worlds.step(np.ones((4, 2)))[0]
    worlds.close()


def test_two_threads_see_the_same():
    one, two = (make_worlds("push-2blocks-pixels", 3, n, particles=True) for n in (1, 2))
    a, b = one.reset([5, 6, 7]), two.reset([5, 6, 7])
    assert np.array_equal(a["particles"][..., :ORDER], b["particles"][..., :ORDER])
    assert np.array_equal(a["goal_particles"], b["goal_particles"])
    one.close()
    two.close()


def test_views_tell_particles_in_their_info():
    env = make("push-2blocks-pixels", particles=True)
    obs, info = env.reset(seed=3)
    assert "particles" not in obs
    assert info["particles"].shape == info["goal_particles"].shape == (3, len(PARTICLE))
    vector = make_vec("push-2blocks-pixels", 2, particles=True)
    _, infos = vector.reset(seed=[3, 4])
    assert np.array_equal(infos["particles"][0], info["particles"])
    env.close()
    vector.close()


@pytest.mark.parametrize(
    ("task", "asked", "says"),
    [
        ("push-2blocks", True, "push-2blocks shows no images: particles needs pixels=64"),
        ("push-2blocks-pixels", "yes", "particles is True or False: got 'yes'"),
    ],
)
def test_what_cannot_be_is_refused(task, asked, says):
    with pytest.raises(BadValue, match=says) as caught:
        make(task, particles=asked)
    assert "\n" not in str(caught.value)
