"""Films episodes exactly as they are evaluated: the same blocks, the same rows, and a camera."""

from __future__ import annotations

import io
import math
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.datasets.store.checks import why
from entitybench.envs.worlds import task_of
from entitybench.errors import BadValue, MissingExtra, a_speed
from entitybench.files import write_atomic, writing
from entitybench.leaderboard.evaluation.control import Control, blocks, default_worlds, run_block
from entitybench.leaderboard.evaluation.evaluate import entrant_of
from entitybench.leaderboard.evaluation.pool import Job
from entitybench.leaderboard.evaluation.sheet import Strip
from entitybench.leaderboard.evaluation.sheet import sheet as contact_sheet_of
from entitybench.leaderboard.evaluation.threads import torch_threads
from entitybench.places import staying

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from entitybench.types import Array, Obs, TaskSpec

FPS = 30  # frames a second of every film
HOLD = 0.5  # s that a film stays on the last state
_BORDER = 4  # pixels; green while all entities are at their goals
_GREEN, _WHITE = (46, 160, 67), (255, 255, 255)


def record_video(
    agent: Any,
    task: str | TaskSpec,
    path: str | Path,
    *,
    seeds: Sequence[int] = (0, 1, 2, 3),
    contact_sheet: str | Path | None = None,
    size: int = 256,
    view: str | None = None,
    speed: float = 1.0,
) -> list[Path]:
    """Film the episodes with these seeds, side by side, in real time or faster.

    A film has 30 frames a second, whatever the control rate: each shows the state of its time.

    Args:
        agent: an agent or a policy.
        task: id or spec.
        path: the film (.mp4).
        seeds: episode seeds.
        contact_sheet: a PNG with a row of pictures for each episode; default: PATH-sheet.png.
        size: pixels along the edge of one episode's picture.
        view: a camera of the scene; None: the task's own.
        speed: how many times as fast as in the world.

    Returns:
        The files: film, contact sheet.

    Raises:
        MissingExtra: the extra [video] is not installed.
        RenderError: nothing can draw here.
        BadValue: not an .mp4, no seeds, no such view, or a file that cannot be written.
    """
    path = Path(path)
    sheet = Path(contact_sheet) if contact_sheet else path.with_name(f"{path.stem}-sheet.png")
    if path.suffix != ".mp4":
        raise BadValue(f"a film is an .mp4 file: got {str(path)!r}.")
    if not seeds or min(seeds) < 0:
        raise BadValue(f"a film needs episode seeds that are not negative: got {list(seeds)}.")
    _check(size, speed)
    ffmpeg, image = libraries()
    spec = task_of(task)
    entrant = entrant_of(agent, Control())
    groups = blocks(sorted(set(seeds)))
    columns = math.ceil(math.sqrt(max(map(len, groups))))
    rows = math.ceil(max(map(len, groups)) / columns)
    strips: list[Strip] = []
    try:
        with writing(path) as temporary:
            film: Generator[None, Array, None] | None = None
            frames = 0
            for group in groups:
                camera = _Camera(spec, group, size, (rows, columns), view, speed)
                if film is None:
                    film = encoder(ffmpeg, temporary, columns * size, rows * size)
                camera.film = film
                try:
                    with torch_threads(1), staying():
                        run_block(Job(entrant, group), spec, camera, "raise", lambda _: None)
                    camera.finish()
                finally:
                    camera.close()
                strips += camera.strips
                frames += camera.frames
            assert film is not None
            film.close()
            check_film(ffmpeg, temporary, frames)
    except OSError as error:
        raise BadValue(f"cannot write the film {path}: {why(error)}.") from error
    file = io.BytesIO()
    who = f"{entrant.source.id}, training seed {entrant.source.training_seed}, in {spec.id}"
    image.fromarray(contact_sheet_of(image, who, strips)).save(file, "PNG")
    return [path, write_atomic(sheet, file.getvalue())]


def check_video(
    task: TaskSpec, *, size: int = 256, view: str | None = None, speed: float = 1.0
) -> None:
    """Open what a film needs, and close it. Raises MissingExtra, RenderError or BadValue."""
    _check(size, speed)
    libraries()
    _Camera(task, [0], size, (1, 1), view, speed).close()


def _check(size: int, speed: float) -> None:
    if not 32 <= size <= 1024:
        raise BadValue(f"a picture has 32 to 1024 pixels along its edge: got {size}.")
    a_speed("a film", speed)


def libraries() -> tuple[Any, Any]:
    """imageio_ffmpeg and PIL.Image. Raises MissingExtra."""
    try:
        import imageio_ffmpeg
        from PIL import Image
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"{error.name} is not installed, and films need it: pip install -e '.[video]'"
        ) from error
    return imageio_ffmpeg, Image


