"""What agents state of items and a bundle holds, judged again: graphs, answers to problems."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from entitybench.checks import DONE
from entitybench.leaderboard.evaluation import provenance
from entitybench.leaderboard.submission import reading
from entitybench.leaderboard.submission.claims import unfounded
from entitybench.leaderboard.submission.models import RECORD, file_of

if TYPE_CHECKING:
    from entitybench.leaderboard.submission.archive import Archive
    from entitybench.leaderboard.submission.models import EpisodesInfo, Manifest
    from entitybench.leaderboard.submission.rules import Report
    from entitybench.leaderboard.submission.wanted import Wanted
    from entitybench.records import Record, Row
    from entitybench.types import Array, TaskSpec

CLOSE = 1e-2  # how far numbers may be on another platform, where a contact may come a step later


class Stated(ABC):
    """What the agents of a bundle stated, one array a training seed, scored against what is so."""

    column: ClassVar[str]  # of the bundle
    what: ClassVar[str]  # "prediction"
    absent: ClassVar[dict[str, str]]  # rules with nothing to look at, and why

    def __init__(
        self,
        archive: Archive,
        manifest: Manifest,
        record: Record,
        task: TaskSpec,
        wanted: Wanted,
        report: Report,
    ) -> None:
        self.archive, self.manifest, self.report = archive, manifest, report
        self.record, self.task, self.wanted = record, task, wanted
        self.rows = {(row.training_seed, row.item): row for row in record.rows}
        here = provenance.versions()
        names = ("platform", "cpu", "mujoco", "numpy")
        self.here = all(manifest.machine.get(name) == here[name] for name in names)

    def run(self) -> None:
        """Read and score. What cannot be trusted to fit is not scored."""
        report = self.report
        report.looked.add("arrays")
        report.absent |= self.absent
        report.skipped["actions"] = "agents of this kind do not act"
        if self.wanted.season is not None:
            report.skipped["hidden"] = report.skipped["actions"]
        fits = report.checks["task"] == DONE
        for info in self.manifest.episodes:
            before = report.errors
            found = self._read(info)
            known = all((info.training_seed, item) in self.rows for item in info.items)
            if found is None or report.errors > before or not (known and fits):
                fits = False
            elif self.wanted.simulate:
                self.score(info, found)
        if not self.wanted.simulate:
            report.skipped["scores"] = "not asked for"
        elif fits:
            report.looked.add("scores")

    @abstractmethod
    def array(self, info: EpisodesInfo, data: bytes, name: str) -> Array | None:
        """The array of a file, or None: then there is a finding."""

    @abstractmethod
    def score(self, info: EpisodesInfo, stated: Array) -> None:
        """Compare the rows of a training seed with those of what was stated."""

    def _read(self, info: EpisodesInfo) -> Array | None:
        name, report = file_of(info.training_seed, self.column), self.report
        if name not in self.archive.sizes or name not in self.manifest.files:
            return None  # said already
        data = reading.read(self.archive, name, report)
        if data is None or len(info.items) != len(info.steps):
            return None
        reading.check_hash(name, data, self.manifest.files[name], report)
        return self.array(info, data, name)

    def compare(self, seed: int, ours: Row) -> None:
        """The numbers of the record beside those of what was stated."""
        if self.wanted.rescore:
            self.report.scored.append((seed, ours.item, dict(ours.values), ours.error))
            return
        theirs = self.rows[seed, ours.item]
        if theirs.error != ours.error:
            what = f"error is {theirs.error!r}; simulated: {ours.error!r}"
            self.find("scores", seed, ours.item, what)
        for name, value in ours.values.items():
            given = theirs.values.get(name)
            if given == value:
                continue
            close = False
            if given is not None and value is not None:
                close = abs(given - value) <= CLOSE * max(1, abs(value))
            what = f"{name} is {given}; of its {self.what}s: {value}"
            self.find("scores", seed, ours.item, what, warning=close and not self.here)
        for name in unfounded(theirs.values, ours.values, self.task.kind):
            what = f"{name} follows from no {self.what}, and may not be in a record"
            self.find("scores", seed, ours.item, what)
        if theirs.digest != ours.digest:
            what = f"digest is {theirs.digest!r}; of its {self.what}s: {ours.digest!r}"
            self.find("scores", seed, ours.item, what)

    def find(self, rule: str, seed: int, item: int, what: str, *, warning: bool = False) -> None:
        """Note a breach of a rule in an item."""
        where = f"training seed {seed}, episode {item}"
        file = RECORD if rule == "scores" else file_of(seed, self.column)
        self.report.find(rule, what, file=file, where=where, warning=warning)
