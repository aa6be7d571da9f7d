"""The folder of a training run: checkpoints that are whole or not there, metrics, the agent.

    OUT/seed3.training/              while it runs
        run.json                     what was asked for; a resumed run must ask for the same, but
                                     for the device: "devices" says which trained, from which step,
                                     and "cpu_s" the processor time that it took up to the newest
                                     checkpoint
        checkpoint-000012000/        the newest two; it has this name only when it is whole
        metrics.jsonl, and what a logger leaves
        diverged.json            where its numbers are finite no more: nobody goes on with it
    OUT/seed3/                       appears when the run is finished, in one step
        agent.json, weights.safetensors, run.json, metrics.jsonl, and what a logger left

Seeds that learn side by side have a folder each, and write their checkpoints together.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from entitybench.checkpoints import RUN
from entitybench.errors import BadValue, BenchError, CheckpointError
from entitybench.files import write_atomic
from entitybench.leaderboard.training.crew import crew_of
from entitybench.leaderboard.training.faults import check_saved, faults_of, is_full, wrong
from entitybench.leaderboard.training.loggers import LOGGERS
from entitybench.leaderboard.training.metrics import METRICS
from entitybench.texts import parsed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from entitybench.leaderboard.training.crew import Crew

KEPT = 2  # checkpoints; the older one is there in case the newer one cannot be read
_CHECKPOINT = "checkpoint-"
_DIVERGED = "diverged.json"


class RunFolder:
    """OUT/seed<S>: where a run puts its things."""

    def __init__(self, out: str | Path, seed: int) -> None:
        self.seed = seed
        self.final = Path(out) / f"seed{seed}"
        self.work = Path(out) / f"seed{seed}.training"
        self._lock: IO[str] | None = None

    @property
    def metrics(self) -> Path:
        """One JSON object a line."""
        return self.work / METRICS

    def finished(self) -> dict[str, Any] | None:
        """What the finished run was asked for, or None while there is none."""
        if not self.final.exists():
            return None
        return _read_json(self.final / RUN) or {}

    def asked(self) -> dict[str, Any] | None:
        """What the unfinished run was asked for; None when it never wrote a checkpoint."""
        return _read_json(self.work / RUN) if self.checkpoints() else None

    def checkpoints(self) -> list[Path]:
        """Whole checkpoints, newest first."""
        return sorted(self.work.glob(f"{_CHECKPOINT}*"), reverse=True)

    def begin(self, asked: Mapping[str, Any]) -> None:
        """Make the folder of a new run; what is there holds no checkpoint."""
        for old in self.work.glob("*"):
            if old.is_dir():
                shutil.rmtree(old)
            elif old.name != ".lock":
                old.unlink()
        self.note(asked)

    def note(self, asked: Mapping[str, Any]) -> None:
        """Write run.json, where it says something else."""
        if _read_json(self.work / RUN) != asked:
            write_atomic(self.work / RUN, json.dumps(asked, indent=1, sort_keys=True) + "\n")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes out. The lock goes with the process, however it ends.

        Folders that were made for it and hold nothing in the end are taken away.
        """
        made = [folder for folder in self.work.parents if not folder.exists()]
        with disk_errors(self.work):
            self.work.mkdir(parents=True, exist_ok=True)
            self._lock = open(self.work / ".lock", "w")  # noqa: SIM115 - held until the end
        try:
            import fcntl

            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:
            pass  # Windows: no lock
        except OSError:
            self._lock.close()
            raise BadValue(f"another process is training in {self.work}; wait for it.") from None
        try:
            yield
        finally:
            self._lock.close()
            if not any(path.name != ".lock" for path in self.work.glob("*")):
                shutil.rmtree(self.work, ignore_errors=True)
                with suppress(OSError):  # it is not empty
                    for folder in made:
                        folder.rmdir()

    def drop_newest(self) -> None:
        """Remove the newest checkpoint."""
        for path in self.checkpoints()[:1]:
            shutil.rmtree(path)

    def give_up(self, why: str) -> None:
        """Note that its training diverged: nobody goes on with it."""
        write_atomic(self.work / _DIVERGED, json.dumps({"why": why}) + "\n")

    def diverged(self) -> str | None:
        """Why nobody goes on with it; None where one can."""
        found = _read_json(self.work / _DIVERGED)
        return None if found is None else str(found.get("why"))

    def clean(self) -> None:
        """Remove the work folder of a finished run."""
        shutil.rmtree(self.work, ignore_errors=True)


