"""Direct preference optimisation (Rafailov et al. 2023) on answers to problems."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch

from entitybench.agents.common.bounds import bounded
from entitybench.agents.common.language.losses import dpo_loss, sft_loss
from entitybench.agents.common.language.post import FOLDER, SIZES, Items, PostConfig, rounds
from entitybench.agents.common.language.rounds import RoundLearner

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from entitybench.agents.common.config import Phase
    from entitybench.agents.common.language.learner import Said
    from entitybench.agents.common.layers import Params
    from entitybench.types import Batch

Tensor = torch.Tensor
Tensors = dict[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class PreferenceConfig(PostConfig):
    """Which answer is preferred to the model's own."""

    answers: Literal["self", "expert"] = "self"
    beta: float = 0.1  # how closely the policy is held to the reference
    tries: int = 4  # of the model's own answers, the first wrong one is the worse

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, beta="(0, inf)", tries="[1, 1000]")


class Preferences(RoundLearner):
    """The better answer explains a right answer, the worse is the model's own.

    Each phase writes both anew with what it has become, and takes that for the reference.
    """

    config_class: ClassVar[type[Any]] = PreferenceConfig
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {**SIZES["tiny"], "phases": rounds(2, 2)},
        "small": {**SIZES["small"], "phases": rounds(3, 100)},
        "paper": {**FOLDER, "phases": rounds(3, 200, 1e-5)},
    }

    def begin(self, phase: Phase, source: Items) -> None:
        for name, p in self.params["model"].items():
            self.params["base"][name].data.copy_(p.detach())
        super().begin(phase, source)

    def write(self, source: Items, rng: np.random.Generator) -> list[list[Said] | None]:
        of, c = source.of, self.config
        asked = [of.question(problem) for problem in source.problems]
        if c.answers == "expert":
            better = [of.log(problem) for problem in source.problems]
        else:
            better = self.own("base", [of.hinted(problem) for problem in source.problems], rng)
        tried = [self.own("base", asked, rng) for _ in range(c.tries)]
        pairs: list[list[Said] | None] = []
        for i, (problem, question) in enumerate(zip(source.problems, asked, strict=True)):
            own = [said[i] for said in tried]
            wrong = [said for said in own if not of.verify(problem, said).right]
            pairs.append([(question, better[i]), (question, (wrong or own)[0])])
        return pairs

    def draw(self, source: Items, rng: np.random.Generator) -> Batch:
        return self.beside_lessons(source, rng, *self.some_written(rng))

    def losses(
        self, params: Mapping[str, Params], batch: Tensors, constants: Tensors
    ) -> tuple[Tensor, Tensors]:
        c, tokens = self.config, batch["tokens"]
        parts = (c.batch_size, c.batch_size, c.rehearsed)
        log_p = self.decoder.log_likelihood(params["model"], tokens)
        with torch.no_grad():
            pairs = tokens[..., : 2 * c.batch_size, :]
            held = self.decoder.log_likelihood(params["base"], pairs)
        masks = batch["mask"].split(parts, -2)
        better, worse, rehearsed = (
            (x * mask).sum(-1) for x, mask in zip(log_p.split(parts, -2), masks, strict=True)
        )
        better_held, worse_held = (
            (x * mask).sum(-1)
            for x, mask in zip(held.split(c.batch_size, -2), masks[:2], strict=True)
        )
        loss = dpo_loss(better, worse, better_held, worse_held, c.beta).sum(-1)
        rehearsal = -(rehearsed.sum(-1) / masks[2].sum((-2, -1)).clamp(min=1)).sum(-1)
        logs = {
            "preference_loss": loss,
            "margin": ((better - better_held) - (worse - worse_held)).mean(-1).sum(-1),
            "better_nll": sft_loss(log_p.split(parts, -2)[0], masks[0]).sum(-1),
            "rehearsal_nll": rehearsal,
        }
        total = constants["extra"] * loss + constants["rehearsal"] * rehearsal
        return total, {name: x.detach() for name, x in logs.items()}
