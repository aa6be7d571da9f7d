"""Films episodes exactly as they are evaluated: the same blocks, the same rows, and a camera."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.datasets.store.checks import why
from entitybench.envs.worlds import task_of
from entitybench.errors import BadValue, MissingExtra
from entitybench.files import write_atomic, writing
from entitybench.leaderboard.evaluation.control import Control, blocks, default_worlds, run_block
from entitybench.leaderboard.evaluation.evaluate import entrant_of
from entitybench.leaderboard.evaluation.pool import Job, one_torch_thread

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from entitybench.types import Array, Obs, TaskSpec

SHOTS = 8  # pictures of an episode on the contact sheet
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
    speed: float = 3.0,
) -> list[Path]:
    """Film the episodes with these seeds, side by side.

    Args:
        agent: an agent or a policy.
        task: id or spec.
        path: the film (.mp4).
        seeds: episode seeds.
        contact_sheet: a PNG with a row of pictures for each episode; default: PATH-sheet.png.
        size: pixels along the edge of one episode's picture.
        speed: how many times faster than in the world.

    Returns:
        The files: film, contact sheet.

    Raises:
        MissingExtra: the extra [video] is not installed.
        RenderError: nothing can draw here.
        BadValue: not an .mp4, no seeds, or a file that cannot be written.
    """
    path = Path(path)
    sheet = Path(contact_sheet) if contact_sheet else path.with_name(f"{path.stem}-sheet.png")
    if path.suffix != ".mp4":
        raise BadValue(f"a film is an .mp4 file: got {str(path)!r}.")
    if not seeds or min(seeds) < 0:
        raise BadValue(f"a film needs episode seeds that are not negative: got {list(seeds)}.")
    if not 32 <= size <= 1024:
        raise BadValue(f"a picture has 32 to 1024 pixels along its edge: got {size}.")
    ffmpeg, image = _libraries()
    spec = task_of(task)
    entrant = entrant_of(agent, Control())
    groups = blocks(sorted(set(seeds)))
    columns = math.ceil(math.sqrt(max(map(len, groups))))
    rows = math.ceil(max(map(len, groups)) / columns)
    shots: list[list[Array]] = []
    try:
        with writing(path) as temporary:
            film: Generator[None, Array, None] | None = None
            frames = 0
            for group in groups:
                camera = _Camera(spec, len(group), size, (rows, columns))
                if film is None:
                    film = _open(ffmpeg, temporary, camera, speed)
                camera.film = film
                try:
                    with one_torch_thread():
                        run_block(Job(entrant, group), spec, camera, "raise", lambda _: None)
                finally:
                    camera.close()
                shots += camera.shots
                frames += camera.frames
            assert film is not None
            film.close()
            _check_film(ffmpeg, temporary, frames)
    except OSError as error:
        raise BadValue(f"cannot write the film {path}: {why(error)}.") from error
    file = io.BytesIO()
    image.fromarray(np.concatenate([np.concatenate(row, 1) for row in shots])).save(file, "PNG")
    return [path, write_atomic(sheet, file.getvalue())]


def check_video(task: TaskSpec) -> None:
    """Open what a film needs, and close it. Raises MissingExtra or RenderError."""
    _libraries()
    _Camera(task, 1, 32, (1, 1)).close()


def _libraries() -> tuple[Any, Any]:
    try:
        import imageio_ffmpeg
        from PIL import Image
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"{error.name} is not installed, and films need it: pip install -e '.[video]'"
        ) from error
    return imageio_ffmpeg, Image


def _open(ffmpeg: Any, path: Path, camera: _Camera, speed: float) -> Generator[None, Array, None]:
    rows, columns = camera.grid
    film: Generator[None, Array, None] = ffmpeg.write_frames(
        str(path),
        (columns * camera.size, rows * camera.size),
        fps=speed / camera.world.control_dt,
        quality=7,
        macro_block_size=1 if camera.size % 2 == 0 else 2,
        ffmpeg_log_level="error",
        output_params=["-f", "mp4"],  # whatever the file is called while it grows
    )
    film.send(None)  # type: ignore[arg-type]  # generators begin with None
    return film


def _check_film(ffmpeg: Any, path: Path, frames: int) -> None:
    """Raises OSError unless the file holds all frames: ffmpeg tells nobody of a full disk."""
    try:
        found = ffmpeg.count_frames_and_secs(str(path))[0]
    except RuntimeError:  # it is no film at all
        found = 0
    if found != frames:
        raise OSError(f"the encoder wrote {found} of {frames} frames; the disk may be full")


class _Camera:
    """The simulation of a block that draws every step into a film."""

    def __init__(self, task: TaskSpec, batch: int, size: int, grid: tuple[int, int]) -> None:
        from entitybench.envs.drawing.render import Renderer

        self.worlds: Any = default_worlds(task, batch, 1)
        self.world = self.worlds.world
        self.renderer = Renderer(self.world, size, size, self.world.view)
        self.batch, self.size, self.grid = batch, size, grid
        self.film: Generator[None, Array, None] | None = None
        self.shots: list[list[Array]] = [[] for _ in range(batch)]
        self.when = set(np.linspace(0, task.horizon, SHOTS).round().astype(int).tolist())
        self.time = self.frames = 0

    def reset(self, seeds: Sequence[int]) -> Obs:
        obs: Obs = self.worlds.reset(seeds)
        self._shoot(np.zeros(self.batch, bool))
        return obs

    def step(self, actions: Array) -> tuple[Obs, dict[str, Array]]:
        obs, info = self.worlds.step(actions)
        self.time += 1
        self._shoot(info["is_success"])
        return obs, info

    def state_digest(self, row: int) -> str:
        return str(self.worlds.state_digest(row))

    def close(self) -> None:
        """Free the drawing context."""
        self.renderer.close()
        self.worlds.close()

    def _shoot(self, success: Array) -> None:
        rows, columns = self.grid
        frame = np.full((rows * self.size, columns * self.size, 3), 255, np.uint8)
        for k in range(self.batch):
            picture = framed(self.renderer.frame(self.worlds, k), bool(success[k]))
            y, x = (k // columns) * self.size, (k % columns) * self.size
            frame[y : y + self.size, x : x + self.size] = picture
            if self.time in self.when:
                self.shots[k].append(picture)
        if self.film is not None:
            self.film.send(np.ascontiguousarray(frame))
            self.frames += 1


def framed(picture: Array, success: bool) -> Array:
    """A picture (H, W, 3) with a border: green at success, else white."""
    out = picture.copy()
    colour = _GREEN if success else _WHITE
    for edge in (out[:_BORDER], out[-_BORDER:], out[:, :_BORDER], out[:, -_BORDER:]):
        edge[...] = colour
    return out
