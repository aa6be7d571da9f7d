"""Checks of episodes: they depend on their seed alone, restart exactly, and can be copied."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from entitybench.checks import must
from entitybench.envs.conformance.rollouts import busy, differing, row_of, short
from entitybench.envs.worlds import make_worlds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.types import Array, TaskSpec

SEEDS = (3, 2**40, 8)


def same(a: Mapping[str, Array], b: Mapping[str, Array], when: str) -> None:
    """Raise Broken unless both hold the same, bit for bit."""
    names = differing(a, b)
    must(not names, f"{', '.join(names)} of the same episode differ {when}")


def seeded(task: TaskSpec) -> None:
    """An episode depends on its seed and its actions and on nothing else, bit for bit.

    Alone, in a batch, with other threads, after other episodes, with and without a batch axis.
    """
    actions = busy(task, short(task, 12, 6), len(SEEDS))
    batch = make_worlds(task, len(SEEDS), threads=2)
    single = make_worlds(task, 1)
    single.reset([99])
    single.step(actions[0, :1])
    first = batch.reset(SEEDS)
    runs = [batch.step(action) for action in actions]
    for row, seed in enumerate(SEEDS):
        same(single.reset([seed]), row_of(first, row), f"at the reset (seed {seed})")
        for step, (action, (obs, info)) in enumerate(zip(actions, runs, strict=True), 1):
            one, scores = single.step(action[row : row + 1])
            when = f"alone and in a batch (seed {seed}, step {step})"
            same(one, row_of(obs, row), when)
            same(scores, row_of(info, row), when)
        must(
            single.state_digest(0) == batch.state_digest(row),
            f"the physics of one episode differs alone and in a batch (seed {seed})",
        )
    single.reset([SEEDS[0]])
    for step, (action, (obs, info)) in enumerate(zip(actions, runs, strict=True), 1):
        one, scores = single.step_alone(action[0])
        when = f"with and without a batch axis (seed {SEEDS[0]}, step {step})"
        same(one, {name: value[0] for name, value in obs.items()}, when)
        same(scores, {name: value[0] for name, value in info.items()}, when)
    batch.close()
    single.close()


def restarts(task: TaskSpec) -> None:
    """Stored states and snapshots restart exactly, in mid-episode, and move no other row."""
    actions = busy(task, short(task, 30, 10), 2)
    half = len(actions) // 2
    worlds, other = make_worlds(task, 2), make_worlds(task, 1)
    worlds.reset([5, 6])
    for action in actions[:half]:
        worlds.step(action)
    stored, snapshot = worlds.integration_state(1), worlds.snapshot()
    before = worlds.observe()
    ends = [worlds.step(action) for action in actions[half:]]
    digests = [worlds.state_digest(row) for row in range(2)]
    other.reset([6])
    other.set_integration_state(0, stored)
    same(other.observe(), row_of(before, 1), "once its stored state is set")
    for action, (obs, info) in zip(actions[half:], ends, strict=True):
        one, scores = other.step(action[1:])
        same(one, row_of(obs, 1), "after a restart from its stored state")
        same(scores, row_of(info, 1), "after a restart from its stored state")
    must(
        other.state_digest(0) == digests[1],
        "the physics of an episode differs after a restart from its stored state",
    )
    other.close()
    other = make_worlds(task, 2)  # rows loaded one after the other leave each other alone
    other.reset([9, 6])
    other.set_integration_state(1, stored)
    other.reset_rows([0], [5])
    same(row_of(other.observe(), 1), row_of(before, 1), "once another row is reset")
    worlds.reset([7, 8])
    same(worlds.restore(snapshot), before, "once a snapshot is restored")
    for action in actions[half:]:
        worlds.step(action)
    must(
        [worlds.state_digest(row) for row in range(2)] == digests,
        "episodes go on differently from a snapshot",
    )
    worlds.close()
    other.close()


def copied(task: TaskSpec) -> None:
    """A copy goes on as the original does, and neither moves the other."""
    actions = busy(task, short(task, 12, 6), 2)
    half = len(actions) // 2
    worlds = make_worlds(task, 2)
    worlds.reset(SEEDS[:2])
    for action in actions[:half]:
        worlds.step(action)
    before = worlds.observe()
    again = copy.deepcopy(worlds)
    ahead = [again.step(action)[0] for action in actions[half:]]
    same(worlds.observe(), before, "once its copy has moved")
    for action, obs in zip(actions[half:], ahead, strict=True):
        same(worlds.step(action)[0], obs, "in a copy of it")
    again.close()
    worlds.close()
