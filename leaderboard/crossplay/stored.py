"""The file of a crossplay: who played, every game, and what they come to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from pydantic import Field, ValidationError, model_validator

from entitybench.errors import BadValue, RecordError
from entitybench.files import read_file, write_atomic
from entitybench.record_rows import RecordModel
from entitybench.texts import parsed
from entitybench.words import squeezed

if TYPE_CHECKING:
    from pathlib import Path

    from entitybench.types import Array


class TeamInfo(RecordModel):
    """A team: its index in the list is what pairs call it."""

    method: str
    seeds: list[int] = Field(
        min_length=1, description="training seeds; several, one a place, of a team of strangers"
    )
    weights: list[str | None] = Field(description="sha256 of each; none of scripts")

    @property
    def name(self) -> str:
        """As tables call it: "ma-bc 0", of strangers "ma-bc strangers 0+1"."""
        return f"{self.method} {'+'.join(map(str, self.seeds))}"


class PairInfo(RecordModel):
    """The games of an ordered pair: number k began with the seed `episode_seed` + k."""

    home: int = Field(ge=0, description="the team at the task's own side")
    away: int = Field(ge=0, description="the team in the place of the task's opponents")
    scored: list[int | None] = Field(description="goals of home; null: not played, or unstable")
    conceded: list[int | None] = Field(description="goals of away")
    unstable: list[int] = Field([], description="games whose simulation went wrong")


class Document(RecordModel):
    """A crossplay, whole or stopped on its way."""

    crossplay: Literal[1] = Field(1, description="version of this schema")
    task: str
    task_version: int
    episode_seed: int = Field(ge=0, description="of the first game of every pair")
    games: int = Field(ge=1, description="of every ordered pair")
    versions: dict[str, str] = Field(description="of all that can change a game")
    teams: list[TeamInfo] = Field(min_length=2)
    pairs: list[PairInfo]
    summary: dict[str, Any] | None = Field(
        None, description="ratings, rates and matrices; null: stopped on its way"
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for pair in self.pairs:
            if pair.home == pair.away or max(pair.home, pair.away) >= len(self.teams):
                raise ValueError(f"there is no pair {pair.home}, {pair.away}")
            if not len(pair.scored) == len(pair.conceded) == self.games:
                raise ValueError(f"the pair {pair.home}, {pair.away} has not {self.games} games")
        return self

    @property
    def goals(self) -> tuple[Array, Array]:
        """Goals (E, E, G) of the row at home and of the column, NaN without a game."""
        shape = len(self.teams), len(self.teams), self.games
        scored, conceded = np.full(shape, np.nan), np.full(shape, np.nan)
        for pair in self.pairs:
            scored[pair.home, pair.away] = np.array(pair.scored, float)
            conceded[pair.home, pair.away] = np.array(pair.conceded, float)
        return scored, conceded

    @property
    def missing(self) -> int:
        """How many games were not played yet."""
        played = sum(x is not None for pair in self.pairs for x in pair.scored)
        return len(self.teams) * (len(self.teams) - 1) * self.games - played - self.unstable

    @property
    def unstable(self) -> int:
        """How many games went wrong."""
        return sum(len(pair.unstable) for pair in self.pairs)

    def write(self, path: Path) -> Path:
        """As JSON, a pair in a line."""
        whole = self.model_dump(mode="json")
        lines = {
            name: "[\n  " + ",\n  ".join(map(json.dumps, whole[name])) + "\n ]"
            if name in ("teams", "pairs") and whole[name]
            else json.dumps(whole[name])
            for name in whole
        }
        text = ",\n ".join(f"{json.dumps(name)}: {value}" for name, value in lines.items())
        return write_atomic(path, f"{{{text}}}\n")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises RecordError for what is no such file."""
        try:
            return cls.model_validate(parsed(read_file(path).decode()))
        except OSError as error:
            raise RecordError(f"cannot read {path}: {error.strerror or error}.") from error
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            why = squeezed(f"{where}: {first['msg']}", 200)
            raise RecordError(f"{path} is no file of a crossplay: {why}.") from None
        except (ValueError, RecursionError) as error:
            raise RecordError(f"{path} is no JSON: {squeezed(str(error), 200)}.") from None


def gone_on(found: Document, wanted: Document, path: Path) -> list[PairInfo]:
    """The pairs of a stored crossplay as pairs of a wanted one, which asks for as much or more.

    Raises BadValue where they are not of one crossplay.
    """
    for what, its, own in (
        ("task", (found.task, found.task_version), (wanted.task, wanted.task_version)),
        ("episode seed", found.episode_seed, wanted.episode_seed),
        ("versions", found.versions, wanted.versions),
    ):
        if its != own:
            raise BadValue(
                f"{path} holds games of another {what} ({squeezed(str(its), 100)}, and now "
                f"{squeezed(str(own), 100)}): name another --out."
            )
    if found.games > wanted.games:
        raise BadValue(
            f"{path} holds {found.games} games a pair, and {wanted.games} are asked for: ask for "
            "as many or more, or name another --out."
        )
    place = {team.model_dump_json(): k for k, team in enumerate(wanted.teams)}
    for team in found.teams:
        if team.model_dump_json() not in place:
            raise BadValue(
                f"{path} holds games of {team.name}, which is not among those asked for, or with "
                "other weights: name it too, or another --out."
            )
    index = [place[team.model_dump_json()] for team in found.teams]
    more: list[int | None] = [None] * (wanted.games - found.games)
    return [
        PairInfo(
            home=index[pair.home],
            away=index[pair.away],
            scored=[*pair.scored, *more],
            conceded=[*pair.conceded, *more],
            unstable=pair.unstable,
        )
        for pair in found.pairs
    ]
