"""A language model from a folder, as it is: `bench eval --agent llm://FOLDER`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch

from entitybench.agents.common.language.pretrained import Pretrained
from entitybench.agents.common.language.spoken import TEMPERATURE, answers
from entitybench.envs.api import world_of
from entitybench.errors import BadValue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.envs.reason.source import Source
    from entitybench.seeding import BatchGenerator
    from entitybench.types import TaskSpec

SCHEME = "llm://"


@dataclass(frozen=True)
class Settings:
    """What a record keeps of it."""

    model_type: str
    weights_sha256: str
    device: str
    most: int  # tokens of an answer
    temperature: float


class LanguagePolicy:
    """Answers in English; what it answers is judged as any answer is."""

    def __init__(self, name: str, task: TaskSpec) -> None:
        """Read the folder. Raises BadValue, MissingExtra as `Pretrained` does."""
        if task.kind != "reasoner":
            raise BadValue(f"{name} answers in words, and {task.id} is of the kind {task.kind}.")
        found: Any = world_of(task)
        self.source: Source = found
        device = "cuda" if torch.cuda.is_available() else "cpu"
        self.model = Pretrained(name.removeprefix(SCHEME), device=device)
        self.params = self.model.init(torch.Generator())
        kind = self.model.whole.model.config.model_type
        self.config = asdict(
            Settings(kind, self.model.sha256, device, self.model.most, TEMPERATURE)
        )

    def answer(
        self, questions: Sequence[Sequence[int]], rng: BatchGenerator, *, samples: int
    ) -> list[list[list[int]]]:
        """Answers as tokens; see `entitybench.types.Reasoner`. Raises BadValue for no question."""
        model, most = self.model, self.model.most
        return answers(model, self.params, self.source, questions, rng, samples=samples, most=most)
