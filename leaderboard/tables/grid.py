"""What every table comes down to before it is printed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

from entitybench.words import one_line


@dataclass(frozen=True)
class Grid:
    """Words in rows and columns; the first column names the row."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    short: Grid | None = None  # the same in fewer letters, for a narrow terminal
    spare: tuple[str, ...] = ()  # columns that may be left out there, the least important first
    rules: tuple[int, ...] = ()  # rows above which a line is drawn

    @property
    def groups(self) -> list[tuple[tuple[str, ...], ...]]:
        """The rows between the lines."""
        ends = (0, *self.rules, len(self.rows))
        return [self.rows[a:b] for a, b in pairwise(ends)]

    def __post_init__(self) -> None:
        # Names come from files: a line break in one would break its row, an escape the terminal.
        object.__setattr__(self, "title", one_line(self.title))
        object.__setattr__(self, "header", tuple(map(one_line, self.header)))
        object.__setattr__(self, "rows", tuple(tuple(map(one_line, row)) for row in self.rows))
        object.__setattr__(self, "notes", tuple(map(one_line, self.notes)))

    def without(self, title: str) -> Grid:
        """The grid less a column and the notes on it, which begin with its name and a colon."""
        k = self.header.index(title)
        header, *rows = (line[:k] + line[k + 1 :] for line in (self.header, *self.rows))
        about = f"{title.partition(' ')[0]}:".lower()
        notes = tuple(words for words in self.notes if not words.lower().startswith(about))
        return replace(self, header=header, rows=tuple(rows), notes=notes)
