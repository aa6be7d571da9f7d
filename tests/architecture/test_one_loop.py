"""`policy acts, world steps` is written once: in envs/core/play.py."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def loops(path: Path) -> list[str]:
    """The functions of a file that both let something act and step something."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            called = {
                call.func.attr
                for call in ast.walk(node)
                if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)
            }
            if {"act", "step"} <= called:
                found.append(node.name)
    return found


@pytest.mark.parametrize("folder", ["envs", "datasets", "leaderboard", "agents"])
def test_one_generator_of_steps_is_used_by_all(folder):
    found = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in (ROOT / folder).rglob("*.py")
        for name in loops(path)
    }
    assert found == ({"envs/core/play.py: play"} if folder == "envs" else set())
