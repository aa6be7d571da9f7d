"""A squashed Gaussian policy on flat features, in numpy: it acts while it learns and afterwards.

Shapes: B rows, F features, A numbers of an action; any axes in front, those of training seeds.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.agents.common.offline.policy import perceptron

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.agents.common.online.features import Features
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Obs

HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)  # of the density of a Gaussian
LOG_STD = (-20.0, 2.0)  # bounds of the logarithm of a deviation: Haarnoja et al. 2018, their code


def gaussian(layers: Sequence[tuple[Any, Any]], x: Array) -> tuple[Array, Array]:
    """Mean and logarithm of the deviation before squashing, (..., B, A) each, of (..., B, F)."""
    mean, log_std = np.split(perceptron(layers, x), 2, -1)
    return mean, log_std.clip(*LOG_STD)


class SquashedPolicy:
    """Takes tanh of the mean."""

    def __init__(self, layers: Sequence[tuple[Any, Any]], features: Features) -> None:
        """`layers` of one training seed: (F, H), (1, H), ..., (H, 2 A), (1, 2 A)."""
        self.layers, self.features = layers, features

    def initial_state(self, batch: int) -> None:
        del batch

    def act(self, obs: Obs, state: None, rng: BatchGenerator) -> tuple[Array, None]:
        del rng
        seen = self.features.flat(obs["observation"], obs["desired_goal"])
        return np.tanh(gaussian(self.layers, seen)[0]), state
