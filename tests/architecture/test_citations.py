"""Whoever reads this project can look up what it cites: papers and pages, no private notes."""

from __future__ import annotations

import importlib
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Notes that lay beside the project while it was written: "(sheet 2.1)", "DESIGN section 7".
UNREAD = re.compile(
    r"(?<!contact )\b(?:the|that|our|a|[A-Z][\w-]*) sheets?(?:'s)?\b"
    r"|[(,;] ?(?i:sheets?)(?:'s)?(?:,? (?:section|§|\d)|\))"
    r"|# sheets? "
    r"|(?<!\d, )§"  # a section of a book follows its year
    r"|\b(?:DESIGN|SHAPE)(?:\.md|,? (?:section|gives|says|has|\d))"
    r"|\b(?:the|our) design\b"
    r"|\bthe pilot\b"
)
WORDS = ("sheet", "§", "design", "shape", "pilot")  # a file without these is fine
FOUND = (
    "HECRL (sheet §4)",
    "as in HECRL §3",
    "of the HECRL sheet; the",
    "(HInt sheet, 8)",
    "FLAM sheet (9.2) renders",
    "as the sheet's pilot",
    "uniform (rule of HECRL, sheet 2.1)",
    "from the sheet in one more thing",
    "Solver settings: DESIGN section 7",
    "DESIGN gives worlds",
    "see SHAPE.md",
    "departs from the design",
)
FINE = (
    "(Fisher, Statistical Methods for Research Workers, 1934, §21.02)",
    "an mp4 and a contact sheet beside it",
    "sheet, reason = strips(store, world)",
    "def _sheet(figure: Any, sheet: Sequence[Strip])",
    'path.with_name(f"{path.stem}-sheet.png")',
    "SHAPE = slice(5, 5 + len(NAMES))",
)


def text_files() -> list[Path]:
    """Every tracked file that is text, this one left out."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [p for p in paths if p.is_file() and not p.is_symlink() and p != Path(__file__)]


def test_nothing_is_cited_that_no_reader_has() -> None:
    found = []
    for path in text_files():
        content = path.read_bytes()
        if b"\0" in content:
            continue  # pictures, weights
        text = content.decode("utf-8")
        small = text.lower()
        if not any(word in small for word in WORDS):
            continue  # records, mostly: the full expression takes seconds over them
        for number, line in enumerate(text.splitlines(), 1):
            if UNREAD.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}")
    assert not found, "\n".join(found)


@pytest.mark.parametrize("line", FOUND)
def test_such_citations_are_seen(line: str) -> None:
    assert UNREAD.search(line)


@pytest.mark.parametrize("line", FINE)
def test_other_sheets_are_left_alone(line: str) -> None:
    assert not UNREAD.search(line)


def test_every_method_has_a_page() -> None:
    """A folder in agents/ is a method; its page is in the index, and its README points there."""
    folders = [path.parent for path in ROOT.glob("agents/*/specs.py")]
    methods = [f for f in folders if f.name not in ("common", "baselines")]
    assert methods
    index = (ROOT / "docs" / "methods" / "index.md").read_text(encoding="utf-8")
    for folder in methods:
        page = f"{folder.name.replace('_', '-')}.md"
        assert (ROOT / "docs" / "methods" / page).is_file(), (
            f"{folder.name}: no docs/methods/{page}"
        )
        assert f"]({page})" in index
        assert f"docs/methods/{page}" in (folder / "README.md").read_text(encoding="utf-8")


NAMED = [
    (page.name, name)
    for page in sorted((ROOT / "docs" / "methods").glob("*.md"))
    for name in re.findall(
        r"`((?:agents|datasets|envs|leaderboard)(?:\.\w+)+)`", page.read_text(encoding="utf-8")
    )
]


@pytest.mark.parametrize(("page", "name"), NAMED, ids=lambda value: value)
def test_functions_that_pages_of_methods_name_exist(page: str, name: str) -> None:
    parts = name.split(".")
    for size in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(["entitybench", *parts[:size]]))
        except ModuleNotFoundError:
            continue
        for part in parts[size:]:
            found = getattr(found, part)
        return
    raise AssertionError(f"{page} names {name}, which is no module")
