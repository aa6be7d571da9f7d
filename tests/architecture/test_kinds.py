"""What depends on the kind of a task asks the table of kinds; nothing names one to decide."""

from __future__ import annotations

import ast
import re
from collections.abc import Set
from pathlib import Path

import pytest

from entitybench.kinds import KINDS
from entitybench.records import record_schema

ROOT = Path(__file__).parents[2]
IDS = {kind.id for kind in KINDS}
# The table, and evaluators, which are of a kind. Whatever else trains, tabulates or judges asks.
OWN = {"src/entitybench/kinds.py"} | {
    kind.evaluator.partition(":")[0].removeprefix("entitybench.").replace(".", "/") + ".py"
    for kind in KINDS
}
# Words of other things that a kind is called like too: an option of `bench eval`, and an extra.
ALSO = {"leaderboard/cli/evaluation.py": {"video"}, "leaderboard/cli/doctor.py": {"video"}}
HARNESS = [
    path
    for folder in ("src/entitybench", "leaderboard")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if path.relative_to(ROOT).as_posix() not in OWN
]


def named_kinds(source: str, also: Set[str] = frozenset()) -> list[str]:
    """Ids of kinds, but for those of `also`, that are constants of a source, its texts left out."""
    return [
        f"line {node.lineno}: {node.value}"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and node.value in IDS - also
    ]


@pytest.mark.parametrize("path", HARNESS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_kind_is_named(path: Path) -> None:
    also = ALSO.get(path.relative_to(ROOT).as_posix(), frozenset())
    assert not named_kinds(path.read_text(encoding="utf-8"), also)


def test_the_page_of_records_has_every_kind_and_field() -> None:
    page = (ROOT / "docs" / "records.md").read_text(encoding="utf-8")
    for kind in KINDS:
        assert f"| `{kind.id}` | a{'n' if kind.item[0] in 'aeiou' else ''} {kind.item} | " in page
        assert f"| `{kind.does}` |" in page
    listed = re.findall(r"^\| (`.*?) \|", page.partition("## The file")[2], re.MULTILINE)
    fields = {name for cell in listed for name in re.findall(r"`(\w+)`", cell)}
    assert set(record_schema()["properties"]) <= fields


def test_a_named_kind_is_found() -> None:
    assert named_kinds("if task.kind == 'goal-control':\n    pass") == ["line 1: goal-control"]
    assert not named_kinds('"""Only goal-control tasks."""')
