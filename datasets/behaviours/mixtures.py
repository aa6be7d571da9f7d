"""Several policies in one dataset: one an episode, or by turns within an episode."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.datasets.behaviours.basic import Random, policy_of
from entitybench.envs.api import task_of, world_of
from entitybench.errors import BadValue
from entitybench.seeding import BatchGenerator

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from entitybench.types import Array, Obs, Policy, TaskSpec

RANDOM = "entitybench.datasets.behaviours.basic:Random"


@dataclass(slots=True)
class MixtureState:
    """Which part acts in each of B episodes, and what the parts remember of theirs."""

    part: Array  # (B,) int; -1 before the first step
    states: list[Any]


class Mixture:
    """Each episode is acted by one of several policies, drawn with given shares."""

    def __init__(
        self,
        task: TaskSpec | str,
        *,
        parts: Sequence[Mapping[str, Any]],
        label: str = "part",
        expert: int | None = None,
    ) -> None:
        """Make it.

        Args:
            parts: {"share": of the episodes, "base": "module:Class" (the oracle by default),
                "kwargs": its arguments (none by default)} of each policy; shares sum to one.
            label: name of the label that says which part acted.
            expert: the part whose actions get the flag "expert"; None: there is no such flag.
        """
        shares = np.array([part["share"] for part in parts], np.float64)
        if not len(parts) or (shares < 0).any() or abs(shares.sum() - 1) > 1e-9:
            raise BadValue(f"the shares of a mixture sum to one: got {shares.tolist()}.")
        if expert is not None and not 0 <= expert < len(parts):
            raise BadValue(f"the expert is one of the parts 0 to {len(parts) - 1}: got {expert!r}.")
        self._until = np.cumsum(shares)[:-1]
        self._parts: list[Policy[Any]] = [
            policy_of(task, part.get("base"), part.get("kwargs")) for part in parts
        ]
        self._shape = world_of(task_of(task)).action_shape
        self._label = label
        self._expert = expert

    def initial_state(self, batch: int) -> MixtureState:
        return MixtureState(np.full(batch, -1), [])

    def act(self, obs: Obs, state: MixtureState, rng: BatchGenerator) -> tuple[Array, MixtureState]:
        part, states = state.part, state.states
        if not states:
            part = np.searchsorted(self._until, rng.random(len(part)), side="right")
            counts = np.bincount(part, minlength=len(self._parts))
            states = [
                policy.initial_state(int(count))
                for policy, count in zip(self._parts, counts, strict=True)
            ]
        action = np.zeros((len(part), *self._shape))
        after = list(states)
        for index, policy in enumerate(self._parts):
            rows = np.flatnonzero(part == index)
            if len(rows):
                action[rows], after[index] = act_rows(policy, rows, obs, states[index], rng)
        return action, MixtureState(part, after)

    def labels(self, state: MixtureState) -> dict[str, Array]:
        """The part of each episode."""
        return {self._label: state.part}

    def flags(self, state: MixtureState) -> dict[str, Array]:
        """Which actions are the expert's, if a part is the expert."""
        if self._expert is None:
            return {}
        return {"expert": (state.part == self._expert).astype(np.uint8)}


@dataclass(slots=True)
class EmbeddedState:
    """Whose turn it is in each of B episodes."""

    step: int
    rows: Array  # of the expert's turn
    expert: Any  # what the expert remembers of these rows
    random: Any
    batch: int


class Embedded:
    """Random episodes with pieces of the expert's work in them.

    An episode is cut into pieces of `length` control steps, each of which is the expert's with the
    probability `share`, whatever the others are. The expert begins each piece afresh.
    """

    def __init__(
        self,
        task: TaskSpec | str,
        *,
        share: float,
        length: int,
        hold: int = 1,
        base: str | None = None,
        base_kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        """Make it.

        Args:
            share: of the pieces that are the expert's, 0 to 1.
            length: control steps of a piece.
            hold: control steps for which random actions are held.
            base: "module:Class" of the expert; the task's oracle by default.
            base_kwargs: its arguments.
        """
        if not 0 <= share <= 1:
            raise BadValue(f"a share is 0 to 1: got {share!r}.")
        if not isinstance(length, int) or length < 1:
            raise BadValue(f"a piece is 1 control step or longer: got {length!r}.")
        self._share, self._length = share, length
        self._expert = policy_of(task, base, base_kwargs)
        self._random = Random(task, hold=hold)

    def initial_state(self, batch: int) -> EmbeddedState:
        nobody = np.empty(0, np.intp)
        return EmbeddedState(0, nobody, None, self._random.initial_state(batch), batch)

    def act(
        self, obs: Obs, state: EmbeddedState, rng: BatchGenerator
    ) -> tuple[Array, EmbeddedState]:
        rows, expert = state.rows, state.expert
        if state.step % self._length == 0:
            rows = np.flatnonzero(rng.random(state.batch) < self._share)
            expert = self._expert.initial_state(len(rows))
        action, random = self._random.act(obs, state.random, rng)
        if len(rows):
            action = action.copy()  # random actions are held: theirs must stay what they were
            action[rows], expert = act_rows(self._expert, rows, obs, expert, rng)
        return action, EmbeddedState(state.step + 1, rows, expert, random, state.batch)

    def flags(self, state: EmbeddedState) -> dict[str, Array]:
        """Which actions are the expert's."""
        expert = np.zeros(state.batch, np.uint8)
        expert[state.rows] = 1
        return {"expert": expert}


def act_rows(
    policy: Policy[Any], rows: Array, obs: Obs, state: Any, rng: BatchGenerator
) -> tuple[Array, Any]:
    """What a policy does in some episodes, whose state it has."""
    some = {name: value[rows] for name, value in obs.items()}
    return policy.act(some, state, BatchGenerator([rng.rows[row] for row in rows]))
