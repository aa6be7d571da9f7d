"""The lower end of every table of videos: nothing moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from entitybench.agents.baselines.scripted import Unlearned

if TYPE_CHECKING:
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array


class CopyFrame(Unlearned):
    """Repeats the first frame."""

    def roll_out(self, clips: Array, actions: Array, rng: BatchGenerator) -> Array:
        """Frames (B, T, H, W, 3); see `entitybench.types.Predictor`."""
        del actions, rng
        return clips[:, :1].repeat(clips.shape[1] - 1, axis=1)
