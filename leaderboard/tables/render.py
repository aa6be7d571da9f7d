"""Tables and comparisons as text, Markdown, CSV, HTML or JSON."""

from __future__ import annotations

import csv
import html
import io
import json
from typing import TYPE_CHECKING, Any, Protocol

from entitybench.errors import unknown

if TYPE_CHECKING:
    from rich.console import RenderableType

    from entitybench.leaderboard.tables.grid import Grid

FORMATS = ("text", "markdown", "csv", "html", "json")

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem; color: #1c1e21; background: #fff; }
table { border-collapse: collapse; }
caption { text-align: left; font-weight: 600; padding: .4rem 0; }
th, td { padding: .3rem .9rem .3rem 0; text-align: right; font-variant-numeric: tabular-nums; }
th:first-child, td:first-child { text-align: left; }
thead th { border-bottom: 2px solid #1c1e21; font-weight: 600; }
tbody tr { border-bottom: 1px solid #dcdfe4; }
p { color: #5a6069; max-width: 60rem; }
""".strip()


class Tabular(Protocol):
    """A table or comparison."""

    def grid(self) -> Grid: ...
    def values(self) -> list[dict[str, Any]]: ...
    def to_json(self) -> dict[str, Any]: ...


class Rendered:
    """Gives a Tabular its formats as methods."""

    def text(self: Tabular) -> RenderableType:
        """A rich table, folded to the width of the terminal."""
        return rich_table(self.grid())

    def markdown(self: Tabular) -> str:
        """A GitHub table."""
        return render(self, "markdown")

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
    if format == "html":
        return page(thing.grid())
    if format == "csv":
        return comma_separated(thing.values())
    if format == "json":
        return json.dumps(thing.to_json(), indent=1, ensure_ascii=False)
    raise unknown("format", format, FORMATS, see="bench table --help")


def rich_table(grid: Grid) -> RenderableType:
    """For a terminal."""
    from rich import box
    from rich.table import Table

    table = Table(
        title=grid.title, title_justify="left", box=box.SIMPLE_HEAD, caption_justify="left"
    )
    for k, name in enumerate(grid.header):
        table.add_column(name, justify="left" if k == 0 else "right", overflow="fold")
    for row in grid.rows:
        table.add_row(*row)
    table.caption = "\n".join(grid.notes) or None
    return table


def plain(grid: Grid) -> str:
    """Aligned columns, whatever the width."""
    lines = [grid.header, *grid.rows]
    widths = [max(len(line[k]) for line in lines) for k in range(len(grid.header))]
    rule = "  ".join("─" * width for width in widths)

    def aligned(line: tuple[str, ...]) -> str:
        first, *rest = line
        cells = [f"{word:>{width}}" for word, width in zip(rest, widths[1:], strict=True)]
        return "  ".join([f"{first:<{widths[0]}}", *cells])

    body = [aligned(grid.header), rule, *(aligned(row) for row in grid.rows)]
    return "\n".join([grid.title, "", *body, *(["", *grid.notes] if grid.notes else [])])


def markdown(grid: Grid) -> str:
    """A GitHub table with its title and notes as paragraphs."""

    def line(cells: tuple[str, ...]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    rule = "|---|" + "---:|" * (len(grid.header) - 1)
    body = [line(grid.header), rule, *(line(row) for row in grid.rows)]
    return "\n".join([grid.title, "", *body, *(["", *grid.notes] if grid.notes else [])])


def page(grid: Grid) -> str:
    """A self-contained HTML page."""

    def cells(tag: str, row: tuple[str, ...]) -> str:
        return "".join(f"<{tag}>{html.escape(word)}</{tag}>" for word in row)

    head = f"<thead><tr>{cells('th', grid.header)}</tr></thead>"
    body = "\n".join(f"<tr>{cells('td', row)}</tr>" for row in grid.rows)
    notes = "\n".join(f"<p>{html.escape(note)}</p>" for note in grid.notes)
    title = html.escape(grid.title)
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
            f"<title>{title}</title>\n<style>\n{_STYLE}\n</style></head><body>",
            f"<table><caption>{title}</caption>",
            head,
            f"<tbody>\n{body}\n</tbody></table>",
            f"{notes}\n</body></html>" if notes else "</body></html>",
        ]
    )


def comma_separated(rows: list[dict[str, Any]]) -> str:
    """CSV with a header line; missing numbers are empty."""
    file = io.StringIO()
    writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: "" if value is None else value for key, value in row.items()})
    return file.getvalue().rstrip("\n")
