"""Bundles as a folder of the viewer: geometry once, an episode a file, an index, and a page."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from entitybench.errors import BadValue
from entitybench.files import write_atomic
from entitybench.kinds import CONTROL
from entitybench.leaderboard.submission.archive import Archive
from entitybench.leaderboard.submission.check import verify
from entitybench.leaderboard.submission.models import RECORD
from entitybench.leaderboard.submission.wanted import Wanted
from entitybench.leaderboard.viewer.assets import assets
from entitybench.leaderboard.viewer.coding import packed, script
from entitybench.leaderboard.viewer.episodes import Recorder, data_file, states_file
from entitybench.leaderboard.viewer.models import GEOMETRY, INDEX, TABLE, Index, Source
from entitybench.leaderboard.viewer.page import page
from entitybench.records import Record
from entitybench.registry import kinds, tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from entitybench.leaderboard.evaluation.pool import Progress
    from entitybench.leaderboard.submission.rules import Report
    from entitybench.leaderboard.viewer.episodes import Episode
    from entitybench.leaderboard.viewer.scene import Scene
    from entitybench.types import TaskSpec

    Put = Callable[[str, bytes], object]

PAGE = "index.html"


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle that is to be shown."""

    name: str
    data: bytes
    record: Record = field(repr=False)

    @property
    def task(self) -> TaskSpec:
        """Of its episodes."""
        return tasks()[self.record.task.id]


def bundle(source: Path | bytes, name: str = "") -> Bundle:
    """Open a bundle. Raises BadValue, in one line, for what `bench verify` would not let pass.

    Args:
        source: the file, or its bytes.
        name: what errors call it; default: the file.
    """
    name = name or (str(source) if isinstance(source, Path) else "the bundle")
    _refuse(verify(source, Wanted(simulate=False), name=name))
    data = source.read_bytes() if isinstance(source, Path) else source
    record = Record.of_text(Archive(io.BytesIO(data)).read(RECORD).decode(), RECORD)
    kind = kinds()[record.kind]
    if kind.evaluator != CONTROL:
        raise BadValue(
            f"{name} is of the kind {kind.id}, which has no simulator: it has {kind.item}s, and no "
            "episodes to show."
        )
    return Bundle(name, data, record)


def export(
    bundles: Sequence[Bundle],
    folder: Path,
    *,
    states: bool = True,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Index:
    """Write all episodes of bundles of one task, and the page that shows them.

    Args:
        bundles: of `bundle`; their actions are simulated again, and what comes out is shown.
        folder: for `index.html`, which opens from a disk too, and what it loads.
        states: whether every episode's exact states are written, to be downloaded.
        threads: that step the physics; None: the cores. Changes no byte.
        progress: called with (control steps done, all of them).

    Raises:
        BadValue: bundles of different tasks, or one that breaks a rule.
    """

    def put(name: str, data: bytes) -> None:
        write_atomic(folder / name, data)

    scene = scene_of(bundles)
    index = Index(scene.task, f"{scene.task.id}-v{scene.task.version}", [])
    put(GEOMETRY, geometry_file(scene))
    for number, each in enumerate(bundles):
        found = show(each, scene, f"{number}-", put, states, threads, progress)
        index.sources.extend(found)
    put(INDEX, index_file(index))
    put(TABLE, index.csv().encode())
    for name, data in assets().items():
        put(name, data)
    put(PAGE, page(index).encode())
    return index


def scene_of(bundles: Sequence[Bundle]) -> Scene:
    """What bundles show. Raises BadValue unless they are of one task."""
    from entitybench.leaderboard.viewer.scene import Scene

    first = bundles[0]
    for other in bundles[1:]:
        if other.task != first.task:
            raise BadValue(
                f"side by side stand episodes of one task: {first.name} is of {first.task.id}, and "
                f"{other.name} of {other.task.id}."
            )
    return Scene(first.task)


def geometry_file(scene: Scene) -> bytes:
    """What the viewer loads once a task."""
    from entitybench.leaderboard.viewer.geometry import geometry

    return script("geometry", geometry(scene))


def index_file(index: Index) -> bytes:
    """What the viewer loads first: whose episodes there are."""
    return script("index", packed(index.json(), {}))


def show(
    shown: Bundle,
    scene: Scene,
    prefix: str,
    put: Put,
    states: bool = True,
    threads: int | None = None,
    progress: Progress | None = None,
) -> list[Source]:
    """Put the files of a bundle's episodes; a source for each of its training seeds.

    Args:
        shown: the bundle.
        scene: of its task.
        prefix: that the folders of its training seeds have.
        put: called with the name and the content of each file.
        states: whether the exact states are put too.
        threads: that step the physics; None: the cores.
        progress: called with (control steps done, all of them).

    Raises:
        BadValue: its actions do not lead where it says.
    """
    known: dict[int, dict[str, float]] = {}

    def keep(episode: Episode) -> None:
        name = f"{prefix}{episode.training_seed}/{episode.item}"
        about: dict[str, Any] = {}
        if states:
            data, about["states"] = states_file(episode)
            about["states"]["file"] = f"{name}.npy"
            put(f"{name}.npy", data)
        put(f"{name}.js", script(name, data_file(episode, about)))
        seen = known.setdefault(episode.training_seed, {})
        seen[str(episode.item)] = float(episode.jumps.max())

    recorder = Recorder(scene, keep)
    wanted = Wanted(threads=threads, progress=progress, watch=recorder)
    report = verify(shown.data, wanted, name=shown.name)
    _refuse(report)
    record, digest = shown.record, hashlib.sha256(shown.data).hexdigest()
    return [
        Source(
            folder=f"{prefix}{seed}",
            label=record.label,
            training_seed=seed,
            level=report.level or 0,
            sha256=digest,
            rows=[row for row in record.rows if row.training_seed == seed],
            jumps=known[seed],
        )
        for seed in record.training_seeds
    ]


def _refuse(report: Report) -> None:
    """Raise BadValue for the first breach of a rule."""
    for finding in report.findings:
        if finding.severity == "error":
            where = ": ".join(filter(None, (finding.where or finding.file, finding.what)))
            raise BadValue(
                f"{report.bundle} breaks the rule {finding.rule} ({where}); `bench verify "
                f"{report.bundle}` says all."
            )
