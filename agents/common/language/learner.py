"""Learners whose policy is a small language model: what all of them share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from entitybench.agents.common.bounds import LAYERS, WIDTH, bounded
from entitybench.agents.common.config import Phase, TorchConfig, make
from entitybench.agents.common.language.decoder import Decoder
from entitybench.agents.common.language.sampling import sample
from entitybench.agents.common.learner import TorchLearner
from entitybench.envs.api import world_of
from entitybench.envs.reason import vocabulary as v
from entitybench.errors import BadValue

if TYPE_CHECKING:
    import torch

    from entitybench.envs.reason.source import Source
    from entitybench.seeding import BatchGenerator
    from entitybench.types import AgentSpec, Array, TaskSpec

Said = tuple[list[int], list[int]]  # what is shown, and what is said to it
ByDomain = Mapping[str, Mapping[str, Mapping[str, Any]]]
# What presets have otherwise in a domain. To find an error takes blocks one after the other: to
# predict a state, to compare what is written, to hear of it at the end.
BY_DOMAIN: ByDomain = {"track": {"small": {"layers": 3}}}


@dataclass(frozen=True, kw_only=True)
class LanguageConfig(TorchConfig):
    """The model, and how it answers."""

    width: int = 64
    layers: int = 2
    heads: int = 4
    most: int = 80  # tokens of an answer
    temperature: float = 1.0  # of answers that are sampled
    grad_clip: float | None = 1.0
    compile: bool = False  # a compiler takes longer than the updates of a small preset

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, width=WIDTH, layers=LAYERS, heads=WIDTH, most="[1, 4096]")
        bounded(self, temperature="(0, 100]")
        if self.width % (2 * self.heads):
            raise BadValue(
                f"width is a multiple of twice the heads: got {self.width} and {self.heads} heads."
            )


class LanguageLearner(TorchLearner):
    """A decoder that learns from sequences of tokens, and answers questions."""

    shipped: ClassVar[tuple[str, ...]] = ("model",)
    of_seeds: ClassVar[bool] = True
    by_domain: ClassVar[ByDomain] = BY_DOMAIN
    config: Any

    @classmethod
    def configure(cls, spec: AgentSpec, preset: str, task: TaskSpec, **changes: Any) -> Any:
        """See `TorchLearner.configure`; presets differ by domain."""
        source: Any = world_of(task)
        own = cls.by_domain.get(source.domain, {})
        presets = {name: {**found, **own.get(name, {})} for name, found in cls.presets.items()}
        return make(cls.config_class, spec, preset, presets, changes)

    def source(self, data: Any) -> Any:
        """The problems of the task."""
        return data.source

    @property
    def problems(self) -> Source:
        """The domain and level of the task."""
        found: Any = world_of(self.task)
        return found

    @property
    def decoder(self) -> Decoder:
        """Sizes of the model; its vocabulary is the domain's."""
        c, tokens = self.config, self.problems.tokens
        return Decoder(vocabulary=tokens, width=c.width, layers=c.layers, heads=c.heads)

    def init(self, rng: torch.Generator) -> None:
        self.params["model"] = self.decoder.init(rng)

    def answer(
        self, questions: Sequence[Sequence[int]], rng: BatchGenerator, *, samples: int
    ) -> list[list[list[int]]]:
        """Answers as tokens; see `entitybench.types.Reasoner`. Raises BadValue for no question."""
        known = self.decoder.vocabulary
        for question in questions:
            if not len(question) or not all(0 <= token < known for token in question):
                raise BadValue(
                    f"{self.config.agent} on {self.task.id} knows the tokens 0 to {known - 1}, and "
                    f"a question has one or more: got {list(question)[:8]}."
                )
        each, most = max(1, samples), self.config.most
        prompts = [question for question in questions for _ in range(each)]
        if samples:
            chances = rng.random((len(rng), samples, most)).reshape(-1, most)
        else:
            chances = np.zeros((len(prompts), most))
        found = self.say("model", prompts, chances, greedy=not samples)
        return [found[each * i : each * (i + 1)] for i in range(len(questions))]

    def say(
        self, group: str, prompts: Sequence[Sequence[int]], chances: Array, *, greedy: bool = False
    ) -> list[list[int]]:
        """What the model of a group of parameters goes on with, `<eos>` included."""
        temperature = 0.0 if greedy else self.config.temperature
        params = self.params[group]
        found = sample(self.decoder, params, prompts, chances, stop=v.EOS, temperature=temperature)
        return [said.tolist() for said in found]


def packed(pairs: Sequence[Said], length: int) -> tuple[Array, Array]:
    """Tokens (M, length) int64 and their mask (M, length − 1) float32, of what was said.

    The mask is of the tokens from the second on, as `Decoder.log_likelihood` counts them. What is
    `silent` in what was said does not count, and what is longer than `length` is cut.
    """
    tokens = np.full((len(pairs), length), v.PAD, np.int64)
    mask = np.zeros((len(pairs), length - 1), np.float32)
    for row, (shown, said) in enumerate(pairs):
        whole = np.array([*shown, *said][:length], np.int64)
        tokens[row, : len(whole)] = np.where(whole < 0, ~whole, whole)
        mask[row, len(shown) - 1 : len(whole) - 1] = whole[len(shown) :] >= 0
    return tokens, mask


def silent(tokens: Sequence[int]) -> list[int]:
    """Tokens as they stand in what was said without counting: t as −1 − t; and back."""
    return [~token for token in tokens]


def linear(
    updates: int, rate: float, last: float, warm_up: int, **more: Any
) -> tuple[Phase, Phase]:
    """Two phases: the learning rate rises from nothing, then falls to a share `last` of it."""
    warm_up = min(warm_up, updates // 2)
    return (
        Phase(name="warm up", updates=warm_up, learning_rate=0.0, final_learning_rate=rate, **more),
        Phase(
            name="main",
            updates=updates - warm_up,
            learning_rate=rate,
            final_learning_rate=rate * last,
            **more,
        ),
    )
