"""How decision transformers of agents act, in numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from entitybench.agents.common.team.acting import ActingTeam, outputs
from entitybench.agents.common.team.actions import choice_of, vector_of
from entitybench.agents.common.team.policy import TeamPolicy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Obs

WANTED = "buffer/wanted"  # its name in a checkpoint
_TINY = 1e-5  # as torch's LayerNorm


class Remembered(NamedTuple):
    """What agents know of the steps so far."""

    step: int
    tokens: Array  # (B·M, K, I), the last steps
    done: Array  # (B·M, A), what they did last


class MADTPolicy(TeamPolicy):
    """Each agent by its own last steps, and the returns that the best episodes had to come."""

    def __init__(self, weights: Mapping[str, Array], choices: int | None) -> None:
        # Its layers are its ends, the embedding and the head: what is between is no perceptron.
        self.mean, self.deviation = weights["buffer/mean"], weights["buffer/deviation"]
        self.choices, self.wanted = choices, weights[WANTED]
        self.params = {n[6:]: p for n, p in weights.items() if n.startswith("actor/")}
        ends = ("embed", "head")
        self.layers = [(self.params[f"{n}.weight"], self.params[f"{n}.bias"]) for n in ends]

    def act(self, obs: Obs, state: Any, rng: BatchGenerator) -> tuple[Array, Any]:
        del rng
        seen, batch = self.seen(obs), len(obs["observation"])
        context, rows = len(self.params["place"]), len(seen)
        step = 0 if state is None else state.step
        width = self.layers[-1][0].shape[1]
        none = np.zeros((rows, width), np.float32)
        if self.choices is not None:
            none = vector_of(choice_of(none[:, 0], self.choices), self.choices)
        done = none if state is None else state.done
        to_go = np.full((rows, 1), self.wanted[min(step, len(self.wanted) - 1)], np.float32)
        token = np.concatenate([to_go, seen, done], -1)[:, None]
        if state is None:  # before the episode there was what is now
            tokens = np.repeat(token, context, 1)
        else:
            tokens = np.concatenate([state.tokens[:, 1:], token], 1)
        found = self.apply(tokens)
        if self.choices is None:
            found = np.tanh(found)
            done = found
        else:
            done = vector_of(found.argmax(-1), self.choices)
        return self.taken(found, batch), Remembered(step + 1, tokens, done)

    def apply(self, tokens: Array) -> Array:
        """As `MADT.apply`."""
        p = self.params
        x = tokens @ p["embed.weight"] + p["embed.bias"] + p["place"]
        k = 0
        while f"block{k}.up" in p:
            name, y = f"block{k}.", normalised(x)
            q, key, value = (y @ p[name + part] for part in ("query", "key", "value"))
            x = (
                x
                + softmax(q @ key.swapaxes(-1, -2) * q.shape[-1] ** -0.5) @ value @ p[name + "out"]
            )
            x = x + np.maximum(normalised(x) @ p[name + "up"], 0) @ p[name + "down"]
            k += 1
        found: Array = normalised(x[:, -1]) @ p["head.weight"] + p["head.bias"]
        return found


class ActingMADT(ActingTeam):
    """What is evaluated of a checkpoint that `MADT` saved."""

    @staticmethod
    def made(weights: Mapping[str, Any], world: Any, config: Mapping[str, Any]) -> TeamPolicy:
        del config
        return MADTPolicy(weights, world.actions)

    @staticmethod
    def ends(world: Any, config: Mapping[str, Any]) -> tuple[int, int]:
        del config
        agents, features = ActingTeam.observed(world)
        return 1 + features + agents + outputs(world), outputs(world)


def normalised(x: Array) -> Array:
    """LayerNorm without scale and shift, over the last axis."""
    away = x - x.mean(-1, keepdims=True)
    found: Array = away / np.sqrt((away * away).mean(-1, keepdims=True) + _TINY)
    return found


def softmax(x: Array) -> Array:
    """Over the last axis."""
    each = np.exp(x - x.max(-1, keepdims=True))
    found: Array = each / each.sum(-1, keepdims=True)
    return found
