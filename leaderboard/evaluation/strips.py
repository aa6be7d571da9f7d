"""Films and strips of predicted clips: the true frames beside what an agent makes of them."""

from __future__ import annotations

import io
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.datasets.store.checks import why
from entitybench.envs.worlds import task_of
from entitybench.errors import BadValue, a_speed
from entitybench.files import write_atomic, writing
from entitybench.kinds import PREDICTED
from entitybench.leaderboard.evaluation.evaluate import Options, entrant_of
from entitybench.leaderboard.evaluation.filming import PIXELS, clips_of, source_of
from entitybench.leaderboard.evaluation.threads import torch_threads
from entitybench.leaderboard.evaluation.video import FPS, HOLD, check_film, encoder, libraries
from entitybench.places import staying
from entitybench.seeding import BatchGenerator, generator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.leaderboard.evaluation.filming import Shown
    from entitybench.types import Array, TaskSpec

_LABELS = 96  # pixels beside a row of pictures
_INK, _PAPER = (28, 30, 33), (255, 255, 255)


def check_video(
    task: TaskSpec, *, size: int = 128, view: str | None = None, speed: float = 1.0
) -> None:
    """Raises MissingExtra without an encoder, BadValue for what a film of clips cannot be."""
    source_of(task)
    _zoom(size)
    a_speed("a film", speed)
    if view is not None:
        raise BadValue("--view means nothing for clips: they are shown as they are predicted.")
    libraries()


def record_video(
    agent: Any,
    task: str | TaskSpec,
    path: str | Path,
    *,
    seeds: Sequence[int] = (0, 1, 2, 3),
    size: int = 128,
    speed: float = 1.0,
) -> list[Path]:
    """Film clips, one below the other, and draw a strip of all their frames.

    Columns of the film, and rows of the strip, are the true frames, those rebuilt from tokens, the
    predicted ones, slots, and those with one latent action drawn anew (the film has the first):
    what of it the agent has.

    Args:
        agent: what rolls out.
        task: id or spec.
        path: the film (.mp4); the strip is PATH-sheet.png.
        seeds: items.
        size: pixels along the edge of a picture of the film, a multiple of those of a frame.
        speed: how many times as fast as in the world.

    Raises:
        MissingExtra: the extra [video] is not installed.
        RenderError: nothing can draw here.
        BadValue: a size that does not fit, or a file that cannot be written.
    """
    from entitybench.envs.api import world_of
    from entitybench.leaderboard.evaluation.clips import Clips

    path, zoom, spec = Path(path), _zoom(size), task_of(task)
    ffmpeg, image = libraries()
    entrant = entrant_of(agent, Clips())
    with torch_threads(1), staying():
        shown = clips_of(spec, tuple(seeds), Options(), lambda _: None)
        views = views_of(entrant.actor, shown, seeds)
    filmed = [frames for name, frames in views.items() if not name.startswith("edit ")]
    filmed += [frames for name, frames in views.items() if name == "edit 1"]
    held = max(1, round(FPS * world_of(spec).control_dt / speed))
    pictures = np.concatenate([np.concatenate(list(each), 1) for each in filmed], 2)
    pictures = pictures.repeat(zoom, 1).repeat(zoom, 2)  # (T + 1, clips H, columns W, 3)
    counts = [held] * (len(pictures) - 1) + [held + round(HOLD * FPS)]
    try:
        with writing(path) as temporary:
            film = encoder(ffmpeg, temporary, pictures.shape[2], pictures.shape[1])
            for picture, count in zip(pictures, counts, strict=True):
                for _ in range(count):
                    film.send(np.ascontiguousarray(picture))
            film.close()
            check_film(ffmpeg, temporary, sum(counts))
    except OSError as error:
        raise BadValue(f"cannot write the film {path}: {why(error)}.") from error
    file = io.BytesIO()
    who = f"{entrant.source.id}, training seed {entrant.source.training_seed}, in {spec.id}"
    image.fromarray(strip(image, who, views, seeds)).save(file, "PNG")
    return [path, write_atomic(path.with_name(f"{path.stem}-sheet.png"), file.getvalue())]


def views_of(actor: Any, shown: Shown, seeds: Sequence[int]) -> dict[str, Array]:
    """By name, what is seen of clips: each (B, T + 1, H, W, 3) uint8."""
    clips, actions = shown.frames, shown.actions

    def begun(frames: Array) -> Array:
        return np.concatenate([clips[:, :1], np.asarray(frames)], 1)

    rng = partial(_rng, seeds)
    found = {"true": clips}
    if hasattr(actor, "rebuilt"):
        found["rebuilt"] = np.asarray(actor.rebuilt(clips.copy()))
    found["predicted"] = begun(actor.roll_out(clips.copy(), actions, rng()))
    if hasattr(actor, "masks"):
        found["slots"] = coloured(np.asarray(actor.masks(clips.copy())))
    if hasattr(actor, "edited"):
        # The same stream each time: the first draws of a longer edit are those of a shorter one.
        edits = [actor.edited(clips.copy(), actions, k + 1, rng()) for k in range(PREDICTED)]
        for g, frames in enumerate(np.moveaxis(np.stack(edits, 2), 1, 0)):
            found[f"edit {g + 1}"] = begun(frames)
    return found


def _rng(seeds: Sequence[int]) -> BatchGenerator:
    return BatchGenerator([generator(seed, "film") for seed in seeds])


def coloured(labels: Array) -> Array:
    """A colour for each slot, (..., 3) uint8: hues a golden angle apart."""
    hue = (labels * 0.618034) % 1.0
    waves = np.stack([hue, hue + 1 / 3, hue + 2 / 3], -1)
    return (127.5 + 110 * np.cos(2 * np.pi * waves)).astype(np.uint8)


def strip(image: Any, title: str, views: dict[str, Array], seeds: Sequence[int]) -> Array:
    """Rows of all frames of each clip, (H, W, 3) uint8; `image` is the module PIL.Image."""
    from PIL import ImageDraw, ImageFont

    frames = next(iter(views.values())).shape[1]
    edge, gap = PIXELS, 20
    height = gap + len(seeds) * (gap + len(views) * edge)
    page = image.new("RGB", (_LABELS + frames * edge, height), _PAPER)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(size=12)
    draw.text((4, gap // 2), title, _INK, font=font, anchor="lm")
    y = gap
    for row, seed in enumerate(seeds):
        draw.text((4, y + gap // 2), f"start {seed}", _INK, font=font, anchor="lm")
        y += gap
        for name, pictures in views.items():
            draw.text((4, y + edge // 2), name, _INK, font=font, anchor="lm")
            joined = np.concatenate(list(pictures[row]), 1)
            page.paste(image.fromarray(joined), (_LABELS, y))
            y += edge
    return np.asarray(page)


def _zoom(size: int) -> int:
    """How many pixels of a film one of a frame becomes. Raises BadValue."""
    if size % PIXELS or not PIXELS <= size <= 1024:
        raise BadValue(
            f"a picture of a clip has a multiple of {PIXELS} pixels along its edge, up to 1024: "
            f"got {size}."
        )
    return size // PIXELS
