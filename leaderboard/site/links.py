"""Addresses: a page has a path, and a frame says how links to it are written."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from urllib.parse import quote

from entitybench.leaderboard.board.entries import slug

HOME = "index"


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a page is shown.

    Attributes:
        root: what leads from the page to the site's root: "/" of a server, "../" of a file one
            folder down.
        suffix: of pages: ".html" of files.
        live: whether every filter has a page, as on a server; of files those with one filter.
    """

    root: str = ""
    suffix: str = ".html"
    live: bool = False

    def page(self, path: str) -> str:
        """The address of a page."""
        if path == HOME and not self.suffix:
            return self.root
        return f"{self.root}{quote(path)}{self.suffix}"

    def file(self, path: str) -> str:
        """The address of a file beside the pages: style, picture, data."""
        return f"{self.root}{quote(path)}"


def for_file(path: str) -> Frame:
    """The frame of a page that is a file at its path."""
    return Frame(root="../" * path.count("/"))


SERVER = Frame(root="/", suffix="", live=True)


def named(id: str) -> str:
    """An id as a part of a path; of one with other signs also a part of its hash."""
    plain = slug(id)
    return plain if plain == id else f"{plain}-{hashlib.sha256(id.encode()).hexdigest()[:8]}"


def task(id: str) -> str:
    """The path of a task's page."""
    return f"task/{named(id)}"


def agent(id: str) -> str:
    """The path of an agent's page."""
    return f"agent/{named(id)}"


def dataset(id: str) -> str:
    """The path of a dataset's page."""
    return "dataset/" + "/".join(map(named, id.split("/")))


def suite(id: str) -> str:
    """The path of a suite's page."""
    return f"suite/{named(id)}"


def submission(id: str, part: int = 1) -> str:
    """The path of a row's page, whose table of episodes may have several parts."""
    return f"submission/{named(id)}" + (f"/part.{part}" if part > 1 else "")


def compare(id: str) -> str:
    """The path of the page on a row against the others of its task."""
    return f"compare/{named(id)}"


def episodes(task: str) -> str:
    """The path of the page that shows a task's episodes in 3-D, and of the folder of its files."""
    return f"episodes/{named(task)}"


def claim(method: str, name: str) -> str:
    """The path of a claim's page."""
    return f"claim/{named(method)}/{named(name)}"
