"""A crossplay to be read: ratings and matrices as tables, as JSON, as pictures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from entitybench.kinds import Metric
from entitybench.leaderboard.crossplay.stored import Document
from entitybench.leaderboard.crossplay.summary import Summary, advantage, summary
from entitybench.leaderboard.tables.data import shown
from entitybench.leaderboard.tables.grid import Grid
from entitybench.leaderboard.tables.render import Rendered, fragment, render
from entitybench.leaderboard.tables.table import as_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from entitybench.leaderboard.statistics.intervals import Interval

FILE = "crossplay.json"
_ELO = Metric(name="rating", title="rating (Elo)", short="rating", digits=0)
_GOALS = Metric(name="goals", title="goal difference", short="goals", digits=2)
_ALONE = "†"
_DIAGONAL = (
    "Diagonal: training seeds of one method against each other, 0 by symmetry; – where there is "
    "one."
)


@dataclass(frozen=True, repr=False)
class Table(Rendered):
    """One of its tables."""

    words: Grid
    numbers: list[dict[str, Any]]

    def grid(self) -> Grid:
        """Words."""
        return self.words

    def values(self) -> list[dict[str, Any]]:
        """A row for each row."""
        return self.numbers

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        return {"title": self.words.title, "rows": self.numbers}


@dataclass(frozen=True, repr=False)
class Crossplay:
    """All games between some teams, and what they come to."""

    document: Document

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """From OUT/crossplay.json, or the folder OUT. Raises RecordError."""
        path = Path(path)
        return cls(Document.read(path / FILE if path.is_dir() else path))

    @cached_property
    def methods(self) -> Summary:
        """By method: means over its training seeds, of which each played each of the others."""
        return self._summary(lambda team: str(team.method))

    @cached_property
    def teams(self) -> Summary:
        """By team: of each training seed, and of strangers."""
        return self._summary(lambda team: str(team.name))

    @cached_property
    def advantage(self) -> Interval:
        """Goals a game by which the home side was ahead."""
        return advantage(*self.document.goals)

    def _summary(self, name: Callable[[Any], str]) -> Summary:
        return summary(*self.document.goals, [name(team) for team in self.document.teams])

    @property
    def standings(self) -> Table:
        """A row for each method, best first."""
        found = self.methods
        rows, numbers = [], []
        for k in found.order:
            won, drawn, lost = found.against_others(k)
            alone = f" {_ALONE}" if found.teams[k] == 1 else ""
            rows.append(
                (
                    found.names[k] + alone,
                    shown(found.ratings[k], _ELO),
                    *(f"{100 * x:.1f}" for x in (won, drawn, lost)),
                    str(found.teams[k]),
                )
            )
            numbers.append(
                {
                    "method": found.names[k],
                    "rating": found.ratings[k].mean,
                    "rating_low": as_json(found.ratings[k])["low"],
                    "rating_high": as_json(found.ratings[k])["high"],
                    "won": won,
                    "drawn": drawn,
                    "lost": lost,
                    "teams": found.teams[k],
                }
            )
        header = ("agent", _ELO.title, "won (%)", "drawn (%)", "lost (%)", "teams")
        return Table(Grid(self._title, header, tuple(rows), self._notes), numbers)

    @property
    def matrix(self) -> Table:
        """Goal differences a game, the row's goals minus the column's, and won / drawn / lost."""
        return self._matrix(self.methods)

    @property
    def team_matrix(self) -> Table:
        """`matrix` of all teams."""
        return self._matrix(self.teams)

    def _matrix(self, found: Summary) -> Table:
        names, numbers = [found.names[k] for k in found.order], []
        for i in found.order:
            numbers += [
                {
                    "row": found.names[i],
                    "column": found.names[j],
                    "games": int(found.games[i, j]),
                    "won": found.wins[i, j].item(),
                    "drawn": found.draws[i, j].item(),
                    "lost": found.wins[j, i].item(),
                    "difference": as_json(found.difference[i][j])["mean"],
                    "low": as_json(found.difference[i][j])["low"],
                    "high": as_json(found.difference[i][j])["high"],
                }
                for j in found.order
                if found.games[i, j]
            ]
        wide, narrow = (
            Grid(
                f"Goals a game, row minus column{with_interval}, and games won/drawn/lost in %",
                ("agent", *names),
                tuple(
                    (name, *(_cell(found, i, j, bool(with_interval)) for j in found.order))
                    for name, i in zip(names, found.order, strict=True)
                ),
                (_DIAGONAL,),
            )
            for with_interval in (" [95 % interval]", "")
        )
        return Table(replace(wide, short=narrow), numbers)

    @property
    def _title(self) -> str:
        document = self.document
        return (
            f"{document.task} version {document.task_version}: {len(document.teams)} teams, each "
            f"ordered pair from starts {document.episode_seed} to "
            f"{document.episode_seed + document.games - 1}"
        )

    @property
    def _notes(self) -> tuple[str, ...]:
        notes = [
            "rating: Bradley and Terry's, [95 % interval]; 400 points are odds of ten to one, and "
            "0 is the prior's, a drawn game of each.",
            "won, drawn, lost: against all other methods.",
            f"Home teams were ahead by {shown(self.advantage, _GOALS, sign=True)} goals a game.",
        ]
        if any(count == 1 for count in self.methods.teams):
            notes.append(
                f"{_ALONE} one training seed: the interval is over starts and says nothing about "
                "other training seeds."
            )
        if self.document.missing:
            notes.append(f"{self.document.missing} games are missing: run the command again.")
        if self.document.unstable:
            notes.append(f"{self.document.unstable} games went wrong in simulation: left out.")
        return tuple(notes)

    def to_json(self) -> dict[str, Any]:
        """The file: all games, and what they come to."""
        return self.whole().model_dump(mode="json")

    def whole(self) -> Document:
        """The document with its summary."""
        found = {
            "methods": self.methods.to_json(),
            "teams": self.teams.to_json(),
            "home_advantage": as_json(self.advantage),
        }
        return self.document.model_copy(update={"summary": found})

    def draw(self, out: str | Path, *, teams: bool = False) -> Path:
        """Draw the matrix of methods, or of teams, with ratings, into a .png, .pdf, .svg or .html.

        Raises BadValue for another suffix, MissingExtra where matplotlib is not installed.
        """
        from entitybench.leaderboard.plots.matrix import draw

        found = self.teams if teams else self.methods
        return draw(found, out, title=self._title)

    def __repr__(self) -> str:
        return f"{render(self.standings, 'text')}\n\n{render(self.matrix, 'text')}"

    def _repr_html_(self) -> str:
        """For notebooks."""
        return fragment(self.standings.grid()) + fragment(self.matrix.grid())


def _cell(found: Summary, i: int, j: int, with_interval: bool) -> str:
    if not found.games[i, j]:
        return "–"
    rates = "/".join(
        f"{100 * x:.0f}" for x in (found.wins[i, j], found.draws[i, j], found.wins[j, i])
    )
    goals = found.difference[i][j]
    text = shown(goals, _GOALS, sign=True) if with_interval else f"{goals.mean + 0.0:+.2f}"
    return f"{text} {rates}"
