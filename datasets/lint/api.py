"""`bench lint`: every check of one dataset."""

from __future__ import annotations

import tempfile
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from entitybench.checks import DONE, FAILED, SKIPPED, NotChecked, counted, how
from entitybench.datasets.api import load_dataset
from entitybench.datasets.lint.checks import CHECKS
from entitybench.datasets.lint.files import check_files
from entitybench.datasets.lint.finding import Finding
from entitybench.datasets.lint.subject import Subject
from entitybench.datasets.minari.defects import SourceDefect
from entitybench.datasets.minari.importer import import_minari, local_names
from entitybench.datasets.minari.library import minari_root
from entitybench.datasets.store.files import read_manifest
from entitybench.datasets.store.places import named_folder
from entitybench.datasets.store.schema import MANIFEST
from entitybench.datasets.store.store import EpisodeStore
from entitybench.errors import DataError, unknown, whole
from entitybench.places import expanded
from entitybench.registry import datasets

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

EPISODES = 20  # that are simulated again
FEW = 20_000  # transitions of a set that is simulated again as a whole: seconds


@dataclass(frozen=True, slots=True)
class Report:
    """What linting a dataset found.

    Attributes:
        source: what was asked for.
        dataset: the id in the data's manifest.
        episodes: in the data.
        transitions: in the data.
        checks: name -> "done", with what was left out and why; "skipped: <why>" where the data give
            nothing to judge by; or "failed: <n> errors".
        findings: errors first.
        measured: numbers beside them: shares of saturated actions, replay error.
    """

    source: str
    dataset: str
    episodes: int
    transitions: int
    checks: dict[str, str]
    findings: list[Finding]
    measured: dict[str, Any]

    @property
    def errors(self) -> int:
        return sum(finding.severity == "error" for finding in self.findings)

    @property
    def counts(self) -> dict[str, int]:
        """How many checks were "done", "skipped" and "failed"."""
        return counted(self.checks.values())

    def json(self) -> dict[str, Any]:
        return {
            "source": self.source,
            "dataset": self.dataset,
            "episodes": self.episodes,
            "transitions": self.transitions,
            "errors": self.errors,
            **self.counts,
            "checks": self.checks,
            "measured": self.measured,
            "findings": [finding.json() for finding in self.findings],
        }


def lint(source: str | Path, *, episodes: int | None = None) -> Report:
    """Check a dataset for the defects that published datasets have had.

    Args:
        source: a dataset's id, also with "@" and a size, the folder of a store, the name or folder
            of a Minari dataset, or an OGBench .npz or D4RL .hdf5 file; what is no store is imported
            into a temporary one.
        episodes: how many are simulated again, evenly spread; 0 for none. None: 20, and all of a
            set of 20 000 transitions or less.

    Raises:
        UnknownId: no such dataset or folder.
        DataError: the data cannot be read at all.
        BadValue: an impossible number.
    """
    if episodes is not None:
        episodes = whole("episodes", episodes, 0)
    with _opened(source) as (folder, known):
        manifest = read_manifest(folder)
        size = (max(last for _, last in manifest["splits"].values()), manifest["transitions"])
        if episodes is None:
            episodes = size[0] if size[1] <= FEW else EPISODES
        unsound, measured, found = check_files(folder, manifest), dict[str, Any](), list[Finding]()
        why = "files are damaged"  # nothing more can be said of data that are not what was written
        if not unsound:
            subject = Subject(EpisodeStore.open(folder, verify=False), episodes)
            unsound, why = subject.misfits(), "the columns are not those of the task"
        checks = {"files": _summary(unsound)}
        if unsound:
            checks |= dict.fromkeys(CHECKS, f"{SKIPPED}: {why}")
        else:
            said, found = _checked(subject, size[0])
            checks, measured = checks | said, subject.measured
        found = sorted([*known, *unsound, *found], key=lambda finding: finding.severity)
        return Report(str(source), manifest["dataset"], *size, checks, found, measured)


def _checked(subject: Subject, episodes: int) -> tuple[dict[str, str], list[Finding]]:
    """What is said of each check of a sound store of so many episodes, and all that they found."""
    said, found = dict[str, str](), list[Finding]()
    for name, (check, _) in CHECKS.items():
        try:
            findings = check(subject)
        except NotChecked as reason:
            said[name] = f"{SKIPPED}: {reason}"
        else:
            said[name] = _summary(findings, subject.left.get(name, []))
            found += findings
    again = subject.measured.get("replayed_episodes", episodes)
    by_replay = ("replay", "scores") if "rewards" in subject.store.columns else ("replay",)
    for name in by_replay:
        if said[name] == DONE and again < episodes:
            said[name] = f"{DONE}, {again} of {episodes} episodes simulated again"
    return said, found


def _summary(findings: list[Finding], left: Sequence[str] = ()) -> str:
    errors = sum(finding.severity == "error" for finding in findings)
    numbers = ((errors, "error"), (len(findings) - errors, "warning"))
    said = [f"{count} {word}{'s' if count > 1 else ''}" for count, word in numbers if count]
    said += [f"not in full: {'; '.join(left)}"] if left else []
    return how(FAILED if errors else DONE, ", ".join(said))


@contextmanager
def _opened(source: str | Path) -> Iterator[tuple[Path, list[Finding]]]:
    """The folder of a store with the data, and what is wrong with where they come from."""
    text, path = str(source), expanded(source)
    if text.partition("@")[0] in datasets():
        if not (named_folder(text) / MANIFEST).is_file():
            load_dataset(text)  # raises DataError with the line that makes it
        yield named_folder(text), []
    elif (path / MANIFEST).is_file():
        yield path, []
    elif path.exists() or (minari_root() / text / "data").is_dir():
        with tempfile.TemporaryDirectory(prefix="entitybench-lint-") as temporary:
            yield _imported(source, Path(temporary) / "store")
    elif isinstance(source, Path) or text.startswith(("/", ".", "~")):
        raise DataError(f"nothing at {text} to lint: no store, no Minari dataset, no file.")
    else:
        raise unknown("dataset", text, [*datasets().ids, *local_names()], see="bench list datasets")


def _imported(source: str | Path, folder: Path) -> tuple[Path, list[Finding]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        import_minari(source, folder)
    defects = [w.message for w in caught if isinstance(w.message, SourceDefect)]
    return folder, [
        Finding("warning", "source", str(source), defect.what, defect.fix) for defect in defects
    ]
