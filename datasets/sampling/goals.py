"""Random transitions with goals put in afterwards (hindsight relabelling).

Rewards come from the world's own `achieved` and `reward`, on the float32 arrays that the world
itself gave out, so a relabelled transition has the reward that the episode would have had with that
goal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from entitybench.errors import BadValue

if TYPE_CHECKING:
    from entitybench.datasets.store.store import EpisodeStore
    from entitybench.types import Array, Batch


class GoalWorld(Protocol):
    """What relabelling needs of a world."""

    @property
    def feature_names(self) -> tuple[str, ...]:
        """D names; those of one-hot ids begin with "id"."""
        ...

    def achieved(self, observation: Array) -> Array:
        """The goal (..., N, D) that an observation fulfils; a new array."""
        ...

    def reward(self, achieved: Array, desired: Array) -> Array:
        """Rewards (...)."""
        ...


@dataclass(frozen=True, slots=True)
class GoalMix:
    """Where the goals of a batch come from; the four fractions sum to 1.

    Raises BadValue when they do not, or when `mean_steps` is below one step.
    """

    next: float = 0.0  # the next state
    uniform: float = 0.0  # a later state of the episode, uniform (rule of HECRL, sheet 2.1)
    geometric: float = 0.0  # a later state, geometric steps ahead, cut at the end
    random: float = 0.0  # a state of another episode
    mean_steps: float = 25.0  # mean of the geometric distribution, control steps

    def __post_init__(self) -> None:
        shares = self.shares
        if min(shares) < 0 or not math.isclose(sum(shares), 1.0, abs_tol=1e-6):
            raise BadValue(
                "the fractions next, uniform, geometric, random of a goal mix must be 0 or more "
                f"and sum to 1: got {shares}."
            )
        if not self.mean_steps >= 1:
            raise BadValue(f"mean_steps of a goal mix must be at least 1: got {self.mean_steps}.")

    @property
    def shares(self) -> tuple[float, float, float, float]:
        return (self.next, self.uniform, self.geometric, self.random)

    def cuts(self, batch_size: int) -> tuple[int, int, int]:
        """Where in a batch the uniform, the geometric and the random goals begin."""
        nexts, uniform, geometric, _ = self.shares
        sums = (nexts, nexts + uniform, nexts + uniform + geometric)
        a, b, c = (min(batch_size, round(batch_size * part)) for part in sums)
        return a, b, c


class GoalSampler:
    """Draws batches from a store (or a split of one), every transition equally often.

    The columns stay memory-mapped; beside them a table of 24 bytes a transition is kept.
    """

    def __init__(self, store: EpisodeStore, world: GoalWorld) -> None:
        observations = np.asarray(store.observations)
        self._shape = observations.shape[1:]
        # Rows of plain arrays: gathering them copies whole rows and goes through no subclass.
        self._observations = observations.reshape(len(observations), -1)
        self._actions = np.asarray(store.actions)
        self._world = world
        self._ids = _id_slice(world.feature_names)
        lengths, offsets = store.lengths, store.offsets
        if not lengths.sum():
            raise BadValue(f"{store.id} holds no transitions to sample.")
        self._offsets = offsets
        self._lengths = lengths
        self._episode = np.repeat(np.arange(len(lengths)), lengths)  # of each transition
        self._row = np.arange(len(self._episode)) + self._episode  # one padding row an episode
        self._end = offsets[self._episode + 1] - 1  # row of the episode's last observation

    @property
    def transitions(self) -> int:
        return len(self._row)

    def sample(
        self,
        batch_size: int,
        rng: np.random.Generator,
        *,
        value: GoalMix | None = None,
        policy: GoalMix | None = None,
        subgoal_steps: int | None = None,
    ) -> Batch:
        """A batch of transitions.

        Args:
            batch_size: B.
            rng: all randomness; the batch is a pure function of its state and of the store.
            value: goals for value learning, with rewards.
            policy: goals for the policy, drawn on their own.
            subgoal_steps: K; needs `policy`.

        Returns:
            "observations" (B, N, D), "actions" (B, A), "next_observations" (B, N, D);
            with `value`: "value_goals" (B, N, D), "rewards" (B,) of the next observation, "masks"
            (B,), all 1 since goal tasks do not end; with `policy`: "policy_goals" (B, N, D); with
            `subgoal_steps`: "subgoals" (B, N, D), the full observation K steps ahead or at the
            policy goal, whichever is first (for a goal of another episode: K ahead or at the
            episode's end). All float32. Goals from other episodes carry the ids of the current one.
            Within the batch the kinds of goals follow one another in the order of `GoalMix`.

        Raises:
            BadValue: subgoals without policy goals, or goals of other episodes where there is one.
        """
        if batch_size < 1:
            raise BadValue(f"a batch needs at least one transition: got {batch_size}.")
        picked = rng.integers(len(self._row), size=batch_size)
        rows = self._row.take(picked)
        ends = self._end.take(picked)
        wanted = {"observations": rows, "next_observations": rows + 1}
        if value is not None:
            wanted["value_goals"] = self._goal_rows(value, picked, rows, ends, rng)
        if policy is not None:
            goal_rows = self._goal_rows(policy, picked, rows, ends, rng)
            wanted["policy_goals"] = goal_rows
        if subgoal_steps is not None:
            if policy is None or subgoal_steps < 1:
                raise BadValue(
                    f"subgoal_steps needs a policy goal mix and at least 1: got {subgoal_steps}."
                )
            last = goal_rows.copy()
            foreign = slice(policy.cuts(batch_size)[2], None)
            last[foreign] = ends[foreign]
            wanted["subgoals"] = np.minimum(rows + subgoal_steps, last)

        batch = self._gather(wanted, batch_size)
        batch["actions"] = self._actions.take(picked + self._episode.take(picked), axis=0)
        if value is not None:
            goals = self._as_goals(batch, "value_goals", value)
            achieved = self._world.achieved(batch["next_observations"])
            batch["rewards"] = self._world.reward(achieved, goals).astype(np.float32, copy=False)
            batch["masks"] = np.ones(batch_size, np.float32)
        if policy is not None:
            self._as_goals(batch, "policy_goals", policy)
        return batch

    def _gather(self, wanted: dict[str, Array], batch_size: int) -> Batch:
        """The observations of several lists of rows, copied out of the store in one go."""
        rows = np.concatenate(list(wanted.values()))
        block = self._observations.take(rows, axis=0)
        block = block.reshape(len(wanted), batch_size, *self._shape)
        return dict(zip(wanted, block, strict=True))

    def _goal_rows(
        self, mix: GoalMix, picked: Array, rows: Array, ends: Array, rng: np.random.Generator
    ) -> Array:
        """The rows (B,) that the goals of a mix are taken from."""
        size = len(rows)
        uniform, geometric, random = mix.cuts(size)
        goals = rows + 1
        if uniform < geometric:
            part = slice(uniform, geometric)
            first, last = goals[part], ends[part]
            # round((t + 1) u + T (1 - u)), the offset from the end rounded instead.
            back = np.rint((last - first) * rng.random(geometric - uniform))
            goals[part] = last - back.astype(np.int64)
        if geometric < random:
            part = slice(geometric, random)
            steps = rng.geometric(1.0 / mix.mean_steps, random - geometric)
            goals[part] = np.minimum(rows[part] + steps, ends[part])
        if random < size:
            goals[random:] = self._other_rows(picked[random:], rng)
        return goals

    def _other_rows(self, picked: Array, rng: np.random.Generator) -> Array:
        """Rows of episodes that are not those of the transitions `picked`."""
        episodes = len(self._lengths)
        if episodes < 2:
            raise BadValue(
                "goals of other episodes (random > 0) need a store of two or more episodes."
            )
        ahead = rng.integers(1, episodes, size=len(picked))
        other = (self._episode.take(picked) + ahead) % episodes
        steps = rng.random(len(picked)) * (self._lengths.take(other) + 1)
        return self._offsets.take(other) + steps.astype(np.int64)

    def _as_goals(self, batch: Batch, name: str, mix: GoalMix) -> Array:
        """Turn the observations under `name` into goals of the batch's own episodes."""
        goals = self._world.achieved(batch[name])
        size = len(goals)
        random = mix.cuts(size)[2]
        if random < size and self._ids is not None:
            own = self._world.achieved(batch["observations"][random:])
            goals[random:, ..., self._ids] = own[..., self._ids]
        batch[name] = goals
        return goals


def _id_slice(names: tuple[str, ...]) -> slice | None:
    """Where the one-hot id of an entity lies among its features."""
    places = [place for place, name in enumerate(names) if name.startswith("id")]
    if not places:
        return None
    if places != list(range(places[0], places[-1] + 1)):
        raise BadValue(f"the id features must lie side by side: got {names}.")
    return slice(places[0], places[-1] + 1)
