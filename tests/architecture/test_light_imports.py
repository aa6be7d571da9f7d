"""What must start quickly imports nothing heavy: proven by sys.modules, not by a clock."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("torch", "mujoco", "numpy", "gymnasium", "h5py", "minari", "imageio", "matplotlib")
SIMULATION = ("torch", "h5py", "minari", "imageio", "matplotlib")

RUN = """
import json, sys
from entitybench.leaderboard.cli.main import main
try:
    code = main(json.loads(sys.argv[1]))
except SystemExit as stop:
    code = stop.code
print(json.dumps([code, sorted(sys.modules)]), file=sys.stderr)
"""
IMPORT = """
import json, sys
for name in json.loads(sys.argv[1]):
    __import__(name)
print(json.dumps([0, sorted(sys.modules)]), file=sys.stderr)
"""


def _loaded(script: str, argument: list[str]) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-P", "-c", script, json.dumps(argument)],
        capture_output=True,
        text=True,
        check=True,
    )
    code, modules = json.loads(done.stderr.splitlines()[-1])
    assert code in (0, None), done.stderr
    return {name.partition(".")[0] for name in modules}


@pytest.mark.parametrize(
    "command",
    [
        ["--help"],
        ["--version"],
        ["list"],
        ["list", "tasks"],
        ["list", "agents"],
        ["list", "datasets", "--json"],
        ["eval", "--help"],
        ["train", "--help"],
        ["info", "push-3blocks"],
    ],
    ids=" ".join,
)
def test_quick_commands_load_no_array_library(command: list[str]) -> None:
    assert not _loaded(RUN, command) & set(HEAVY)


def test_import_entitybench_loads_no_array_library() -> None:
    assert not _loaded(IMPORT, ["entitybench", "entitybench.registry"]) & set(HEAVY)


@pytest.mark.parametrize(
    "module",
    [
        "entitybench.envs.api",
        "entitybench.datasets.api",
        "entitybench.leaderboard.evaluation.api",
    ],
)
def test_core_works_without_the_extras(module: str) -> None:
    assert not _loaded(IMPORT, [module]) & set(SIMULATION)


# What a user can get wrong in `bench train` and `bench eval`, but for settings of agents that have
# networks: those belong to a class that needs torch.
REFUSED = (
    "train --agent hercl --task push-3blocks --out new",
    "train --agent hecrl --task push-3block --out new",
    "train --agent hecrl --task hopper --out new",
    "train --agent hecrl --task push-3blocks-pixels --out new",
    "train --agent hecrl --task push-3blocks --out new --preset smal",
    "train --agent hecrl --task push-3blocks --out new --device gpu",
    "train --agent hecrl --task push-3blocks --out new --logger tensorbord",
    "train --agent hecrl --task push-3blocks --out new --dataset push-3blocks/play-v9",
    "train --agent hecrl --task push-3blocks --out new --dataset push-1block/play-v1",
    "train --agent hecrl --task push-3blocks --out new --dataset ./nowhere",
    "train --agent graph-static --task dag-4 --out new --set batch_sise=64",
    "eval --agent hecrl --task hopper",
    "eval --agent hecrl --task push-3blocks-pixels",
    "eval --agent hecrl --task push-3blocks --device gpu",
    "eval --agent hecrl --task push-3blocks --weights nowhere --device auto",
    "eval --agent hecrl --task push-3blocks --dataset push-1block/play-v1 --device auto",
)
REFUSING = """
import json, sys
from entitybench.leaderboard.cli.main import main
for line in json.loads(sys.argv[1]):
    code = main(line.split())
    print(json.dumps([line, code, "torch" in sys.modules]))
"""


def test_a_refusal_does_not_wait_for_torch(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", REFUSING, json.dumps(REFUSED)],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={**os.environ, "ENTITYBENCH_DATA": str(tmp_path)},
    )
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert found == [[line, 2, False] for line in REFUSED], done.stderr
    assert list(tmp_path.iterdir()) == []
