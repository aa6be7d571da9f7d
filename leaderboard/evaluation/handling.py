"""How an agent handles a robot: actions beyond the limits, jerk, contacts with obstacles.

Computed once a block from its actions, so that evaluation pays next to nothing a step for them; and
by the same code from the actions of a bundle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from entitybench.types import Array

_DIGITS = 6  # behind the point: sums may round otherwise elsewhere


class Handling:
    """What is kept of B episodes that run side by side."""

    def __init__(self, world: Any) -> None:
        """`world`: has `obstacles`, and of a team `actions`."""
        self.obstacles = bool(world.obstacles)
        # Scores of discrete actions, of which the largest counts, move nothing by themselves.
        self._continuous = getattr(world, "actions", None) is None
        self._actions: list[Array] = []
        self._bumped: list[Array] = []

    def add(self, actions: Array, bumped: Callable[[], Array]) -> None:
        """One control step.

        Args:
            actions: (B, *action_shape), as the agent gave them; kept as they are.
            bumped: `Worlds.bumped`, after the step; called where there are obstacles.
        """
        self._actions.append(actions)
        if self.obstacles:
            self._bumped.append(bumped())

    def values(self, length: Array) -> list[dict[str, float | None]]:
        """Of each episode what a record's row holds, over its first `length` (B,) steps.

        "violations" and "jerk" as the functions of these names give them, and in worlds that have
        obstacles "contacts", the control steps after which a robot touches one.
        """
        if not self._actions:
            names = ("violations", "jerk", "contacts")[: 3 if self.obstacles else 2]
            return [dict.fromkeys(names) for _ in length]
        flat = [step.reshape(len(step), -1) for step in self._actions]
        actions = np.stack(flat, axis=1)  # (B, T, A)
        bumped = np.stack(self._bumped, axis=1) if self.obstacles else None
        found = []
        for row, steps in enumerate(length.tolist()):
            own = actions[row, :steps]
            values = {
                "violations": _number(violations(own)),
                "jerk": _number(jerk(own)) if self._continuous else None,
            }
            if bumped is not None:
                values["contacts"] = float(bumped[row, :steps].sum())
            found.append(values)
        return found


def violations(actions: Array) -> float:
    """The share of numbers that lie outside [-1, 1], before they are cut to it.

    Args:
        actions: (T, A) of an episode as the agent gave them.

    Returns:
        A number in [0, 1]; NaN where there are no actions.
    """
    return float(np.mean(np.abs(actions) > 1)) if len(actions) else np.nan


def jerk(actions: Array) -> float:
    """How jerky an episode's actions are: the mean size of their second differences.

    With a_t in [-1, 1]^A the action of control step t, cut to its limits,

        jerk = mean over t >= 2 of sqrt(mean over A of ((a_t - 2 a_{t-1} + a_{t-2}) / 2)^2),

    in units of the range of an action (2) and of a control step: 0 where actions are constant or
    change evenly, 1/sqrt(2) = 0.71 in the root mean square of uniform random ones, 2 where all
    numbers jump between the limits at every step. Where an action is a velocity, its second
    difference is what jerk means in mechanics, the third one of a place.

    Args:
        actions: (T, A); a team's agents side by side.

    Returns:
        A number in [0, 2]; NaN of fewer than three steps.
    """
    if len(actions) < 3:
        return np.nan
    cut = np.clip(actions, -1.0, 1.0)
    bent = (cut[2:] - 2.0 * cut[1:-1] + cut[:-2]) / 2.0
    return float(np.mean(np.sqrt(np.mean(bent * bent, axis=-1))))


def _number(x: float) -> float | None:
    return None if np.isnan(x) else round(x, _DIGITS)
