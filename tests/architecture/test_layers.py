"""Who may import whom: root <- envs <- datasets <- agents; leaderboard knows agents by name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("envs", "datasets", "agents", "leaderboard")
SHARED_BY_AGENTS = ("common", "baselines")
ALLOWED = {
    "root": {"root"},
    "envs": {"root", "envs"},
    "datasets": {"root", "envs", "datasets"},
    "agents": {"root", "envs", "datasets", "agents"},
    "leaderboard": {"root", "envs", "datasets", "leaderboard"},
}
TABLES = (("registry.py",), ("kinds.py",), ("forms.py",), ("__init__.py",))  # by strings


def _modules() -> list[Path]:
    root = [p for p in (ROOT / "src" / "entitybench").rglob("*.py") if p.name != "__main__.py"]
    return sorted(root + [p for folder in FOLDERS for p in (ROOT / folder).rglob("*.py")])


def _inside(module: Path) -> tuple[str, ...]:
    """Where a module lies in the package."""
    parts = module.relative_to(ROOT).parts
    return parts[2:] if parts[0] == "src" else parts


def _layer(parts: tuple[str, ...]) -> str:
    return parts[0] if parts and parts[0] in FOLDERS else "root"


def imported(source: str) -> Iterator[str]:
    """Every module that the source imports, at its top or inside a function."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: relative imports are not used here"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def violations(path: tuple[str, ...], source: str) -> list[str]:
    """What the module at `path` (relative to the package root) imports and must not."""
    layer = _layer(path)
    found = []
    for name in imported(source):
        parts = tuple(name.split("."))
        if parts[0] in FOLDERS and parts[0] not in ("datasets",):
            found.append(f"{name}: write entitybench.{name}")
        if parts[0] != "entitybench" or len(parts) < 2:
            continue
        target = _layer(parts[1:])
        if target not in ALLOWED[layer]:
            found.append(f"{layer} imports {name}")
        elif layer == target == "agents" and len(parts) > 2 and len(path) > 1:
            method = parts[2]
            if method not in (path[1], path[1].removesuffix(".py"), *SHARED_BY_AGENTS):
                found.append(f"agents/{path[1]} imports {name}")
            if path[1] == "common" and method != "common":
                found.append(f"agents/common imports {name}")
    return found


def strings(source: str) -> Iterator[str]:
    """Every string that is no docstring."""
    tree = ast.parse(source)
    with_text = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    words = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, with_text) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in words:
            yield node.value


def upward(path: tuple[str, ...], source: str) -> list[str]:
    """The modules that a module names by strings, and may not import.

    The tables of the root name what they are tables of; nothing else does.
    """
    if path in TABLES:
        return []
    layer = _layer(path)
    return [
        f"{layer} names {text}"
        for text in strings(source)
        for name in re.findall(r"\bentitybench\.(\w+)", text)
        if _layer((name,)) not in ALLOWED[layer]
    ]


@pytest.mark.parametrize("module", _modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_layers(module: Path) -> None:
    path = _inside(module)
    assert violations(path, module.read_text()) == []
    assert upward(path, module.read_text()) == []


@pytest.mark.parametrize("path", TABLES, ids="/".join)
def test_the_tables_name_what_is_above(path: tuple[str, ...]) -> None:
    source = (ROOT / "src" / "entitybench").joinpath(*path).read_text()
    assert upward(("elsewhere.py",), source)


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("types.py",), "import entitybench.envs.registry"),
        (("envs", "core", "a.py"), "from entitybench.datasets import api"),
        (("datasets", "store", "a.py"), "def f():\n    from entitybench.agents.hecrl import agent"),
        (("leaderboard", "evaluation", "a.py"), "import entitybench.agents.registry"),
        (
            ("agents", "hecrl", "a.py"),
            "import entitybench.leaderboard.evaluation.api",
        ),
        (("agents", "hecrl", "a.py"), "from entitybench.agents import macflow"),
        (("agents", "common", "a.py"), "import entitybench.agents.baselines.iql"),
        (("agents", "hecrl", "a.py"), "import envs.push.world"),
    ],
)
def test_the_check_sees_violations(path: tuple[str, ...], line: str) -> None:
    assert violations(path, line)


def test_common_parts_of_agents_know_neither_worlds_nor_data() -> None:
    """Only the kits, its folders, know what they are a kit of."""
    for path in (ROOT / "agents" / "common").glob("*.py"):
        for name in imported(path.read_text()):
            assert not name.startswith(("entitybench.envs", "entitybench.datasets")), path


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("datasets", "generate", "a.py"), 'HERE = "entitybench.leaderboard.reference"'),
        (("envs", "a.py"), 'resolve("entitybench.datasets.api:load_dataset")'),
        (("agents", "a.py"), 'f"entitybench.leaderboard.{name}"'),
        (("leaderboard", "a.py"), 'import_module("entitybench.agents.registry")'),
        (("types.py",), 'default: str = "entitybench.envs.push.world:PushWorld"'),
    ],
)
def test_the_check_sees_strings(path: tuple[str, ...], line: str) -> None:
    assert upward(path, line)
    assert not upward(path, f'"""{line.replace(chr(34), chr(39))}"""')
