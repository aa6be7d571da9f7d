"""`bench generate --pixels`: draw the frames of a store from its stored poses, in parallel.

Nothing is simulated again: a pose is all that a picture of a state needs, and the colours of an
episode follow from its seed. Workers draw runs of rows that are whole chunks of `frames.h5` and
compress them too; joining them only copies.
"""

from __future__ import annotations

import itertools
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from entitybench.datasets.generate.parts import part_path, prepare, read_part, to_stderr
from entitybench.datasets.generate.pool import available_cores, run
from entitybench.datasets.generate.replay import task_like
from entitybench.datasets.store.frames import CHUNK, FRAMES, FrameWriter, pack
from entitybench.datasets.store.schema import Column
from entitybench.datasets.store.store import EpisodeStore
from entitybench.datasets.store.verify import note_verified
from entitybench.datasets.store.writer import disk_errors, locked, write_manifest
from entitybench.errors import BadValue, DataError
from entitybench.executors.api import LOCAL
from entitybench.registry import tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from entitybench.datasets.generate.parts import Part
    from entitybench.types import Array

ROWS = 256 * CHUNK  # frames of a part, if nothing else is said
SMALLEST, LARGEST = 16, 1024  # pixels along an edge


def draw(
    folder: str | Path,
    pixels: int,
    *,
    workers: int | None = None,
    executor: str = LOCAL,
    rows: int = ROWS,
    progress: Callable[[int, int], None] | None = None,
    say: Callable[[str], None] | None = None,
) -> Path:
    """Add the column "frames", (rows, pixels, pixels, 3) uint8, to a store, or go on with it.

    The frames are what the task's `-pixels` sibling observes: its camera, no goal. While it runs,
    finished parts lie in `<folder>.frames.partial`; the store gets the column in one step. Its
    content hash stays: drivers draw differently, and the data are what was drawn.

    Args:
        folder: of a store that `generate` made.
        pixels: along an edge.
        workers: processes; None: one a core.
        executor: where they are: "local", "slurm" or "ray"; changes no byte.
        rows: frames that are drawn at once, a multiple of 16; changes no byte.
        progress: called with (frames done, frames in all) after every part.
        say: told in one line when nothing had to be done, or earlier work is used; None: stderr.

    Raises:
        BadValue: an impossible size.
        DataError: the store is damaged, has no poses or frames of another size, or the disk is
            full.
        RenderError: nothing can be drawn here.
    """
    if not SMALLEST <= pixels <= LARGEST:
        raise BadValue(f"frames have {SMALLEST} to {LARGEST} pixels along an edge: got {pixels}.")
    folder, tell = Path(folder), say or to_stderr
    with locked(folder), disk_errors(folder):
        store = EpisodeStore.open(folder)
        partial = folder.with_name(f"{folder.name}.frames.partial")
        if FRAMES in store.columns:
            found = store.columns[FRAMES].shape[1]
            if found != pixels:
                raise DataError(
                    f"{folder} holds frames of {found} pixels already; draw those of {pixels} in "
                    "another folder (--out)."
                )
            shutil.rmtree(partial, ignore_errors=True)  # after a kill in the last moment
            tell(f"{folder} holds its frames already; nothing was done.")
            return folder
        if "poses" not in store.columns or store.task is None:
            raise DataError(
                f"{folder} cannot be drawn: it has no column of poses, as `bench generate` gives."
            )
        job = Drawing(str(folder), pixels, rows)
        kept = prepare(partial, job, tell)
        run(job, partial, kept, workers or available_cores(), progress, executor)
        _add(store, job, partial)
        shutil.rmtree(partial, ignore_errors=True)
    return folder


@dataclass(frozen=True, slots=True)
class Drawing:
    """The frames of a store, in parts of `rows`, a multiple of CHUNK."""

    folder: str
    pixels: int
    rows: int

    def part(self, index: int) -> Part:
        """The chunks of the part's rows as they stand in the file, one after another."""
        store = EpisodeStore.open(self.folder, verify=False)
        first, count = index * self.rows, int(store.offsets[-1])
        rows = range(first, min(first + self.rows, count))
        frames = frames_of(store, self.pixels, rows)
        packed = [
            pack(np.stack(list(itertools.islice(frames, CHUNK))))
            for _ in range(0, len(rows), CHUNK)
        ]
        sizes = np.array([len(chunk) for chunk in packed])
        return {"packed": np.frombuffer(b"".join(packed), np.uint8), "sizes": sizes}, []

    def counts(self) -> list[int]:
        count = int(EpisodeStore.open(self.folder, verify=False).offsets[-1])
        return [min(self.rows, count - first) for first in range(0, count, self.rows)]

    def arguments(self) -> dict[str, Any]:
        content = EpisodeStore.open(self.folder, verify=False).content_hash
        return {"content_hash": content, "pixels": self.pixels, "rows": self.rows}

    def json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        return cls(**value)


def frames_of(
    store: EpisodeStore, pixels: int, rows: Iterable[int], view: str | None = None
) -> Iterator[Array]:
    """The picture (pixels, pixels, 3) uint8 of each row's state; rows in increasing order.

    `view` is a camera of the scene; None: that of the task's `-pixels` sibling.
    """
    from entitybench.envs.api import world_of
    from entitybench.envs.core.banks import Bank
    from entitybench.envs.drawing.render import Renderer

    task = task_like(store.manifest)
    world = world_of(task)
    if view is None and f"{task.id}-pixels" in tasks():
        view = tasks()[f"{task.id}-pixels"].kwargs.get("view")
    bank = Bank(absent=store.manifest.get("absent", 0.0))
    poses, offsets = store.columns["poses"], store.offsets
    renderer = Renderer(world, pixels, pixels, view or world.view)
    try:
        end = -1
        for row in rows:
            if row >= end:
                episode = int(np.searchsorted(offsets, row, side="right")) - 1
                end = offsets[episode + 1]
                start, _ = bank.start(world, store.episodes[episode]["seed"])
            yield renderer.render(poses[row], start.constants, absent=start.absent, posed=True)
    finally:
        renderer.close()


def _add(store: EpisodeStore, job: Drawing, partial: Path) -> None:
    """Join the parts to `frames.h5`, then let the manifest know of it."""
    column = Column("|u1", (job.pixels, job.pixels, 3), format="hdf5")
    name = column.file_name(FRAMES)
    temporary = store.folder / f".{name}.writing"
    try:
        # HDF5 locks its file itself, so that nobody else can.
        writer = FrameWriter(temporary, (int(store.offsets[-1]), *column.shape))
        for index in range(len(job.counts())):
            arrays, _ = read_part(part_path(partial, index))
            packed, ends = arrays["packed"], np.cumsum(arrays["sizes"])
            for first, last in zip([0, *ends[:-1]], ends, strict=True):
                writer.put(packed[first:last].tobytes())
        about = writer.close()
        os.replace(temporary, store.folder / name)
    finally:
        temporary.unlink(missing_ok=True)
    manifest = {
        **{k: v for k, v in store.manifest.items() if k not in ("content_hash", "manifest_hash")},
        "columns": {**store.manifest["columns"], FRAMES: column.json()},
        "files": dict(sorted({**store.manifest["files"], name: about}.items())),
        "drawn": [name],
        "content_hash": store.content_hash,  # in the order in which a whole store is written
    }
    write_manifest(store.folder, manifest)
    note_verified(store.folder, manifest)
