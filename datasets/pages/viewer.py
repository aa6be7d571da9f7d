"""Recorded episodes on a screen, drawn from their stored poses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from entitybench.datasets.generate.draw import frames_of
from entitybench.datasets.pages.facts import world_like
from entitybench.datasets.pages.moments import people_view
from entitybench.envs.drawing.edges import check_view
from entitybench.envs.views.screen import pressed
from entitybench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

    from entitybench.datasets.store.store import EpisodeStore
    from entitybench.envs.views.screen import Screen

KEYS = "space: pause; left/right: the episode before, after; escape: end"


@dataclass(frozen=True)
class Viewing:
    """What of a store can be shown, and how long a step takes, in s."""

    store: EpisodeStore
    view: str
    step_s: float


def viewing(store: EpisodeStore, view: str | None = None) -> Viewing:
    """Check that a store can be drawn.

    Raises DataError where it cannot: no task of ours, or no poses; BadValue for an unknown view.
    """
    world = world_like(store)
    if world is None:
        raise DataError(f"{store.id} is of no task whose scene can be made here.")
    poses = store.columns.get("poses")
    if poses is None or poses.shape[1:] != (world.model.nq,):
        raise DataError(f"{store.id} holds no poses of its scene, so its episodes cannot be drawn.")
    view = people_view(world) if view is None else view
    check_view(view, world.camera_names)
    return Viewing(store, view, world.control_dt)


def show(
    what: Viewing,
    screen: Screen,
    tick: Callable[[], None],
    first: int = 0,
    count: int | None = None,
) -> list[int]:
    """Show episodes one after another, until the last one or escape.

    Args:
        what: of `viewing`.
        screen: a square one.
        tick: waits for the next step.
        first: the number of the first episode; a negative one counts from the end.
        count: how many; None: all from there.

    Returns:
        The numbers of those that were begun.

    Raises NoEpisode where there is no such episode.
    """
    first, total = what.store.number(first), len(what.store)
    last = total if count is None else min(total, first + count)
    begun, index = list[int](), first
    while index < last:
        begun.append(index)
        move = _one(what, screen, tick, index)
        if move is None:
            break
        index = max(first, index + move)
    return begun


def _one(what: Viewing, screen: Screen, tick: Callable[[], None], index: int) -> int | None:
    """Show one; how far to move on from it, or None to end."""
    store = what.store
    rows = range(int(store.offsets[index]), int(store.offsets[index + 1]))
    returned = store.episodes[index].get("return")
    about = f"episode {index} of {len(store)}"
    about += "" if returned is None else f", return {returned:.4g}"
    for step, picture in enumerate(frames_of(store, screen.size[0], rows, what.view)):
        screen.show(picture, f"{about}, step {step} of {len(rows) - 1}")
        tick()
        move = _wanted(screen, tick)
        if move != 0:
            return move
    return 1


def _wanted(screen: Screen, tick: Callable[[], None]) -> int | None:
    """0: go on; 1 and -1: the episode after and before; None: end. Waits through a pause."""
    for key in pressed(screen, tick):
        if key == "escape":
            return None
        if key in ("left", "right"):
            return 1 if key == "right" else -1
    return 0
