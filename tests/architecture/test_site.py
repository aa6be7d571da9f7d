"""The documentation's navigation: every page is in it, and what is in it is there."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import pytest

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


def test_the_first_page_links_every_page_and_the_examples() -> None:
    """But for the methods, which their index lists."""
    text = (DOCS / "index.md").read_text(encoding="utf-8")
    for page in _listed():
        own = page.startswith("methods/") and page != "methods/index.md"
        assert own or page == "index.md" or f"]({page})" in text, f"docs/index.md lacks {page}"
    assert "](../examples/README.md)" in text


def test_the_site_has_the_examples() -> None:
    """Their links are right in the checkout and in the site."""
    pytest.importorskip("mkdocs", reason="pip install -e '.[docs]'")
    from mkdocs.structure.files import Files

    from entitybench.leaderboard.documents.site import on_files, on_page_markdown

    config = SimpleNamespace(
        docs_dir=str(DOCS),
        site_dir=str(ROOT / "site"),
        use_directory_urls=True,
        plugins=SimpleNamespace(_current_plugin="site"),
    )
    files = on_files(Files([]), config=config)
    assert {file.src_uri for file in files} == {
        f"examples/{path.name}" for path in (ROOT / "examples").glob("*.*")
    }
    text = on_page_markdown((DOCS / "index.md").read_text(encoding="utf-8"))
    linked = re.findall(r"\]\((examples/[^)]+)\)", text)
    assert "examples/README.md" in linked
    assert all(files.get_file_from_path(link) is not None for link in linked)
