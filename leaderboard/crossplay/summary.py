"""What games come to: ratings, rates and differences, by method and by team."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.leaderboard.statistics.crossed import REPLICATES, both_sides, redrawn, sums
from entitybench.leaderboard.statistics.intervals import Interval, resampled
from entitybench.leaderboard.statistics.ratings import ELO, bradley_terry
from entitybench.leaderboard.tables.table import as_json, number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.types import Array

METHOD = "pigeonhole bootstrap over training seeds and starts"
STARTS = "bootstrap over starts"


@dataclass(frozen=True)
class Summary:
    """K players: methods, or single teams.

    Attributes:
        names: of the players.
        ratings: Elo points.
        games: (K, K), how many both have played, on either side.
        wins: (K, K), the share of them that the row won; draws too.
        difference: the row's goals minus the column's, a game: K lists of K.
    """

    names: tuple[str, ...]
    teams: tuple[int, ...]  # of each player
    ratings: tuple[Interval, ...]
    games: Array
    wins: Array
    draws: Array
    difference: tuple[tuple[Interval, ...], ...]

    def against_others(self, k: int) -> tuple[float, float, float]:
        """Shares of games won, drawn and lost of a player against all others."""
        others = self.games[k].copy()
        others[k] = 0
        won, drawn = (
            float(np.nansum(x[k] * others) / max(others.sum(), 1)) for x in (self.wins, self.draws)
        )
        return won, drawn, 1 - won - drawn

    @property
    def order(self) -> list[int]:
        """Players by rating, best first."""
        return sorted(range(len(self.names)), key=lambda k: -self.ratings[k].mean)

    def to_json(self) -> dict[str, Any]:
        """For machines; lists are in the order of `names`."""

        def numbers(x: Array) -> list[list[float | None]]:
            return [[number(float(value)) for value in row] for row in x]

        return {
            "names": list(self.names),
            "ratings": [as_json(each) for each in self.ratings],
            "games": self.games.astype(int).tolist(),
            "wins": numbers(self.wins),
            "draws": numbers(self.draws),
            "losses": numbers(self.wins.T),
            "goal_difference": [[as_json(each) for each in row] for row in self.difference],
        }


def summary(scored: Array, conceded: Array, names: Sequence[str]) -> Summary:
    """What games (E, E, G) of teams come to by the names (E) of their players.

    Ratings are Bradley and Terry's with a drawn game of prior for each player (`bradley_terry`),
    fitted to all games between different players. Their intervals, and those of differences, are
    percentiles of the pigeonhole bootstrap, widened as for few units: over the player's teams and
    the starts, or of a player with one team over the starts alone.
    """
    players = list(dict.fromkeys(names))
    groups = np.array([players.index(name) for name in names])
    teams = np.bincount(groups)
    there = np.where(np.isfinite(scored), 1.0, np.nan)
    won = np.where(np.isfinite(scored), scored > conceded, np.nan)
    lost = np.where(np.isfinite(scored), scored < conceded, np.nan)
    tables = {
        "games": both_sides(there, there),
        "wins": both_sides(won, lost),
        "losses": both_sides(lost, won),
        "goals": both_sides(scored - conceded, conceded - scored),
    }
    starts = scored.shape[2]

    def totals(members: Array, times: Array) -> dict[str, Array]:
        return {name: sums(x, groups, members, times) for name, x in tables.items()}

    whole = totals(np.ones((1, len(names))), np.ones((1, starts)))
    drawn = [totals(*each) for each in redrawn(groups, starts)]
    samples = {name: np.concatenate([each[name] for each in drawn]) for name in whole}
    games = whole["games"][0]
    with np.errstate(invalid="ignore", divide="ignore"):
        wins = whole["wins"][0] / games
        draws = (games - whole["wins"][0] - whole["losses"][0]) / games
        means = whole["goals"][0] / games
        spread = samples["goals"] / samples["games"]  # (R, K, K)
    rating, ratings = _ratings(whole)[0], _ratings(samples)

    def interval(mean: float, of: Array, *rows: int) -> Interval:
        several = [teams[k] for k in rows if teams[k] > 1]
        method = METHOD if several else STARTS
        return resampled(mean, of, method, int(min(several, default=starts)))

    return Summary(
        names=tuple(players),
        teams=tuple(teams.tolist()),
        ratings=tuple(interval(float(x), ratings[:, k], k) for k, x in enumerate(rating)),
        games=games,
        wins=wins,
        draws=draws,
        difference=tuple(
            tuple(interval(float(means[i, j]), spread[:, i, j], i, j) for j in range(len(players)))
            for i in range(len(players))
        ),
    )


def _ratings(totals: dict[str, Array]) -> Array:
    """Elo points (R, K) from sums (R, K, K)."""
    points = totals["wins"] + (totals["games"] - totals["wins"] - totals["losses"]) / 2
    own = np.arange(points.shape[-1])
    points[:, own, own] = 0  # games among a player's own teams say nothing about it
    return ELO * bradley_terry(points)


def advantage(scored: Array, conceded: Array) -> Interval:
    """Goals a game by which home teams were ahead of away teams: sides are equal where it is 0.

    Every pair plays both sides from the same starts, so that strengths cancel.
    """
    starts = scored.shape[2]
    ahead = scored - conceded
    by_start, count = np.nansum(ahead, (0, 1)), np.isfinite(ahead).sum((0, 1)).astype(float)
    alone = np.zeros(1, int)
    drawn = np.concatenate([times for _, times in redrawn(alone, starts, replicates=REPLICATES)])
    with np.errstate(invalid="ignore", divide="ignore"):
        samples = (drawn @ by_start) / (drawn @ count)
    return resampled(float(by_start.sum() / max(count.sum(), 1)), samples, STARTS, starts)
