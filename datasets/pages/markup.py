"""Values and words of a manifest as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from entitybench.words import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def number(value: float) -> str:
    """A number for people: four digits, thousands apart."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def percent(share: float | None) -> str:
    """A share of 1 in percent."""
    return "–" if share is None else f"{100 * share:.3g} %"


def megabytes(manifest: Mapping[str, Any]) -> str:
    """The size of a store on disk."""
    size = sum(about["bytes"] for about in manifest["files"].values())
    return f"{size / 1e6:,.0f} MB" if size >= 1e7 else f"{size / 1e6:.2g} MB"


def plain(value: Any) -> str:
    """A manifest's words in running text: nothing in them is markup."""
    text = one_line(" ".join(str(value).split()))
    return "".join(f"&#{ord(sign)};" if sign in "<>&[]*_`|\\#" else sign for sign in text)


def code(value: Any) -> str:
    """A manifest's words as code, also in a table."""
    text = one_line(" ".join(str(value).split()))
    return f"`{text.replace('`', chr(39)).replace('|', '/')}`"


def table(rows: Sequence[Sequence[str]]) -> str:
    """A table; the first row is its head."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


def fence(language: str, lines: Sequence[str]) -> str:
    """Lines of code."""
    start = "$ " if language == "console" else ""
    return "\n".join([f"```{language}", *(start + line if line else "" for line in lines), "```"])


def arguments(kwargs: Mapping[str, Any]) -> str:
    """Arguments by name, as code."""
    return ", ".join(f"{code(f'{key}={value(one)}')}" for key, one in kwargs.items())


def value(one: Any) -> str:
    """An argument; of "module:Class" the class."""
    return str(one).rpartition(":")[2] if isinstance(one, str) else str(one)
