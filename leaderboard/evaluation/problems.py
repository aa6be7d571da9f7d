"""Evaluates reasoners: each problem is answered once greedily and many times at random.

Then each is answered again, once, in contexts that mislead: see `entitybench.envs.reason.contexts`.
All answers are judged by execution. Problems come in blocks, padded as in control.py, so no row
depends on which items are evaluated beside it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.envs.api import world_of
from entitybench.envs.reason import vocabulary as v
from entitybench.envs.reason.contexts import ALONE, CONTROL, context, flags, kinds_of
from entitybench.errors import BadValue
from entitybench.kinds import RECOVERED
from entitybench.leaderboard.evaluation.control import BLOCK, blocks, padding
from entitybench.leaderboard.evaluation.pool import Fault, Job, Result, blame, failure
from entitybench.leaderboard.statistics.passes import pass_at
from entitybench.records import DIGEST, POLICY, Row
from entitybench.seeding import BatchGenerator, generator
from entitybench.words import class_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from entitybench.envs.reason.contexts import Context
    from entitybench.envs.reason.problem import Problem
    from entitybench.envs.reason.source import Source
    from entitybench.leaderboard.evaluation.evaluate import Options
    from entitybench.leaderboard.evaluation.pool import Entrant
    from entitybench.types import TaskSpec

SAMPLES = 64
PASSES = (1, 4, 64)
LONGEST = 4096  # tokens of an answer
MOST_TOKEN = 2**31 - 1
_NOTE = 500  # characters

Answer = list[int]


class Problems:
    """The evaluator of the kind "reasoner"."""

    block = BLOCK

    def actor(self, agent: Any) -> Any:
        """The agent itself. Raises BadValue when it cannot answer."""
        if not hasattr(agent, "answer"):
            name = class_name(getattr(agent, "agent", agent))
            raise BadValue(f"{name} cannot answer: it lacks answer(questions, rng, *, samples).")
        return agent

    def jobs(self, entrants: Sequence[Entrant], items: Sequence[int]) -> list[Job]:
        """Blocks of every training seed."""
        return [Job(entrant, block) for entrant in entrants for block in blocks(items)]

    def steps(self, task: TaskSpec) -> int:
        """What a job ticks: greedy answers, samples, and one answer in each type of context."""
        return 2 + len(kinds_of(source_of(task)))

    def run(
        self, job: Job, task: TaskSpec, options: Options, tick: Callable[[int], None]
    ) -> Result:
        """One block."""
        source, seed = source_of(task), job.entrant.source.training_seed
        live, shown, _ = padding(job)
        posed = {item: Posed.of(source, item) for item in job.items}
        items = [job.items[index] for index in shown.tolist()]  # of every row, padding too
        block = [posed[item] for item in items]
        found: dict[str, list[list[Answer]]] = {}
        error = None
        try:
            with blame(POLICY):
                for name in block[0].questions:
                    rng = BatchGenerator([generator(item, "answer", name, seed) for item in items])
                    samples = SAMPLES if name == "samples" else 0
                    asked = [each.questions[name] for each in block]
                    given = job.entrant.actor.answer(asked, rng, samples=samples)
                    found[name] = _checked(given, len(asked), samples, job)
                    tick(1)
        except Fault as fault:
            error = failure(fault, job.entrant.source.id, options.failures)
        rows = []
        for row, item in zip(live.tolist(), job.items, strict=True):
            answers = None if error else {name: given[row] for name, given in found.items()}
            rows.append(row_of(source, seed, posed[item], answers, error))
            if answers is not None:
                self.keep(seed, item, answers)
        return Result(rows, {})

    def keep(self, seed: int, item: int, answers: dict[str, list[Answer]]) -> None:
        """Called with all answers to an item, for who wants to know more than its row."""

    def model_hash(self, task: TaskSpec, options: Options) -> str | None:
        """Of the first problems and of the contexts that they are given in."""
        del options
        source = source_of(task)
        questions = [Posed.of(source, item).questions for item in range(BLOCK)]
        facts = [v.TOKENS, questions]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def source_of(task: TaskSpec) -> Source:
    """Where the problems of a task come from."""
    source: Any = world_of(task)
    return source


@dataclass(frozen=True, slots=True)
class Posed:
    """An item: a problem, and all that is asked about it."""

    item: int
    problem: Problem
    contexts: dict[str, Context | None]  # by type; None: there is no harmful one
    questions: dict[str, Answer]  # by name; where there is no context the plain question

    @classmethod
    def of(cls, source: Source, item: int) -> Posed:
        """The item of this number; the same for whoever is asked."""
        (problem,) = source.problems([item])
        contexts = {
            kind: context(source, problem, kind, generator(item, "context", kind))
            for kind in kinds_of(source)
        }
        plain = source.question(problem)
        inside = {kind: plain if made is None else made.shown for kind, made in contexts.items()}
        return cls(item, problem, contexts, {"greedy": plain, "samples": plain, **inside})


def row_of(
    source: Source,
    seed: int,
    posed: Posed,
    answers: dict[str, list[Answer]] | None,
    error: str | None,
) -> Row:
    """The row of an item's answers, by name of `Posed.questions`; None: there are none."""
    names = ("solved", *(f"pass_{k}" for k in PASSES), "tokens", *RECOVERED)
    values: dict[str, float | None] = dict.fromkeys(names)
    note, digest = None, ""
    if answers is None:
        values |= dict.fromkeys(names[: 1 + len(PASSES)], 0.0)
    else:
        (greedy,) = answers["greedy"]
        verdict = source.verify(posed.problem, greedy)
        right = sum(source.verify(posed.problem, each).right for each in answers["samples"])
        values["solved"], values["tokens"] = float(verdict.right), float(len(greedy))
        values |= {f"pass_{k}": pass_at(k, right, SAMPLES) for k in PASSES}
        values |= _in_contexts(source, posed, answers)
        said = "right" if verdict.right else verdict.why
        end = next((i for i, token in enumerate(greedy) if token == v.ANSWER), 0)
        note = f"{said}: {v.written(greedy[end:])}"[:_NOTE]
        text = json.dumps(answers, sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:DIGEST]
    return Row(seed, posed.item, values, digest, note, error)


