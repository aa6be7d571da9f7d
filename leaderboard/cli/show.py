"""`bench show`: a problem, and an answer to it step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from entitybench import registry
from entitybench.errors import BadValue, unknown
from entitybench.leaderboard.cli.args import Place, Seed, TaskId, writable_file
from entitybench.leaderboard.cli.output import print_json, put

if TYPE_CHECKING:
    from pathlib import Path

    from entitybench.envs.reason.problem import Line, Problem
    from entitybench.envs.reason.source import Source
    from entitybench.types import TaskSpec


def show(
    task: TaskId,
    /,
    *,
    seed: Seed = 0,
    split: str = "test",
    answer: str | None = None,
    context: str | None = None,
    english: bool = False,
    out: Place | None = None,
    json: bool = False,
) -> None:
    r"""Show a problem and draw it; an answer is shown step by step, with where it breaks.

    Args:
        task: An id of `bench list tasks --kind reasoner`.
        seed: Which problem; i is the one that item i of an evaluation is.
        split: test, validation or train.
        answer: Tokens, such as 'A>0 B>2': what is asked for, or a chain of thought with # before
            what is asked for and <eos> after it. With --english an answer with a \boxed{}.
            Default: the planner's.
        context: Show what misleads instead: swap, shift, drop, misled-1, misled-2, control; of
            track also beside, redundant, renamed. The answer is that of who believes it.
        english: Words instead of tokens.
        out: Draw it into this file too: .pdf, .svg, .png or .html.
        json: Print JSON.
    """
    spec = registry.tasks()[task]
    if registry.kinds()[spec.kind].does != "answer":
        named = next(each.id for each in registry.tasks() if "reason" in each.tags)
        raise BadValue(
            f"{task} is a {spec.kind} task and has no problems to show; `bench show {named}` does, "
            f"and `bench play {task}` shows worlds."
        )
    if answer is not None and context is not None:
        raise BadValue("--answer and --context are two answers: give one of them.")
    if out is not None:
        writable_file(out)
    found = _found(spec, seed, split, answer, context, english)
    if out is not None:
        _draw(found, f"{task}, problem {seed} of {split}", out)
    print_json(found.json()) if json else put(found.text(english))


class _Found:
    """A problem, what is said of it, and what is so."""

    def __init__(
        self, source: Source, problem: Problem, question: list[int], answer: list[int]
    ) -> None:
        self.source, self.problem = source, problem
        self.question, self.answer = question, answer
        self.verdict = source.verify(problem, answer)
        self.lines: list[Line] = source.trace(problem, answer)

    def text(self, english: bool) -> str:
        from entitybench.envs.reason import drawn
        from entitybench.envs.reason import english as words
        from entitybench.envs.reason.vocabulary import written

        source, problem = self.source, self.problem
        asked = words.question(source, problem) if english else written(self.question)
        parts = [asked, drawn.problem(source, problem), drawn.steps(source, self.lines)]
        parts += [f"answer: {written(self.answer)}"]
        parts += [drawn.verdict(self.verdict, source.unit)]
        return "\n\n".join([*parts, *filter(None, [drawn.broken(source, self.lines)])])

    def json(self) -> dict[str, Any]:
        from entitybench.envs.reason import english as words
        from entitybench.envs.reason.vocabulary import written

        return {
            "question": written(self.question),
            "english": words.question(self.source, self.problem),
            "answer": written(self.answer),
            "right": self.verdict.right,
            "step": self.verdict.step,
            "why": self.verdict.why,
            "steps": [
                {
                    "place": line.place,
                    "action": None if line.action is None else written([line.action]),
                    "said": None if line.said is None else self._state(line.said),
                    "real": self._state(line.real),
                    "why": line.why,
                }
                for line in self.lines
            ],
        }

    def _state(self, state: tuple[int, ...]) -> str:
        from entitybench.envs.reason.vocabulary import written

        return written(self.source.state_tokens(state))


def _found(
    spec: TaskSpec, seed: int, split: str, answer: str | None, context: str | None, english: bool
) -> _Found:
    from entitybench.envs.reason import contexts
    from entitybench.envs.reason import vocabulary as v
    from entitybench.envs.reason.english import answer_of
    from entitybench.envs.reason.source import SPLITS
    from entitybench.envs.worlds import world_of
    from entitybench.seeding import generator

    source: Any = world_of(spec)
    if split not in SPLITS:
        raise unknown("split", split, SPLITS)
    (problem,) = source.problems([seed], split)
    if context is not None:
        made = contexts.context(source, problem, context, generator(seed, "context", context))
        if made is None:
            raise BadValue(
                f"problem {seed} of {spec.id} has no {context} that is harmful; try --seed "
                f"{seed + 1}."
            )
        return _Found(source, made.problem, list(made.question), list(made.misled))
    if answer is None:
        tokens = source.solution(problem)
    elif english:
        tokens = answer_of(source, answer)
        if not tokens:
            raise BadValue(f"nothing is boxed in the answer {answer[:80]!r}: write \\boxed{{…}}.")
    else:
        tokens = v.tokens_of(answer)
        if v.ANSWER not in tokens and v.EOS not in tokens:  # what is asked for, by itself
            tokens = [v.ANSWER, *tokens, v.EOS]
    return _Found(source, problem, source.question(problem), tokens)


def _draw(found: _Found, title: str, out: Path) -> None:
    from entitybench.files import write_atomic
    from entitybench.leaderboard.plots import style
    from entitybench.leaderboard.plots.problem import picture

    if out.suffix not in style.SUFFIXES:
        raise BadValue(f"a picture is {', '.join(style.SUFFIXES)}: got {str(out)!r}.")
    with style.of_papers():
        figure = picture(found.source, found.problem, found.lines, title)
        write_atomic(out, style.drawn(figure, out.suffix))
