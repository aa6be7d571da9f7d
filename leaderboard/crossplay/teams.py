"""Who plays: a team for each training seed of each method, and teams of strangers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from entitybench.errors import BadValue, foreign
from entitybench.forms import sha256_of
from entitybench.leaderboard.evaluation.control import Control
from entitybench.leaderboard.evaluation.evaluate import entrants_of
from entitybench.leaderboard.evaluation.named import loaded, named
from entitybench.words import class_name

if TYPE_CHECKING:
    from entitybench.leaderboard.evaluation.pool import Entrant
    from entitybench.types import TaskSpec

STRANGERS = "strangers"


@dataclass(frozen=True)
class Team:
    """What plays one side.

    Attributes:
        method: whose team it is, as tables name it.
        members: one agent for all places of the team, or one for each place.
    """

    method: str
    members: tuple[Entrant, ...]

    @property
    def seeds(self) -> tuple[int, ...]:
        """Training seeds of the members."""
        return tuple(member.source.training_seed for member in self.members)

    @property
    def weights(self) -> tuple[str | None, ...]:
        """What tells members of one name apart: sha256 of weights, or of the file of a policy."""
        return tuple(
            member.source.weights_sha256 or sha256_of(_file_of(member.source.id))
            for member in self.members
        )


def _file_of(id: str) -> str:
    module, colon, _ = id.rpartition(":")
    return module if colon and module.endswith(".py") else id


def teams_of(
    given: Sequence[str] | Mapping[str, Any], task: TaskSpec, *, strangers: int | None, **use: Any
) -> list[Team]:
    """The teams of all methods, in their order, each followed by its strangers.

    Args:
        given: words ID or ID=FOLDER, as --agents takes them; or by name such words, agents,
            policies, or mappings {training seed: agent}.
        task: what they play.
        strangers: teams of strangers of each method with two or more training seeds; None: as many
            as it has seeds. Where a side has one agent there are none.
        use: further arguments of `load_agents` for what has weights.

    Raises:
        UnknownId, CheckpointError, BadValue: as `load_agents`; a name twice; under two teams.
    """
    by_name = given if isinstance(given, Mapping) else named(given)
    places = _places(task)
    teams: list[Team] = []
    for name, what in by_name.items():
        found = _entrants(what, task, use)
        teams += [Team(name, (each,)) for each in found]
        teams += [
            Team(f"{name} {STRANGERS}", tuple(found[(k + i) % len(found)] for i in range(places)))
            for k in range(_mixed(found, places, strangers))
        ]
    if len(teams) < 2:
        there = f"got {teams[0].method}, one training seed" if teams else "got none"
        raise BadValue(
            f"a game has two sides: {there}. Name two agents or more, or one with several seeds."
        )
    return teams


def _places(task: TaskSpec) -> int:
    from entitybench.envs.worlds import world_of

    world: Any = world_of(task)
    return len(world.agents)


def _mixed(found: Sequence[Entrant], places: int, wanted: int | None) -> int:
    if places < 2 or len(found) < 2:
        return 0
    return len(found) if wanted is None else min(wanted, len(found))


def _entrants(what: Any, task: TaskSpec, use: Mapping[str, Any]) -> list[Entrant]:
    """The agents of one method, by training seed."""
    agent = loaded(what, task, **use) if isinstance(what, str) else what
    with foreign(f"{class_name(agent)} cannot be read"):
        return entrants_of(agent, Control())
