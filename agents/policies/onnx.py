"""A policy that is an ONNX graph, run by onnxruntime on one thread of the CPU.

A graph is data: loading and running it executes no code of whoever wrote it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.agents.policies.files import policy_file
from entitybench.agents.policies.sight import Sight
from entitybench.errors import BadValue, MissingExtra
from entitybench.words import reason

if TYPE_CHECKING:
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Obs, TaskSpec

_DTYPES = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(uint8)": np.uint8,
    "tensor(bool)": np.bool_,
    "tensor(int64)": np.int64,
}


class OnnxPolicy:
    """Observations in, actions out: inputs named as parts of the observation, or a single one."""

    def __init__(self, path: str, task: TaskSpec) -> None:
        """Load it. Raises BadValue for what is no such graph, MissingExtra."""
        try:
            import onnxruntime
        except ModuleNotFoundError as error:
            raise MissingExtra(
                f"onnxruntime is not installed, and {path} needs it: pip install -e '.[onnx]'"
            ) from error
        self.name = path
        data, self.config = policy_file(path, "onnx")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4  # what is wrong is raised
        try:
            self._session = onnxruntime.InferenceSession(
                data, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # of its own classes, which it does not export
            why = reason(error)
            raise BadValue(f"{path!r} is no ONNX graph that can be run: {why}.") from error
        self._sight = Sight.of(task)
        inputs = self._session.get_inputs()
        shapes = self._sight.inputs([each.name for each in inputs], path)
        for each in inputs:
            _check(each, shapes[each.name], self._sight.task, path)
        self._dtypes = {each.name: _DTYPES[each.type] for each in inputs}
        outputs = [each.name for each in self._session.get_outputs()]
        self._output = next((x for x in outputs if x in ("action", "actions")), outputs[0])

    def initial_state(self, batch: int) -> None:
        del batch

    def act(self, obs: Obs, state: None, rng: BatchGenerator) -> tuple[Array, None]:
        del rng
        given = self._sight.fed(obs, self._dtypes)
        feeds: dict[str, Any] = {
            name: np.asarray(x, self._dtypes[name]) for name, x in given.items()
        }
        (answer,) = self._session.run([self._output], feeds)
        return self._sight.actions(answer, len(obs["observation"]), self.name), state


def _check(given: Any, wanted: tuple[int, ...], task: str, path: str) -> None:
    """Raise BadValue for an input that cannot take what a task shows."""
    what = f"{path}: the input {given.name!r}"
    if given.type not in _DTYPES:
        raise BadValue(f"{what} is a {given.type}; use float32, as observations are.")
    if given.shape is None:
        return
    fits = len(given.shape) == 1 + len(wanted) and all(
        not isinstance(here, int) or here == there
        for here, there in zip(given.shape[1:], wanted, strict=True)
    )
    if not fits:
        own, shown = (", ".join(map(str, x)) for x in (given.shape, ("batch", *wanted)))
        raise BadValue(f"{what} has the shape ({own}), and {task} shows it ({shown}).")
    if isinstance(given.shape[0], int):
        raise BadValue(
            f"{what} takes {given.shape[0]} observations at a time; export it for a batch of any "
            "size (dynamic_axes)."
        )
