"""`torch.compile`, for a machine where an earlier run was killed while it compiled."""

from __future__ import annotations

import os
import tempfile
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch._dynamo.exc import BackendCompilerFailed
from torch._inductor.utils import clear_inductor_caches

from entitybench.errors import BenchError
from entitybench.notices import warn
from entitybench.progress import busy

if TYPE_CHECKING:
    from collections.abc import Callable

Tensor = torch.Tensor
CACHE = "TORCHINDUCTOR_CACHE_DIR"  # torch's own variable; it writes its default there when used


class CompiledLoss:
    """A loss with its gradients, compiled for the shapes it is first called with.

    Whoever kills a run while it compiles leaves unfinished files in the compiler's cache, on which
    every later run would fail. So the first failure is answered with an empty cache.
    """

    def __init__(self, losses: Callable[..., tuple[Tensor, dict[str, Tensor]]]) -> None:
        self.losses = losses
        self._fast: Any = torch.compile(losses, dynamic=False)
        self._anew, self._new = False, True

    def backward(self, parameters: list[Tensor], *arguments: Any) -> dict[str, Tensor]:
        """Fill `.grad` of the parameters; returns what to log. Raises BenchError."""
        try:
            with busy("compiling") if self._new else nullcontext():  # the first call does
                loss, logs = self._fast(*arguments)
                loss.backward()
            self._new = False
        except BackendCompilerFailed as error:
            line = " ".join(str(error).split())[:200]
            if self._anew:
                raise BenchError(
                    f"torch.compile fails here ({line}); TORCH_COMPILE_DISABLE=1 trains without it."
                ) from error
            self._start_anew(line)
            for parameter in parameters:
                parameter.grad = None
            return self.backward(parameters, *arguments)
        return logs

    def _start_anew(self, line: str) -> None:
        damaged, fresh = os.environ.get(CACHE), tempfile.mkdtemp(prefix="entitybench-compiled-")
        warn(
            f"torch.compile fails with its cache {damaged} ({line}); compiling anew in {fresh}. "
            "A run that was killed may have left it damaged: remove it to have a cache again.",
            RuntimeWarning,
        )
        os.environ[CACHE] = fresh
        torch._dynamo.reset()
        clear_inductor_caches()  # this process knows the damaged files by name
        self._fast = torch.compile(self.losses, dynamic=False)
        self._anew = self._new = True
