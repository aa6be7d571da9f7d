"""Plays games: a block of starts of one pair of teams, each side seeing the table as its own.

Teams act for blocks of 25 starts, as in evaluation: start s is row s mod 25 of block s div 25,
whichever other games are played. So no game depends on their number, or on threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.envs.core.play import play
from entitybench.errors import OutOfReach
from entitybench.leaderboard.evaluation.control import BLOCK, checked
from entitybench.leaderboard.evaluation.pool import Fault, blame, failure
from entitybench.records import POLICY
from entitybench.seeding import BatchGenerator, generator

if TYPE_CHECKING:
    from collections.abc import Callable

    from entitybench.envs.core.batch import Worlds
    from entitybench.leaderboard.crossplay.teams import Team
    from entitybench.types import Array, Obs

HOME, AWAY = "home", "away"


@dataclass(frozen=True)
class Games:
    """Some starts of one ordered pair of teams, all of one block."""

    home: int
    away: int
    starts: tuple[int, ...]  # increasing


def play_games(
    home: Team, away: Team, starts: tuple[int, ...], worlds: Worlds, tick: Callable[[int], None]
) -> Array:
    """Goals (games, 2) of home and away, NaN where the simulation went wrong.

    Args:
        home: plays the side that is scored in the task.
        away: plays its opponents.
        starts: seeds of one block.
        worlds: of `match_of(task)`, as many rows as starts.
        tick: told the control steps that are done.

    Raises:
        BenchError: an agent raised, or its actions have a wrong shape or are not finite.
    """
    world: Any = worlds.world
    sides = _Sides(worlds, _Side(home, HOME, starts, world), _Side(away, AWAY, starts, world))
    nobody = BatchGenerator([generator(start) for start in starts])  # each side has its own
    for step in play(worlds, sides, worlds.reset(list(starts)), nobody, worlds.horizon):
        tick(1)
        sides.unstable |= step.info["unstable"]
    return np.where(sides.unstable[:, None], np.nan, world.goals(worlds.state))


class _Sides:
    """Both sides as one policy."""

    def __init__(self, worlds: Worlds, home: _Side, away: _Side) -> None:
        world: Any = worlds.world
        self._worlds, self._turned = worlds, world.turned
        self._home, self._away = home, away
        self.unstable = np.zeros(worlds.batch, bool)

    def initial_state(self, batch: int) -> tuple[Any, Any]:
        del batch
        return self._home.begin(), self._away.begin()

    def act(self, obs: Obs, state: Any, rng: BatchGenerator) -> tuple[Array, Any]:
        del rng
        other = self._worlds.states(self._turned(self._worlds.state))
        home, mine = self._home.act(obs, state[0], self.unstable)
        away, its = self._away.act(other, state[1], self.unstable)
        return np.concatenate([home, away], axis=1), (mine, its)


class _Side:
    """A team that acts for a whole block, of which some rows are played."""

    def __init__(self, team: Team, side: str, starts: tuple[int, ...], world: Any) -> None:
        self._members = team.members
        self._places = len(world.agents)
        self._shape = BLOCK, self._places, world.action_dim
        self._step = 0
        self._live = np.array([start % BLOCK for start in starts])
        self._shown = np.zeros(BLOCK, np.intp)  # rows that are not played see what the first sees
        self._shown[self._live] = np.arange(len(starts))
        played = dict(zip(self._live.tolist(), starts, strict=True))
        self._rng = [
            BatchGenerator(
                [
                    generator(played[row], "policy", member.source.training_seed, side, k)
                    if row in played
                    else generator(row, "padding")
                    for row in range(BLOCK)
                ]
            )
            for k, member in enumerate(self._members)
        ]

    def begin(self) -> list[Any]:
        actors = [member.actor for member in self._members]
        return [self._blamed(k, actor.initial_state, BLOCK) for k, actor in enumerate(actors)]

    def act(self, obs: Obs, state: list[Any], unstable: Array) -> tuple[Array, list[Any]]:
        """Actions (games, M, A) of the side, and the members' states."""
        seen = {key: x[self._shown] for key, x in obs.items()}
        ignored = unstable[self._shown]
        found = [
            self._blamed(k, self._acted, k, seen, state[k], ignored)
            for k in range(len(self._members))
        ]
        self._step += 1
        actions = [each[self._live] for each, _ in found]
        if len(actions) > 1:  # strangers: each member acts at its own place
            actions = [np.stack([each[:, k] for k, each in enumerate(actions)], axis=1)]
        return actions[0], [kept for _, kept in found]

    def _acted(self, k: int, seen: Obs, state: Any, ignored: Array) -> tuple[Array, Any]:
        """Checked actions (BLOCK, M, A) of a member, and its state."""
        member = self._members[k]
        actions, kept = member.actor.act(seen, state, self._rng[k])
        return checked(actions, self._shape, self._step, member.source.id, ignored), kept

    def _blamed(self, k: int, does: Callable[..., Any], *given: Any) -> Any:
        """What a member gives; what it raises is its fault, in one line."""
        try:
            with blame(POLICY):
                return does(*given)
        except Fault as fault:
            name = self._members[k].source.id
            raise OutOfReach(failure(fault, name, "raise")) from fault.error
