"""IDRL with tables on a small Markov chain, where the ratio of visitations is known exactly.

The losses are those of the agent. The chain has 12 states, 3 actions and γ = 0.95; it ends nowhere.
Its data are what a random policy visits: transitions as often as their discounted probability says.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from entitybench.agents.common.offline.dual import dual_value_loss, ratio_of
from entitybench.agents.common.offline.losses import twin_loss
from entitybench.agents.idrl.losses import (
    flow,
    normalised_ratio,
    potential_loss,
    ratio_loss,
    weight,
)
from entitybench.seeding import generator

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from entitybench.types import Array

STATES, ACTIONS, GAMMA, ROWS = 12, 3, 0.95, 2_000
ROUNDS, SWEEPS = 3, 400
BALANCE, SCALE = 0.6, 3.0  # λ, and what rewards are multiplied with


@dataclass(frozen=True)
class Chain:
    """Where each action leads (S, A), the rewards (S, A), the first state and the data's policy."""

    after: Array
    rewards: Array
    start: Array  # (S,) probabilities
    behaviour: Array  # (S, A)

    def visits(self, policy: Array) -> Array:
        """The discounted visitation (S,) of a policy (S, A); it sums to 1."""
        moves = np.zeros((STATES, STATES))
        for a in range(ACTIONS):
            np.add.at(moves, (np.arange(STATES), self.after[:, a]), policy[:, a])
        return np.linalg.solve(np.eye(STATES) - GAMMA * moves.T, (1 - GAMMA) * self.start)

    def value(self, policy: Array) -> float:
        """The mean reward of a step, over the visitation."""
        return float((self.visits(policy)[:, None] * policy * self.rewards).sum())


def chain(seed: int) -> Chain:
    """A random one: actions lead anywhere, every other state near."""
    rng = generator(seed, "tabular")
    after = rng.integers(STATES, size=(STATES, ACTIONS))
    after[:, 0] = (np.arange(STATES) + 1) % STATES  # so that all can be reached
    return Chain(
        after,
        rng.uniform(-1, 1, (STATES, ACTIONS)),
        np.full(STATES, 1 / STATES),
        rng.dirichlet(np.full(ACTIONS, 3.0), STATES),
    )


@dataclass(frozen=True)
class Round:
    """What an iteration found."""

    mean: Array  # (S,) mean of max(0, 1 + A / 2) over the actions of the data
    found: Array  # (S,) max(0, W)
    truth: Array  # (S,) d*(s) / d_D(s)
    seen: Array  # (S,) bool, states with data
    policy: Array  # (S, A) of the data weighted by w(s, a)
    value: float  # its J


def rounds(seed: int) -> tuple[float, list[Round]]:
    """J of the data's policy, and what each iteration found."""
    world = chain(seed)
    share = world.visits(world.behaviour)[:, None] * world.behaviour
    state, action = (
        np.repeat(part.ravel(), np.round(ROWS * share).astype(int).ravel())
        for part in np.indices((STATES, ACTIONS))
    )
    every: list[Round] = []
    policy, value = world.behaviour, torch.zeros(STATES).double()
    for _ in range(ROUNDS):
        found, kept = _round(world, state, action, policy, value)
        every.append(found)
        policy = found.policy
        state, action = state[kept], action[kept]
    return world.value(world.behaviour), every


