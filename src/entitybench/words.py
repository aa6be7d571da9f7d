"""Words of others (names in files, messages of exceptions) as they may be shown to a person.

Whatever they hold: terminals obey escapes, a line break would make two lines of one, and a message
may be longer than anybody reads.
"""

from __future__ import annotations

import json
import traceback
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST = 300  # characters of a reason
MOST = 4000  # of a line


def one_line(text: str) -> str:
    """The text with what cannot be printed in a line written out, line breaks for one."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _written_out(c) for c in text)


def visible(text: str) -> str:
    """The text of one or more lines with what a terminal would obey written out."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else _written_out(c) for c in text)


def spelt(text: str) -> str:
    """JSON text with what a terminal would obey in the spelling that JSON has for it."""
    if text.isprintable():
        return text
    # It can stand in strings alone.
    signs = (c if c.isprintable() or c in "\n\t" else json.dumps(c)[1:-1] for c in text)
    return "".join(signs).replace("\x7f", "\\u007f")


def squeezed(text: str, longest: int = MOST) -> str:
    """The text as one line, white space as single spaces, cut where it is long."""
    line = one_line(" ".join(text[: 16 * longest].split()))
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def reason(error: BaseException, longest: int = LONGEST) -> str:
    """What an exception says, as one line, cut where it is long; else the name of its class."""
    return squeezed(text_of(error), longest).rstrip(".") or class_name(error)


def text_of(error: BaseException) -> str:
    """`str` of an exception; empty where that raises."""
    try:
        return str(error)
    except KeyboardInterrupt:
        raise
    except BaseException:
        return ""


def named(error: BaseException, longest: int = LONGEST) -> str:
    """The class of an exception and what it says, where that is more."""
    name, text = class_name(error), reason(error, longest)
    if isinstance(error, SystemExit):
        text = squeezed(repr(error.code), longest)
    return name if text == name else f"{name}: {text}"


def place(error: BaseException) -> str:
    """The line of the program that raised, as "file.py:3"; empty where none is known."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return ""
    name = frames[-1].filename.replace("\\", "/").rpartition("/")[2]
    return f"{squeezed(name, 80)}:{frames[-1].lineno}"


def class_name(value: object) -> str:
    """The name of a value's class, as one line."""
    return squeezed(type(value).__name__, 80)


def by_shape(shapes: Mapping[str, str]) -> str:
    """`actions (B, 2), rewards masks (B,)`: the names of arrays, those of one shape together."""
    together: dict[str, list[str]] = {}
    for name, shape in shapes.items():
        together.setdefault(shape, []).append(name)
    return ", ".join(f"{' '.join(names)} {shape}" for shape, names in together.items())


def _written_out(sign: str) -> str:
    return "\u00a0" if sign == "\u00a0" else repr(sign)[1:-1]
