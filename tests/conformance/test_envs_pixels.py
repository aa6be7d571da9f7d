"""Pictures: for pixel tasks and for videos. Skipped where neither EGL nor OSMesa works."""

from __future__ import annotations

import numpy as np
import pytest

from entitybench.envs.core import gl
from entitybench.envs.core.api import make, make_vec, make_worlds, world_of
from entitybench.errors import BadValue, RenderError

try:
    gl.make_context(8, 8).free()
except RenderError as error:
    pytest.skip(str(error), allow_module_level=True)


@pytest.mark.parametrize(("pixels", "view"), [(64, "top"), (128, "top"), (128, "side")])
def test_the_same_seed_gives_the_same_pixels(pixels: int, view: str) -> None:
    def run() -> list[np.ndarray]:
        env = make("push-3blocks-pixels", pixels=pixels, view=view)
        obs, info = env.reset(seed=3)
        frames = [obs]
        for action in np.random.default_rng(0).uniform(-1, 1, (5, 2)).astype(np.float32):
            obs, reward, _, _, info = env.step(action)
            assert env.observation_space.contains(obs)
            assert reward == env.compute_reward(obs["achieved_goal"], obs["desired_goal"], info)
            frames.append(obs)
        assert info["state"].shape == (4, 20)
        env.close()
        return frames

    first, second = run(), run()
    for a, b in zip(first, second, strict=True):
        assert a.keys() == {"observation", "achieved_goal", "desired_goal"}
        assert all(np.array_equal(a[key], b[key]) for key in a)
        assert a["observation"].shape == (pixels, pixels, 3)
    assert not np.array_equal(first[0]["observation"], first[-1]["observation"])


def test_a_batch_sees_what_a_single_environment_sees() -> None:
    batch = make_vec("push-2blocks-pixels", 3, threads=1)
    single = make("push-2blocks-pixels")
    obs, _ = batch.reset(seed=[8, 4, 6])
    one, _ = single.reset(seed=4)
    assert all(np.array_equal(one[key], obs[key][1]) for key in one)
    assert batch.observation_space.contains(obs)
    batch.close()
    single.close()


def test_a_reached_goal_looks_like_the_goal() -> None:
    from entitybench.envs.core.render import Renderer

    world = world_of("push-3blocks")
    worlds = make_worlds("push-3blocks", 1)
    worlds.reset([0])
    draw = Renderer(world, 64, 64)
    goal = worlds.goals[0]
    assert np.array_equal(
        draw.goal(goal), draw.render(world.goal_qpos(goal), worlds.constants[0], robot=False)
    )
    assert not np.array_equal(draw.goal(goal), draw.goal(np.roll(goal, 1, axis=-1) + 0.05))
    draw.close()


def test_segmentation_finds_every_entity_where_it_is() -> None:
    from entitybench.envs.core.render import Renderer

    worlds = make_worlds("push-10blocks", 1)
    obs = worlds.reset([2])
    draw = Renderer(worlds.world, 128, 128)
    entity = draw.segmentation(worlds.qpos[0], worlds.constants[0])
    picture = draw.render(worlds.qpos[0], worlds.constants[0])
    size = worlds.world.edge + 0.02  # half of what the camera sees
    for index, (x, y) in enumerate(obs["observation"][0, :, :2]):
        rows, columns = np.nonzero(entity == index)
        assert abs((columns.mean() + 0.5) / 64 - 1 - x / size) < 0.02
        assert abs(1 - (rows.mean() + 0.5) / 64 - y / size) < 0.02
    colours = [np.median(picture[entity == index], axis=0) for index in range(11)]
    gaps = np.abs(np.subtract.outer(colours, colours).diagonal(axis1=1, axis2=3)).max(-1)
    assert (gaps + 255 * np.eye(11) > 20).all()  # distinct
    draw.close()


def test_scripts_act_in_pixel_tasks_as_in_the_same_task_of_entities() -> None:
    from entitybench.envs.push.oracle import PushOracle
    from entitybench.seeding import BatchGenerator, generator

    digests = []
    for id in ("push-2blocks", "push-2blocks-pixels"):
        worlds, policy = make_worlds(id, 2), PushOracle(id)
        rng = BatchGenerator([generator(row) for row in range(2)])
        obs, state = worlds.reset([3, 4]), policy.initial_state(2)
        for _ in range(30):
            action, state = policy.act(obs, state, rng)
            obs, _ = worlds.step(action)
        digests.append([worlds.state_digest(row) for row in range(2)])
        worlds.close()
    assert digests[0] == digests[1]


def test_rendered_frames_mark_the_goal() -> None:
    env = make("push-1block", render_mode="rgb_array", width=96, height=64)
    env.reset(seed=1)
    frame = env.render()
    assert frame.shape == (64, 96, 3)
    assert frame.dtype == np.uint8
    env.reset(seed=2)
    assert not np.array_equal(env.render(), frame)
    env.close()


def test_a_renderer_tells_what_it_cannot_do(monkeypatch: pytest.MonkeyPatch) -> None:
    from entitybench.envs.core.render import Renderer

    with pytest.raises(BadValue, match="top, side"):
        Renderer(world_of("push-1block"), 64, 64, "below")
    with pytest.raises(BadValue, match="pixels"):
        Renderer(world_of("push-1block"), 0, 64)
    monkeypatch.setenv("MUJOCO_GL", "crayon")
    with pytest.raises(RenderError, match="crayon"):
        Renderer(world_of("push-1block"), 64, 64)
    monkeypatch.setattr(gl, "backends", lambda: ("absent",))
    with pytest.raises(RenderError, match="apt-get install"):
        gl.make_context(8, 8)
