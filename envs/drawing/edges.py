"""How large pictures may be; loads nothing that draws."""

from __future__ import annotations

from typing import Any

from entitybench.errors import BadValue

LARGEST = 4096  # pixels along an edge


def check_edge(name: str, edge: Any) -> None:
    """Raise BadValue unless `edge`, the width or height of a picture, is one that can be drawn."""
    if not isinstance(edge, int) or isinstance(edge, bool) or not 1 <= edge <= LARGEST:
        raise BadValue(f"the {name} of a picture is 1 to {LARGEST} pixels: got {edge!r}.")
