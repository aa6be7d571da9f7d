"""Pictures: for pixel tasks and for videos. Skipped where neither EGL nor OSMesa works."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import threading
from functools import partial
from typing import Any

import numpy as np
import pytest

from entitybench.envs.api import make, make_vec, make_worlds, world_of
from entitybench.envs.drawing import gl
from entitybench.errors import BadValue, RenderError
from entitybench.registry import tasks
from entitybench.types import TaskSpec

try:
    gl.make_context(8, 8).free()
except RenderError as error:
    pytest.skip(str(error), allow_module_level=True)


def _seen(task: TaskSpec) -> bool:
    there = not task.extra or importlib.util.find_spec(task.extra) is not None
    return "pixels" in task.tags and there


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


LOADED = "robosuite-lift-pixels"
# One task in pixels of each class of worlds, and of each robot that the kitchen has.
SEEN = [
    # Loading another simulator's scenes takes seconds each: one of them is enough for `make test`.
    pytest.param(task, marks=[pytest.mark.slow] * (task.extra != "" and task.id != LOADED))
    for task in {
        (task.target, task.kwargs.get("robot")): task for task in tasks() if _seen(task)
    }.values()
]


@pytest.mark.parametrize("task", SEEN, ids=lambda task: task.id)
def test_every_world_is_seen(task: TaskSpec) -> None:
    """The same seed and actions, the same pixels; every present entity is in some picture."""

    def run(threads: int) -> tuple[list[dict], set[int]]:
        worlds = make_worlds(task, 3, threads, segmentation=True, depth=True)
        rng = np.random.default_rng(0)
        obs, found = [worlds.reset([0, 1, 2])], set()
        for _ in range(3):
            actions = rng.uniform(-1, 1, (3, *worlds.world.action_shape))
            obs.append(worlds.step(actions)[0])
        size = (3, task.kwargs["pixels"], task.kwargs["pixels"])
        for one in obs:
            assert one["observation"].shape == (*size, 3)
            assert one["observation"].dtype == np.uint8
            assert one["segmentation"].shape == one["depth"].shape == size
            assert (one["depth"] > 0).all()
            assert one["observation"].std(axis=(1, 2, 3)).min() > 1  # not one colour
            found |= set(np.unique(one["segmentation"]).tolist())
        assert found - {-1} <= set(range(worlds.world.entities))
        assert len(found - {-1}) >= min(2, worlds.world.entities)
        worlds.close()
        return obs, found

    first, second = run(1)[0], run(2)[0]
    for a, b in zip(first, second, strict=True):
        # Depths of an endless floor differ in their last bit by what was drawn before.
        assert np.allclose(a.pop("depth"), b.pop("depth"), rtol=1e-4)
        assert all(np.array_equal(a[key], b[key]) for key in a)


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
    from entitybench.envs.drawing.render import Renderer

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


def test_a_goal_image_is_of_its_episode() -> None:
    """Not of an earlier one with the same goal: in who is there, and in what it looks like."""
    env = make("kitchen-microwave-pixels", absent=0.5)
    images = [env.reset(seed=seed)[0]["desired_goal"] for seed in range(4)]
    for seed in (3, 1):
        alone = make("kitchen-microwave-pixels", absent=0.5)
        assert np.array_equal(alone.reset(seed=seed)[0]["desired_goal"], images[seed])
        alone.close()
    env.close()
    plain, tinted = make("push-1block-pixels"), make("push-1block-pixels", bank="perturbed:colour")
    one, other = plain.reset(seed=0)[0], tinted.reset(seed=0)[0]
    assert not np.array_equal(one["desired_goal"], other["desired_goal"])
    plain.close()
    tinted.close()


def test_segmentation_finds_every_entity_where_it_is() -> None:
    from entitybench.envs.drawing.render import Renderer

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
    from entitybench.envs.drawing.render import Renderer

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


def _drawn(env: Any, found: list[Any]) -> None:
    env.reset(seed=0)
    found.append(env.render())


@pytest.mark.parametrize("id", ["push-1block", "push-1block-pixels"])
def test_every_thread_draws_the_same_and_any_may_close(id: str) -> None:
    env = make(id, render_mode="rgb_array", width=32, height=32)
    found: list[Any] = []
    _drawn(env, found)
    draw = partial(_drawn, env, found)
    for work in (draw, draw, env.close, draw):
        other = threading.Thread(target=work)
        other.start()
        other.join()
    assert len(found) == 4
    assert all(np.array_equal(found[0], picture) for picture in found)
    env.close()


@pytest.mark.parametrize("id", ["push-1block", "push-1block-pixels"])
def test_a_display_that_was_shut_down_is_told_in_one_line(
    id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = make(id, render_mode="rgb_array", width=32, height=32)
    env.reset(seed=0)
    env.render()

    def gone(self: Any) -> None:
        raise OSError("err = EGL_BAD_DISPLAY")

    monkeypatch.setattr(type(env._renderer.get()._gl), "make_current", gone)
    with pytest.raises(RenderError, match="shut down the display"):
        env.render()
    env.close()


PROGRAM = """
import os
import entitybench as eb
from entitybench.errors import RenderError
env = eb.make("push-1block", render_mode="rgb_array", width=32, height=32)
env.reset(seed=0)
env.render()
many = eb.make_vec("push-1block-pixels", 2, threads=2)
many.reset(seed=0)
if os.fork():
    os._exit(os.waitstatus_to_exitcode(os.wait()[1]))
for draw in (env.render, eb.make("push-1block-pixels").reset, many.reset):
    try:
        draw()
    except RenderError as error:
        print(error)
env.close()
many.close()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_drawing_after_a_fork_is_told_and_does_not_wait() -> None:
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True
    )
    lines = run.stdout.splitlines()
    assert len(lines) == 3
    assert all("forked" in line and '"spawn"' in line for line in lines)
    assert run.stderr == ""


def test_relabelled_images_are_refused_with_the_reason() -> None:
    env: Any = make("push-1block-pixels")
    obs, info = env.reset(seed=0)
    goals = np.stack([obs["desired_goal"], obs["achieved_goal"]])
    with pytest.raises(BadValue, match="goals were relabelled and infos were not"):
        env.compute_reward(goals, goals, [info, info])
    with pytest.raises(BadValue, match=r'need "state" and "goal_state".*take push-1block'):
        env.compute_reward(goals, goals, [{}, {}])
    reached = {"state": info["state"], "goal_state": env.world.achieved(info["state"])}
    rewards = env.compute_reward(goals, goals, [reached, reached])
    assert rewards.tolist() == [0.0, 0.0]
    assert env.compute_reward(goals[1], goals[0], info) == -1.0
    env.close()
