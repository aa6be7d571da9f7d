"""Which rooms of datasets/ stand on which: the store is the ground floor."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "datasets"
HERE = "entitybench.datasets."
STANDS_ON = {  # rooms whose ground is fixed; the rest stand on these
    "store": {"store"},
    "sampling": {"store", "sampling"},
}


def rooms_of(source: str) -> set[str]:
    """The rooms of datasets/ that a source imports from, lazily or for types too."""
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)]
    names = [f"{node.module}.{alias.name}" for node in nodes for alias in node.names]
    return {name.removeprefix(HERE).partition(".")[0] for name in names if name.startswith(HERE)}


@pytest.mark.parametrize("room", STANDS_ON)
def test_a_room_imports_only_what_it_stands_on(room: str) -> None:
    files = sorted((FOLDER / room).glob("*.py"))
    assert files
    found = {file.name: rooms_of(file.read_text()) - STANDS_ON[room] for file in files}
    assert {name: rooms for name, rooms in found.items() if rooms} == {}


def test_lazy_imports_are_seen() -> None:
    assert rooms_of("def f():\n    from entitybench.datasets.sampling import goals") == {"sampling"}
