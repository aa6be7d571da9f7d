"""A policy that is a TorchScript archive (`torch.jit.save`), run on the CPU.

An archive is a program for PyTorch's interpreter of TorchScript: it knows tensors and no files, no
network and no Python. A checkpoint of `torch.save` is a pickle, which can run anything, and is
refused before anything reads it.
"""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.agents.policies.files import policy_file
from entitybench.agents.policies.sight import Sight
from entitybench.errors import BadValue, MissingExtra
from entitybench.words import reason

if TYPE_CHECKING:
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Obs, TaskSpec


class ScriptPolicy:
    """`forward` takes parts of the observation by name, one tensor of all, or a dict of them."""

    def __init__(self, path: str, task: TaskSpec) -> None:
        """Load it. Raises BadValue for what is no such archive, MissingExtra."""
        try:
            import torch
        except ModuleNotFoundError as error:
            raise MissingExtra(
                f"torch is not installed, and {path} needs it: pip install -e '.[train]'"
            ) from error
        self.name = path
        data, self.config = policy_file(path, "torchscript")
        _check_archive(data, path)
        try:
            self._module = torch.jit.load(io.BytesIO(data), map_location="cpu").eval()
            arguments = self._module.forward.schema.arguments[1:]
        except (RuntimeError, ValueError, AttributeError) as error:
            raise BadValue(f"{path!r} is no policy in TorchScript: {reason(error)}.") from error
        self._sight = Sight.of(task)
        self._dict = len(arguments) == 1 and str(arguments[0].type) == "Dict[str, Tensor]"
        needed = [each.name for each in arguments if not each.has_default_value()]
        self._names = [] if self._dict else list(self._sight.inputs(needed, path))

    def initial_state(self, batch: int) -> None:
        del batch

    def act(self, obs: Obs, state: None, rng: BatchGenerator) -> tuple[Array, None]:
        del rng
        import torch

        given = self._sight.shown(obs) if self._dict else self._sight.fed(obs, self._names)
        tensors = {name: torch.from_numpy(np.ascontiguousarray(x)) for name, x in given.items()}
        with torch.inference_mode():
            answer = self._module(tensors) if self._dict else self._module(*tensors.values())
        return self._sight.actions(
            _array(answer, self.name), len(obs["observation"]), self.name
        ), state


def _array(answer: Any, name: str) -> Array:
    """The actions of an answer, which is a tensor. Raises BadValue."""
    if not hasattr(answer, "numpy"):
        raise BadValue(f"{name} answers with {type(answer).__name__}: `forward` gives a tensor.")
    found: Array = answer.numpy()
    return found


def _check_archive(data: bytes, path: str) -> None:
    """Raise BadValue unless it is a zip with code, which a pickled checkpoint has not."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            inside = [name.partition("/")[2] for name in archive.namelist()]
    except zipfile.BadZipFile:
        inside = []
    if "constants.pkl" not in inside or not any(name.startswith("code/") for name in inside):
        raise BadValue(
            f"{path!r} is no TorchScript archive, and a pickle is never loaded: write one with "
            f"torch.jit.save(torch.jit.script(policy), {path!r})."
        )
