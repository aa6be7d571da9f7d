"""No module imports another that comes back to it; lazy and typing imports count too."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("envs", "datasets", "agents", "leaderboard")


def modules() -> dict[str, Path]:
    """Every module of the project by its dotted name."""
    found = {f"entitybench.{path.stem}": path for path in (ROOT / "src/entitybench").glob("*.py")}
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(("entitybench", *parts)).removesuffix(".__init__")] = path
    return found


def imports(source: str, known: set[str]) -> set[str]:
    """The modules of the project that a source imports anywhere, for types or when it runs."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found & known


def circles(edges: dict[str, set[str]]) -> list[list[str]]:
    """Modules that reach each other, a sorted list of names a circle."""

    def reach(name: str) -> set[str]:
        seen: set[str] = set()
        todo = [name]
        while todo:
            for other in edges[todo.pop()] - seen:
                seen.add(other)
                todo.append(other)
        return seen

    reached = {name: reach(name) for name in edges}
    found = {
        tuple(sorted(b for b in reached[a] if a in reached[b])) for a in edges if a in reached[a]
    }
    return sorted(map(list, found))


def test_no_module_comes_back_to_itself():
    files = modules()
    edges = {
        name: imports(path.read_text(encoding="utf-8"), set(files)) - {name}
        for name, path in files.items()
    }
    assert len(files) > 300  # all of them
    assert circles(edges) == []


def test_circles_are_found():
    lazy = "def f():\n    from entitybench.envs import b"
    typing = "if TYPE_CHECKING:\n    from entitybench.envs.a import A"
    known = {"entitybench.envs.a", "entitybench.envs.b", "entitybench.envs.c"}
    edges = {
        "entitybench.envs.a": imports(lazy, known),
        "entitybench.envs.b": imports(typing, known),
        "entitybench.envs.c": imports("import entitybench.envs.a", known),
    }
    assert circles(edges) == [["entitybench.envs.a", "entitybench.envs.b"]]
