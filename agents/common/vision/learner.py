"""Learners of videos: where their frames come from, and how frames become numbers and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from entitybench.agents.common.bounds import WIDTH, bounded
from entitybench.agents.common.config import TorchConfig
from entitybench.agents.common.learner import TorchLearner
from entitybench.agents.common.vision.tokenizer import Tokenizer
from entitybench.datasets.api import Dataset
from entitybench.errors import BadValue

if TYPE_CHECKING:
    from entitybench.types import Array, Batch

Tensor = torch.Tensor
TOKENIZER = "tokenizer"  # the group of parameters of every tokenizer


@dataclass(frozen=True, kw_only=True)
class VideoConfig(TorchConfig):
    """Frames and the tokens they become."""

    pixels: int = 64  # along an edge
    channels: tuple[int, ...] = (16, 32, 64)  # of the tokenizer; each stage halves the edge
    levels: tuple[int, ...] = (8, 8, 8, 6, 5)  # of the numbers of a code
    batch_size: int = 16
    grad_clip: float | None = 1.0
    compile: bool = False  # a compiler takes longer than the updates of a small preset

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, pixels="[16, 1024]", channels=WIDTH, levels="[2, 256]")
        stride = Tokenizer(self.channels, self.levels).stride
        if self.pixels % stride:
            raise BadValue(
                f"pixels is a multiple of {stride}, the pixels of a token along an edge: got "
                f"{self.pixels}."
            )


class VideoLearner(TorchLearner):
    """Learns from frames alone, unless it says that it reads actions."""

    config: Any

    @property
    def tokenizer(self) -> Tokenizer:
        return Tokenizer(self.config.channels, self.config.levels)

    def source(self, data: Any) -> Film:
        """The frames of a dataset. Raises BadValue where there are none of this size."""
        return Film(Dataset.of(data), self.config.pixels, self.config.agent)

    def looked_at(self, clips: Array) -> Tensor:
        """Frames (B T, 3, H, W) in [0, 1] of clips (B, T, H, W, 3) uint8. Raises BadValue."""
        edge, shape = self.config.pixels, np.shape(clips)
        if len(shape) != 5 or shape[2:] != (edge, edge, 3) or np.asarray(clips).dtype != np.uint8:
            raise BadValue(
                f"{self.config.agent} sees clips (B, T, {edge}, {edge}, 3) uint8: got "
                f"{np.asarray(clips).dtype} of the shape {shape}."
            )
        if shape[1] < 2:
            raise BadValue("a clip has two frames or more: got one, after which nothing comes.")
        return as_numbers(torch.as_tensor(clips, device=self.device)).flatten(0, 1)

    @torch.inference_mode()
    def rebuilt(self, clips: Array) -> Array:
        """All frames (B, T, H, W, 3) of clips, out of their codes. Raises BadValue."""
        params, shape = self.params[TOKENIZER], np.shape(clips)
        tokens = self.tokenizer.encode(params, self.looked_at(clips))
        return as_frames(self.tokenizer.decode(params, tokens)).reshape(shape)


class Film:
    """The frames of a dataset, to draw from.

    Raises BadValue for a dataset without frames, or with frames of another size.
    """

    def __init__(self, store: Dataset, pixels: int, who: str) -> None:
        self.store, self.frames = store, store.frames()
        if self.frames.shape[1:] != (pixels, pixels, 3):
            shape = " x ".join(map(str, self.frames.shape[1:]))
            raise BadValue(
                f"{store.id} has frames of {shape}, and {who} learns from {pixels} x {pixels} x 3: "
                f"draw those in another folder (`bench generate {store.id} --pixels {pixels} --out "
                f"FOLDER`), or set pixels."
            )
        self._samplers: dict[tuple[int, bool], Any] = {}

    def stills(self, count: int, rng: np.random.Generator) -> Array:
        """Single frames (count, H, W, 3) uint8."""
        return self.frames[rng.integers(len(self.frames), size=count)]

    def clips(
        self, count: int, steps: int, rng: np.random.Generator, *, actions: bool = False
    ) -> Batch:
        """Pieces of episodes: "frames" (count, steps + 1, H, W, 3) uint8; "actions" if asked for.

        Raises BadValue where no episode is that long.
        """
        key = (steps, actions)
        if key not in self._samplers:
            columns = ["frames", "actions"] if actions else ["frames"]
            self._samplers[key] = self.store.window_sampler(steps, columns=columns)
        drawn = self._samplers[key].sample(count, rng)
        found = {"frames": drawn["frames"]}
        if actions:
            found["actions"] = drawn["actions"].reshape(count, steps, -1)
        return found


def as_numbers(frames: Tensor) -> Tensor:
    """(..., H, W, 3) uint8 -> (..., 3, H, W) in [0, 1]."""
    return frames.movedim(-1, -3).float() / 255


def as_frames(numbers: Tensor) -> Array:
    """(..., 3, H, W) -> (..., H, W, 3) uint8."""
    found = (numbers.clamp(0, 1) * 255).round().to(torch.uint8)
    return np.ascontiguousarray(found.movedim(-3, -1).cpu().numpy())
