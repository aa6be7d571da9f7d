"""Gymnasium spaces of a world, and the checks of arguments that all views share."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import spaces

from entitybench.envs.core.world import GoalWorld, TeamWorld
from entitybench.envs.drawing.edges import check_edge
from entitybench.errors import BadValue
from entitybench.words import by_shape

if TYPE_CHECKING:
    from collections.abc import Collection

    from entitybench.envs.core.batch import Worlds
    from entitybench.envs.core.world import World
    from entitybench.types import Array, Obs

KEYS = ("observation", "achieved_goal", "desired_goal")
PRIVILEGED = ("state", "goal_state", "segmentation", "depth", "particles", "goal_particles")
EPISODE_SEEDS = 2**31  # episodes without a seed of their own draw one below this
RENDER_MODES = ("rgb_array", "human")
FRAME = 480  # pixels along an edge of a rendered frame
MINARI = "minari_autoseed"  # an option of reset that Minari reads and passes on
ENDLESS = 2**62  # a horizon that nobody reaches


def observation_space(worlds: Worlds) -> spaces.Space[Any]:
    """What a Gymnasium view shows: see `seen`."""
    world = worlds.world
    shapes = view_shapes(world)
    box: spaces.Box
    if world.pixels is None:
        box = entity_box(world)
    else:
        box = spaces.Box(0, 255, shapes["observation"], np.uint8)
    parts: dict[str, spaces.Space[Any]] = dict.fromkeys(shapes, box)
    if worlds.bank.varies_number:
        parts["mask"] = spaces.MultiBinary(world.entities)
    return spaces.Dict(parts) if len(parts) > 1 else box


def view_shapes(world: World) -> dict[str, tuple[int, ...]]:
    """Shapes of what a view shows, by name: entities (N, D), images (H, W, 3), of a team (M, O)."""
    shape: tuple[int, ...] = (world.entities, world.features)
    if isinstance(world, TeamWorld):
        shape = (len(world.agents), len(world.agent_bounds))
    elif world.pixels is not None:
        shape = (world.pixels, world.pixels, 3)
    return dict.fromkeys(KEYS if isinstance(world, GoalWorld) else KEYS[:1], shape)


def entity_box(world: World) -> spaces.Box:
    """The entities (N, D)."""
    high = np.broadcast_to(world.bounds, (world.entities, world.features)).astype(np.float32)
    return spaces.Box(-high, high, dtype=np.float32)


def seen(obs: Obs, info: dict[str, Any]) -> Any:
    """The observation of a view: the one array there is, or a dict of several.

    What is privileged in it moves to `info`: the entities behind images, and what is asked for
    beside images.
    """
    for key in PRIVILEGED:
        if key in obs:
            info[key] = obs.pop(key)
    if "mask" in obs:
        obs["mask"] = obs["mask"].astype(np.int8)
    return obs["observation"] if len(obs) == 1 else obs


def action_space(world: World) -> spaces.Box:
    """(A,) in [-1, 1]."""
    return spaces.Box(-1.0, 1.0, (world.action_dim,), np.float32)


def shapes_in(space: spaces.Space[Any]) -> str:
    """The shapes of a space's arrays in words, of a dict by name."""
    if isinstance(space, spaces.Dict):
        return by_shape({name: shapes_in(part) for name, part in space.spaces.items()})
    return str(space.shape) if space.shape else str(space)


def about(env: Any, title: str, *parts: str) -> str:
    """What a view prints as: its class and task, then its shapes and the steps of an episode."""
    steps = env.worlds.horizon
    limit = [f"{steps} steps"] if steps < ENDLESS else []
    id = f"{env.task.id}-v{env.task.version}"
    return f"<{type(env).__name__} {id}{title}: {'; '.join([*parts, *limit])}>"


def observed(space: spaces.Space[Any]) -> str:
    """The shapes of an observation in words."""
    shapes = shapes_in(space)
    return shapes if isinstance(space, spaces.Dict) else f"observation {shapes}"


