"""How good the behaviours of the catalogue are, measured once each on public starts.

`medium` is the task's oracle with a noise so large that its return is 40 to 60 % of the way from
random actions to the oracle. Numbers come from

    python -m entitybench.datasets.behaviours.measure team-spread
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Level(NamedTuple):
    """Of a task: noise, what it leaves of the oracle's return, and how long episodes are."""

    medium: Mapping[str, float]  # arguments of `basic.Noisy`, of the medium policy
    noise: float  # deviation of the expert's noise
    percent: int  # measured return of medium, from random actions (0) to the oracle (100)
    expert_percent: int  # the same of the expert
    # Mean lengths of episodes, control steps.
    random_length: float
    medium_length: float
    expert_length: float
    replay_length: float | None = None  # None: what lies between random and medium

    @property
    def words(self) -> str:
        """What the noise of the medium policy is."""
        if "sigma" in self.medium:
            return f"with noise {self.medium['sigma']:.2g}"
        return f"{100 * self.medium['uniform']:.3g} % of its actions random"


LEVELS: dict[str, Level] = {
    "team-spread": Level({"uniform": 0.75}, 0.05, 48, 97, 25, 25, 25),
    "team-spread-omar": Level({"uniform": 0.625}, 0.05, 54, 99, 25, 25, 25),
    "team-tag": Level({"uniform": 0.1875}, 0.05, 48, 92, 25, 25, 25),
    "team-pushbox": Level({"uniform": 0.1562}, 0.05, 45, 98, 150, 150, 150),
    "hockey-1v1": Level({"uniform": 0.25}, 0.05, 49, 89, 400, 400, 400),
    "hockey-2v2": Level({"uniform": 0.5}, 0.05, 53, 96, 400, 400, 400),
    "hopper": Level({"sigma": 0.0547}, 0.01, 50, 99, 22.8, 539, 988, 25.7),
    "halfcheetah": Level({"sigma": 0.1406}, 0.05, 52, 97, 1000, 1000, 1000),
    "ant": Level({"sigma": 0.1875}, 0.0, 46, 100, 161, 798, 990, 340),
    "walker2d": Level({"sigma": 0.1562}, 0.02, 53, 102, 20.7, 494, 1000, 158),
    "team-lift": Level({"uniform": 0.1562}, 0.05, 55, 99, 200, 200, 200),
    **{
        f"team-matrix-{game}": Level({"uniform": 0.5}, 0.05, 50, 100, 1, 1, 1)
        for game in ("rare", "xor", "climbing", "square")
    },
}
# Teams that are one robot: their oracle is the robot's.
_ROBOTS = {
    "team-hopper-3x1": "hopper",
    "team-cheetah-2x3": "halfcheetah",
    "team-cheetah-6x1": "halfcheetah",
    "team-ant-2x4": "ant",
}
LEVELS.update({team: LEVELS[robot] for team, robot in _ROBOTS.items()})
