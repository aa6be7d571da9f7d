"""JSON of other hands, read so that nothing in it can end a program."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator

DEEPEST = 100  # brackets within one another; what is read is walked and written again
# NUL, which PostgreSQL keeps in no text, and half a character, which UTF-8 cannot write.
_UNFIT = re.compile("[\\x00\\ud800-\\udfff]")
_ESCAPED = re.compile(r"\\u(0000|[dD][89abAB])")


def parsed(text: str | bytes, *, finite: bool = False, keepable: bool = False) -> Any:
    """The value that a JSON text stands for.

    Args:
        text: of a file that anybody may have written.
        finite: whether NaN and Infinity, which JSON does not know and Python writes, are refused.
        keepable: whether characters are refused that no database or file keeps.

    Raises:
        ValueError: it is no JSON in UTF-8, nests too deeply, or holds what is refused.
    """
    text = text.decode() if isinstance(text, bytes) else text
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
            # Nearly always there are no such escapes, and nothing else is walked for them.
            escaped = _ESCAPED.search(text) and any(map(_UNFIT.search, _all(found)))
            if keepable and (escaped or _UNFIT.search(text)):
                raise ValueError("it holds NUL or half a character, which nothing can keep")
            return found
    raise ValueError("its brackets nest too deeply")


def _all(value: Any) -> Iterator[str]:
    """The texts in a value, names too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _all(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _all(inner)


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"it holds {name}, what JSON does not know")
