"""How good the behaviours of the catalogue are, measured once each.

`medium` is the task's oracle with a share of its actions replaced by uniform ones, so large that
its return is 40 to 60 % of the way from random actions to the oracle:

    python -m entitybench.datasets.behaviours.measure team-spread
"""

from __future__ import annotations

from typing import NamedTuple


class Level(NamedTuple):
    """Of a task: the medium policy, and how long episodes are."""

    uniform: float  # share of uniform actions of the medium policy
    percent: int  # its measured return, on the way from random (0) to oracle (100)
    expert_percent: int  # the same of the expert policy, the oracle with noise
    # Mean lengths of episodes, control steps.
    random_length: float
    medium_length: float
    expert_length: float


LEVELS: dict[str, Level] = {
    "team-matrix-rare": Level(0.5, 50, 100, 1, 1, 1),
    "team-matrix-xor": Level(0.5, 50, 100, 1, 1, 1),
    "team-matrix-climbing": Level(0.5, 50, 100, 1, 1, 1),
    "team-matrix-square": Level(0.5, 50, 100, 1, 1, 1),
}
