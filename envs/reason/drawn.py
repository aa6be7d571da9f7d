"""Problems and answers as text: the table with its slots, the kitchen's facts, steps one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from entitybench.envs.reason import vocabulary as v
from entitybench.envs.reason.english import THINGS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.envs.reason.problem import Line, Problem, State, Verdict
    from entitybench.envs.reason.source import Source

COLUMNS = 3  # of slots on the table
_NOTHING = "·"


def problem(source: Source, asked: Problem) -> str:
    """What is given and what is asked for, side by side."""
    if source.header == v.KITCHEN:
        return _kitchen(asked)
    parts = {"start": table(asked.start)}
    if asked.goal:
        parts["goal"] = table(asked.goal)
    if asked.beside:
        parts["another table"] = table(asked.beside)
    drawing = beside(parts)
    if source.header == v.TRACK:
        drawing += f"\n\nthen {', '.join(v.written([move]) for move in asked.actions)}: what then?"
    return drawing


def table(state: State) -> list[str]:
    """Six slots in two rows, the number of each in its corner."""
    cells = [f"{slot}{_NOTHING if b == v.EMPTY else v.BLOCKS[b]}" for slot, b in enumerate(state)]
    edge = "─" * 4
    lines = []
    for first in range(0, len(cells), COLUMNS):
        lines.append(("├" if first else "┌") + ("┼" if first else "┬").join([edge] * COLUMNS))
        lines[-1] += "┤" if first else "┐"
        row = cells[first : first + COLUMNS]
        lines.append(f"│{'│'.join(f'{cell[0]} {cell[1]} ' for cell in row)}│")
    return [*lines, f"└{'┴'.join([edge] * COLUMNS)}┘"]


def beside(parts: dict[str, list[str]]) -> str:
    """Drawings of equal height next to one another, with titles."""
    widths = [max(len(title), *map(len, lines)) for title, lines in parts.items()]
    rows = [list(parts), *zip(*parts.values(), strict=True)]
    texts = [
        "   ".join(word.ljust(width) for word, width in zip(row, widths, strict=True))
        for row in rows
    ]
    return "\n".join(text.rstrip() for text in texts)


def steps(source: Source, lines: Sequence[Line]) -> str:
    """A chain of thought and an answer, a line a step; ✗ and what is so where it is wrong."""
    rows = [("", "", "is written", "")]
    for line in lines:
        action = "" if line.action is None else v.written([line.action])
        said = "" if line.said is None else v.written(source.state_tokens(line.said))
        rows.append((line.place, action, said, f"✗ {line.why}" if line.why else "✓"))
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    return "\n".join(
        "  ".join(word.ljust(width) for word, width in zip(row, [*widths, 0], strict=True)).rstrip()
        for row in rows
    )


def broken(source: Source, lines: Sequence[Line]) -> str:
    """The first step that is wrong, drawn: what is written, and what is so. "": none is."""
    first = next((line for line in lines if line.why), None)
    if first is None:
        return ""
    said = {} if first.said is None or first.said == first.real else {"is written": first.said}
    states = {**said, "is so": first.real}
    if source.header == v.KITCHEN:
        texts = (f"{name}: {_named(state)}" for name, state in states.items())
        return f"{first.place}: {first.why}\n" + "\n".join(texts)
    drawing = beside({name: table(state) for name, state in states.items()})
    return f"{first.place}: {first.why}\n{drawing}"


def verdict(found: Verdict, unit: str) -> str:
    """One line."""
    if found.right:
        return "right"
    where = f", {unit} {found.step}" if found.step is not None else ""
    return f"wrong{where}: {found.why}"


def _kitchen(asked: Problem) -> str:
    rows = [("", "at the start", "wanted")]
    for name, on, wanted in zip(THINGS, asked.start, asked.goal, strict=True):
        rows.append((name, "done" if on else _NOTHING, "done" if wanted else _NOTHING))
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    lines = [
        "  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    for sign, x, y in filter(None, map(v.rule, asked.rules)):
        verb = "needs" if sign == "<" else "undoes"
        lines.append(f"{v.FACTS[x]}{sign}{v.FACTS[y]}: {THINGS[x]} {verb} {THINGS[y]}")
    lines.append(f"in {asked.most} action{'s' if asked.most > 1 else ''} at most")
    return "\n".join(lines)


def _named(state: State) -> str:
    return ", ".join(name for name, on in zip(THINGS, state, strict=True) if on) or "nothing done"
