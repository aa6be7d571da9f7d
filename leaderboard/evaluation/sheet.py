"""The contact sheet of a film: a row of pictures for each episode, from its start to its end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.types import Array

SHOTS = 8  # pictures of an episode
_KEPT = 64  # pictures that are kept until it is known where the episode ends
_INK, _PAPER = (28, 30, 33), (255, 255, 255)


@dataclass
class Strip:
    """Pictures of one episode while it runs: at equal distances, and what must not be missed."""

    seed: int
    every: int = 1  # steps between pictures
    kept: dict[int, Array] = field(default_factory=dict)  # by step
    success: tuple[int, Array] | None = None  # the first one
    last: tuple[int, Array] | None = None

    def wants(self, step: int) -> bool:
        """Whether a picture of this step may be needed, success and the end apart."""
        return step % self.every == 0

    def add(self, step: int, picture: Array, success: bool) -> None:
        """A picture (H, W, 3) of the state after `step` control steps."""
        if success and self.success is None:
            self.success = (step, picture)
        self.last = (step, picture)
        if self.wants(step):
            self.kept[step] = picture
        if len(self.kept) > _KEPT:
            self.every *= 2
            self.kept = {at: shot for at, shot in self.kept.items() if at % self.every == 0}

    def shots(self) -> list[tuple[str, Array]]:
        """SHOTS pictures up to the first success, or to the end, and the last state: with labels.

        An episode of few steps has as many as there are.
        """
        assert self.last is not None
        end, final = self.last
        until, reached = self.success or self.last
        steps = np.array(sorted({*self.kept, until}))
        wanted = np.linspace(0, until, SHOTS - 1 if until < end else SHOTS)
        chosen = sorted({int(steps[np.abs(steps - at).argmin()]) for at in wanted})
        found = [(f"step {at}", self.kept.get(at, reached)) for at in chosen]
        if self.success is not None and chosen[-1] == until:
            found[-1] = (f"step {until}: success", reached)
        if until < end:
            found.append((f"step {end}: the end", final))
        return found


def sheet(image: Any, title: str, strips: Sequence[Strip]) -> Array:
    """The contact sheet (H, W, 3) uint8 of strips of pictures of one size.

    Args:
        image: the module PIL.Image.
        title: who acted where.
        strips: one an episode.
    """
    from PIL import ImageDraw, ImageFont

    rows = [strip.shots() for strip in strips]
    size = rows[0][0][1].shape[0]
    text, gap = max(11, size // 16), max(18, size // 10)
    page = image.new("RGB", (SHOTS * size, gap + len(rows) * (size + gap)), _PAPER)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(size=text)
    draw.text((4, gap // 2), title, _INK, font=font, anchor="lm")
    for row, (strip, shots) in enumerate(zip(strips, rows, strict=True)):
        y = gap + row * (size + gap)
        for k, (label, picture) in enumerate(shots):
            page.paste(image.fromarray(picture), (k * size, y + gap))
            words = f"start {strip.seed}, {label}" if k == 0 else label
            draw.text((k * size + 4, y + gap // 2), words, _INK, font=font, anchor="lm")
    return np.asarray(page)
