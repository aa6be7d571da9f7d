"""What pages of the documentation show: blocks of code, by language and title."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)^```", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    language: str
    title: str  # of a file; "" for what is run
    text: str


def blocks(page: Path) -> list[Block]:
    """In the order of the page."""
    return [Block(*found) for found in _BLOCK.findall(page.read_text(encoding="utf-8"))]


def write_files(page: Path, folder: Path) -> None:
    """The files that a page shows."""
    folder.mkdir(parents=True, exist_ok=True)
    for block in blocks(page):
        if block.title:
            (folder / block.title).write_text(block.text, encoding="utf-8")
