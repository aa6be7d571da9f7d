"""A grid as a LaTeX table with booktabs' rules, to be pasted into a paper."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from entitybench.leaderboard.tables.grid import Grid

# What means something to LaTeX, and signs that older fonts lack; one pass, so nothing is escaped
# twice.
_SIGNS = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "†": r"\textdagger{}",
    "×": r"$\times$",
    "±": r"$\pm$",
    "−": r"$-$",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "–": "--",
}
_MINUS = re.compile(r"(?<![\w.)\]])-(?=\d)")  # of a number, not the hyphen of push-3blocks
_SIGN = re.compile("|".join(map(re.escape, _SIGNS)))


def escaped(text: str) -> str:
    """The text as LaTeX shows it, the minus of a number as a minus."""
    return _SIGN.sub(lambda found: _SIGNS[found[0]], _MINUS.sub("−", text))


def latex(grid: Grid) -> str:
    """A table environment; it needs the package booktabs. Title and notes are its caption."""

    def line(cells: tuple[str, ...]) -> str:
        words = " & ".join(map(escaped, cells))
        # After the \\ or the rule of the line before, a bracket would begin an option.
        return f"{'{[}' + words[1:] if words.startswith('[') else words} \\\\"

    caption = " ".join([f"{grid.title}.", *grid.notes])
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{escaped(caption)}}}",
            rf"\begin{{tabular}}{{l{'r' * (len(grid.header) - 1)}}}",
            r"\toprule",
            line(grid.header),
            *(words for group in grid.groups for words in (r"\midrule", *map(line, group))),
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
        ]
    )
