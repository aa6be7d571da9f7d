"""What every table comes down to before it is printed."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Grid:
    """Words in rows and columns; the first column names the row."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    short: Grid | None = None  # the same in fewer letters, for a narrow terminal
    spare: tuple[str, ...] = ()  # columns that may be left out there, the least important first

    def without(self, title: str) -> Grid:
        """The grid less a column and the notes on it, which begin with its name and a colon."""
        k = self.header.index(title)
        header, *rows = (line[:k] + line[k + 1 :] for line in (self.header, *self.rows))
        about = f"{title.partition(' ')[0]}:".lower()
        notes = tuple(words for words in self.notes if not words.lower().startswith(about))
        return replace(self, header=header, rows=tuple(rows), notes=notes)
