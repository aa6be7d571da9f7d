"""JSON of other hands, read so that nothing in it can end a program."""

from __future__ import annotations

import json
from typing import Any, NoReturn

DEEPEST = 100  # brackets within one another; what is read is walked and written again


def parsed(text: str | bytes, *, finite: bool = False) -> Any:
    """The value that a JSON text stands for.

    Args:
        text: of a file that anybody may have written.
        finite: whether NaN and Infinity, which JSON does not know and Python writes, are refused.

    Raises:
        ValueError: it is no JSON, or nests too deeply.
    """
    try:
        found = json.loads(text, parse_constant=_no_number if finite else None)
    except RecursionError:
        raise ValueError("its brackets nest too deeply") from None
    level = [found]
    for _ in range(DEEPEST):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return found
    raise ValueError("its brackets nest too deeply")


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"it holds {name}, what JSON does not know")
