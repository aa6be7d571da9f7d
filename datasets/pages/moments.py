"""The contact sheet: moments of two episodes, drawn from their stored poses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.datasets.generate.draw import frames_of
from entitybench.datasets.pages.facts import known
from entitybench.errors import RenderError
from entitybench.registry import tasks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from entitybench.datasets.store.store import EpisodeStore
    from entitybench.envs.core.world import World
    from entitybench.types import Array

EDGE, MOMENTS = 150, 6  # pixels along an edge; pictures of an episode


@dataclass(frozen=True, slots=True)
class Strip:
    """Pictures (n, H, W, 3) uint8 of an episode, their steps (n,), and what it is chosen for."""

    episode: int
    words: str
    steps: Array
    frames: Array


def strips(store: EpisodeStore, world: World | None) -> tuple[list[Strip], str | None]:
    """The strips of a store, or none and the reason."""
    if world is None:
        is_ours = store.task is not None and store.task in tasks()
        why = "the scene of its task cannot be made here" if is_ours else "its task is none of ours"
        return [], why
    poses = store.columns.get("poses")
    if poses is None or poses.shape[1:] != (world.model.nq,):
        return [], "no poses of this scene are stored"
    chosen = two_episodes(store.episodes)
    if any(store.episodes[index].get("seed") is None for index, _ in chosen):
        return [], "the seeds of its episodes, which decide the colours, are not known"
    taken = [
        np.unique(np.linspace(0, store.lengths[i], MOMENTS).round().astype(int)) for i, _ in chosen
    ]
    rows = [int(store.offsets[i]) + steps for (i, _), steps in zip(chosen, taken, strict=True)]
    if not any(np.ptp(np.asarray(poses[each]), axis=0).any() for each in rows):
        return [], "nothing that is drawn moves"
    order = np.argsort([each[0] for each in rows])  # frames come in the order of the store
    try:
        moments = np.concatenate([rows[i] for i in order])
        frames = list(frames_of(store, EDGE, moments, people_view(world)))
    except RenderError as error:
        return [], f"nothing can be drawn here ({str(error).rstrip('.')})"
    box = seen_box(np.stack(frames))
    found: dict[int, Strip] = {}
    for i in order:
        mine, frames = frames[: len(rows[i])], frames[len(rows[i]) :]
        index, words = chosen[i]
        found[int(i)] = Strip(index, words, taken[i], np.stack(mine)[:, box[0], box[1]])
    return [found[i] for i in sorted(found)], None


def people_view(world: World) -> str:
    """The camera that shows most: from the side where height matters, if there is one."""
    is_high = "z" in world.feature_names and "side" in world.camera_names
    return "side" if is_high and world.view == "top" else world.view


def two_episodes(rows: Sequence[Mapping[str, Any]]) -> list[tuple[int, str]]:
    """The episodes with the highest and the median return, or the lowest where these are equal."""
    returns = np.array([known([row.get("return")]).sum() for row in rows])
    order = np.argsort(returns, kind="stable")
    best, middle, worst = int(order[-1]), int(order[len(order) // 2]), int(order[0])
    for other, words in ((middle, "median return"), (worst, "lowest return")):
        if returns[other] < returns[best]:
            return [
                (best, f"highest return, {returns[best]:.4g}"),
                (other, f"{words}, {returns[other]:.4g}"),
            ]
    return [(index, f"return {returns[index]:.4g}") for index in range(min(2, len(rows)))]


def seen_box(frames: Array) -> tuple[slice, slice]:
    """Rows and columns of pictures (n, H, W, 3) without the margins where nothing is: black."""
    other: Array = np.any(frames, axis=(0, 3))
    sides = []
    for along in (1, 0):
        inside = np.flatnonzero(other.any(along))
        sides.append(slice(int(inside[0]), int(inside[-1]) + 1) if len(inside) else slice(None))
    return sides[0], sides[1]
