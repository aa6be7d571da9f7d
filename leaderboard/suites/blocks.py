"""Finished blocks of episodes of a record that is being made, in RECORD.partial/.

A block is a part file (`entitybench.datasets.generate.parts`): rows, diagnostics, and a checksum.
Whoever makes the record again with the same arguments goes on from them, after whatever kill.
"""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from entitybench.datasets.generate.parts import part_is_right, read_part, write_part
from entitybench.errors import DataError
from entitybench.files import write_atomic
from entitybench.leaderboard.evaluation.pool import Job, Result, run_all
from entitybench.records import UNSTABLE, Row
from entitybench.texts import parsed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from entitybench.leaderboard.evaluation.pool import Progress, Ticker

_MADE_FOR = "arguments"  # no .json: nobody takes it for a record


def block_path(folder: Path, seed: int, items: Sequence[int]) -> Path:
    """The file of the block that begins with the first of `items`."""
    return folder / f"seed{seed}-{items[0]:06d}.part"


@dataclass(frozen=True)
class Blocks:
    """Those of one record."""

    folder: Path
    made_for: Mapping[str, Any]  # JSON; blocks of anything else are thrown away

    def prepare(self) -> None:
        """Make the folder ready, empty unless it holds blocks that were made for the same."""
        path = self.folder / _MADE_FOR
        try:
            found = parsed(path.read_text())
        except (OSError, ValueError):
            found = None
        if found == self.made_for:
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        write_atomic(path, json.dumps(self.made_for))

    def has(self, seed: int, items: Sequence[int]) -> bool:
        """Whether a block is there and holds what was written."""
        return part_is_right(block_path(self.folder, seed, items))

    def run(
        self,
        jobs: Sequence[Job],
        run: Callable[[Job, Ticker], Result],
        *,
        threads: int,
        steps: int,
        progress: Progress | None,
    ) -> list[Result]:
        """A `Runner`: what is there is read, the rest is done and kept."""
        self.prepare()
        found = {k: result for k, job in enumerate(jobs) if (result := self._read(job))}
        missing = [k for k in range(len(jobs)) if k not in found]

        def kept(job: Job, ticker: Ticker) -> Result:
            begin, cpu = time.perf_counter(), time.thread_time()
            result = run(job, ticker)
            self.keep(job, result, time.perf_counter() - begin, time.thread_time() - cpu)
            return result

        if missing:
            made = run_all(
                [jobs[k] for k in missing], kept, threads=threads, steps=steps, progress=progress
            )
            found |= dict(zip(missing, made, strict=True))
        return [found[k] for k in range(len(jobs))]

    def keep(self, job: Job, result: Result, wall_s: float, cpu_s: float) -> None:
        """Write a block, unless what it runs on failed: then it is to be tried again."""
        if any(
            not row.counts and not (row.error or "").startswith(UNSTABLE) for row in result.rows
        ):
            return
        rows = [asdict(row) | {"values": _plain(row.values)} for row in result.rows]
        spent = {"spent_s": [wall_s, cpu_s]}
        path = block_path(self.folder, job.entrant.source.training_seed, job.items)
        write_part(path, result.diagnostics, [spent, *rows])

    def _read(self, job: Job) -> Result | None:
        path = block_path(self.folder, job.entrant.source.training_seed, job.items)
        if not part_is_right(path):
            return None
        try:
            diagnostics, (spent, *rows) = read_part(path)
        except DataError:
            return None
        result = Result([Row(**row) for row in rows], diagnostics)
        if tuple(row.item for row in result.rows) != job.items:
            return None
        wall, cpu = spent["spent_s"]
        return replace(result, spent_s=(wall, cpu))

    def clear(self) -> None:
        """Take all away: the record is written."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _plain(values: Mapping[str, Any]) -> dict[str, float | None]:
    """As JSON has it; numpy's numbers too."""
    return {name: None if x is None else float(x) for name, x in values.items()}
