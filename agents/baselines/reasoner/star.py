"""STaR: learn from one's own right answers, and from explanations of answers that one missed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from entitybench.agents.common.language.losses import sft_loss
from entitybench.agents.common.language.post import FOLDER, SIZES, Items, PostConfig, rounds
from entitybench.agents.common.language.rounds import RoundLearner

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from entitybench.agents.common.config import Phase
    from entitybench.agents.common.language.learner import Said
    from entitybench.agents.common.layers import Params
    from entitybench.types import Batch

    Tensor = torch.Tensor
    Tensors = dict[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class STaRConfig(PostConfig):
    """Whether missed answers are explained; without that it is expert iteration."""

    rationalise: bool = True


class STaR(RoundLearner):
    """Zelikman et al. 2022: each round begins with the base model again, on all that was kept."""

    config_class: ClassVar[type[Any]] = STaRConfig
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {**SIZES["tiny"], "phases": rounds(2, 2)},
        "small": {**SIZES["small"], "phases": rounds(3, 100)},
        "paper": {**FOLDER, "phases": rounds(3, 200, 1e-5)},
    }

    def write(self, source: Items, rng: np.random.Generator) -> list[list[Said] | None]:
        of, problems = source.of, source.problems
        asked = [of.question(problem) for problem in problems]
        said = self.own("model", asked, rng)
        kept: list[list[Said] | None] = [
            [(question, words)] if of.verify(problem, words).right else None
            for problem, question, words in zip(problems, asked, said, strict=True)
        ]
        if self.config.rationalise:
            hints = self.own("model", [of.hinted(problem) for problem in problems], rng)
            for i, (problem, words) in enumerate(zip(problems, hints, strict=True)):
                if kept[i] is None and of.verify(problem, words).right:
                    kept[i] = [(asked[i], words)]
        return kept

    def begin(self, phase: Phase, source: Items) -> None:
        super().begin(phase, source)
        for name, p in self.params["base"].items():
            self.params["model"][name].data.copy_(p)

    def anew(self) -> tuple[str, ...]:
        return ("model",)

    def draw(self, source: Items, rng: np.random.Generator) -> Batch:
        kept = np.array([self.buffers["fits"].float().mean().item()], np.float32)
        return {**self.beside_lessons(source, rng, *self.some_written(rng)), "kept": kept}

    def losses(
        self, params: Mapping[str, Params], batch: Tensors, constants: Tensors
    ) -> tuple[Tensor, Tensors]:
        c = self.config
        parts = (c.batch_size, c.rehearsed)
        log_p = self.decoder.log_likelihood(params["model"], batch["tokens"]).split(parts, -2)
        masks = batch["mask"].split(parts, -2)
        extra, rehearsal = (sft_loss(x, mask).sum(-1) for x, mask in zip(log_p, masks, strict=True))
        loss = constants["extra"] * extra + constants["rehearsal"] * rehearsal
        logs = {"extra_nll": extra, "rehearsal_nll": rehearsal, "kept": batch["kept"][..., 0]}
        return loss, {name: x.detach() for name, x in logs.items()}
