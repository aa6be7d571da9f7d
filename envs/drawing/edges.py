"""How large pictures may be, and from where they are seen; loads nothing that draws."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from entitybench.errors import BadValue

if TYPE_CHECKING:
    from collections.abc import Sequence

LARGEST = 4096  # pixels along an edge


def check_edge(name: str, edge: Any) -> None:
    """Raise BadValue unless `edge`, the width or height of a picture, is one that can be drawn."""
    if not isinstance(edge, int) or isinstance(edge, bool) or not 1 <= edge <= LARGEST:
        raise BadValue(f"the {name} of a picture is 1 to {LARGEST} pixels: got {edge!r}.")


def check_view(view: Any, cameras: Sequence[str]) -> None:
    """Raise BadValue unless there is such a camera."""
    if view not in cameras:
        raise BadValue(f"no view {view!r}; choose one of {', '.join(cameras)}.")


def check_observed(pixels: Any, view: Any, cameras: Sequence[str]) -> None:
    """Raise BadValue for images that no world gives as observations; `pixels` None: it gives none.

    So worlds check what they are made with, also the camera that nothing is observed through.
    """
    if pixels is not None and not (isinstance(pixels, int) and 16 <= pixels <= 1024):
        raise BadValue(f"images have 16 to 1024 pixels along an edge: got {pixels!r}.")
    check_view(view, cameras)
