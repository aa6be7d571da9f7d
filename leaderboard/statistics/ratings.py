"""Ratings of players from games between them: Bradley and Terry's model, on Elo's scale."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from entitybench.errors import BenchError

if TYPE_CHECKING:
    from entitybench.types import Array

PRIOR = 1.0  # games that everybody drew with a player of strength 0
ELO = 400 / math.log(10)  # a rating is so many times a strength: 400 points are odds of ten to one
_STEPS = 500
_NEAR = 1e-10  # of strengths


def bradley_terry(points: Array, prior: float = PRIOR) -> Array:
    """Strengths θ (..., N) of players that make their games most likely.

    P(i beats j) = 1 / (1 + exp(θ_j − θ_i)). The maximum of Bradley and Terry's likelihood ("Rank
    analysis of incomplete block designs", Biometrika 1952) with ties as half a win, by Newton's
    method. Only differences of strengths matter to games; the prior says where 0 is, and keeps the
    strength of who won or lost all games finite: it is the likelihood of `prior` drawn games of
    each with a player of strength 0.

    Args:
        points: (..., N, N), what row took off column: 1 for a win, ½ for a tie.
        prior: above 0.

    Raises BenchError where Newton's method comes to no end.
    """
    games = points + np.swapaxes(points, -1, -2)
    strengths = np.zeros(points.shape[:-1])
    diagonal = np.arange(points.shape[-1])
    for _ in range(_STEPS):
        gap = strengths[..., :, None] - strengths[..., None, :]
        beats, above = _logistic(gap), _logistic(strengths)
        slope = (points - games * beats).sum(-1) + prior * (0.5 - above)
        weight = games * beats * (1 - beats)
        curve = -weight
        curve[..., diagonal, diagonal] += weight.sum(-1) + prior * above * (1 - above)
        step = np.linalg.solve(curve, slope[..., None])[..., 0]
        most = np.abs(step).max(-1, keepdims=True)
        strengths += step / np.maximum(most, 1.0)  # no strength by more than 1 at once
        if most.max(initial=0.0) < _NEAR:
            return strengths
    raise BenchError("ratings do not converge: the games or the prior are no finite numbers.")


def _logistic(x: Array) -> Array:
    return 0.5 + 0.5 * np.tanh(0.5 * x)  # overflows nowhere
