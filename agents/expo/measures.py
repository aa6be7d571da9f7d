"""What claims ask of a base model, apart from how it answers."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from entitybench.agents.common.language.learner import LanguageLearner, packed
from entitybench.agents.common.language.losses import sft_loss
from entitybench.checkpoints import read_meta
from entitybench.registry import agent, resolve_agent
from entitybench.seeding import generator

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from entitybench.agents.common.language.learner import Said

PROBLEMS = 100  # of the split "validation"


@cache
def _measured(folder: Path, seed: int) -> dict[str, float]:
    """Of one base model: see the functions below."""
    target: Any = resolve_agent(agent(read_meta(folder)["agent"]))
    model: LanguageLearner = target.load(folder)
    of = model.problems
    problems = of.problems(range(PROBLEMS), "validation")
    chances = generator(seed, "explain").random((PROBLEMS, model.config.most))
    said = model.say("model", [of.hinted(problem) for problem in problems], chances)
    right = [of.verify(*each).right for each in zip(problems, said, strict=True)]
    asked = [of.question(problem) for problem in problems]

    def surprise(answers: list[list[int]]) -> float:
        pairs: list[Said] = list(zip(asked, answers, strict=True))
        longest = max(len(shown) + len(words) for shown, words in pairs)
        tokens, mask = packed(pairs, longest)
        with torch.no_grad():
            log_p = model.decoder.log_likelihood(
                model.params["model"], torch.as_tensor(tokens[None])
            )
        return float(sft_loss(log_p, torch.as_tensor(mask[None])))

    own, expert = surprise(said), surprise([of.log(problem) for problem in problems])
    return {"explained": float(np.mean(right)), "own": own, "expert": expert}


def explained(seed: int, weights: Mapping[str, Path]) -> float:
    """Share of problems that the base model explains rightly when it is told the answer."""
    return _measured(weights["tiny-lm"], seed)["explained"]


def own_over_expert(seed: int, weights: Mapping[str, Path]) -> float:
    """Nats a token of its explanations in those of the planner's log, asked without the answer."""
    found = _measured(weights["tiny-lm"], seed)
    return found["own"] / found["expert"]
