"""What must start quickly imports nothing heavy: proven by sys.modules, not by a clock."""

from __future__ import annotations

import json
import subprocess
import sys

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
