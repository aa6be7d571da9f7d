"""Training survives what a killed run leaves in the compiler's cache."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

PROGRAM = """
import torch
from entitybench.agents.common.compiling import CompiledLoss

def losses(x):
    loss = (torch.sin(x) * x).sum()
    return loss, {"loss": loss.detach()}

x = torch.arange(100.0, requires_grad=True)
logs = CompiledLoss(losses).backward([x], x)
expected = torch.cos(x) * x + torch.sin(x)
assert torch.allclose(x.grad, expected.detach(), atol=1e-4), x.grad
print(round(float(logs["loss"]), 2))
"""


@pytest.mark.slow
@pytest.mark.parametrize("damaged", ["*.so", "*.main.so"])  # all, and the kernels alone
@pytest.mark.skipif(shutil.which("g++") is None, reason="nothing is compiled without g++")
def test_a_damaged_cache_is_left_alone_and_compiled_anew(damaged, tmp_path):
    cache = tmp_path / "cache"
    env = {**os.environ, "TORCHINDUCTOR_CACHE_DIR": str(cache), "TMPDIR": str(tmp_path)}

    def run():
        return subprocess.run(
            [sys.executable, "-c", PROGRAM], env=env, capture_output=True, text=True, check=True
        )

    whole = run()
    assert "compiling anew" not in whole.stderr
    libraries = sorted(cache.rglob(damaged))
    assert libraries
    for library in libraries:
        os.truncate(library, 100)  # a linker that was killed
    again = run()
    assert again.stdout == whole.stdout
    assert again.stderr.count("compiling anew") == 1
    assert all(library.stat().st_size == 100 for library in libraries)
