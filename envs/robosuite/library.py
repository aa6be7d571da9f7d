"""robosuite, quietly: its environments are made here, and nothing of its noise gets out.

Everything is imported inside functions: robosuite takes seconds to import, and is optional.
robosuite draws from numpy's and Python's global randomness when it builds and resets a scene, so
both are set for that time and put back.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import logging
import random
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.errors import MissingExtra

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOGGER = "robosuite_logs"  # the name of robosuite's logger


def installed() -> bool:
    """Whether robosuite is there."""
    return importlib.util.find_spec("robosuite") is not None


def check_installed() -> None:
    """Raise MissingExtra where robosuite is not installed."""
    if not installed():
        raise MissingExtra(
            "robosuite is not installed, and this task needs it: pip install -e '.[robosuite]'"
        )


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Keep what robosuite prints and logs, and what it does to global randomness, to ourselves."""
    logger = logging.getLogger(LOGGER)
    disabled, logger.disabled = logger.disabled, True
    ours, theirs = np.random.get_state(), random.getstate()  # noqa: NPY002 - robosuite reads it
    np.random.seed(0)  # noqa: NPY002
    random.seed(0)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        np.random.set_state(ours)  # noqa: NPY002
        random.setstate(theirs)
        logger.disabled = disabled


def load() -> Any:
    """The module robosuite. Raises MissingExtra."""
    check_installed()
    if "robosuite" not in sys.modules and sys.stderr.isatty():
        spec = importlib.util.find_spec("robosuite")
        homes = (spec.submodule_search_locations if spec is not None else None) or []
        if not any(any(Path(home).glob("utils/__pycache__/*.nbi")) for home in homes):
            print("robosuite compiles its functions once: about 20 s.", file=sys.stderr)  # noqa: T201
    with quietly():
        import robosuite

    return robosuite


def make(base: type, edit: Callable[[ElementTree.Element], None], **arguments: Any) -> Any:
    """An environment of robosuite's class `base`, whose scene `edit` has changed.

    No renderer, no cameras, no end of episodes: these are ours.
    """

    def edit_model_xml(self: Any, xml_str: str) -> str:
        root = ElementTree.fromstring(base.edit_model_xml(self, xml_str))  # type: ignore[attr-defined]
        edit(root)
        self.scene_xml = ElementTree.tostring(root, encoding="unicode")
        return self.scene_xml

    def pre_action(self: Any, action: Any, policy_step: bool = False) -> None:
        base._pre_action(self, action, policy_step)  # type: ignore[attr-defined]
        if self.watcher is not None:
            self.watcher()

    kind: Any = type(
        f"EntityBench{base.__name__}",
        (base,),
        {"edit_model_xml": edit_model_xml, "_pre_action": pre_action, "watcher": None},
    )
    with quietly(), _one_model():
        env = kind(
            has_renderer=False,
            has_offscreen_renderer=False,
            use_camera_obs=False,
            hard_reset=False,
            ignore_done=True,
            control_freq=20,
            renderer="mujoco",
            **arguments,
        )
        env.reset()
    return env


@contextlib.contextmanager
def _one_model() -> Iterator[None]:
    """Robots are made without a second model of their own.

    Only other controllers use it, it takes 60 MB, and MuJoCo does not compile Sawyer's.
    """
    from robosuite.models.robots.robot_model import RobotModel

    theirs = RobotModel.set_mujoco_model
    RobotModel.set_mujoco_model = lambda *_: None
    try:
        yield
    finally:
        RobotModel.set_mujoco_model = theirs