def save(folders: Sequence[RunFolder], crew: Crew) -> None:
    """Write a checkpoint of every seed; older ones go when it is safe."""
    paths = [folder.work / f"{_CHECKPOINT}{crew.step:09d}" for folder in folders]
    if not all(path.exists() for path in paths):
        _write_folders(paths, lambda parts: _saved(crew, parts, training=True))
    for folder in folders:
        for old in folder.checkpoints()[KEPT:]:
            shutil.rmtree(old)


def _saved(crew: Crew, parts: Sequence[Path], *, training: bool) -> None:
    """Let the learners write into folders. Raises BadValue where that leaves no checkpoint."""
    with faults_of(crew.learners[0], "save", OSError):
        crew.save(parts, training=training)
    check_saved(crew.learners[0], parts)


def load(folders: Sequence[RunFolder], target: Any, device: str) -> Crew:
    """The newest checkpoint that all seeds have and that can be read; newer ones go.

    Raises CheckpointError if there is none.
    """
    steps = [{path.name for path in folder.checkpoints()} for folder in folders]
    problems = []
    for name in sorted(set.intersection(*steps), reverse=True):
        try:
            with faults_of(target, "load"):
                crew = crew_of([target.load(f.work / name, device=device) for f in folders])
                step = int(crew.step)
        except CheckpointError as error:
            problems.append(str(error))
            continue
        if step != (saved := int(name.removeprefix(_CHECKPOINT))):
            wrong(target, "load", f"gives step {step} of a checkpoint of step {saved}")
        for folder in folders:
            for path in folder.checkpoints():
                if path.name > name:  # not all of it can be read, or not all have it
                    shutil.rmtree(path)
        return crew
    why = problems[0] if problems else "there is none"
    raise CheckpointError(
        f"no checkpoint in {folders[0].work} can be read ({why}); delete the folder to begin anew."
    )


def finish(folders: Sequence[RunFolder], crew: Crew) -> None:
    """Write OUT/seed<S> of each, each in one step, and remove the work folders."""
    if len(folders) > 1:
        save(folders, crew)  # should a kill come between the first and the last of them

    def write(parts: Sequence[Path]) -> None:
        _saved(crew, parts, training=False)
        for folder, part in zip(folders, parts, strict=True):
            for name in (RUN, METRICS):
                if (folder.work / name).is_file():
                    shutil.copy2(folder.work / name, part / name)
            for name in (each.leaves for each in LOGGERS.values()):
                # Moved: other processes may still be writing into them.
                if (folder.work / name).exists():
                    os.rename(folder.work / name, part / name)

    _write_folders([folder.final for folder in folders], write)
    for folder in folders:
        folder.clean()


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Turn a full disk, a missing permission and the like into one line."""
    try:
        yield
    except BenchError:
        raise
    except Exception as error:
        full = is_full(error)
        if not isinstance(error, OSError) and not full:
            raise
        reason = "the disk is full" if full else getattr(error, "strerror", None) or str(error)
        if any(folder.glob(f"{_CHECKPOINT}*")):
            rest = "The last checkpoint is kept; `--resume` goes on from it."
        else:
            rest = "There is no checkpoint yet: mend that, or name another --out, and begin again."
        raise BenchError(f"cannot write in {folder}: {reason}. {rest}") from error


def _write_folders(paths: Sequence[Path], write: Callable[[list[Path]], None]) -> None:
    """Make folders that are not there; none has its name before all of them are whole."""
    parts = [path.with_name(f".{path.name}.part") for path in paths]
    try:
        for part in parts:
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)
        write(parts)
        for path, part in zip(paths, parts, strict=True):
            for file in part.rglob("*"):
                if not file.is_symlink():
                    _sync(file)
            _sync(part)
            if not path.exists():
                os.rename(part, path)
            _sync(path.parent)
    finally:
        for part in parts:
            shutil.rmtree(part, ignore_errors=True)


def _sync(path: Path) -> None:
    if path.is_dir() and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        data = parsed(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}.") from error
    if not isinstance(data, dict):
        raise CheckpointError(f"{path} holds no JSON object.")
    return data