def _round(
    world: Chain, state: Array, action: Array, before: Array, value: torch.Tensor
) -> tuple[Round, Array]:
    """Stages A and B on some transitions, and which of them are kept.

    States that only an earlier iteration had data of keep its policy, `before` (S, A), and its V;
    `value` (S,) is changed in place.
    """
    s, a, after = (torch.as_tensor(x) for x in (state, action, world.after[state, action]))
    reward = torch.as_tensor(SCALE * world.rewards[state, action])
    mask = torch.isin(after, s).double()  # nothing is known of what flows out of other states
    shares = torch.bincount(s, minlength=STATES).double().clamp(min=1) / len(s)  # (S,)
    pairs = torch.bincount(s * ACTIONS + a, minlength=STATES * ACTIONS).double().clamp(min=1)
    pairs = pairs.reshape(1, STATES, ACTIONS) / len(s)
    critic = torch.zeros(1, STATES, ACTIONS).double()
    for _ in range(SWEEPS):
        _step(critic, 2 * pairs, lambda q: twin_loss(q[:, s, a], reward + GAMMA * value[after]))
        q = critic[0, s, a]

        def of_value(v: torch.Tensor, q: torch.Tensor = q) -> torch.Tensor:
            return dual_value_loss(q - v[s], v[s], BALANCE)

        _step(value, BALANCE * shares / 2, of_value)
    advantage = critic[0, s, a] - value[s]
    ratio = normalised_ratio(advantage, BALANCE)
    potential, state_ratio = torch.zeros(STATES).double(), torch.ones(STATES).double()
    potential.requires_grad_(True)
    solver = torch.optim.LBFGS((potential,), max_iter=300, line_search_fn="strong_wolfe")

    def dual() -> torch.Tensor:
        """What U minimises, W being the best answer to it."""
        solver.zero_grad()
        moved = flow(potential[s], potential[after], mask, GAMMA)
        _step(state_ratio, 2 * shares, lambda w: ratio_loss(w[s], ratio, moved))
        loss = potential_loss(state_ratio[s], ratio, moved)
        loss = loss - (torch.relu(state_ratio[s]) - 1).square().mean()
        loss.backward()
        return loss

    solver.step(dual)
    found = weight(advantage, state_ratio[s], "paper").numpy()
    numbers = advantage.numpy(), state_ratio.numpy(), found
    return _judged(world, state, action, before, *numbers), found > 0


def _step(table: torch.Tensor, curvature: torch.Tensor, loss: Callable[..., Any]) -> None:
    """Change a table by Newton's step of its loss, in place.

    Args:
        table: what the loss is a function of.
        curvature: its second derivative, or what is above it, in each entry.
        loss: of a table.
    """
    own = table.clone().requires_grad_(True)
    (slope,) = torch.autograd.grad(loss(own), own)
    table -= slope / curvature


def _judged(
    world: Chain,
    state: Array,
    action: Array,
    before: Array,
    advantage: Array,
    ratio: Array,
    found: Array,
) -> Round:
    """Beside what is exact on these transitions."""
    count = np.zeros((STATES, ACTIONS))
    np.add.at(count, (state, action), 1.0)
    seen = count.sum(1) > 0
    shown = np.maximum(count.sum(1, keepdims=True), 1.0)
    raw = ratio_of(torch.as_tensor(advantage)).numpy()
    sums, weights = np.zeros((STATES, ACTIONS)), np.zeros((STATES, ACTIONS))
    np.add.at(sums, (state, action), raw)
    np.add.at(weights, (state, action), found)
    mean = (sums / shown).sum(1)
    target = np.where(mean[:, None] > 0, sums / np.maximum(sums.sum(1, keepdims=True), 1e-9), 0.0)
    rows = max(len(state), 1)  # none, where nothing was kept
    data = count.sum(1) / rows
    # What flows into the data from outside: d_D less what its own transitions bring.
    outside = data - GAMMA * np.bincount(world.after[state, action], minlength=STATES) / rows
    moves = np.zeros((STATES, STATES))
    for a in range(ACTIONS):
        np.add.at(moves, (np.arange(STATES), world.after[:, a]), target[:, a])
    visits = np.linalg.solve(np.eye(STATES) - GAMMA * moves.T, outside)
    truth = np.where(seen, visits / np.maximum(data, 1e-9), 0.0)
    cloned = np.where(
        weights.sum(1, keepdims=True) > 0,
        weights / np.maximum(weights.sum(1, keepdims=True), 1e-9),
        before,
    )
    return Round(
        mean, np.maximum(ratio, 0.0), np.maximum(truth, 0.0), seen, cloned, world.value(cloned)
    )


@cache
def _known(seed: int) -> tuple[float, list[Round]]:
    return rounds(seed)


def ratio_error(seed: int, weights: Mapping[str, Path]) -> float:
    """The largest |max(0, W) − d*/d_D| of the first iteration, over states."""
    del weights
    first = _known(seed)[1][0]
    return float(np.abs(first.found - first.truth)[first.seen].max())


def mean_error(seed: int, weights: Mapping[str, Path]) -> float:
    """The largest |E_μ max(0, 1 + A / 2) − (1 − λ) / λ| of the first iteration, over states."""
    del weights
    first = _known(seed)[1][0]
    return float(np.abs(first.mean - (1 - BALANCE) / BALANCE)[first.seen].max())


def least_gain(seed: int, weights: Mapping[str, Path]) -> float:
    """The smallest J(π_k) − J(π_{k − 1}), where π_0 is the data's policy."""
    del weights
    before, every = _known(seed)
    return float(np.diff([before, *(found.value for found in every)]).min())
