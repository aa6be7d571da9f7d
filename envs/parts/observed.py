"""What scripted policies read of an observation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from entitybench.errors import BadValue

if TYPE_CHECKING:
    from entitybench.types import Array, Obs


def goal_of(obs: Obs) -> Array:
    """The desired goal (B, N, D); of images that of the entities behind them.

    Raises BadValue where there is none: in a task without goals.
    """
    goal = obs.get("goal_state", obs.get("desired_goal"))
    if goal is None:
        raise BadValue(
            "this policy needs a goal: the observation has neither desired_goal nor goal_state, "
            f"only {', '.join(obs)}."
        )
    return goal