def encoder(ffmpeg: Any, path: Path, width: int, height: int) -> Generator[None, Array, None]:
    """What writes the frames (height, width, 3) uint8 that are sent to it as a film."""
    film: Generator[None, Array, None] = ffmpeg.write_frames(
        str(path),
        (width, height),
        fps=FPS,
        quality=7,
        macro_block_size=1 if width % 2 == height % 2 == 0 else 2,
        ffmpeg_log_level="error",
        output_params=["-f", "mp4"],  # whatever the file is called while it grows
    )
    film.send(None)  # type: ignore[arg-type]  # generators begin with None
    return film


def check_film(ffmpeg: Any, path: Path, frames: int) -> None:
    """Raises OSError unless the file holds all frames: ffmpeg tells nobody of a full disk."""
    try:
        found = ffmpeg.count_frames_and_secs(str(path))[0]
    except RuntimeError:  # it is no film at all
        found = 0
    if found != frames:
        raise OSError(f"the encoder wrote {found} of {frames} frames; the disk may be full")


class _Camera:
    """The simulation of a block that draws what a film and its contact sheet show."""

    def __init__(
        self,
        task: TaskSpec,
        seeds: Sequence[int],
        size: int,
        grid: tuple[int, int],
        view: str | None,
        speed: float,
    ) -> None:
        from entitybench.envs.drawing.render import Renderer

        with ExitStack() as opened:
            self.worlds: Any = opened.enter_context(closing(default_worlds(task, len(seeds), 1)))
            self.world = self.worlds.world
            self.renderer = Renderer(self.world, size, size, view or self.world.view, smooth=True)
            opened.callback(self.renderer.close)
            self._opened = opened.pop_all()  # nothing stays open where the camera cannot be had
        self.size, self.grid = size, grid
        self.film: Generator[None, Array, None] | None = None
        self.strips = [Strip(seed) for seed in seeds]
        self.rate = FPS * self.world.control_dt / speed  # frames a control step
        self.success = np.zeros(len(seeds), bool)
        self.time = self.frames = 0

    def reset(self, seeds: Sequence[int]) -> Obs:
        obs: Obs = self.worlds.reset(seeds)
        self._shoot()
        return obs

    def step(self, actions: Array) -> tuple[Obs, dict[str, Array]]:
        obs, info = self.worlds.step(actions)
        self.time += 1
        self.success = info["is_success"]
        self._shoot()
        return obs, info

    def state_digest(self, row: int) -> str:
        return str(self.worlds.state_digest(row))

    def bumped(self) -> Array:
        return self.worlds.bumped()

    def convention(self) -> Array:
        return self.worlds.convention()

    def rest(self, rows: Sequence[int]) -> None:
        self.worlds.rest(rows)

    def finish(self) -> None:
        """The last state, for some frames more, and on the contact sheet."""
        pictures = self._pictures(set(range(len(self.strips))))
        self._send(pictures, round(HOLD * FPS))

    def close(self) -> None:
        """Free the drawing context and the worlds."""
        self._opened.close()

    def _shoot(self) -> None:
        """Frames of the time from this state to the next, and pictures for the contact sheet."""
        count = math.ceil((self.time + 1) * self.rate) - math.ceil(self.time * self.rate)
        wanted = {
            k
            for k, strip in enumerate(self.strips)
            if count or strip.wants(self.time) or (self.success[k] and strip.success is None)
        }
        self._send(self._pictures(wanted), count)

    def _pictures(self, rows: set[int]) -> dict[int, Array]:
        """Of some episodes, by row; each goes to its strip too."""
        found = {}
        for k in sorted(rows):
            success = bool(self.success[k])
            found[k] = framed(self.renderer.frame(self.worlds, k), success)
            self.strips[k].add(self.time, found[k], success)
        return found

    def _send(self, pictures: dict[int, Array], count: int) -> None:
        """One picture beside the other, `count` times."""
        if self.film is None or not count:
            return
        rows, columns = self.grid
        frame = np.full((rows * self.size, columns * self.size, 3), 255, np.uint8)
        for k, picture in pictures.items():
            y, x = (k // columns) * self.size, (k % columns) * self.size
            frame[y : y + self.size, x : x + self.size] = picture
        for _ in range(count):
            self.film.send(frame)
            self.frames += 1


def framed(picture: Array, success: bool) -> Array:
    """A picture (H, W, 3) with a border: green at success, else white."""
    out = picture.copy()
    colour = _GREEN if success else _WHITE
    for edge in (out[:_BORDER], out[-_BORDER:], out[:, :_BORDER], out[:, -_BORDER:]):
        edge[...] = colour
    return out
