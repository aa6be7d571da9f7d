"""Sizes that all learners of videos share, by preset: tokenizers fit what is built on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

FRAMES: Mapping[str, Mapping[str, Any]] = {
    "tiny": {"channels": (8, 8, 8), "levels": (5, 5, 5)},
    "small": {},
    "paper": {"channels": (128, 128, 128), "levels": (4, 4, 4, 4, 4)},
}
SIZES: Mapping[str, Mapping[str, Any]] = {
    "tiny": {
        **FRAMES["tiny"],
        "width": 16,
        "blocks": 1,
        "heads": 2,
        "action_dim": 2,
        "window": 4,
        "unroll": 2,
        "batch_size": 2,
    },
    "small": {},
    "paper": {
        **FRAMES["paper"],
        "width": 256,
        "heads": 8,
        "action_dim": 64,
        "window": 10,
        "unroll": 5,
        "batch_size": 32,
    },
}
