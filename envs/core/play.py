"""The loop of everything here: the policy acts, the world steps; and a policy of random actions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Obs, Policy


class Stepped(Protocol):
    """What is asked of `Worlds` here."""

    def step(self, actions: Array) -> tuple[Obs, dict[str, Array]]: ...


@dataclass(frozen=True, slots=True)
class Step:
    """One control step of B episodes."""

    index: int  # 0 at the first
    obs: Obs  # what the policy saw
    action: Array  # (B, *action_shape), what it did
    state: Any  # the policy's own, after that
    after: Obs  # what is observed then
    info: dict[str, Array]  # as `Worlds.step` gives it


def play(
    worlds: Stepped, policy: Policy[Any], obs: Obs, rng: BatchGenerator, steps: int
) -> Iterator[Step]:
    """Let a policy act for some control steps, from the states that the worlds are in.

    It goes on past the end of an episode: whoever has seen enough leaves the loop. Between steps
    the worlds are the caller's, who may read states or let rows rest.

    Args:
        obs: what `reset` or `observe` gave.
        rng: what the policy draws from, one generator a row.
        steps: at most.
    """
    state = policy.initial_state(len(rng))
    for index in range(steps):
        action, state = policy.act(obs, state, rng)
        after, info = worlds.step(action)
        yield Step(index, obs, action, state, after, info)
        obs = after


class Uniform:
    """A policy that acts at random, uniformly in [-1, 1]."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        """`shape` is that of an action, `World.action_shape`."""
        self._shape = shape

    def initial_state(self, batch: int) -> None:
        del batch

    def act(self, obs: Obs, state: None, rng: BatchGenerator) -> tuple[Array, None]:
        del obs
        return rng.uniform(-1.0, 1.0, (len(rng), *self._shape)), state
