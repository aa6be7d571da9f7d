"""Tables and comparisons as text, Markdown, LaTeX, CSV, HTML or JSON."""

from __future__ import annotations

import csv
import html
import io
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from entitybench.errors import unknown
from entitybench.leaderboard.tables.latex import latex
from entitybench.words import spelt

if TYPE_CHECKING:
    from rich.console import RenderableType

    from entitybench.leaderboard.tables.grid import Grid

FORMATS = ("text", "markdown", "latex", "csv", "html", "json")

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem; color: #1c1e21; background: #fff; }
table { border-collapse: collapse; }
caption { text-align: left; font-weight: 600; padding: .4rem 0; }
th, td { padding: .3rem .9rem .3rem 0; text-align: right; font-variant-numeric: tabular-nums; }
th:first-child, td:first-child { text-align: left; }
thead th { border-bottom: 2px solid #1c1e21; font-weight: 600; }
tbody tr { border-bottom: 1px solid #dcdfe4; }
tbody + tbody { border-top: 2px solid #1c1e21; }
p { color: #5a6069; max-width: 60rem; }
""".strip()


class Tabular(Protocol):
    """A table or comparison."""

    def grid(self) -> Grid: ...
    def values(self) -> list[dict[str, Any]]: ...
    def to_json(self) -> dict[str, Any]: ...


class Rendered:
    """Gives a Tabular its formats as methods."""

    def __repr__(self: Tabular) -> str:
        return render(self, "text")

    def _repr_html_(self: Tabular) -> str:
        """For notebooks."""
        return fragment(self.grid())

    def text(self: Tabular) -> RenderableType:
        """A rich table; narrower than its numbers it cannot be, so see `fitted`."""
        return rich_table(self.grid())

    def markdown(self: Tabular) -> str:
        """A GitHub table."""
        return render(self, "markdown")

    def latex(self: Tabular) -> str:
        """A table environment with booktabs' rules."""
        return render(self, "latex")

    def csv(self: Tabular) -> str:
        """One line a row, one number a column."""
        return render(self, "csv")

    def html(self: Tabular) -> str:
        """A page of its own, without scripts or links."""
        return render(self, "html")


def render(thing: Tabular, format: str) -> str:
    """A table in one of FORMATS, without a line break at the end. Raises UnknownId."""
    if format == "text":
        return plain(thing.grid())
    if format == "markdown":
        return markdown(thing.grid())
    if format == "latex":
        return latex(thing.grid())
    if format == "html":
        return page(thing.grid())
    if format == "csv":
        return comma_separated(thing.values())
    if format == "json":
        return spelt(json.dumps(thing.to_json(), indent=1, ensure_ascii=False))
    raise unknown("format", format, FORMATS, see="bench table --help")


def fitted(grid: Grid, width: int, command: str) -> Grid:
    """The grid that `rich_table` gets into a terminal without breaking a word or a number.

    Args:
        grid: in full.
        width: of the terminal, columns of letters.
        command: prints the whole table; it is named where columns had to be left out.

    Returns:
        The grid as it is, with short words, or less its spare columns. Only names of rows may still
        be folded, at spaces where they have some.
    """
    if grid.short is None or _width(grid, whole=True) <= width:
        return grid
    short, left = grid.short, list[str]()
    if _width(short, whole=True) <= width:
        return short
    for name in short.spare:
        if _width(short) <= width:
            break
        short = short.without(name)
        left.append(name)
    if not left:
        return short
    note = (
        f"Left out in {width} columns: {', '.join(left)}. A wider terminal shows all, and so does "
        f"`{command} --format markdown` (or --json)."
    )
    return replace(short, notes=(*short.notes, note))


_NAME = 20  # letters of a name that are never folded


def _needs(words: tuple[str, ...], first: bool, whole: bool) -> int:
    """The letters that a column needs: its numbers whole, its names whole or by the word."""
    names, numbers = (words, ()) if first else (words[:1], words[1:])
    parts = names if whole else " ".join(names).split()
    widest = max(map(len, parts), default=0)
    return max(widest if whole else min(widest, _NAME), *map(len, numbers), 0)


def _width(grid: Grid, *, whole: bool = False) -> int:
    """The letters that a grid needs side by side."""
    columns = list(zip(grid.header, *grid.rows, strict=True))
    widths = [_needs(words, k == 0, whole) for k, words in enumerate(columns)]
    return sum(widths) + 3 * len(widths) + 1  # what the box and the padding take


def rich_table(grid: Grid) -> RenderableType:
    """For a terminal. Only names get narrower, never a number."""
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    # Text: in a plain string rich would take [words] in brackets for orders.
    table = Table(title=Text(grid.title), title_justify="left", box=box.SIMPLE_HEAD)
    columns = list(zip(grid.header, *grid.rows, strict=True))
    for k, words in enumerate(columns):
        table.add_column(
            Text(words[0]),
            justify="left" if k == 0 else "right",
            overflow="fold",
            min_width=_needs(words, k == 0, whole=False),
        )
    for k, row in enumerate(grid.rows):
        table.add_row(*map(Text, row), end_section=k + 1 in grid.rules)
    return Group(table, Text("\n".join(grid.notes))) if grid.notes else table


def plain(grid: Grid) -> str:
    """Aligned columns, whatever the width."""
    lines = [grid.header, *grid.rows]
    widths = [max(len(line[k]) for line in lines) for k in range(len(grid.header))]
    rule = "  ".join("─" * width for width in widths)

    def aligned(line: tuple[str, ...]) -> str:
        first, *rest = line
        cells = [f"{word:>{width}}" for word, width in zip(rest, widths[1:], strict=True)]
        return "  ".join([f"{first:<{widths[0]}}", *cells])

    body = [aligned(grid.header)]
    for group in grid.groups:
        body += [rule, *map(aligned, group)]
    return "\n".join([grid.title, "", *body, *(["", *grid.notes] if grid.notes else [])])


def markdown(grid: Grid) -> str:
    """A GitHub table with its title and notes as paragraphs; an empty row for a line."""

    def line(cells: tuple[str, ...]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    rule = "|---|" + "---:|" * (len(grid.header) - 1)
    body = [line(grid.header), rule]
    for k, group in enumerate(grid.groups):
        body += [line(("",) * len(grid.header))] if k else []
        body += map(line, group)
    return "\n".join([grid.title, "", *body, *(["", *grid.notes] if grid.notes else [])])


def page(grid: Grid) -> str:
    """A self-contained HTML page."""
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
            f"<title>{html.escape(grid.title)}</title>\n<style>\n{_STYLE}\n</style></head><body>",
            f"{fragment(grid)}\n</body></html>",
        ]
    )


def fragment(grid: Grid) -> str:
    """A table and its notes, to be put into a page."""

    def cells(tag: str, row: tuple[str, ...]) -> str:
        return "".join(f"<{tag}>{html.escape(word)}</{tag}>" for word in row)

    head = f"<thead><tr>{cells('th', grid.header)}</tr></thead>"
    body = "\n</tbody><tbody>\n".join(
        "\n".join(f"<tr>{cells('td', row)}</tr>" for row in group) for group in grid.groups
    )
    notes = "\n".join(f"<p>{html.escape(note)}</p>" for note in grid.notes)
    title = html.escape(grid.title)
    table = [f"<table><caption>{title}</caption>", head, f"<tbody>\n{body}\n</tbody></table>"]
    return "\n".join([*table, notes] if notes else table)


def comma_separated(rows: list[dict[str, Any]]) -> str:
    """CSV with a header line; missing numbers are empty."""
    file = io.StringIO()
    writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: "" if value is None else value for key, value in row.items()})
    return file.getvalue().rstrip("\n")
