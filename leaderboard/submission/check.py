"""Looks at a bundle by the rules of rules.py, for `bench verify` and for whoever receives one."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from entitybench.checkpoints import WEIGHTS
from entitybench.checks import DONE
from entitybench.envs.api import world_of
from entitybench.envs.core.banks import Bank
from entitybench.envs.core.batch import Worlds
from entitybench.errors import BadValue, BenchError
from entitybench.files import is_pipe
from entitybench.leaderboard.evaluation import provenance
from entitybench.leaderboard.submission import claims, reading
from entitybench.leaderboard.submission.acting import agents_of, unpacked_weights
from entitybench.leaderboard.submission.answers import Answers
from entitybench.leaderboard.submission.archive import Archive, Unsafe, hash_of
from entitybench.leaderboard.submission.keys import is_of
from entitybench.leaderboard.submission.models import (
    ANSWERS,
    COLUMNS,
    MANIFEST,
    PREDICTIONS,
    RECORD,
    SIGNATURE,
    Signature,
    columns_of,
    file_of,
    weights_of,
)
from entitybench.leaderboard.submission.predictions import Predictions
from entitybench.leaderboard.submission.recorder import checkpoints
from entitybench.leaderboard.submission.rerun import Drawn, rerun
from entitybench.leaderboard.submission.rules import Report
from entitybench.leaderboard.submission.season import PLATFORM, digest_of, run_season
from entitybench.leaderboard.submission.simulate import WIDTH, Recorded, Setting, resimulate
from entitybench.leaderboard.submission.wanted import Wanted
from entitybench.registry import agents

if TYPE_CHECKING:
    from entitybench.leaderboard.evaluation.api import Loaded
    from entitybench.leaderboard.submission.models import EpisodesInfo, Manifest
    from entitybench.leaderboard.submission.stated import Stated
    from entitybench.records import Record
    from entitybench.types import Array, TaskSpec

_STATED: dict[tuple[str, ...], type[Stated]] = {PREDICTIONS: Predictions, ANSWERS: Answers}
_SIMULATED = frozenset({"starts", "physics", "scores"})


def verify(source: Path | bytes, wanted: Wanted | None = None, *, name: str = "") -> Report:
    """Look at a bundle; offline, and nothing in it is run or unpacked onto the disk.

    Args:
        source: the file, or its bytes.
        wanted: what is asked of it.
        name: what the report calls it; default: the file.

    Raises:
        BadValue: there is no such file.
        MissingExtra: it is signed, and cryptography is not installed.
    """
    wanted = wanted or Wanted()
    report = Report(name or (str(source) if isinstance(source, Path) else "a bundle"))
    with io.BytesIO(source) if isinstance(source, bytes) else _open(source) as file:
        report.sha256 = hash_of(file)
        try:
            archive = Archive(file, wanted.limits)
        except Unsafe as unsafe:
            report.find("archive", str(unsafe), file=unsafe.file)
        else:
            report.looked.add("archive")
            _look(archive, wanted, report)
    return report


def _open(path: Path) -> IO[bytes]:
    if is_pipe(path) or not path.is_file():
        what = "is no regular file" if path.exists() else "is not there"
        raise BadValue(f"no bundle at {path}: it {what}.")
    try:
        return path.open("rb")
    except OSError as error:
        raise BadValue(f"cannot read {path}: {error.strerror or error}.") from error


def _look(archive: Archive, wanted: Wanted, report: Report) -> None:
    text = reading.read(archive, MANIFEST, report)
    data = reading.read(archive, RECORD, report)
    if text is None or data is None:
        return
    report.looked.add("schema")
    manifest, record = reading.manifest_of(text, report), reading.record_of(data, report)
    if manifest is None or record is None:
        return
    report.task, report.agent = f"{record.task.id}-v{record.task.version}", record.label
    report.looked |= {"files", "signature", "record", "task", "data", "complete"}
    _files(archive, manifest, data, report)
    _signature(archive, text, report)
    claims.check_record(manifest, record, report)
    task = claims.check_task(record, report, metrics=not wanted.rescore)
    claims.check_data(record, report)
    claims.check_complete(manifest, record, report, wanted.episodes, wanted.seeds)
    report.skipped["hidden"] = "no season was named"
    if task is not None:
        stated = _STATED.get(columns_of(record.kind))
        if stated is not None:
            stated(archive, manifest, record, task, wanted, report).run()
            return
        drawn = Drawn(wanted.rerun, hashlib.sha256(text).hexdigest())
        _Episodes(archive, manifest, record, task, wanted, report, drawn).run()


def _files(archive: Archive, manifest: Manifest, record: bytes, report: Report) -> None:
    """The archive has the files of the manifest; hashes of arrays are compared as they are read."""
    there = archive.sizes.keys() - {MANIFEST, SIGNATURE}
    for name in sorted(there - manifest.files.keys()):
        report.find("files", "the manifest does not name it", file=name)
    for name in sorted(manifest.files.keys() - there):
        report.find("files", "it is missing", file=name)
    if RECORD in manifest.files:
        reading.check_hash(RECORD, record, manifest.files[RECORD], report)
        if manifest.files[RECORD].sha256 != manifest.record_sha256:
            what = "record_sha256 is not that of the record among the files"
            report.find("files", what, file=MANIFEST, where="record_sha256")


def _signature(archive: Archive, manifest: bytes, report: Report) -> None:
    if SIGNATURE not in archive.sizes:
        report.looked.discard("signature")
        report.absent["signature"] = "it is not signed"
        return
    data = reading.read(archive, SIGNATURE, report)
    if data is None:
        return
    signature = reading.model_of(data, SIGNATURE, Signature, "signature", report)
    if signature is None:
        return
    if is_of(signature, hashlib.sha256(manifest).digest()):
        report.signed_by = signature.public_key
    else:
        report.find("signature", "it is not of this manifest by this key", file=SIGNATURE)


class _Episodes:
    """The arrays, one training seed after the other, and what they come to."""

    def __init__(
        self,
        archive: Archive,
        manifest: Manifest,
        record: Record,
        task: TaskSpec,
        wanted: Wanted,
        report: Report,
        drawn: Drawn,
    ) -> None:
        self.archive, self.manifest, self.report = archive, manifest, report
        self.record, self.drawn = record, drawn
        self.rows = {(row.training_seed, row.item): row for row in record.rows}
        self.wanted = wanted
        self.parts = [each for each in manifest.episodes if len(each.items) == len(each.steps)]
        self.total, self.done = sum(sum(each.steps) for each in self.parts), 0
        here = provenance.versions()
        self.setting = Setting(
            task=task,
            bank=record.task.bank,
            here=all(manifest.machine.get(name) == here[name] for name in PLATFORM),
            threads=wanted.threads or provenance.cores(),
            tick=self._tick,
            rescore=wanted.rescore,
            watch=wanted.watch,
        )

    def run(self) -> None:
        """Read, check and simulate. What cannot be trusted to fit is not simulated."""
        report, setting = self.report, self.setting
        world = world_of(setting.task)
        worlds = Worlds(world, 1, horizon=setting.task.horizon, bank=Bank(setting.bank))
        shapes = world.action_shape, len(worlds.integration_state(0)), worlds.goals.shape[1:]
        worlds.close()
        once = {each.training_seed for each in self.manifest.episodes}
        fits = report.checks["task"] == DONE
        fits &= len(self.parts) == len(self.manifest.episodes) == len(once)
        report.looked.add("arrays")
        acting = self._agents() if fits else {}
        waiting: list[Recorded] = []  # until there are enough to be simulated side by side
        for info in self.parts:
            before = report.errors
            self._hash_weights(info)
            columns = self._columns(info, *shapes)
            rows = {item: self.rows.get((info.training_seed, item)) for item in info.items}
            known = {item: row for item, row in rows.items() if row is not None}
            if columns is None or report.errors > before or len(known) < len(rows) or not fits:
                fits = False
                continue
            recorded = Recorded(info=info, rows=known, **columns)
            waiting.append(recorded)
            if sum(len(each.info.items) for each in waiting) >= WIDTH:
                self._simulate(waiting)
            if agent := acting.get(info.training_seed):
                self._rerun(agent, recorded)
        self._simulate(waiting)
        if not self.wanted.simulate:
            report.skipped |= dict.fromkeys(_SIMULATED, "not asked for")
        elif fits:
            report.looked |= _SIMULATED
        if acting and fits:
            report.looked.add("actions")
            self._hidden(acting)
        elif self.wanted.season is not None and not acting and "actions" in report.skipped:
            report.skipped["hidden"] = report.skipped["actions"]

    def _simulate(self, waiting: list[Recorded]) -> None:
        """Those training seeds, which then wait no more."""
        if waiting and self.wanted.simulate:
            resimulate(waiting, self.setting, self.report)
        waiting.clear()

    def _agents(self) -> dict[int, Loaded]:
        """What is to act again, by training seed; none where it cannot, which is told."""
        record, report = self.record, self.report
        if not self.drawn.count:
            report.skipped["actions"] = "not asked for; --rerun 5 does in 5 episodes"
        elif record.agent.id not in agents():
            what = f"{record.agent.id} is not registered"
            report.skipped["actions"] = f"no file is run and no server asked, and {what}"
        else:
            try:
                seeds = [each.training_seed for each in self.parts]
                with unpacked_weights(self.archive, seeds, report) as held:
                    found = agents_of(record, self.wanted.weights or held, "cpu")
            except BenchError as error:
                report.find("actions", str(error), file=RECORD, where="agent")
            else:
                claims.check_settings(record, found, report)
                return found
        return {}

    def _hidden(self, acting: dict[int, Loaded]) -> None:
        """Level 4, where a season is named and nothing else was found."""
        report, season = self.report, self.wanted.season
        if season is None or report.errors:
            return
        if self.record.task.bank != "public":
            report.skipped["hidden"] = f"its starts are {self.record.task.bank}, and not public"
            return
        del report.skipped["hidden"]
        digest, threads = digest_of(self.manifest), self.setting.threads
        try:
            run_season(season, digest, self.setting.task, acting, threads, report)
        except BenchError as error:
            report.find("hidden", str(error), file=RECORD, where="agent")

    def _rerun(self, agent: Loaded, recorded: Recorded) -> None:
        try:
            rerun(agent, recorded, self.drawn.items(recorded), self.setting, self.report)
        except BenchError as error:
            where = f"training seed {recorded.info.training_seed}"
            self.report.find("actions", str(error), file=RECORD, where=where)

    def _columns(
        self, info: EpisodesInfo, action: tuple[int, ...], state: int, goal: tuple[int, ...]
    ) -> dict[str, Array] | None:
        """The arrays of a training seed, or None: then there is a finding."""
        found = {}
        shapes = reading.shapes(info, action, state, goal)
        steps = np.array(info.steps)
        ends = {
            "actions": np.cumsum(steps),
            "states": np.cumsum([checkpoints(count) for count in info.steps]),
            "goals": np.arange(1, len(steps) + 1),
        }
        for column in COLUMNS:
            name = file_of(info.training_seed, column)
            if name not in self.archive.sizes or name not in self.manifest.files:
                continue  # said already
            data = reading.read(self.archive, name, self.report)
            if data is None:
                continue
            reading.check_hash(name, data, self.manifest.files[name], self.report)
            array = reading.column(data, name, shapes[name], self.report)
            if array is None:
                continue
            reading.check_numbers(name, array, ends[column], info, self.report)
            found[column] = array
        return found if len(found) == len(COLUMNS) else None

    def _hash_weights(self, info: EpisodesInfo) -> None:
        for file, name in weights_of(info.training_seed).items():
            if name in self.archive.sizes and name in self.manifest.files:
                data = reading.read(self.archive, name, self.report)
                if data is not None:
                    reading.check_hash(name, data, self.manifest.files[name], self.report)
                    reading.check_form(name, data, file == WEIGHTS, self.report)

    def _tick(self, steps: int) -> None:
        self.done += steps
        if self.wanted.progress is not None:
            self.wanted.progress(self.done, self.total)
