"""Learning in rounds: a model writes answers to all problems, learns from them, and writes anew."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch

from entitybench.agents.common.language.learner import Said, packed
from entitybench.agents.common.language.post import NOTHING, Items, PostLearner
from entitybench.seeding import generator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.agents.common.config import Phase
    from entitybench.types import Array, Batch


class RoundLearner(PostLearner):
    """A phase is a round. What was written is kept in buffers, so that a killed round goes on."""

    passing: ClassVar[tuple[str, ...]] = ("tokens", "mask", "fits")

    @abstractmethod
    def write(self, source: Items, rng: np.random.Generator) -> list[list[Said] | None]:
        """Rows of a batch for each problem, as many for each; None: nothing to learn of it."""

    def begin(self, phase: Phase, source: Items) -> None:
        """Write."""
        del phase
        written = self.write(source, generator(self.seed, "round", self.step))
        each = max((len(rows) for rows in written if rows is not None), default=1)
        rows = [row for rows in written for row in (rows or [NOTHING] * each)]
        tokens, mask = packed(rows, self.room(source, rows))
        buffers = {
            "tokens": tokens.reshape(len(written), each, -1),
            "mask": mask.reshape(len(written), each, -1),
            "fits": np.array([rows is not None for rows in written]),
        }
        self.buffers |= {k: torch.as_tensor(x, device=self.device) for k, x in buffers.items()}

    def some_written(self, rng: np.random.Generator) -> tuple[Array, Array]:
        """Tokens and masks (batch_size, rows of a problem, …) of problems with something to learn.

        Where there are none, rows that teach nothing.
        """
        fits = np.flatnonzero(self.buffers["fits"].cpu().numpy())
        chosen = rng.choice(fits if len(fits) else np.zeros(1, int), self.config.batch_size)
        return tuple(self.buffers[k][chosen].cpu().numpy() for k in ("tokens", "mask"))  # type: ignore[return-value]

    def beside_lessons(
        self, source: Items, rng: np.random.Generator, tokens: Array, mask: Array
    ) -> Batch:
        """The rows of a problem (batch_size, rows of a problem, …), first those of each place."""
        rehearsed = packed(self.rehearsal(source, rng), tokens.shape[-1])
        both = zip((tokens, mask), rehearsed, strict=True)
        parts = [np.concatenate([*rows.swapaxes(0, 1), more])[None] for rows, more in both]
        return {"tokens": parts[0], "mask": parts[1]}

    def own(
        self, group: str, prompts: Sequence[Sequence[int]], rng: np.random.Generator
    ) -> list[list[int]]:
        """One sampled answer to each."""
        return self.say(group, prompts, rng.random((len(prompts), self.config.most)))
