"""A trained actor from a safetensors file, in numpy: no SB3 and no torch are needed to act.

`python -m entitybench.datasets.experts.sb3 TASK` writes such files (SAC or TD3 of
Stable-Baselines3). Tensors: `layer<i>.weight` (out, in) and `layer<i>.bias` (out,), the last layer
giving the mean action before its hyperbolic tangent; `mean` and `deviation` (features,) of the
flattened observation; `example.observation` (features,) and `example.action` (actions,), what the
policy does there by the library that trained it: a file that holds other weights is noticed.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.api import task_of, world_of
from entitybench.errors import BadValue, DataError, MissingExtra

if TYPE_CHECKING:
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Obs, TaskSpec

SHIPPED = "experts"  # folder beside this file
EXAMPLE = ("example.observation", "example.action")
_NEAR = 1e-3  # between two libraries' action of one observation, in single precision


class Actor:
    """Acts as the mean of the trained policy."""

    def __init__(self, task: TaskSpec | str, *, file: str) -> None:
        """Read it.

        Args:
            file: the name of a shipped actor, e.g. "halfcheetah-sac", or the path of a file.

        Raises:
            BadValue: there is no such file, or it is of a task with other observations or actions.
            DataError: the file cannot be read, or does not act as its example says.
        """
        world = world_of(task_of(task))
        self._shape = world.action_shape
        # A team that drives one robot: whose motor each action is.
        self._order = getattr(world, "order", None)
        tensors = read_tensors(file)
        count = sum(name.endswith(".weight") for name in tensors)
        try:
            self._layers = [
                (tensors[f"layer{i}.weight"], tensors[f"layer{i}.bias"]) for i in range(count)
            ]
            self._mean, self._deviation = tensors["mean"], tensors["deviation"]
        except KeyError as error:
            raise DataError(f"the actor {file!r} lacks the tensor {error}.") from None
        sizes = (len(self._mean), len(self._layers[-1][1]) if count else 0)
        wanted = (world.entities * world.features, int(np.prod(self._shape)))
        if sizes != wanted:
            raise BadValue(
                f"the actor {file!r} maps {sizes[0]} features to {sizes[1]} actions; "
                f"{task_of(task).id} has {wanted[0]} and {wanted[1]}."
            )
        if any(name in tensors for name in EXAMPLE):
            self._check(file, *(tensors.get(name, np.zeros(0)) for name in EXAMPLE))

    def initial_state(self, batch: int) -> None:
        """Nothing to remember."""

    def act(self, obs: Obs, state: None, rng: BatchGenerator) -> tuple[Array, None]:
        del rng
        seen = obs.get("state", obs["observation"])
        x = self._actions(seen.reshape(len(seen), -1).astype(np.float64))
        if self._order is not None:
            x = x[:, self._order]
        return x.reshape(len(x), *self._shape), state

    def _actions(self, flat: Array) -> Array:
        """Actions (B, actions) for observations (B, features), in the order of the file."""
        x = (flat - self._mean) / self._deviation
        for index, (weight, bias) in enumerate(self._layers):
            # Not a matrix product: those round differently for other batch sizes.
            x = np.add.reduce(weight * x[:, None], -1) + bias
            x = np.maximum(x, 0.0) if index < len(self._layers) - 1 else np.tanh(x)
        return x

    def _check(self, file: str, observation: Array, action: Array) -> None:
        """Raise DataError unless it acts as the example in its file says."""
        sizes = (len(self._mean),), self._layers[-1][1].shape
        if (observation.shape, action.shape) != sizes:
            raise DataError(
                f"the actor {file!r} has an example of the shapes {observation.shape} and "
                f"{action.shape}; {' and '.join(EXAMPLE)} are of {sizes[0]} and {sizes[1]}."
            )
        apart = float(np.abs(self._actions(observation[None])[0] - action).max())
        if not apart <= _NEAR:
            raise DataError(
                f"the actor {file!r} does not act as its example says: by {apart:.3g} apart. Its "
                "weights are not those that were written; store np.ascontiguousarray of each "
                "(safetensors.numpy 0.8.0 writes transposed arrays wrongly)."
            )


def read_tensors(file: str) -> dict[str, Array]:
    """The tensors of a shipped or given safetensors file, as float64."""
    try:
        from safetensors import SafetensorError
        from safetensors.numpy import load
    except ModuleNotFoundError:
        raise MissingExtra("actors need safetensors: pip install 'entitybench[train]'") from None

    shipped = files("entitybench.datasets.behaviours") / SHIPPED / f"{file}.safetensors"
    place = Path(file)
    if not shipped.is_file() and not place.is_file():
        raise BadValue(f"no actor {file!r} is shipped, and there is no file of that name.")
    try:
        tensors = load(shipped.read_bytes() if shipped.is_file() else place.read_bytes())
    except (SafetensorError, OSError) as error:
        raise DataError(f"the actor {file!r} cannot be read: {error}") from None
    return {name: value.astype(np.float64) for name, value in tensors.items()}