def check_render_mode(mode: str | None) -> str | None:
    """The render mode. Raises BadValue for one that does not exist."""
    if mode is not None and mode not in RENDER_MODES:
        modes = ", ".join(map(repr, RENDER_MODES))
        raise BadValue(f"no render mode {mode!r}; choose one of {modes} or None.")
    return mode


def frame_size(mode: str | None, width: int | None, height: int | None) -> tuple[int, int]:
    """Width and height of rendered frames, pixels; `FRAME` where they are not given.

    Raises BadValue for a size that does not exist, or one that no frame would have.
    """
    for name, edge in (("width", width), ("height", height)):
        if edge is not None:
            check_edge(name, edge)
            if mode != "rgb_array":
                raise BadValue(
                    f'{name}={edge} is of rendered frames: give render_mode="rgb_array" too.'
                )
    return FRAME if width is None else width, FRAME if height is None else height


def check_options(
    options: Any, told: Collection[str] = (), ignored: Collection[str] = (MINARI,)
) -> None:
    """Raise BadValue unless `options` of `reset` are None or a dict of what means something.

    Args:
        options: as given.
        told: the names of those that the view reads.
        ignored: the names of those that other packages pass on, and which are none of ours.
    """
    if options is None or (isinstance(options, dict) and set(options) <= {*told, *ignored}):
        return
    allowed = ["None", "{}", *(f"{{{name!r}: …}}" for name in told)]
    raise BadValue(
        f"options of reset are {', '.join(allowed[:-1])} or {allowed[-1]}: got {options!r:.80}."
    )


def wide(infos: dict[str, Any]) -> dict[str, Any]:
    """Infos of a batch, numbers a row as float64: what Gymnasium's vectors make of floats."""
    for name, value in infos.items():
        if value.ndim == 1 and value.dtype == np.float32:
            infos[name] = value.astype(np.float64)
    return infos


def refuse_horizon(kwargs: dict[str, Any]) -> None:
    """Raise BadValue for what Gymnasium calls max_episode_steps."""
    if "horizon" in kwargs:
        raise BadValue(
            "gymnasium.make limits episodes by another name: max_episode_steps="
            f"{kwargs['horizon']} in the place of horizon."
        )


def refuse_threads(kwargs: dict[str, Any]) -> None:
    """Raise BadValue for threads of one episode, which one thread steps."""
    if "threads" in kwargs:
        raise BadValue(
            f"one episode is stepped by one thread, not threads={kwargs['threads']!r}: make_vec "
            "and make_worlds take them."
        )


def numbers_of(action: Any, shape: tuple[int, ...]) -> list[float] | None:
    """The numbers of an action (A,), if it is an array of `shape` of finite floats; else None.

    The quick way of a single step; what is wrong with others `check_finite` and its like say.
    """
    if type(action) is not np.ndarray or action.shape != shape or action.dtype.char not in "fd":
        return None
    numbers: list[float] = action.tolist()
    # A sum is finite if all are; where it is not (it may overflow), each is looked at elsewhere.
    return numbers if math.isfinite(sum(numbers)) else None


def check_finite(actions: Array) -> None:
    """Raise BadValue when an action is no number, NaN or infinite.

    MuJoCo would only warn, and go astray.
    """
    if actions.dtype.kind not in "fiub":
        raise BadValue(f"actions are numbers: got {actions.tolist()}.")
    # A sum is finite if all are; only where it is not (it may overflow), each is looked at.
    total = np.add.reduce(actions, None)
    if not math.isfinite(total) and not np.isfinite(actions).all():
        raise BadValue(f"actions must be finite: got {actions.tolist()}.")


def check_seed(seed: int) -> int:
    """The seed. Raises BadValue unless it is a whole number that fits."""
    whole = isinstance(seed, int | np.integer) and not isinstance(seed, bool)
    if not whole or not 0 <= seed < 2**63:
        raise BadValue(f"an episode seed is a whole number from 0 to 2**63 - 1: got {seed!r}.")
    return int(seed)
