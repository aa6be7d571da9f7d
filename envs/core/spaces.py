"""Gymnasium spaces of a world, and the checks of seeds that both views share."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from gymnasium import spaces

from entitybench.errors import BadValue

if TYPE_CHECKING:
    from entitybench.envs.core.world import World
    from entitybench.types import Array

KEYS = ("observation", "achieved_goal", "desired_goal")
EPISODE_SEEDS = 2**31  # episodes without a seed of their own draw one below this
RENDER_MODES = ("rgb_array", "human")


def observation_space(world: World) -> spaces.Dict:
    """The three keys of a goal task: entities (N, D), or images (H, W, 3) of a pixel task."""
    box: spaces.Box
    if world.pixels is None:
        high = np.broadcast_to(world.bounds, (world.entities, world.features)).astype(np.float32)
        box = spaces.Box(-high, high, dtype=np.float32)
    else:
        box = spaces.Box(0, 255, (world.pixels, world.pixels, 3), np.uint8)
    return spaces.Dict(dict.fromkeys(KEYS, box))


def action_space(world: World) -> spaces.Box:
    """(A,) in [-1, 1]."""
    return spaces.Box(-1.0, 1.0, (world.action_dim,), np.float32)


def check_render_mode(mode: str | None) -> str | None:
    """The render mode. Raises BadValue for one that does not exist."""
    if mode is not None and mode not in RENDER_MODES:
        modes = ", ".join(map(repr, RENDER_MODES))
        raise BadValue(f"no render mode {mode!r}; choose one of {modes} or None.")
    return mode


def check_finite(actions: Array) -> None:
    """Raise BadValue when an action is NaN or infinite: MuJoCo would only warn, and go astray."""
    # One action is checked in Python: numpy's two calls would cost a tenth of a step.
    few = actions.size < 16
    if not (all(map(math.isfinite, actions.flat)) if few else np.isfinite(actions).all()):
        raise BadValue(f"actions must be finite: got {actions.tolist()}.")


def check_seed(seed: int) -> int:
    """The seed. Raises BadValue unless it is a whole number that fits."""
    whole = isinstance(seed, int | np.integer) and not isinstance(seed, bool)
    if not whole or not 0 <= seed < 2**63:
        raise BadValue(f"an episode seed is a whole number from 0 to 2**63 - 1: got {seed!r}.")
    return int(seed)
