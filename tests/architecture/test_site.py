"""The documentation's navigation: every page is in it, and what is in it is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def _listed() -> list[str]:
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    nav = text.partition("\nnav:\n")[2].partition("\nvalidation:")[0]
    return re.findall(r"([\w./-]+\.md)$", nav, re.MULTILINE)


def test_every_page_is_in_the_navigation() -> None:
    """But for those of single datasets, which their index lists."""
    pages = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    own = {page for page in pages if re.fullmatch(r"datasets/.+/.+\.md", page)}
    listed = _listed()
    assert sorted(listed) == sorted(pages - own), "mend nav in mkdocs.yml"


def test_groups_of_the_navigation() -> None:
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    nav = text.partition("\nnav:\n")[2]
    groups = re.findall(r"^  - (\w+):$", nav, re.MULTILINE)
    assert groups == ["Worlds", "Data", "Methods", "Evaluation", "Extend", "Reference"]
