"""Written by `python -m entitybench.datasets.catalogue.shapes`."""

from __future__ import annotations

SHAPES: dict[str, dict[str, int]] = {}
