"""The columns that a sampler draws from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from entitybench.datasets.store.frames import FRAMES, Frames
from entitybench.datasets.store.schema import OF_STEPS
from entitybench.errors import BadValue, unknown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.datasets.store.store import EpisodeStore
    from entitybench.types import Array

OBSERVED = ("observations", "entities", FRAMES)  # a transition has them before and after
USUAL = ("observations", "entities", "actions", "rewards", "terminals", "masks", "entity_masks")
TRUTHS = ("terminals", "masks")  # stored as bool, given as float32: they are multiplied with


def kind_of(name: str) -> str:
    """The column without what importers add for a leaf: "observations" of "observations.hand"."""
    return name.partition(".")[0]


def is_of_steps(name: str) -> bool:
    """Whether a column belongs to steps, T an episode, or to states, T + 1."""
    return kind_of(name) in OF_STEPS


def chosen(store: EpisodeStore, names: Sequence[str] | None) -> dict[str, Array]:
    """Plain arrays by name: the asked ones, or the usual ones that the store holds.

    Frames are decoded first, if they are not yet (`EpisodeStore.frames`).

    Raises:
        UnknownId: no such column.
        BadValue: a column of states, which are not stored at each row, or nothing to draw.
    """
    about = store.manifest["columns"]
    wanted = [n for n in about if kind_of(n) in USUAL] if names is None else list(names)
    for name in wanted:
        if name not in about:
            raise unknown("column", name, about)
        if about[name]["per"] == "state":
            every = store.manifest["state_every"]
            raise BadValue(f"{name!r} is stored every {every} steps, so it cannot be drawn.")
    if not wanted or not store.transitions:
        raise BadValue(f"{store.id} holds no transitions to sample.")
    return {
        name: store.frames(name)
        if isinstance(store.columns[name], Frames)
        else np.asarray(store.columns[name])
        for name in wanted
    }
