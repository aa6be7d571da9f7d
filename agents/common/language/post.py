"""Learners that go on from a trained base model, with problems of their own, and rehearse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from entitybench.agents.common import checkpoint
from entitybench.agents.common.bounds import bounded
from entitybench.agents.common.config import Phase
from entitybench.agents.common.language.learner import (
    LanguageConfig,
    LanguageLearner,
    Said,
)
from entitybench.agents.common.optimiser import unflatten

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np

    from entitybench.envs.reason.problem import Problem
    from entitybench.envs.reason.source import Source

Tensor = torch.Tensor
Tensors = dict[str, Tensor]
BASE = "base"  # the part
NOTHING: Said = ([0], [])  # a row without anything to learn
# What presets have in common; `phases` are each learner's own.
SIZES: dict[str, dict[str, Any]] = {
    "tiny": {"width": 16, "heads": 2, "items": 8, "batch_size": 2, "rehearsed": 2, "most": 12},
    "small": {},
    "paper": {"width": 256, "layers": 6, "heads": 8, "batch_size": 32},
}
ITEMS = 2**20  # number of the first problem to train on, of each training seed


@dataclass(frozen=True, kw_only=True)
class PostPhase(Phase):
    """Weights of two terms; that of the verified rollouts is 1."""

    extra: float = 1.0  # of the likelihood of other answers, a mean over tokens
    rehearsal: float = 1.0  # of lessons

    def __post_init__(self) -> None:
        super().__post_init__()
        weight = "[0, inf)"
        bounded(self, extra=weight, rehearsal=weight)


def constant(
    updates: int, rate: float = 5e-4, extra: float = 1.0, last: float = 1.0
) -> tuple[PostPhase, ...]:
    """A short rise of the learning rate, then a constant one, or one that falls to a share."""
    short = min(10, updates // 2)
    return (
        PostPhase(
            name="warm up", updates=short, learning_rate=0.0, final_learning_rate=rate, extra=extra
        ),
        PostPhase(
            name="main",
            updates=updates - short,
            learning_rate=rate,
            final_learning_rate=rate * last,
            extra=extra,
        ),
    )


def rounds(count: int, updates: int, rate: float = 5e-4) -> tuple[PostPhase, ...]:
    """Phases of one constant learning rate, each a round."""
    one = PostPhase(name="round", updates=updates, learning_rate=rate, final_learning_rate=rate)
    return (one,) * count


@dataclass(frozen=True, kw_only=True)
class PostConfig(LanguageConfig):
    """What there is to learn from, and how much is rehearsed."""

    phases: tuple[PostPhase, ...]
    items: int = 512  # problems that there are to learn from
    batch_size: int = 16  # questions of an update
    rehearsed: int = 16  # lessons of an update

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, items="[1, 1000000]", rehearsed="[0, 1000000]")


class PostLearner(LanguageLearner):
    """Begins with a trained base model, a copy of which stays as it is."""

    config_class: ClassVar[type[Any]] = PostConfig

    def init(self, rng: torch.Generator) -> None:
        super().init(rng)
        self.params["base"] = {name: p.clone() for name, p in self.params["model"].items()}

    def adopt(self, parts: Mapping[str, Path]) -> None:
        """Begin with the base model's weights; a copy stays as it is."""
        _, weights, _ = checkpoint.read(parts[BASE])
        given = unflatten(weights)
        for group in self.params:
            shaped = {f"model/{name}": p for name, p in self.params[group].items()}
            whose = f"{self.config.agent} with the sizes that it was given"
            flat = {f"model/{name}": p for name, p in given["model"].items()}
            fitting = unflatten(checkpoint.fitting(parts[BASE], shaped, flat, whose))
            self.params[group] = {name: p.clone() for name, p in fitting["model"].items()}

    def to_learn_from(self) -> list[Problem]:
        """The problems of this training seed, those of the split "train"."""
        first = ITEMS + self.seed * self.config.items
        return self.problems.problems(range(first, first + self.config.items), "train")

    def source(self, data: Any) -> Items:
        return Items(super().source(data), self.to_learn_from())


class Items:
    """What batches are drawn from: a source, and the problems to learn from."""

    def __init__(self, of: Source, problems: list[Problem]) -> None:
        self.of, self.problems = of, problems

    def some(self, count: int, rng: np.random.Generator) -> list[Problem]:
        """`count` of the problems, each as likely as any."""
        return [self.problems[i] for i in rng.integers(len(self.problems), size=count)]
