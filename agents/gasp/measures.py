"""What claims ask of GASP beside how it answers: drift, and what a polluter's errors do."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F

from entitybench.agents.common.language.learner import LanguageLearner, packed
from entitybench.agents.gasp.agent import CHUNK, begun
from entitybench.checkpoints import read_meta
from entitybench.envs.reason.contexts import learned
from entitybench.registry import agent, resolve_agent
from entitybench.seeding import generator

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PROBLEMS = 200  # of the split "test"


@cache
def _model(folder: Path) -> LanguageLearner:
    target: Any = resolve_agent(agent(read_meta(folder)["agent"]))
    found: LanguageLearner = target.load(folder)
    return found


def drift(seed: int, weights: Mapping[str, Path]) -> float:
    """1 − the cosine of the last hidden states of the first arm and the second, the mean of tokens.

    Both read right solutions, from the end of the question on.
    """
    del seed
    one, other = map(_model, weights.values())
    of = one.problems
    pairs = [(of.question(p), of.solution(p)) for p in of.problems(range(PROBLEMS))]
    tokens, mask = packed(pairs, max(len(shown) + len(said) for shown, said in pairs))
    with torch.no_grad():
        first, second = (
            model.decoder.states(model.params["model"], torch.as_tensor(tokens[None]))[0, :, :-1]
            for model in (one, other)
        )
    apart = 1 - F.cosine_similarity(first, second, dim=-1).numpy()
    return float((apart * mask).sum() / mask.sum())


def after_polluter(seed: int, weights: Mapping[str, Path]) -> float:
    """Share of greedy answers of the first arm that are right after harmful errors of the last's.

    One chunk a problem is sampled, in the place of the state after a step at random; what is no
    valid step, or heals by itself, does not count; NaN where nothing is left.
    """
    models = list(map(_model, weights.values()))
    solver, polluter = models[0], models[-1]
    of, rng = solver.problems, generator(seed, "polluter")
    problems = of.problems(range(PROBLEMS))
    steps = [int(rng.integers(1, len(problem.actions) + 1)) for problem in problems]
    asked = [begun(of, p, k) for p, k in zip(problems, steps, strict=True)]
    said = polluter.say("model", asked, rng.random((PROBLEMS, CHUNK)))
    made = [
        learned(of, problem, step, words[:-1], rng)
        for problem, step, words in zip(problems, steps, said, strict=True)
    ]
    harmful = [c for c in made if c is not None and not of.verify(c.problem, c.misled).right]
    if not harmful:
        return math.nan
    nothing = np.zeros((len(harmful), solver.config.most))
    answers = solver.say("model", [c.shown for c in harmful], nothing, greedy=True)
    pairs = zip(harmful, answers, strict=True)
    return float(np.mean([of.verify(c.problem, [*c.prefix, *said]).right for c, said in pairs]))
