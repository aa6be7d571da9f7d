"""How batch-constrained teams act, in numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.agents.common.offline.policy import layers_of, perceptron
from entitybench.agents.common.team.acting import ActingTeam, outputs
from entitybench.agents.common.team.policy import TeamPolicy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Obs

LATENT = 2  # numbers of a latent for each of an action
REACH = 0.5  # latents are drawn within ±0.5, as in BCQ's code
THRESHOLD = 0.4  # of the likeliest choice's probability, below which one is left out


class ConstrainedPolicy(TeamPolicy):
    """Takes the action of the highest Q₁ among those that the data make likely."""

    def __init__(
        self, weights: Mapping[str, Array], choices: int | None, config: Mapping[str, Any]
    ) -> None:
        super().__init__(weights, choices)
        self.critic = layers_of(weights, "critic/")
        self.perturbation = layers_of(weights, "perturbation/")
        self.config = config

    def act(self, obs: Obs, state: Any, rng: BatchGenerator) -> tuple[Array, Any]:
        seen, (batch, agents) = self.seen(obs), obs["observation"].shape[:2]
        if self.choices is not None:
            action = np.broadcast_to(
                2 * np.eye(self.choices, dtype=np.float32) - 1,
                (len(seen), self.choices, self.choices),
            )
        else:
            width = LATENT * self.layers[-1][0].shape[1]
            shape = (batch, agents, self.config["samples"], width)
            latent = rng.standard_normal(shape).astype(np.float32).clip(-REACH, REACH)
            action = self.candidates(seen, latent.reshape(len(seen), -1, width))
        around = np.repeat(seen[:, None], action.shape[1], 1)
        q = perceptron(self.critic, np.concatenate([around, action], -1))[..., 0]
        if self.choices is not None:
            logits = self.perceptron(seen)
            ratio = np.exp(logits - logits.max(-1, keepdims=True))
            q = np.where(ratio >= THRESHOLD, q, -np.inf)
        return self.taken(action[np.arange(len(seen)), q.argmax(-1)], batch), state

    def candidates(self, seen: Array, latent: Array) -> Array:
        """(B·M, K, A) of latents (B·M, K, Z)."""
        around = np.repeat(seen[:, None], latent.shape[1], 1)
        decoded = np.tanh(self.perceptron(np.concatenate([around, latent], -1)))
        moved = perceptron(self.perturbation, np.concatenate([around, decoded], -1))
        found: Array = (decoded + self.config["perturbation"] * np.tanh(moved)).clip(-1, 1)
        return found


class ActingConstrained(ActingTeam):
    """What is evaluated of a checkpoint that `MABCQ` saved."""

    @staticmethod
    def made(weights: Mapping[str, Any], world: Any, config: Mapping[str, Any]) -> TeamPolicy:
        return ConstrainedPolicy(weights, world.actions, config)

    @staticmethod
    def ends(world: Any, config: Mapping[str, Any]) -> tuple[int, int]:
        inputs, found = ActingTeam.ends(world, config)
        return inputs + (LATENT * found if world.actions is None else 0), outputs(world)
