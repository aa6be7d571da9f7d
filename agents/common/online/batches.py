"""Batches of transitions, some with goals that were reached later: hindsight (Andrychowicz 2017).

K: numbers of a flat observation or goal; F: features; B: transitions of a batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from entitybench.agents.common.online.config import OnlineConfig
    from entitybench.agents.common.online.features import Features
    from entitybench.agents.common.online.replay import Replay
    from entitybench.types import Array, Batch


class Batches:
    """What is learned from, made of a `Replay`."""

    def __init__(self, config: OnlineConfig, world: Any, features: Features) -> None:
        self.world, self.features = world, features
        self.shape = (world.entities, len(world.feature_names))
        self.size, self.actions = config.batch_size, int(world.action_dim)
        self.hindsight, self.strategy = config.hindsight, config.strategy
        self.terminal, self.asked = config.terminal, config.goals == "asked"
        self.power, self.correction = config.priority, config.correction

    def draw(
        self, replay: Replay, updates: int, rng: np.random.Generator
    ) -> tuple[Batch, dict[str, float]]:
        """Batches of several updates, (updates, B, ...), and what is worth knowing of them.

        "reward" is 0 where the goal is reached after the step, else −1; "mask" is 0 where nothing
        follows. The first transitions of a batch are relabelled, of which the log tells the share
        that is rewarded and the share of goals that the episode's first observation fulfils.
        """
        relabelled = round(self.hindsight * self.size) if len(replay.of("relabelled")) else 0
        parts = [
            replay.draw(updates * count, rng, kept=kept, power=self.power).reshape(updates, -1)
            for count, kept in ((relabelled, True), (self.size - relabelled, False))
            if count
        ]
        rows = np.concatenate(parts, 1).ravel()
        seen = replay.of("observation")
        episode = replay.of("episode")[rows]
        goal = replay.of("goal")[episode]
        changed = np.tile(np.arange(self.size) < relabelled, updates)
        if relabelled:
            goal[changed] = self.goals(seen[replay.later(rows[changed], rng, self.strategy)])
        after = seen[rows + 1]
        reached = self.reached(after, goal)
        over = replay.of("lost")[episode] & (rows + 1 == replay.of("last")[rows])
        if self.terminal:
            over = over | reached
        batch = {
            "state": self.features.of(seen[rows], goal),
            "next": self.features.of(after, goal),
            "action": replay.of("action")[rows],
            "reward": reached.astype(np.float32) - 1,
            "mask": 1 - over.astype(np.float32),
            "noise": rng.standard_normal((len(rows), self.actions), np.float32),
            "next_noise": rng.standard_normal((len(rows), self.actions), np.float32),
            "rows": rows,
        }
        if self.power:
            batch["weight"] = self.weights(replay, rows)
        batch = {name: x.reshape(updates, self.size, *x.shape[1:]) for name, x in batch.items()}
        logs = {"rewarded": 0.0, "trivial": 0.0}
        if relabelled:
            first = seen[replay.of("first")[rows[changed]]]
            logs["rewarded"] = float(reached[changed].mean())
            logs["trivial"] = float(self.reached(first, goal[changed]).mean())
        return batch, logs

    def weights(self, replay: Replay, rows: Array) -> Array:
        """(N P)^−β over the largest of them (Schaul et al. 2016)."""
        priority = replay.of("priority")[rows].astype(np.float64) ** self.power
        weight = (priority / priority.min()) ** -self.correction
        return weight.astype(np.float32)

    def goals(self, observation: Array) -> Array:
        """The goals (B, K) that observations (B, K) fulfil."""
        achieved = self.world.achieved(observation.reshape(-1, *self.shape))
        if self.asked:
            achieved = self.world.as_asked(achieved)
        return np.asarray(achieved, np.float32).reshape(len(observation), -1)

    def reached(self, observation: Array, goal: Array) -> Array:
        """Whether observations (B, K) fulfil goals (B, K): bool (B,)."""
        achieved = self.world.achieved(observation.reshape(-1, *self.shape))
        found: Array = self.world.success(achieved, goal.reshape(-1, *self.shape))
        return found
