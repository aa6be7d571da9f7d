"""What pictures show: nothing is clipped, nothing is a black void, and every entity stands out."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from entitybench.envs.api import make_worlds
from entitybench.envs.conformance.play import EDGE, well_exposed, well_seen
from entitybench.envs.drawing import gl
from entitybench.envs.drawing.render import VOID, Renderer
from entitybench.errors import RenderError
from entitybench.registry import tasks
from entitybench.types import TaskSpec

try:
    gl.make_context(8, 8).free()
except RenderError as error:
    pytest.skip(str(error), allow_module_level=True)

# One task of each class of worlds; what robosuite's cameras see of its scenes is robosuite's.
OURS = {t.target: t for t in reversed(list(tasks())) if "state" in t.tags and not t.extra}


@pytest.mark.parametrize("task", OURS.values(), ids=lambda task: task.id)
def test_views_are_well_exposed_and_entities_stand_out(task: TaskSpec) -> None:
    assert well_seen(task).startswith("from ")


@pytest.mark.slow
@pytest.mark.parametrize(
    "task",
    [t for t in tasks() if not t.extra and t.id not in {each.id for each in OURS.values()}],
    ids=lambda task: task.id,
)
def test_so_are_all_other_tasks(task: TaskSpec) -> None:
    assert well_seen(task).startswith("from ")


@pytest.mark.slow
@pytest.mark.skipif(not importlib.util.find_spec("robosuite"), reason="no robosuite here")
@pytest.mark.parametrize(
    "task", [t for t in tasks() if t.extra == "robosuite"], ids=lambda task: task.id
)
def test_robosuites_scenes_are_well_exposed(task: TaskSpec) -> None:
    """Its own views too."""
    worlds = make_worlds(task, 1)
    worlds.reset([0])
    for view in worlds.world.camera_names:
        renderer = Renderer(worlds.world, EDGE, EDGE, view)
        well_exposed(renderer.row(worlds, 0), view)
        renderer.close()
    worlds.close()


def test_smooth_pictures_are_of_the_same_size_and_scene() -> None:
    worlds = make_worlds("push-3blocks", 1)
    worlds.reset([0])
    pictures = []
    for smooth in (False, True):
        renderer = Renderer(worlds.world, 64, 48, "side", smooth=smooth)
        pictures.append(renderer.row(worlds, 0).astype(int))
        renderer.close()
    plain, smooth = pictures
    assert plain.shape == smooth.shape == (48, 64, 3)
    assert np.abs(plain - smooth).mean() < 6
    assert len(np.unique(smooth.reshape(-1, 3), axis=0)) > len(
        np.unique(plain.reshape(-1, 3), axis=0)
    )
    assert (plain == VOID).all(axis=-1).any()


def test_a_stack_is_seen_from_the_side() -> None:
    assert tasks()["stack-3cubes-pixels"].kwargs["view"] == "side"
    assert "view" not in tasks()["pick-3cubes-pixels"].kwargs


@pytest.mark.skipif(not importlib.util.find_spec("robosuite"), reason="no robosuite here")
def test_a_scene_with_a_sky_keeps_it() -> None:
    worlds = make_worlds("robosuite-lift", 1)
    worlds.reset([0])
    renderer = Renderer(worlds.world, 32, 32, "frontview")
    assert not (renderer.row(worlds, 0) == VOID).all(axis=-1).any()
    renderer.close()
