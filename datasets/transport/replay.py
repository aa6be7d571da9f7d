"""Re-simulate a dataset: do its states and actions give its columns, within a tolerance?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from entitybench.datasets.generate.replay import replay
from entitybench.datasets.store.store import EpisodeStore
from entitybench.errors import BenchError, DataError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from entitybench.types import Array

# Between processors a step differs by about 1e-15, and the 20 steps of a stretch amplify that far
# less than a millionfold. Observations are float32. A block moved by 0.01 mm is found.
TOLERANCE = {"observations": 5e-6, "entities": 5e-6, "poses": 5e-6, "desired_goals": 5e-6}
STATES = 1e-4  # accelerations are among them, which contacts make large
# What has thresholds (successes, contacts, rewards) may come out otherwise in a row that lies on
# one of them.
ROWS_ON_A_THRESHOLD = 1


@dataclass(frozen=True)
class Replayed:
    """What was simulated again and agreed."""

    episodes: int
    transitions: int
    equal: tuple[str, ...]  # columns that came out bit for bit
    near: tuple[str, ...]  # and within the tolerance

    @property
    def words(self) -> str:
        """In a line."""
        size = f"all {self.episodes:,} episodes ({self.transitions:,} transitions)"
        found = f"{size} were simulated again from their stored states"
        found += f"; equal bit for bit: {', '.join(self.equal)}" if self.equal else ""
        return found + (f"; within the tolerance: {', '.join(self.near)}" if self.near else "")


def check_replay(folder: Path, progress: Callable[[int, int], None]) -> Replayed:
    """Re-simulate every stretch of a dataset, from its stored state to the next one.

    Args:
        folder: a dataset that is registered.
        progress: called with (episodes done, episodes in all).

    Raises:
        DataError: it cannot be re-simulated, or disagrees; the text says where and by how much.
    """
    store = EpisodeStore.open(folder, verify=False)
    if "states" not in store.columns:
        raise DataError(f"{store.id} stores no states, so it cannot be re-simulated")
    equal: dict[str, bool] = {}
    for index in range(len(store)):
        part = store.entries(index)
        try:
            again = replay(store, index)
            off = {name: _off(array, part[name], name) for name, array in again.items()}
        except BenchError:
            raise
        except Exception as error:  # seeds or states that the world cannot be set to
            raise DataError(
                f"episode {index} of {store.id} cannot be re-simulated: {error}"
            ) from None
        name = max(off, key=lambda key: off[key])
        if off[name] > 0:
            raise DataError(
                f"episode {index} of {store.id} does not re-simulate: {name} are {off[name]:.2g} "
                "off"
            )
        for key, array in again.items():
            equal[key] = equal.get(key, True) and np.array_equal(array, part[key])
        progress(index + 1, len(store))
    near = tuple(key for key in equal if not equal[key])
    return Replayed(len(store), store.transitions, tuple(k for k in equal if equal[k]), near)


def _off(again: Array, stored: Array, name: str) -> float:
    """The largest difference, relative where values are over 1; 0 where it may be."""
    if again.shape != stored.shape:
        return np.inf
    one, other = np.asarray(again, np.float64), np.asarray(stored, np.float64)
    apart = np.abs(one - other) / np.maximum(1, np.abs(one))
    rows = np.where(np.isfinite(apart), apart, np.inf).reshape(len(apart), -1).max(1, initial=0)
    smooth = name in TOLERANCE or name == "states"
    wrong = rows > TOLERANCE.get(name, STATES)
    if wrong.sum() <= (0 if smooth else ROWS_ON_A_THRESHOLD):
        return 0.0
    return float(rows.max())
