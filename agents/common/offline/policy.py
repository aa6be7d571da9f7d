"""How a policy on flat states acts, in numpy: to act needs no framework, which takes long to load.

Shapes: B worlds, N entities, D numbers of each, A of an action.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Obs

CLIP = 10.0  # deviations: further away a state is no more than that
Layers = list[tuple[Any, Any]]  # weight (..., I, O), bias (..., 1, O)
ACTOR, MEAN, DEVIATION = "actor/", "buffer/mean", "buffer/deviation"  # names in a checkpoint


class MeanPolicy:
    """Takes the mean action at every step: tanh of a perceptron of the standardised state."""

    group = ACTOR  # of the parameters that act

    def __init__(self, weights: Mapping[str, Array]) -> None:
        """Take the weights of a checkpoint by name.

        Args:
            weights: "actor/layer<k>.weight" (1, I, O) and "….bias" (1, 1, O), "buffer/mean" and
                "buffer/deviation" in the shape of an observation, all float32.
        """
        self.mean, self.deviation = weights[MEAN], weights[DEVIATION]
        self.layers = layers_of(weights, self.group)

    def initial_state(self, batch: int) -> None:
        del batch

    def act(self, obs: Obs, state: None, rng: BatchGenerator) -> tuple[Array, None]:
        del rng
        seen = standardised(obs["observation"], self.mean, self.deviation, obs.get("mask"))
        return np.tanh(self.perceptron(seen.reshape(len(seen), -1))), state

    def perceptron(self, x: Array) -> Array:
        """Rectified layers and a linear one: (B, O) of (B, I)."""
        return perceptron(self.layers, x)


def layers_of(weights: Mapping[str, Array], prefix: str = "") -> Layers:
    """The layers of a perceptron from its parameters by name, without the axis of members."""
    count = sum(name.startswith(prefix) and name.endswith(".weight") for name in weights)
    each = [
        [weights[f"{prefix}layer{k}.{name}"][..., 0, :, :] for name in ("weight", "bias")]
        for k in range(count)
    ]
    return [(weight, bias) for weight, bias in each]


def perceptron(layers: Sequence[tuple[Any, Any]], x: Array) -> Array:
    """Rectified layers and a linear one: (..., B, O) of (..., B, I)."""
    for weight, bias in layers[:-1]:
        x = np.maximum(x @ weight + bias, 0)
    weight, bias = layers[-1]
    result: Array = x @ weight + bias
    return result


def standardised(observations: Any, mean: Any, deviation: Any, mask: Any = None) -> Any:
    """Observations (…, N, D) in deviations from the mean, arrays or tensors.

    Args:
        observations: as the world or the dataset gives them.
        mean: of the dataset, (N, D).
        deviation: as `mean`.
        mask: (…, N) bool, false for entities that are absent, whose numbers become zero; None: all
            are there.
    """
    found = ((observations - mean) / deviation).clip(-CLIP, CLIP)
    return found if mask is None else found * mask[..., None]
