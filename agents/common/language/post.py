"""Learners that go on from a trained base model, with problems of their own, and rehearse.

The base is a small one of the suite, or a language model from a folder, asked in English.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
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
from entitybench.agents.common.language.lessons import lessons, longest
from entitybench.agents.common.language.pretrained import Pretrained
from entitybench.agents.common.language.spoken import Spoken, answers
from entitybench.agents.common.optimiser import unflatten
from entitybench.envs.reason import vocabulary as v
from entitybench.envs.reason.texts import Texts
from entitybench.envs.reason.worded import English
from entitybench.errors import BadValue

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np

    from entitybench.envs.reason.problem import Problem
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array

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
# Of a language model from a folder, which is to be named.
FOLDER: dict[str, Any] = {
    "model": "",
    "most": 1024,
    "batch_size": 32,
    "rehearsed": 0,
    "items": 7_500,
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
    model: str | None = None  # the folder of a language model in the place of the part; None: none
    texts: str | None = None  # JSONL of problems for such a model to learn from; None: the task's
    rank: int = 64  # of adapters to such a model; 0: all of its weights learn

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, items="[1, 1000000]", rehearsed="[0, 1000000]", rank="[0, 4096]")

    @property
    def alone(self) -> bool:
        """Whether training seeds learn one after another: a large model, rows of any length."""
        return self.model is not None


class PostLearner(LanguageLearner):
    """Begins with a trained base model, a copy of which stays as it is."""

    config_class: ClassVar[type[Any]] = PostConfig
    worded: ClassVar[bool] = True  # whether it can learn in words, and not in tokens alone

    @cached_property
    def pretrained(self) -> Pretrained | None:
        """The language model from a folder; None: a small one of the suite. Raises BadValue."""
        c = self.config
        if c.model is None:
            return None
        if not self.worded:
            raise BadValue(f"{c.agent} learns in tokens of the suite: it takes no model.")
        if not c.model:
            raise BadValue(
                f"preset {c.preset} of {c.agent} goes on from a language model: name its folder, "
                "--set model=FOLDER."
            )
        if c.rehearsed:
            raise BadValue(
                f"there are no lessons for the model in {c.model!r} to rehearse: got rehearsed="
                f"{c.rehearsed}, and --set rehearsed=0 leaves them out."
            )
        return Pretrained(c.model, rank=c.rank, device=str(self.device))

    @property
    def decoder(self) -> Any:
        """What gives tokens their likelihood."""
        return self.pretrained or super().decoder

    def init(self, rng: torch.Generator) -> None:
        if self.pretrained is None:
            super().init(rng)
        else:
            self.params["model"] = self.pretrained.init(rng)
            known = self.parts.setdefault("model", self.pretrained.sha256)
            if known != self.pretrained.sha256:
                raise BadValue(
                    f"the weights in {self.config.model!r} are others than those it learned with."
                )
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

    def to_learn_from(self, of: Any) -> list[Any]:
        """The problems of this training seed, those of the split "train"."""
        first = ITEMS + self.seed * self.config.items
        return of.problems(range(first, first + self.config.items), "train")

    def source(self, data: Any) -> Items:
        of = super().source(data)
        if self.pretrained is not None:
            words = English(of) if self.config.texts is None else Texts(self.config.texts)
            of = Spoken(words, self.pretrained)
        elif self.config.texts is not None:
            raise BadValue(
                f"{self.config.agent} learns from texts with a language model alone: name its "
                "folder, --set model=FOLDER, or leave texts out."
            )
        return Items(of, self.to_learn_from(of))

    def say(
        self, group: str, prompts: Sequence[Sequence[int]], chances: Array, *, greedy: bool = False
    ) -> list[list[int]]:
        if self.pretrained is None:
            return super().say(group, prompts, chances, greedy=greedy)
        temperature = 0.0 if greedy else self.config.temperature
        found = self.pretrained.sample(
            self.params[group], prompts, chances, temperature=temperature
        )
        return [said.tolist() for said in found]

    def answer(
        self, questions: Sequence[Sequence[int]], rng: BatchGenerator, *, samples: int
    ) -> list[list[list[int]]]:
        if self.pretrained is None:
            return super().answer(questions, rng, samples=samples)
        model, params, most = self.pretrained, self.params["model"], self.config.most
        return answers(model, params, self.problems, questions, rng, samples=samples, most=most)

    def ended(self, said: Sequence[int]) -> bool:
        """Whether an answer came to its end."""
        ends = [v.EOS] if self.pretrained is None else self.pretrained.ends
        return bool(said) and said[-1] in ends

    def rehearsal(self, source: Items, rng: np.random.Generator) -> list[Said]:
        """Lessons of an update."""
        count = self.config.rehearsed
        return lessons(source.of, count, rng) if count else []

    def room(self, source: Items, rows: Sequence[Said]) -> int:
        """Tokens that rows are padded to: as many as any may have, or in words as these have."""
        if self.pretrained is not None:
            return max(2, *(len(shown) + len(said) for shown, said in rows))
        asked = len(source.of.question(source.problems[0]))
        return max(longest(source.of), asked + self.config.most)


class Items:
    """What batches are drawn from: a `Source` or `Spoken`, and the problems to learn from."""

    def __init__(self, of: Any, problems: list[Problem]) -> None:
        self.of, self.problems = of, problems

    def some(self, count: int, rng: np.random.Generator) -> list[Problem]:
        """`count` of the problems, each as likely as any."""
        return [self.problems[i] for i in rng.integers(len(self.problems), size=count)]
