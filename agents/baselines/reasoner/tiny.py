"""tiny-lm: the base model, which solves easy problems and explains any."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch.nn.functional as F

from entitybench.agents.common.bounds import bounded
from entitybench.agents.common.language.learner import (
    BY_DOMAIN,
    ByDomain,
    LanguageConfig,
    LanguageLearner,
    linear,
)
from entitybench.agents.common.language.lessons import called, lessons, longest
from entitybench.agents.common.language.losses import sft_loss
from entitybench.envs.reason import vocabulary as v

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import torch

    from entitybench.agents.common.language.learner import Said
    from entitybench.agents.common.layers import Params
    from entitybench.envs.reason.source import Source
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Batch

    Tensor = torch.Tensor
    Tensors = dict[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class TinyConfig(LanguageConfig):
    """Supervised learning, and how it is asked once it has learned."""

    # plain: as the question is; repair: to look for an error in a chain of thought that is begun;
    # restart: without that chain.
    prompt: Literal["plain", "repair", "restart"] = "plain"
    batch_size: int = 32
    # Lessons of similar length: as many batches are drawn, sorted by length, and one of them taken.
    # 1: no such choice, and all are padded to the longest there is.
    buckets: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, buckets="[1, 1000]")

    @property
    def alone(self) -> bool:
        """Whether training seeds learn one after another: their batches differ in length."""
        return self.buckets > 1


class TinyLM(LanguageLearner):
    """Learns lessons by cross entropy, on what is said alone."""

    config_class: ClassVar[type[Any]] = TinyConfig
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"phases": linear(20, 3e-3, 0.03, 5), "width": 16, "heads": 2, "batch_size": 4},
        "small": {"phases": linear(3_000, 3e-3, 0.03, 100)},
        "paper": {"phases": linear(20_000, 1e-3, 0.03, 500), "width": 256, "layers": 6, "heads": 8},
    }
    by_domain: ClassVar[ByDomain] = {
        "track": {
            "small": {
                **BY_DOMAIN["track"]["small"],
                "phases": linear(8_500, 3e-3, 0.03, 100),
                "buckets": 4,
            }
        },
    }

    def draw(self, source: Source, rng: np.random.Generator) -> Batch:
        size, buckets = self.config.batch_size, self.config.buckets
        some, length = lessons(source, size * buckets, rng), longest(source)
        if buckets > 1:
            first = size * int(rng.integers(buckets))
            some = sorted(some, key=_length)[first : first + size]
            length = _length(some[-1])
        batch = zip(("tokens", "mask", "said"), called(some, length), strict=True)
        return {name: x[None] for name, x in batch}

    def answer(
        self, questions: Sequence[Sequence[int]], rng: BatchGenerator, *, samples: int
    ) -> list[list[list[int]]]:
        return super().answer([self.asked(each) for each in questions], rng, samples=samples)

    def asked(self, question: Sequence[int]) -> list[int]:
        """What it is asked in the place of a question with a chain of thought."""
        end = list(question).index(v.CHAIN) + 1 if v.CHAIN in question else len(question)
        if self.config.prompt == "plain" or end == len(question):
            return list(question)
        return (
            list(question[:end]) if self.config.prompt == "restart" else [v.REPAIR, *question[1:]]
        )

    def losses(
        self, params: Mapping[str, Params], batch: Tensors, constants: Tensors
    ) -> tuple[Tensor, Tensors]:
        del constants
        model, said = params["model"], batch["said"]
        states = self.decoder.states(model, batch["tokens"][..., :-1])
        logits = self.decoder.logits(model, states).flatten(0, -2)
        lost = F.cross_entropy(logits, said.flatten(), reduction="none").view(said.shape)
        loss = sft_loss(-lost, batch["mask"]).sum(-1)  # over the members: there is one
        return loss, {"loss": loss.detach()}


def _length(lesson: Said) -> int:
    return sum(map(len, lesson))
