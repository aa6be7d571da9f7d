"""f-policy gradients: on-policy, towards a visitation of states like the goal's distribution.

Agarwal, Durugkar, Stone and Zhang, "f-Policy Gradients: A General Framework for Goal Conditioned RL
using f-Divergences", NeurIPS 2023. Shapes: B batch, F features, A numbers of an action, L steps of
an episode, K numbers that a goal speaks of; any axes in front of losses.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import torch

from entitybench.agents.common.bounds import bounded
from entitybench.agents.common.mlp import init_mlp, mlp
from entitybench.agents.common.offline.losses import gaussian_log_likelihood
from entitybench.agents.common.offline.policy import layers_of, perceptron
from entitybench.agents.common.online.batches import Batches
from entitybench.agents.common.online.config import Accept, ActingConfig
from entitybench.agents.common.online.learner import OnlineLearner
from entitybench.agents.common.online.policy import HALF_LOG_2PI, LOG_STD, gaussian
from entitybench.agents.common.online.sac import depth, init_actor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from entitybench.agents.common.layers import Params
    from entitybench.agents.common.online.replay import Replay
    from entitybench.types import Array, Batch

Tensor = torch.Tensor
Divergence = Literal["fkl", "rkl", "js", "chi2"]
LEAST_GOAL, LEAST_AGENT = 3e-2, 1e-2  # densities are no less: the authors' code
EDGE = 1 - 1e-6  # actions are no nearer to their bounds, where tanh has no inverse


@dataclass(frozen=True, kw_only=True)
class FPGConfig(ActingConfig):
    """Settings of f-policy gradients."""

    round: int = 3_000  # environment steps of one policy, then it is updated
    updates: int = 30  # of a round
    divergence: Divergence = "fkl"
    clip: float = 0.2  # of the ratio of probabilities
    trace: float = 0.97  # λ of advantages
    agent_width: float = 0.1  # of the kernels of the agent's density, m
    goal_width: float = 0.08  # of the goal's, m

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, round="[1, inf)", updates="[1, 1000000]", clip="(0, inf)", trace="[0, 1]")
        bounded(self, agent_width="(0, inf)", goal_width="(0, inf)")


def log_density(points: Array, at: Array, width: float, weights: Array | None = None) -> Array:
    """Log of a Gaussian kernel density of points (M, K) with weights (M,) at (L, K): (L,)."""
    apart = (at[:, None] - points[None]) / width
    each = -0.5 * (apart * apart).sum(-1)
    if weights is None:
        weights = np.ones(len(points))
    each = each + np.log(weights / weights.sum())
    most = each.max(-1, keepdims=True)
    found = most[:, 0] + np.log(np.exp(each - most).sum(-1))
    log_unit = points.shape[1] * (HALF_LOG_2PI + math.log(width))
    result: Array = found - log_unit
    return result


def minus_slope(log_ratio: Array, divergence: Divergence) -> Array:
    """−f'(u) of log u = log p_θ − log p_g, without constants: what a state is worth.

    f(u) is u log u, −log u, u log u − (u + 1) log ((u + 1) / 2) and u² / 2.
    """
    found: Array
    if divergence == "fkl":
        found = -log_ratio
    elif divergence == "rkl":
        found = np.exp(-log_ratio)
    elif divergence == "js":
        found = np.logaddexp(log_ratio, 0) - log_ratio - math.log(2)
    else:
        found = -np.exp(log_ratio)
    return found


def advantages(reward: Array, value: Array, discount: float, trace: float) -> Array:
    """Σ (γ λ)^k δ_(t+k) of an episode (L,), after whose last step nothing comes."""
    delta: Array = reward + discount * np.append(value[1:], 0) - value
    found = [0.0]
    for each in delta[::-1].tolist():
        found.append(each + discount * trace * found[-1])
    return np.array(found[:0:-1])


def log_policy(params: Mapping[str, Tensor], state: Tensor, raw: Tensor) -> Tensor:
    """Log N(u; mean, deviation) of actions before squashing (..., B, A): (..., B).

    What squashing adds is the same for all policies, and so in no ratio of theirs.
    """
    both = mlp(params, state.unsqueeze(-3), depth(params))[..., 0, :, :]
    mean, log_std = both.chunk(2, -1)
    return gaussian_log_likelihood(mean, log_std.clamp(*LOG_STD), raw)


def clipped_loss(ratio: Tensor, advantage: Tensor, clip: float) -> Tensor:
    """−E min(ρ A, clip(ρ, 1 ± ε) A) (...), of (..., B)."""
    bounded_ratio = ratio.clamp(1 - clip, 1 + clip)
    return -torch.minimum(ratio * advantage, bounded_ratio * advantage).mean(-1)


class Rounds(Batches):
    """Batches of the episodes of one policy, with what its steps were worth."""

    def __init__(
        self, config: FPGConfig, world: Any, features: Any, horizon: int, params: Callable[[], Any]
    ) -> None:
        """`params` gives those of the learner now."""
        self.config, self.world, self.features = config, world, features
        self.shape = (world.entities, len(world.feature_names))
        self.horizon, self.params = horizon, params
        numbers = self.shape[0] * self.shape[1]
        self.columns = np.flatnonzero(features.matrix[numbers:].any(1))  # what goals speak of

    def draw(
        self, replay: Replay, updates: int, rng: np.random.Generator
    ) -> tuple[Batch, dict[str, float]]:
        config = self.config
        whole, logs = self.valued(replay)
        count = len(whole["advantage"])
        picked = rng.integers(count, size=(updates, config.batch_size))
        return {name: x[picked] for name, x in whole.items()}, logs

    def valued(self, replay: Replay) -> tuple[Batch, dict[str, float]]:
        """Every step of the round, with its advantage and its return."""
        seen, goals = replay.of("observation"), replay.of("goal")
        state = self.features.of(seen, goals[replay.of("episode")])
        params = self.params()
        value = perceptron(layers_of(_arrays(params["value"])), state)[:, 0].astype(np.float64)
        achieved = self.world.achieved(seen.reshape(-1, *self.shape)).reshape(len(seen), -1)
        achieved, goals = achieved[:, self.columns].astype(np.float64), goals[:, self.columns]
        rows, better, returns, worth = [], [], [], []
        for first, last, goal in zip(*self._ends(replay), goals, strict=True):
            now = slice(first, last)
            reward = self.rewards(achieved[first + 1 : last + 1], goal)
            gain = advantages(reward, value[now], self.config.discount, self.config.trace)
            rows.append(np.arange(first, last))
            better.append(gain)
            returns.append(advantages(reward, np.zeros(len(reward)), self.config.discount, 1.0))
            worth.append(reward.sum())
        at, advantage = np.concatenate(rows), np.concatenate(better)
        raw = np.arctanh(replay.of("action")[at].clip(-EDGE, EDGE))
        mean, log_std = gaussian(layers_of(_arrays(params["actor"])), state[at])
        z = (raw - mean) * np.exp(-log_std)
        batch = {
            "state": state[at],
            "raw": raw,
            "density": (-0.5 * z * z - log_std - HALF_LOG_2PI).sum(-1),
            "advantage": (advantage - advantage.mean()) / (advantage.std() + 1e-8),
            "return": np.concatenate(returns),
        }
        logs = {"worth": float(np.mean(worth))}
        return {name: np.asarray(x, np.float32) for name, x in batch.items()}, logs

    def _ends(self, replay: Replay) -> tuple[Array, Array]:
        last = np.cumsum(replay.of("length") + 1) - 1
        return last - replay.of("length"), last

    def rewards(self, visited: Array, goal: Array) -> Array:
        """What the L steps of an episode are worth (L,), from where they led (L, K).

        −f'(p_θ / p_g) over the horizon (theorem 4.1). An episode that the world ended early stays
        where it ended: its last step counts for all that are lacking.
        """
        config = self.config
        weights = np.ones(len(visited))
        weights[-1] += self.horizon - len(visited)
        agent = log_density(visited, visited, config.agent_width, weights)
        wanted = log_density(goal[None], visited, config.goal_width)
        ratio = np.maximum(agent, math.log(LEAST_AGENT)) - np.maximum(wanted, math.log(LEAST_GOAL))
        reward = minus_slope(ratio, config.divergence) / self.horizon
        reward[-1] *= (config.discount ** np.arange(weights[-1])).sum()
        return reward


def _arrays(params: Params) -> dict[str, Any]:
    return {name: p.detach().cpu().numpy() for name, p in params.items()}


class FPG(OnlineLearner):
    """A policy that is moved to visit states as the goal is distributed; no hindsight."""

    config_class: ClassVar[type[Any]] = FPGConfig
    targets: ClassVar[Mapping[str, str]] = {}
    on_policy: ClassVar[bool] = True
    accept: Accept = "all"
    uniform: int = 0
    capacity: int = 10**9  # a round is kept whole
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {
            "steps": 1_204, "hidden": (16, 16), "batch_size": 32, "rows": 4, "round": 400,
            "updates": 4, "terminal": False,
        },
        "small": {"steps": 150_000, "terminal": False},
        "paper": {
            "steps": 1_000_000, "hidden": (256, 256), "learning_rate": 3e-4, "batch_size": 1_024,
            "discount": 0.99, "terminal": False,
        },
    }  # fmt: skip

    def made_batches(self) -> Batches:
        horizon = self.config.horizon or self.task.horizon
        return Rounds(self.config, self.world, self.features, horizon, lambda: self.params)

    def due(self, before: int, after: int) -> tuple[int, int]:
        """The updates of a round where one has ended."""
        rounds = after // self.config.round
        ended = rounds > before // self.config.round
        return (rounds - 1) * self.config.updates, self.config.updates if ended else 0

    def moves_policy(self, number: int) -> bool:
        """Every update does: nothing has to be told to the losses."""
        del number
        return False

    def init(self, rng: torch.Generator) -> None:
        size, hidden = self.features.size, self.config.hidden
        self.params = {
            "actor": init_actor(size, self.actions, hidden, rng),
            "value": init_mlp(1, (size, *hidden, 1), rng),
        }

    def losses(
        self, params: Mapping[str, Params], batch: dict[str, Tensor], constants: dict[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Of the policy, and of the values that advantages are made of."""
        del constants
        density = log_policy(params["actor"], batch["state"], batch["raw"])
        ratio = torch.exp(density - batch["density"])
        policy = clipped_loss(ratio, batch["advantage"], self.config.clip)
        layers = depth(params["value"])
        value = mlp(params["value"], batch["state"].unsqueeze(-3), layers)[..., 0, :, 0]
        error = (value - batch["return"]).square().mean(-1)
        logs = {"policy_loss": policy, "value_loss": error, "ratio": ratio.mean(-1)}
        return policy + error, {name: x.detach() for name, x in logs.items()}
