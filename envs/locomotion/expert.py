"""Expert policies of the locomotion tasks: linear in the normalised observation.

`python -m entitybench.datasets.experts.train hopper` made them; experts/*.json hold what they know.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.envs.api import task_of, world_as
from entitybench.envs.locomotion.tasks import ROBOTS
from entitybench.envs.locomotion.team import LocomotionTeam
from entitybench.envs.locomotion.world import Locomotion
from entitybench.errors import BadValue, unknown

if TYPE_CHECKING:
    from entitybench.envs.core.world import World
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Obs, TaskSpec


@dataclass(frozen=True, slots=True)
class Linear:
    """A policy: each action is a weighted sum of F features, normalised.

    The features are the first that are observed and, where there is a period, sine and cosine of a
    clock that runs round once a period.
    """

    weights: Array  # (A, F), or (B, A, F): one policy a row
    mean: Array  # (F,), or (B, F)
    deviation: Array  # (F,)
    period: float = 0.0  # control steps; 0: no clock

    def of(self, rows: Array) -> Linear:
        """The policies of some rows, where each has its own."""
        weights = self.weights if self.weights.ndim == 2 else self.weights[rows]
        mean = self.mean if self.mean.ndim == 1 else self.mean[rows]
        return replace(self, weights=weights, mean=mean)

    def see(self, observation: Array, elapsed: Array) -> Array:
        """The features (B, F), of observations (B, D) after `elapsed` (B,) control steps."""
        if not self.period:
            return observation[:, : self.weights.shape[-1]]
        angle = elapsed[:, None] * (2 * np.pi / self.period)
        clock = (np.sin(angle), np.cos(angle))
        return np.concatenate([observation[:, : self.weights.shape[-1] - 2], *clock], axis=1)

    def act(self, seen: Array) -> Array:
        """Actions (B, A), not yet cut, for features (B, F)."""
        normal = (seen - self.mean) / self.deviation
        # Not a matrix product: those round differently for other batch sizes.
        return np.add.reduce(self.weights * normal[:, None], -1)

    def to_json(self, **notes: Any) -> str:
        """Text that `from_json` reads; `notes` say how it came about."""
        values = {name: value.tolist() for name, value in self._arrays().items()}
        return json.dumps({**notes, "period": self.period, **values}) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Linear:
        """Read what `to_json` wrote."""
        values = json.loads(text)
        arrays = {name: np.array(values[name]) for name in ("weights", "mean", "deviation")}
        return cls(**arrays, period=values["period"])

    def _arrays(self) -> dict[str, Array]:
        return {"weights": self.weights, "mean": self.mean, "deviation": self.deviation}


class LocomotionExpert:
    """The shipped expert of a robot, for one agent, for pixels, and for a team that is the robot.

    A team's members are moved by one mind that sees the whole robot: obs["state"].
    """

    def __init__(self, task: TaskSpec | str, robot: str) -> None:
        world: World = world_as(task, Locomotion, LocomotionTeam)
        self._shape = world.action_shape
        self._order = getattr(world, "order", None)
        known = sorted(ROBOTS)
        if robot not in known:
            raise unknown("robot", robot, known)
        text = (files("entitybench.envs.locomotion") / "experts" / f"{robot}.json").read_text()
        self._policy = Linear.from_json(text)
        size = math.prod(self._shape)
        if len(self._policy.weights) != size:
            raise BadValue(
                f"the expert of {robot} has {len(self._policy.weights)} motors: "
                f"{task_of(task).id} has {size}."
            )

    def initial_state(self, batch: int) -> Array:
        """Control steps so far (B,): what a clock shows."""
        return np.zeros(batch, np.int64)

    def act(self, obs: Obs, state: Array, rng: BatchGenerator) -> tuple[Array, Array]:
        del rng
        robot = obs.get("state", obs["observation"])[:, 0].astype(np.float64)
        action = self._policy.act(self._policy.see(robot, state))
        action = np.minimum(np.maximum(action, -1.0), 1.0)
        if self._order is not None:
            action = action[:, self._order]
        return action.reshape(len(action), *self._shape), state + 1
