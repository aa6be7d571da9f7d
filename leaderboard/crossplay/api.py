"""`crossplay`: games between all teams of some agents, and what they come to."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.envs.worlds import make_worlds, match_of, task_of
from entitybench.errors import BadValue, a_path, training_seeds, whole
from entitybench.files import only_one
from entitybench.leaderboard.crossplay.games import Games, play_games
from entitybench.leaderboard.crossplay.result import FILE, Crossplay
from entitybench.leaderboard.crossplay.stored import Document, PairInfo, TeamInfo, gone_on
from entitybench.leaderboard.crossplay.teams import Team, teams_of
from entitybench.leaderboard.evaluation import provenance
from entitybench.leaderboard.evaluation.control import blocks
from entitybench.leaderboard.evaluation.pool import run_all
from entitybench.places import staying
from entitybench.progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from entitybench.envs.core.batch import Worlds
    from entitybench.leaderboard.evaluation.pool import Progress, Ticker
    from entitybench.types import Array, TaskSpec

_EVERY = 10.0  # s between two writings of the file while games go on
_VERSIONS = ("entitybench", "mujoco", "numpy")


@staying()
def crossplay(
    agents: Sequence[str] | Mapping[str, Any],
    task: str | TaskSpec,
    *,
    games: int = 20,
    episode_seed: int = 0,
    out: str | Path | None = None,
    train_seeds: Sequence[int] | None = None,
    strangers: int | None = None,
    preset: str | None = None,
    dataset: str | None = None,
    device: str | None = "cpu",
    threads: int | None = None,
    progress: Progress | None = None,
) -> Crossplay:
    """Let every training seed of every agent play every other one, on both sides.

    Each ordered pair plays from the same starts. With `out` games are kept as they are played, and
    called again it goes on with those that are missing. Any number of threads gives the same games.

    Args:
        agents: words ID or ID=FOLDER of weights, as `bench crossplay` takes them; or a mapping from
            names to such words, agents, policies or mappings {training seed: agent}.
        task: one with opponents, such as hockey-2v2.
        games: of every ordered pair, from starts episode_seed, episode_seed + 1, …
        episode_seed: the first start.
        out: the folder of crossplay.json; None: nothing is kept.
        train_seeds: of agents with weights; None: all there are.
        strangers: teams of each method whose members come from different training seeds, where a
            side has several agents; None: as many as it has seeds.
        preset: that weights must have.
        dataset: that weights were trained on; None: in a folder the only one, else what the task
            names.
        device: "cpu", "cuda", "cuda:<index>"; None or "auto": a GPU where there is one.
        threads: workers; None: the cores of this process.
        progress: called with (control steps done, all of them); None: a bar on a terminal.

    Raises:
        UnknownId: no such agent or task.
        CheckpointError: no weights, or of another task, with the command that makes them.
        BadValue: a task without opponents, fewer than two teams, or an `out` of other games.
        BenchError: an agent raised.
    """
    spec = task_of(task)
    match = match_of(spec)
    whole("games", games)
    whole("episode_seed", episode_seed, 0)
    if strangers is not None:
        whole("strangers", strangers, 0)
    if threads is not None:
        whole("threads", threads)
    seeds = None if train_seeds is None else training_seeds(train_seeds)
    use = {"seeds": seeds, "preset": preset, "dataset": dataset, "device": device}
    teams = teams_of(agents, spec, strangers=strangers, **use)
    versions = provenance.versions()
    document = Document(
        crossplay=1,
        task=spec.id,
        task_version=spec.version,
        episode_seed=episode_seed,
        games=games,
        versions={name: versions[name] for name in _VERSIONS},
        teams=[
            TeamInfo(method=team.method, seeds=list(team.seeds), weights=list(team.weights))
            for team in teams
        ],
        pairs=[],
        summary=None,
    )
    path = None if out is None else a_path("out", out) / FILE
    with ExitStack() as held:
        if path is not None:
            held.enter_context(only_one(path.with_name(f".{FILE}.lock"), lambda: _busy(path)))
            if path.exists():
                pairs = gone_on(Document.read(path), document, path)
                document = document.model_copy(update={"pairs": pairs})
        book = _Book(document, path)
        wanted = book.wanted
        if wanted:
            bar = _shown(progress, f"steps in {spec.id}")
            with book, bar as told:
                _play(wanted, teams, match, book, threads or provenance.cores(), told)
        found = Crossplay(book.document())
        if path is not None:
            found.whole().write(path)
    return found


@contextmanager
def _shown(progress: Progress | None, title: str) -> Iterator[Progress]:
    if progress is not None:
        yield progress
        return
    with progress_bar(title) as bar:
        yield bar


def _busy(path: Path) -> None:
    raise BadValue(f"another crossplay writes {path}: wait for it, or name another --out.")


def _play(
    wanted: Sequence[Games],
    teams: Sequence[Team],
    match: TaskSpec,
    book: _Book,
    threads: int,
    progress: Progress,
) -> None:
    idle: dict[int, list[Worlds]] = {}  # by batch: making some takes as long as many steps

    def run(job: Games, tick: Ticker) -> None:
        free = idle.setdefault(len(job.starts), [])
        worlds = free.pop() if free else make_worlds(match, len(job.starts))
        book.add(job, play_games(teams[job.home], teams[job.away], job.starts, worlds, tick))
        free.append(worlds)

    try:
        run_all(wanted, run, threads=threads, steps=match.horizon, progress=progress)
    finally:
        for worlds in (each for free in idle.values() for each in free):
            worlds.close()


class _Book:
    """All games: those that are wanted, those that are there, and the file they are kept in.

    Within a `with` block, which writes them down at its end, whatever ends it.
    """

    def __init__(self, document: Document, path: Path | None) -> None:
        self._document, self._path = document, path
        self._scored, self._conceded = document.goals
        self._unstable = np.zeros(self._scored.shape, bool)
        for pair in document.pairs:
            self._unstable[pair.home, pair.away, pair.unstable] = True
        self._lock, self._written = threading.Lock(), time.monotonic()

    @property
    def wanted(self) -> list[Games]:
        """The games that are missing, by pair and block."""
        first, found = self._document.episode_seed, []
        missing = np.isnan(self._scored) & ~self._unstable
        for home, away in np.argwhere(missing.any(-1)).tolist():
            if home != away:
                starts = (first + np.flatnonzero(missing[home, away])).tolist()
                found += [Games(home, away, block) for block in blocks(starts)]
        return found

    def add(self, job: Games, goals: Array) -> None:
        """Goals (games, 2) of one job."""
        place = job.home, job.away, np.array(job.starts) - self._document.episode_seed
        with self._lock:
            self._scored[place], self._conceded[place] = goals.T
            self._unstable[place] = np.isnan(goals[:, 0])
            if time.monotonic() - self._written > _EVERY:
                self._write()

    def document(self) -> Document:
        """All games so far."""
        played = np.isfinite(self._scored) | self._unstable
        pairs = [
            PairInfo(
                home=home,
                away=away,
                scored=_counts(self._scored[home, away]),
                conceded=_counts(self._conceded[home, away]),
                unstable=np.flatnonzero(self._unstable[home, away]).tolist(),
            )
            for home, away in np.argwhere(played.any(-1)).tolist()
        ]
        return self._document.model_copy(update={"pairs": pairs})

    def __enter__(self) -> _Book:
        self._write()  # now rather than after an hour, if the folder cannot be written
        return self

    def __exit__(self, *_: object) -> None:
        self._write()

    def _write(self) -> None:
        if self._path is not None:
            self.document().write(self._path)
        self._written = time.monotonic()


def _counts(goals: Array) -> list[int | None]:
    return [None if np.isnan(x) else int(x) for x in goals.tolist()]
