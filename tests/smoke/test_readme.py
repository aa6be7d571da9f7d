"""The README: its two commands and its Python."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import entitybench as eb

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
TASK = "push-3blocks"


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_two_commands_come_first() -> None:
    first = [line.removeprefix("$ ") for line in _blocks("console")[0].splitlines()]
    assert [line.split("#")[0].split() for line in first] == [["make", "eval"], ["make", "test"]]
    makefile = (ROOT / "Makefile").read_text()
    assert f"bench eval --agent hecrl --task {TASK} $(ARGS)" in makefile
    assert "pytest" in makefile.partition("\ntest:")[2].partition("\n\n")[0]


def test_python_names_exist() -> None:
    used = {
        node.attr
        for block in _blocks("python")
        for node in ast.walk(ast.parse(block))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "eb"
    }
    assert {"make", "make_vec", "load_dataset", "train", "load_agent", "evaluate"} <= used
    assert used <= set(eb.__all__)
    for name in used:
        assert callable(getattr(eb, name))


@pytest.mark.slow
def test_the_python_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from entitybench.leaderboard.evaluation.api import reference_weights

    if not reference_weights("hecrl", TASK):
        pytest.skip("no weights are shipped")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in _blocks("python"):
        exec(compile(block, "README.md", "exec"), names)
    assert len(names["record"].rows) == 100
