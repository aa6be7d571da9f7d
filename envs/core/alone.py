"""One episode of a world, number by number: what the views of single environments step.

A call of numpy takes about as long for four numbers as for four hundred, and the physics of a small
world takes no longer than a few of them. So a world may bring an `Alone`, which says of Python's
numbers what the world's functions say of arrays. It has no rules of its own: bit for bit it gives
what they give, to which tests/golden/test_number_by_number.py holds every one of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from struct import Struct
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from entitybench.envs.core.world import GoalWorld
    from entitybench.types import Array, Obs

Numbers = list[float]  # a state (S,), say


class Alone(ABC):
    """How one episode of a world is controlled, seen and scored.

    Where a method returns None, the world's functions of arrays are asked instead: so what happens
    rarely needs to be written only once.
    """

    looks_back: bool = True  # whether anything here reads the state before a step
    notes: int | None = None  # how many numbers `remember` gives; None: the whole memory

    @abstractmethod
    def begin(self, state: Array, constants: Array, goal: Array) -> None:
        """An episode begins.

        Args:
            state: (S,), which changes as the episode goes on.
            constants: (N, D), the features that stay.
            goal: (N, D).
        """

    @abstractmethod
    def control(self, state: Numbers, action: Numbers) -> Sequence[float] | None:
        """Actuator targets (nu,) for a state and an action, flat and cut to [-1, 1]."""

    def due(self, state: Numbers) -> bool:
        """Whether `refresh` has something to do after a control step; see `World.due`."""
        del state
        return False

    def remember(self, before: Numbers, state: Numbers) -> Sequence[float] | None:
        """The memory after a control step; in `state` it is still that of before.

        Where `notes` says how many, it is its first numbers, and the others stay.
        """
        del before, state
        return None

    @abstractmethod
    def see(
        self, before: Numbers, action: Numbers, state: Numbers
    ) -> tuple[Obs, dict[str, Any]] | None:
        """What is observed of a state, in new arrays, and the scores of the step that led to it.

        What a team observes may be a list with an array for each agent. The scores are Python's
        numbers: "reward" (of a team a list), "is_success", "success_fraction" and, of worlds that
        can end an episode, "terminated".
        """


class GoalAlone(Alone):
    """An episode of a goal task."""

    def __init__(self, world: GoalWorld, parts: int) -> None:
        """Make it for goals of `parts` entities."""
        self._world = world
        # By how many of them are solved: the scores, as the world's functions of arrays have them.
        count = np.arange(parts + 1)
        shares, success = (count / parts).astype(np.float32), count == parts
        nothing = np.zeros((parts + 1, world.entities, world.features), np.float32)
        [unsolved] = world.reward_terms(nothing, nothing, success).values()
        self._scores = [
            {"reward": reward, "is_success": done, "success_fraction": share}
            for reward, done, share in zip(
                unsolved.tolist(), success.tolist(), shares.tolist(), strict=True
            )
        ]

    @abstractmethod
    def look(self, state: Numbers) -> Iterable[Array] | None:
        """What is observed, what is achieved and what is desired, each (N, D)."""

    @abstractmethod
    def solved(self, state: Numbers) -> int | None:
        """How many entities are where the goal wants them; None where that is too near to call.

        The rules compare what is observed, in single precision, which Python does not have. Asked
        after `look` at the same state.
        """

    def see(
        self, before: Numbers, action: Numbers, state: Numbers
    ) -> tuple[Obs, dict[str, Any]] | None:
        del before, action
        found = self.look(state)
        if found is None:
            return None
        observed, achieved, desired = found
        count = self.solved(state)
        if count is None:
            scores = plain(self._world.judge(achieved, desired))
        else:
            scores = self._scores[count].copy()
        obs = {"observation": observed, "achieved_goal": achieved, "desired_goal": desired}
        return obs, scores


# By how much a square of a distance must be off a limit for single precision to see it so, too:
# its own errors are a hundred times smaller.
_CLEAR = 1e-4


def clear(limit: float) -> tuple[float, float]:
    """Below which square of a distance it is within a limit, and above which it is not.

    What is between them is too near to call. `limit` is the square of the limit.
    """
    return limit * (1 - _CLEAR), limit * (1 + _CLEAR)


class Gathered:
    """Float32 arrays of one shape whose numbers are picked from one row.

    The row begins with what changes: the state, and what is computed from it. After that comes what
    stays for an episode. A look is two calls, however many numbers it shows.
    """

    def __init__(self, changing: int, staying: int, *shown: Array) -> None:
        """Make it.

        Args:
            changing: how many numbers change.
            staying: how many stay.
            shown: for each array, in its shape, where in the row its numbers are.
        """
        self._row = np.zeros(changing + staying, np.float32)
        self.staying = self._row[changing:]
        self.numbers: Any = self._row.data  # gives single numbers faster than numpy
        self._pack = Struct(f"{changing}f").pack_into  # rounds as numpy does
        self._from = np.stack(shown).astype(np.intp)

    def look(self, changing: Sequence[float]) -> Array:
        """The arrays (how many, ...), new ones, with what changes as it is now."""
        self._pack(self.numbers, 0, *changing)
        # Places are not checked with this mode, which is quicker; they are right.
        return self._row.take(self._from, None, None, "clip")


def plain(scores: dict[str, Any]) -> dict[str, Any]:
    """Scores of one episode as Python's numbers, those of each agent as lists.

    So other environments give them, and of numpy's Gymnasium's vectors make arrays of objects.
    """
    for name, value in scores.items():
        if value.ndim == 0:
            scores[name] = value.item()
        elif name == "reward":
            scores[name] = value.tolist()
    return scores


_SINGLE = Struct("f")


def float32(number: float) -> float:
    """A number rounded to single precision, as scores are."""
    rounded: float = _SINGLE.unpack(_SINGLE.pack(number))[0]
    return rounded
