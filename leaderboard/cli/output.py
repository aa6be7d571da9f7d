"""Results on standard output, progress on standard error."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from entitybench.streams import emit, result
from entitybench.streams import note as note
from entitybench.words import spelt, visible

if TYPE_CHECKING:
    from entitybench.leaderboard.tables.render import Tabular


def print_json(value: Any) -> None:
    """The value as JSON, indented, keys in their order."""
    as_it_is = str(getattr(result(), "encoding", "")).lower().replace("-", "") == "utf8"
    text = json.dumps(value, indent=2, ensure_ascii=not as_it_is)
    emit(spelt(text))


def put(text: str) -> None:
    """Words of the result, whatever is in them."""
    emit(visible(text))


def columns(rows: Sequence[Sequence[str]], *, gap: int = 2) -> str:
    """Rows of words as left-aligned columns; the last one is never padded."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))] if rows else []
    return "\n".join(
        (" " * gap)
        .join([word.ljust(width) for word, width in zip(row, widths, strict=True)])
        .rstrip()
        for row in rows
    )


def print_table(table: Tabular, command: str = "bench table RECORD") -> None:
    """A table or comparison: made to fit the terminal, or in full where there is none.

    `command` prints it in other formats too.
    """
    from entitybench.leaderboard.tables.render import fitted, render, rich_table

    if result().isatty():
        from rich.console import Console

        console = Console(file=result())
        grid = fitted(table.grid(), console.width, command)
        console.print(rich_table(grid), crop=False)  # in a handful of columns: folded, not cut off
        return
    put(render(table, "text"))
