"""What latent actions of a video model hold, and what each of them moves.

A probe is fitted once an agent, on clips that are no items, so that no row depends on others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from entitybench.leaderboard.statistics.probes import Probe, binned, owners

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.leaderboard.evaluation.filming import Shown
    from entitybench.types import Array

FITTED = tuple(range(1_000_000, 1_000_050))  # items that probes are fitted on


@dataclass(frozen=True)
class Probes:
    """Of one agent: of all its latent actions together, and of the slot that has an entity."""

    driven: tuple[int, ...]  # the entities that actions drive
    whole: Probe
    of_slot: Probe | None  # None: the agent has no slots

    @classmethod
    def fitted(cls, of_blocks: Sequence[Shown], driven: tuple[int, ...], actor: Any) -> Self:
        """On blocks of clips; asks the agent for its latents and slots."""
        inputs, answers, inputs_own, answers_own = [], [], [], []
        for shown in of_blocks:
            latents, bins = named(actor, shown.frames, shown.actions), binned(shown.actions)
            inputs.append(_together(latents))
            answers.append(_flat(bins))
            if hasattr(actor, "masks"):
                labels = np.asarray(actor.masks(shown.frames.copy()))
                inputs_own.append(_flat(own(latents, labels, shown.masks, driven)))
                answers_own.append(_flat(apart(bins, driven)))
        whole = Probe.fitted(np.concatenate(inputs), np.concatenate(answers))
        if not inputs_own:
            return cls(driven, whole, None)
        own_probe = Probe.fitted(np.concatenate(inputs_own), np.concatenate(answers_own))
        return cls(driven, whole, own_probe)

    def right(
        self, latents: Array, actions: Array, labels: Array | None, masks: Array
    ) -> tuple[float, float]:
        """Shares of right answers in one clip: of all together, and of slots (NaN without any)."""
        answers = binned(actions)[None]
        whole = self.whole.right(_together(latents[None]), _flat(answers))
        if self.of_slot is None or labels is None:
            return whole, float("nan")
        inputs = own(latents[None], labels[None], masks[None], self.driven)
        return whole, self.of_slot.right(_flat(inputs), _flat(apart(answers, self.driven)))


def named(actor: Any, frames: Array, actions: Array) -> Array:
    """The latent actions (B, T, G, d) float64 of an agent."""
    return np.asarray(actor.latents(frames.copy(), actions), np.float64)


def own(latents: Array, labels: Array, masks: Array, driven: tuple[int, ...]) -> Array:
    """The latent action of the slot that has each driven entity, (B, T, K, d)."""
    slots = owners(labels, masks, driven)
    return np.take_along_axis(latents, slots[:, None, :, None], axis=2)


def apart(actions: Array, driven: tuple[int, ...]) -> Array:
    """Numbers of actions (B, T, A) by the entity that they drive, (B, T, K, A / K)."""
    return actions.reshape(*actions.shape[:2], len(driven), -1)


def _together(latents: Array) -> Array:
    """(B, T, G, d) -> (B T, G d)."""
    return latents.reshape(latents.shape[0] * latents.shape[1], -1)


def _flat(x: Array) -> Array:
    """(..., F) -> (rows, F)."""
    return x.reshape(-1, x.shape[-1])
