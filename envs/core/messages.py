"""What MuJoCo says while it simulates: neither into a file of the user's nor among our output."""

from __future__ import annotations

import logging

import mujoco

# The warnings after which an episode means nothing: of positions, velocities, accelerations and
# controls that are huge or no numbers. MuJoCo resets the scene, or the controls, and goes on.
ALARMS = slice(mujoco.mjtWarning.mjWARN_BADQPOS, mujoco.mjtWarning.mjWARN_BADCTRL + 1)
_KNOWN = tuple(
    mujoco.mju_warningText(kind, 0).partition(" at ")[0]
    for kind in range(ALARMS.start, ALARMS.stop)
)


def listen() -> None:
    """Take MuJoCo's warnings, unless somebody does already.

    By itself it appends each to MUJOCO_LOG.TXT in the current folder and prints it. Its counters,
    by which `Physics.unstable` is set, go on counting.
    """
    if mujoco.get_mju_user_warning() is None:
        mujoco.set_mju_user_warning(_tell)


def _tell(message: str) -> None:
    """Log what nobody would notice otherwise: contacts that are left out, a singular matrix."""
    if not message.startswith(_KNOWN):
        logging.getLogger("entitybench").warning("MuJoCo: %s", message)