def _in_contexts(
    source: Source, posed: Posed, answers: dict[str, list[Answer]]
) -> dict[str, float | None]:
    """Right in each type of context, errors that are named, and alarms where there is none."""
    found: dict[str, float | None] = {}
    named = []
    for kind, made in posed.contexts.items():
        if made is None:
            continue
        (answer,) = answers[kind]
        whole = [*made.prefix, *answer]
        found[f"recovered_{kind.replace('-', '_')}"] = float(
            source.verify(made.problem, whole).right
        )
        if kind == CONTROL:
            found["false_alarms"] = float(bool(flags(answer)))
        elif kind in ALONE:
            named.append(made.step in flags(answer)[:1])
    return {**found, "diagnosed": float(np.mean(named)) if named else None}


def _checked(given: Any, questions: int, samples: int, job: Job) -> list[list[Answer]]:
    """Answers as lists of tokens. Raises BadValue for what is none."""
    who, each = job.entrant.source.id, max(1, samples)
    try:
        found = [[list(map(int, answer)) for answer in row] for row in given]
        exact = all(
            list(answer) == kept
            for row, rows in zip(given, found, strict=True)
            for answer, kept in zip(row, rows, strict=True)
        )
    except (TypeError, ValueError):
        raise BadValue(
            f"answers of {who} must be lists of tokens, {each} for each question: got "
            f"{class_name(given)}."
        ) from None
    if not exact:
        raise BadValue(f"answers of {who} hold what is no whole number; tokens are.")
    if len(found) != questions or any(len(row) != each for row in found):
        counts = sorted({len(row) for row in found})
        raise BadValue(
            f"{who} must give {each} answers to each of {questions} questions: got "
            f"{' and '.join(map(str, counts)) or 'none'} to {len(found)}."
        )
    for answer in (answer for row in found for answer in row):
        if len(answer) > LONGEST:
            raise BadValue(
                f"an answer of {who} has {len(answer)} tokens and {LONGEST} are allowed: does it "
                "ever end?"
            )
        wrong = [token for token in answer if not 0 <= token <= MOST_TOKEN]
        if wrong:
            raise BadValue(f"an answer of {who} holds {wrong[0]}; tokens are 0, 1, …")
    return found
