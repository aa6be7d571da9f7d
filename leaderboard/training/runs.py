"""The folder of a training run: checkpoints that are whole or not there, metrics, the agent.

OUT/seed3.training/              while it runs
run.json                     what was asked for; a resumed run must ask for the same
checkpoint-000012000/        the newest two; a folder has this name only when it is whole
metrics.jsonl, tensorboard/
OUT/seed3/                       appears when the run is finished, in one step
agent.json, weights.safetensors, run.json, metrics.jsonl, tensorboard/
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from entitybench.errors import BadValue, BenchError, CheckpointError
from entitybench.records import write_atomic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

KEPT = 2  # checkpoints; the older one is there in case the newer one cannot be read
_CHECKPOINT = "checkpoint-"


class RunFolder:
    """OUT/seed<S>: where a run puts its things."""

    def __init__(self, out: str | Path, seed: int) -> None:
        self.final = Path(out) / f"seed{seed}"
        self.work = Path(out) / f"seed{seed}.training"
        self._lock: IO[str] | None = None

    @property
    def metrics(self) -> Path:
        """One JSON object a line."""
        return self.work / "metrics.jsonl"

    def finished(self) -> dict[str, Any] | None:
        """What the finished run was asked for, or None while there is none."""
        if not self.final.exists():
            return None
        return _read_json(self.final / "run.json") or {}

    def asked(self) -> dict[str, Any] | None:
        """What the unfinished run was asked for; None when it never wrote a checkpoint."""
        return _read_json(self.work / "run.json") if self.checkpoints() else None

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
        write_atomic(self.work / "run.json", json.dumps(asked, indent=1, sort_keys=True) + "\n")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes out. The lock goes with the process, however it ends."""
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

    def save(self, agent: Any) -> Path:
        """Write a checkpoint of an agent; older ones go when it is safe."""
        path = self.work / f"{_CHECKPOINT}{agent.step:09d}"
        if not path.exists():
            _write_folder(path, lambda folder: agent.save(folder, training=True))
        for old in self.checkpoints()[KEPT:]:
            shutil.rmtree(old)
        return path

    def load(self, target: Any, device: str) -> Any:
        """The agent of the newest readable checkpoint. Raises CheckpointError if none is."""
        problems = []
        for path in self.checkpoints():
            try:
                return target.load(path, device=device)
            except CheckpointError as error:
                problems.append(str(error))
        why = problems[0] if problems else "there is none"
        raise CheckpointError(
            f"no checkpoint in {self.work} can be read ({why}); delete the folder to begin anew."
        )

    def finish(self, agent: Any) -> Path:
        """Write OUT/seed<S> in one step and remove the work folder."""

        def write(folder: Path) -> None:
            agent.save(folder, training=False)
            for name in ("run.json", "metrics.jsonl"):
                if (self.work / name).is_file():
                    shutil.copy2(self.work / name, folder / name)
            if (self.work / "tensorboard").is_dir():
                shutil.copytree(self.work / "tensorboard", folder / "tensorboard")

        _write_folder(self.final, write)
        self.clean()
        return self.final

    def clean(self) -> None:
        """Remove the work folder of a finished run."""
        shutil.rmtree(self.work, ignore_errors=True)


def cut_metrics(path: Path, step: int) -> list[dict[str, Any]]:
    """Drop the lines after `step`, and what a power cut made unreadable, from a metrics file.

    Returns the lines that are left.
    """
    kept = []
    if path.is_file():
        for line in path.read_bytes().split(b"\n"):
            try:
                row = json.loads(line)
                late = row["step"] > step
            except (ValueError, TypeError, KeyError, RecursionError):
                continue  # cut short, zeros or noise; not what the program wrote
            if late:
                break
            kept.append(row)
    write_atomic(path, "".join(json.dumps(row) + "\n" for row in kept))
    return kept


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Turn a full disk, a missing permission and the like into one line."""
    try:
        yield
    except BenchError:
        raise
    except Exception as error:
        # safetensors has an exception of its own for what the system said.
        full = "No space left" in str(error) or "os error 28" in str(error)
        if not isinstance(error, OSError) and not full:
            raise
        reason = "the disk is full" if full else getattr(error, "strerror", None) or str(error)
        if any(folder.glob(f"{_CHECKPOINT}*")):
            rest = "The last checkpoint is kept; `--resume` goes on from it."
        else:
            rest = "There is no checkpoint yet: mend that, or name another --out, and begin again."
        raise BenchError(f"cannot write in {folder}: {reason}. {rest}") from error


def _write_folder(path: Path, write: Callable[[Path], None]) -> None:
    part = path.with_name(f".{path.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir(parents=True)
        write(part)
        for file in part.rglob("*"):
            _sync(file)
        _sync(part)
        os.rename(part, path)
        _sync(path.parent)
    finally:
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
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}.") from error
    if not isinstance(data, dict):
        raise CheckpointError(f"{path} holds no JSON object.")
    return data
