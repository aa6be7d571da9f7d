"""Random transitions with goals put in afterwards (hindsight relabelling).

Rewards come from the world's own `achieved` and `reward`, on the float32 arrays that the world
itself gave out, so a relabelled transition has the reward that the episode would have had with that
goal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

import numpy as np

from entitybench.datasets.sampling.lookup import EpisodeLookup
from entitybench.datasets.sampling.shown import shown
from entitybench.errors import BadValue

if TYPE_CHECKING:
    from collections.abc import Iterable

    from entitybench.datasets.store.store import EpisodeStore
    from entitybench.types import Array, Batch


class GoalWorld(Protocol):
    """What relabelling needs of a world."""

    @property
    def feature_names(self) -> tuple[str, ...]:
        """D names."""
        ...

    @property
    def fixed_names(self) -> tuple[str, ...]:
        """Those that tell who an entity is: a goal of another episode gets them of this one."""
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

    Raises BadValue when they do not, or when `mean_steps` is below one step or above a million.
    """

    next: float = 0.0  # the next state
    uniform: float = 0.0  # a later state of the episode, uniform (HECRL's rule)
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
        if not 1 <= self.mean_steps <= 1e6:  # the draws are whole numbers, and added to rows
            raise BadValue(f"mean_steps of a goal mix must be 1 to 1000000: got {self.mean_steps}.")

    @property
    def shares(self) -> tuple[float, float, float, float]:
        return (self.next, self.uniform, self.geometric, self.random)

    def cuts(self, batch_size: int) -> tuple[int, int, int]:
        """Where in a batch the uniform, the geometric and the random goals begin."""
        return _cuts(self.shares, batch_size)


@lru_cache(maxsize=64)
def _cuts(shares: tuple[float, float, float, float], batch_size: int) -> tuple[int, int, int]:
    nexts, uniform, geometric, _ = shares
    sums = (nexts, nexts + uniform, nexts + uniform + geometric)
    a, b, c = (min(batch_size, round(batch_size * part)) for part in sums)
    return a, b, c


class GoalSampler:
    """Draws batches from a store (or a split of one), every transition equally often.

    The columns stay memory-mapped; beside them lies a guide of at most a byte a transition.
    """

    def __init__(self, store: EpisodeStore, world: GoalWorld) -> None:
        observations = np.asarray(store.observations)
        self._shape = observations.shape[1:]
        # Rows of plain arrays: gathering them copies whole rows and goes through no subclass.
        self._observations = observations.reshape(len(observations), -1)
        self._actions = np.asarray(store.actions)
        masks = getattr(store, "columns", {}).get("entity_masks")  # other makers' have no columns
        self._masks = None if masks is None else np.asarray(masks)  # (E, N)
        self._world = world
        self._fixed = columns_of(world.fixed_names, world.feature_names)
        if not store.lengths.sum():
            raise BadValue(f"{store.id} holds no transitions to sample.")
        self._lookup = EpisodeLookup(store.lengths)
        self._first, self._last = store.offsets[:-1].copy(), store.offsets[1:] - 1  # rows

    def __repr__(self) -> str:
        return shown(self, f"{self.transitions:,} transitions, goals by value= and policy=")

    @property
    def transitions(self) -> int:
        return self._lookup.total

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
            "observations" (B, N, D), "actions" (B, A), "next_observations" (B, N, D); where
            entities can be absent "entity_masks" bool (B, N);
            with `value`: "value_goals" (B, N, D), "rewards" (B,) of the next observation, "masks"
            (B,), all 1 since goal tasks do not end; with `policy`: "policy_goals" (B, N, D); with
            `subgoal_steps`: "subgoals" (B, N, D), the full observation K steps ahead or at the
            policy goal, whichever is first (for a goal of another episode: K ahead or at the
            episode's end). All float32. Goals from other episodes carry the ids of the current one
            (the world's `fixed_names`). Within the batch the kinds of goals follow one another in
            the order of `GoalMix`.

        Raises:
            BadValue: subgoals without policy goals, or goals of other episodes where there is one.
        """
        if batch_size < 1:
            raise BadValue(f"a batch needs at least one transition: got {batch_size}.")
        picked = rng.integers(self._lookup.total, size=batch_size)
        episodes = self._lookup.of(picked)
        rows = picked + episodes  # one padding row an episode
        ends = self._last.take(episodes)
        wanted = {"observations": rows, "next_observations": rows + 1}
        randoms: dict[str, int] = {}  # where the goals of other episodes begin
        for name, mix in (("value_goals", value), ("policy_goals", policy)):
            if mix is not None:
                cuts = mix.cuts(batch_size)
                wanted[name] = self._goal_rows(mix, cuts, episodes, rows, ends, rng)
                randoms[name] = cuts[2]
        if subgoal_steps is not None:
            if policy is None or subgoal_steps < 1:
                raise BadValue(
                    f"subgoal_steps needs a policy goal mix and at least 1: got {subgoal_steps}."
                )
            goals, foreign = wanted["policy_goals"], randoms["policy_goals"]
            last = np.concatenate([goals[:foreign], ends[foreign:]])
            wanted["subgoals"] = np.minimum(rows + subgoal_steps, last)

        block = self._gather(wanted.values(), batch_size)
        batch = dict(zip(wanted, block, strict=True))
        batch["actions"] = self._actions.take(rows, axis=0)
        if self._masks is not None:
            batch["entity_masks"] = self._masks.take(episodes, axis=0)
        achieved = self._world.achieved(block[1 : 2 + len(randoms)])  # of the next, of the goals
        for (name, foreign), goals in zip(randoms.items(), achieved[1:], strict=True):
            if foreign < batch_size:
                goals[foreign:, ..., self._fixed] = achieved[0][foreign:, ..., self._fixed]
            batch[name] = goals
        if value is not None:
            rewards = self._world.reward(achieved[0], batch["value_goals"])
            batch["rewards"] = rewards.astype(np.float32, copy=False)
            batch["masks"] = np.ones(batch_size, np.float32)
        return batch

    def _gather(self, lists: Iterable[Array], batch_size: int) -> Array:
        """The observations (lists, B, N, D) of some lists of rows, out of the store in one go."""
        block = self._observations.take(np.concatenate(list(lists)), axis=0)
        return block.reshape(-1, batch_size, *self._shape)

    def _goal_rows(
        self,
        mix: GoalMix,
        cuts: tuple[int, int, int],
        episodes: Array,
        rows: Array,
        ends: Array,
        rng: np.random.Generator,
    ) -> Array:
        """The rows (B,) that the goals of a mix are taken from."""
        size = len(rows)
        uniform, geometric, random = cuts
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
            goals[random:] = self._other_rows(episodes[random:], rng)
        return goals

    def _other_rows(self, episodes: Array, rng: np.random.Generator) -> Array:
        """Rows of other episodes than these."""
        count = len(self._first)
        if count < 2:
            raise BadValue(
                "goals of other episodes (random > 0) need a store of two or more episodes."
            )
        ahead = rng.integers(1, count, size=len(episodes))
        other = (episodes + ahead) % count
        first = self._first.take(other)
        steps = rng.random(len(episodes)) * (self._last.take(other) - first + 1)
        return first + steps.astype(np.int64)


def columns_of(chosen: tuple[str, ...], names: tuple[str, ...]) -> slice | list[int]:
    """Where some features are: a slice where they lie side by side, which copies nothing."""
    places = [place for place, name in enumerate(names) if name in chosen]
    first = places[0] if places else 0
    if places == list(range(first, first + len(places))):
        return slice(first, first + len(places))
    return places
