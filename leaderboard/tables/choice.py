"""The error for a name out of a few."""

from __future__ import annotations

from typing import TYPE_CHECKING

from entitybench.errors import UnknownId, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable


def not_among(what: str, value: str, names: Iterable[str]) -> UnknownId:
    """The error for a value that is none of the names, which it lists."""
    known = list(names)
    close = nearest(value, known, count=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return UnknownId(f"unknown {what} {value!r}.{hint} There are: {', '.join(known)}.")
