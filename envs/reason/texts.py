"""Problems of mathematics from a JSONL file, as those of MATH and GSM8K: words, and one answer."""

from __future__ import annotations

import logging
import re
import threading
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from entitybench.envs.reason.english import SOLVE
from entitybench.envs.reason.problem import Verdict
from entitybench.errors import BadValue
from entitybench.files import read_file
from entitybench.texts import parsed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LONGEST = 500  # characters of an answer that is compared
SECONDS = 5  # that comparing two answers may take
_FINAL = "####"  # before the answer in GSM8K


@dataclass(frozen=True, slots=True)
class Text:
    """A problem, reasoning to its answer (maybe none), the answer, and a level, if it has one."""

    question: str
    reasoning: str
    answer: str
    level: str = ""


@dataclass(frozen=True)
class Texts:
    r"""The problems of a file; see `entitybench.envs.reason.worded.Worded`.

    A line is an object with `problem` or `question`, and with `answer` or a `solution` that ends
    in \boxed{} or after ####. Raises BadValue with the line that is none.
    """

    path: str | Path

    @cached_property
    def all(self) -> tuple[Text, ...]:
        """Every problem, in the order of the file."""
        try:
            lines = read_file(self.path).decode("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise BadValue(f"no problems can be read from {str(self.path)!r}: {error}.") from error
        found = [self._read(line, number) for number, line in enumerate(lines, 1) if line.strip()]
        if not found:
            raise BadValue(f"{str(self.path)!r} holds no problems: a line is a JSON object each.")
        return tuple(found)

    def problems(self, items: Sequence[int], split: str = "test") -> list[Text]:
        """Those with these numbers, over and over; of which split a file is, its owner knows."""
        del split
        return [self.all[item % len(self.all)] for item in items]

    def question(self, problem: Text) -> str:
        return f"{problem.question}\n\n{SOLVE}"

    def hinted(self, problem: Text) -> str:
        answer = f"\\boxed{{{problem.answer}}}"
        return (
            f"{problem.question}\n\nThe correct final answer is {answer}. Write the step-by-step "
            "reasoning that leads to it, as if you were solving the problem without having been "
            f"told the answer; finish with {answer}."
        )

    def solution(self, problem: Text) -> str:
        """That of the file, which has one style."""
        return self.log(problem)

    def log(self, problem: Text) -> str:
        if boxed(problem.reasoning) is not None:
            return problem.reasoning
        return f"{problem.reasoning}\n{self.final(problem)}".lstrip()

    def final(self, problem: Text) -> str:
        return f"The answer is \\boxed{{{problem.answer}}}."

    def verify(self, problem: Text, text: str) -> Verdict:
        said = boxed(text)
        if said is None:
            return Verdict(right=False, why="it gives no answer: nothing is boxed")
        right = same(problem.answer, said)
        return Verdict(right=right, why="" if right else f"{said} is not {problem.answer}")

    def _read(self, line: str, number: int) -> Text:
        where = f"{str(self.path)!r}, line {number}"
        try:
            row = parsed(line)
        except (ValueError, RecursionError) as error:
            raise BadValue(f"{where} is no JSON: {error}.") from error
        if not isinstance(row, dict):
            raise BadValue(f"{where} is no JSON object with a problem and its answer: {line:.40}")
        asked, given, reasoning = (
            _words(row, where, *names)
            for names in (("problem", "question"), ("answer",), ("solution",))
        )
        if not asked:
            raise BadValue(f"{where} has no problem: `problem` or `question` is to hold its words.")
        if _FINAL in given:  # GSM8K: reasoning and answer in one
            reasoning, given = given.split(_FINAL, 1)[0].strip(), given.rsplit(_FINAL, 1)[1]
        found = boxed(reasoning)
        if found is None and _FINAL in reasoning:
            reasoning, found = (part.strip() for part in reasoning.rsplit(_FINAL, 1))
        answer = given.strip() or (found or "").strip()
        if not answer:
            raise BadValue(
                f"{where} has no answer: `answer`, or a `solution` that ends in \\boxed{{}} or "
                f"after {_FINAL}."
            )
        if given.strip() and found is not None and not same(given, found):
            raise BadValue(f"{where} has two answers: {given.strip():.40} and {found:.40}.")
        return Text(asked, reasoning, answer, str(row.get("level", "")))


def _words(row: dict[str, Any], where: str, *names: str) -> str:
    value = next((row[name] for name in names if row.get(name) is not None), "")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise BadValue(f"{where} has a {names[0]} that is no text: {value!s:.40}")
    return str(value).strip()


def boxed(text: str) -> str | None:
    r"""What stands in the last \boxed{} of a text, braces within and all; None: there is none."""
    for start in reversed([found.end() for found in re.finditer(r"\\boxed\s*\{", text)]):
        depth = 1
        for end in range(start, len(text)):
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            if depth == 0:
                return text[start:end].strip()
    return None


def same(answer: str, said: str) -> bool:
    """Whether two answers are equal: as mathematics where Math-Verify is there, else as text."""
    if plain(answer) == plain(said):
        return True
    try:
        import math_verify
    except ModuleNotFoundError:
        return False
    if max(len(answer), len(said)) > LONGEST:
        return False
    logging.getLogger("math_verify").setLevel(logging.ERROR)
    # It keeps time by a signal, which only the main thread can have.
    time = SECONDS if threading.current_thread() is threading.main_thread() else None
    known, other = (
        math_verify.parse(f"\\boxed{{{text}}}", parsing_timeout=time) for text in (answer, said)
    )
    return bool(math_verify.verify(known, other, timeout_seconds=time))


def plain(answer: str) -> str:
    """An answer as text, without spaces, dollars, a full stop and commas between digits."""
    text = re.sub(r"(?<=\d),(?=\d{3}(\D|$))", "", re.sub(r"[\s$]|\\[!,;]", "", answer))
    return text.removesuffix(".")


def judge() -> str:
    """What compares answers here."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"Math-Verify {version('math-verify')}"
    except PackageNotFoundError:
        return "equality of text, since math-verify is not installed"
