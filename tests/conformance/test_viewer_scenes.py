"""The scene of each family of tasks as the viewer has it."""

from __future__ import annotations

import importlib.util

import mujoco
import numpy as np
import pytest

from entitybench.envs.core.banks import Bank
from entitybench.envs.worlds import make_worlds
from entitybench.leaderboard.viewer import coding
from entitybench.leaderboard.viewer.geometry import changed, geometry, marked
from entitybench.leaderboard.viewer.scene import STILL, Scene
from entitybench.registry import tasks

FAMILIES = (
    "push-3blocks",
    "push-2blocks-zones",
    "pick-3cubes",
    "scene",
    "hockey-2v2",
    "hockey-mallets-4",
    "kitchen-microwave",
    "tetris-3pieces",
    "walker2d",
    "team-ant-2x4",
    "point-maze-u",
    "team-pushbox",
    "team-tag",
    "dag-4",
    "sprites",
    pytest.param("robosuite-lift", marks=pytest.mark.slow),
)


@pytest.fixture(scope="module", params=FAMILIES)
def scene(request: pytest.FixtureRequest) -> Scene:
    if request.param.startswith("robosuite") and importlib.util.find_spec("robosuite") is None:
        pytest.skip("robosuite is not installed")
    return Scene(tasks()[request.param])


def test_geometry_is_small_and_the_same_again(scene: Scene) -> None:
    data = geometry(scene)
    header, arrays = coding.unpacked(data)
    assert header["task"] == scene.task.id
    assert header["view"] in [camera["name"] for camera in header["cameras"]]
    assert all(STILL <= each["frame"] < len(header["frames"]) for each in header["drawn"])
    assert any(each["frame"] != STILL for each in header["drawn"])
    assert len(header["frames"]) == len(scene.frames)
    assert len(arrays) == 2 * len(header["meshes"])
    assert len(data) < (400_000 if arrays else 3_000)
    assert data == geometry(Scene(scene.task))


def test_what_is_drawn_is_where_mujoco_has_it(scene: Scene) -> None:
    """A geom's place in its frame, put where the frame is, is the geom's place in the world."""
    worlds = make_worlds(scene.task, 1)
    worlds.reset([3])
    for _ in range(3):
        worlds.step(np.ones((1, *worlds.world.action_shape)))
    look = scene.look(worlds.constants[0], None, None)
    qpos = worlds.world.pose(worlds.state)[0]
    poses = scene.poses(qpos[None])[0]
    model = scene._model
    data = mujoco.MjData(model)
    data.qpos[:] = qpos
    mujoco.mj_kinematics(model, data)
    for k, geom in enumerate(scene._geoms):
        place, frame = look.pos[k], scene.frame_of[k]
        if frame != STILL:
            turn = np.empty(9)
            mujoco.mju_quat2Mat(turn, poses[frame, 3:])
            place = poses[frame, :3] + turn.reshape(3, 3) @ place
        assert place == pytest.approx(data.geom_xpos[geom], abs=1e-9)
    worlds.close()


def test_an_episode_of_twenty_seconds_is_small() -> None:
    """Of push-3blocks: about 1.5 kB of poses."""
    task = tasks()["push-3blocks"]
    scene, worlds = Scene(task), make_worlds(task, 1)
    worlds.reset([0])
    states, rng = [worlds.state[0].copy()], np.random.default_rng(0)
    action = np.zeros(2)
    for _ in range(round(20 / worlds.world.control_dt)):
        action = np.clip(action + rng.normal(0, 0.3, 2), -1, 1)  # smooth, and it moves blocks
        worlds.step(action[None])
        states.append(worlds.state[0].copy())
    poses = scene.poses(scene.world.pose(np.stack(states)))
    data = coding.packed({}, coding.coded(poses))
    assert len(data) < 2_000
    back = coding.decoded(**coding.unpacked(data)[1])
    assert np.abs(back[..., :3] - poses[..., :3]).max() <= 1e-4
    worlds.close()


def test_an_episodes_own_sizes_colours_and_goals_are_told() -> None:
    task = tasks()["push-3blocks"]
    scene = Scene(task)
    start, variation = Bank("perturbed:size,colour").start(scene.world, 5)
    look = scene.look(start.constants, variation, None)
    assert [each for _, each in changed(look, scene.base) if "size" in each]
    assert not changed(scene.look(scene.world.start(0).constants, None, None), scene.base)
    marks = marked(scene.world, start.goal)
    assert len(marks) == 3
    assert np.array([mark[0][:2] for mark in marks]) == pytest.approx(start.goal[1:, :2], abs=1e-5)
    assert marked(Scene(tasks()["team-pushbox"]).world, start.goal) == []
