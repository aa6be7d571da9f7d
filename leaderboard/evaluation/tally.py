"""The scores of episodes that run side by side: what evaluation counts, and what checks it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from entitybench.datasets.catalogue.scores import normaliser
from entitybench.records import UNSTABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.types import Array, TaskSpec

WENT_WRONG = f"{UNSTABLE}: states, accelerations or controls are huge or no numbers"


class Tally:
    """What is counted of B episodes, arrays (B,)."""

    def __init__(self, count: int, task: TaskSpec) -> None:
        self._normalise = normaliser(task)
        self.steps = 0  # control steps so far
        self.length = np.zeros(count, np.int64)  # control steps, also of those that ended early
        self.over = np.zeros(count, bool)  # episodes that the world has ended, or:
        self.unstable = np.zeros(count, bool)  # those whose simulation went wrong before that
        self.success = np.zeros(count, bool)
        self.first = np.full(count, -1)  # control steps until the first success
        self.fraction = np.zeros(count)
        self.total = np.zeros(count)

    def add(self, info: Mapping[str, Array]) -> Array:
        """One control step; of episodes that have ended, nothing more.

        Nor of those that have become unstable: MuJoCo resets their scene and goes on.

        Returns:
            The episodes (rows) that ended with this step.
        """
        self.steps += 1
        before = self.over.copy()
        self.unstable |= ~self.over & np.asarray(info.get("unstable", False), bool)
        self.over |= self.unstable
        on = ~self.over
        self.length[on] += 1
        self.success[on] = np.asarray(info["is_success"], bool)[on]
        first = on & self.success & (self.first < 0)
        self.first[first] = self.length[first]
        self.fraction[on] = np.asarray(info["success_fraction"], np.float64)[on]
        reward = np.asarray(info["reward"], np.float64)
        if reward.ndim > 1:  # of a team: the mean over its agents
            reward = reward.mean(axis=1)
        self.total[on] += reward[on]
        if "terminated" in info:
            self.over |= on & np.asarray(info["terminated"], bool)
        return np.flatnonzero(self.over & ~before)

    def values(self, row: int, *, failed: bool) -> dict[str, float | None]:
        """What a record's row holds of an episode, times left out.

        One that `failed` is no success, whatever it looked like.
        """
        return {
            "success": float(self.success[row] and not failed),
            "success_any": float(self.first[row] >= 0),
            "success_fraction": round(float(self.fraction[row]), 6),
            "steps_to_success": float(self.first[row]) if self.first[row] >= 0 else None,
            "return": float(self.total[row]),
            "length": float(self.length[row]),
            "normalised_return": self._normalise(float(self.total[row])),
        }
