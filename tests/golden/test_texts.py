"""Problems from JSONL files: what is read, what is refused, and how answers are compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from entitybench.envs.reason.texts import Texts, boxed, plain, same
from entitybench.errors import BadValue

MATH = {
    "problem": "What is half of one?",
    "solution": "One in two: \\boxed{\\frac{1}{2}}.",
    "level": "Level 1",
}
GSM8K = {"question": "Seven packs of six?", "answer": "7 * 6 = <<7*6=42>>42.\n#### 42"}


def written(folder: Path, *rows: Any) -> Texts:
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    (folder / "some.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Texts(folder / "some.jsonl")


def test_both_files_are_read(tmp_path: Path) -> None:
    of = written(tmp_path, MATH, "", GSM8K, {"question": "2 + 3?", "answer": 5})
    first, second, third = of.all
    assert (first.answer, first.level) == ("\\frac{1}{2}", "Level 1")
    assert second.answer == "42"
    assert third.answer == "5"
    assert of.problems([0, 4, 2], "train") == [first, second, third]
    for problem in of.all:
        assert of.question(problem).startswith(problem.question)
        assert f"\\boxed{{{problem.answer}}}" in of.hinted(problem)
        for text in (of.log(problem), of.solution(problem), of.final(problem)):
            assert of.verify(problem, text).right
    assert of.log(first) == MATH["solution"]
    assert of.log(second) == "7 * 6 = <<7*6=42>>42.\nThe answer is \\boxed{42}."


def test_answers_are_what_is_boxed_last(tmp_path: Path) -> None:
    (problem,) = written(tmp_path, {"problem": "2 + 3?", "answer": "5"}).all
    of = Texts("")
    assert of.verify(problem, "\\boxed{4}, no: \\boxed{5}").right
    assert of.verify(problem, "\\boxed{4}").why == "4 is not 5"
    assert "nothing is boxed" in of.verify(problem, "5").why
    assert boxed("\\boxed{a{b}{c{d}}} and so on") == "a{b}{c{d}}"
    assert boxed("\\boxed{never ends") is None
    assert boxed("\\boxed {1} \\boxed{never ends") == "1"


def test_equal_texts_are_equal_answers() -> None:
    assert plain(" $1,234,567 . ") == plain("1234567")
    assert same("(1,2)", "(1, 2)")
    assert plain("(1,234)") != plain("(1,2,3,4)")
    assert not same("3", "4")


def test_equal_mathematics_are_equal_answers() -> None:
    pytest.importorskip("math_verify", reason="pip install -e '.[math]'")
    assert same("1/2", "\\frac{1}{2}")
    assert same("x+1", "1 + x")
    assert not same("x+1", "x-1")
    assert not same("9" * 600, "8" * 600)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("{", "line 2 is no JSON"),
        ("[1]", "line 2 is no JSON object"),
        ({"answer": "5"}, "line 2 has no problem"),
        ({"problem": ["?"], "answer": "5"}, "line 2 has a problem that is no text"),
        ({"problem": "?"}, "line 2 has no answer"),
        ({"problem": "?", "solution": "It is five."}, "line 2 has no answer"),
        ({"problem": "?", "solution": "\\boxed{5}", "answer": "6"}, "has two answers: 6 and 5"),
    ],
)
def test_a_bad_line_is_named(row: Any, says: str, tmp_path: Path) -> None:
    with pytest.raises(BadValue) as caught:
        written(tmp_path, MATH, row).all  # noqa: B018 - it is read when it is asked for
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_without_problems_is_refused(tmp_path: Path) -> None:
    for of in (Texts(tmp_path / "none.jsonl"), written(tmp_path, "")):
        with pytest.raises(BadValue, match="problems"):
            of.all  # noqa: B018 - it is read when it is asked for
