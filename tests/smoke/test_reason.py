"""Evaluations, bundles and `bench show` of problems, end to end."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import entitybench as eb
from entitybench.envs.reason import vocabulary as v
from entitybench.errors import BadValue, BenchError
from entitybench.kinds import RECOVERED
from entitybench.leaderboard.cli.main import main
from entitybench.leaderboard.evaluation.problems import SAMPLES
from entitybench.leaderboard.statistics.passes import pass_at
from entitybench.leaderboard.submission.arrays import packed, unpacked
from entitybench.leaderboard.submission.check import verify
from entitybench.leaderboard.submission.pack import pack
from entitybench.leaderboard.submission.wanted import Wanted
from entitybench.records import Record
from tests.support.bundles import Files, altered, edited, row

TASK = "reason-track-2"
NAME = "episodes/seed0/answers.npy"


def test_pass_at_k_is_the_chance_that_one_of_k_drawn_is_right() -> None:
    for count, right in product((4, 6), range(5)):
        truth = [1] * right + [0] * (count - right)
        draws = [any(truth[i] for i in {a, b}) for a in range(count) for b in range(count) if a < b]
        assert pass_at(2, right, count) == pytest.approx(float(np.mean(draws)))
        assert pass_at(1, right, count) == pytest.approx(right / count)
        assert pass_at(count, right, count) == float(right > 0)


@pytest.fixture(scope="module")
def record() -> Record:
    return eb.evaluate("random", TASK, episodes=4, threads=1)


def test_the_planner_answers_everything() -> None:
    record = eb.evaluate("oracle", TASK, episodes=4, threads=1)
    assert (record.kind, record.item, record.task.horizon) == ("reasoner", "problem", 0)
    values = record.columns.values
    for name in ("solved", "pass_1", "pass_4", "pass_64", *RECOVERED):
        given = [x for x in values[name] if x is not None]
        assert given, name
        assert set(given) == {0.0 if name == "false_alarms" else 1.0}, name
    assert record.rows[0].note is not None
    assert record.rows[0].note.startswith("right: # 0")


@pytest.mark.parametrize("task", ["reason-rearrange-5", "reason-kitchen-5"])
def test_other_domains(task: str) -> None:
    values = eb.evaluate("oracle", task, episodes=2, threads=1).columns.values
    assert values["pass_64"] == values["diagnosed"] == [1.0, 1.0]
    assert values["recovered_beside"] == [None, None]  # of track alone


def test_a_row_depends_on_its_item_alone(record: Record) -> None:
    alone = eb.evaluate("random", TASK, episodes=1, episode_seed=2, threads=2)
    assert alone.rows[0] == record.rows[2]


class Said:
    """Says the same whatever is asked."""

    def __init__(self, given: Any) -> None:
        self.given = given

    def answer(self, questions: Sequence[Any], rng: Any, *, samples: int) -> Any:
        del rng
        return [[self.given] * max(1, samples) for _ in questions]


def test_an_answer_that_never_ends_is_wrong_and_says_so() -> None:
    record = eb.evaluate(Said(v.tokens_of("# 0A")), TASK, episodes=2)
    assert record.columns.values["solved"] == [0.0, 0.0]
    assert str(record.rows[0].note) == "it never ends: there is no <eos> after #: # 0A"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ([0.5], "hold what is no whole number"),
        ([-1], "holds -1; tokens are"),
        ([1] * 5000, "has 5000 tokens and 4096 are allowed"),
        (["#"], "must be lists of tokens"),
        (7, "must be lists of tokens"),
    ],
)
def test_what_is_no_answer_is_refused_in_one_line(answer: Any, words: str) -> None:
    with pytest.raises(BenchError, match=words):
        eb.evaluate(Said(answer), TASK, episodes=1)
    kept = eb.evaluate(Said(answer), TASK, episodes=1, failures="record").rows[0]
    assert kept.values["solved"] == 0.0
    assert str(kept.error).startswith("policy: BadValue")


def test_too_few_answers_are_refused() -> None:
    class Short(Said):
        def answer(self, questions: Sequence[Any], rng: Any, *, samples: int) -> Any:
            return [[[v.ANSWER]]] * len(questions)

    with pytest.raises(BenchError, match=f"must give {SAMPLES} answers to each of 25 questions"):
        eb.evaluate(Short(None), TASK, episodes=1)


@pytest.mark.parametrize("agent", ["zero", "constant", "hecrl"])
def test_who_cannot_answer_is_refused(agent: str) -> None:
    with pytest.raises(BadValue, match=r"cannot answer|is for goal-control tasks"):
        eb.evaluate(agent, TASK, episodes=1)


def test_there_is_nothing_to_step() -> None:
    with pytest.raises(BadValue, match="has problems and no environment to step"):
        eb.make(TASK)


@pytest.fixture(scope="module")
def bundle(record: Record) -> bytes:
    return pack(record, threads=1)


def test_answers_are_executed_again(bundle: bytes, record: Record) -> None:
    report = verify(bundle, Wanted(threads=1))
    assert (report.findings, report.level) == ([], 2)
    assert report.checks["scores"] == "done"
    assert pack(record, threads=2) == bundle
    anew = verify(altered(bundle, row("solved", 1.0)), Wanted(threads=1, rescore=True))
    assert [(s, i, values) for s, i, values, _ in anew.scored] == [
        (each.training_seed, each.item, each.values) for each in record.rows
    ]


def _numbers(files: Files) -> Any:
    return unpacked(files[NAME], ("<i4",)).copy()


def other(files: Files) -> None:
    numbers = _numbers(files)
    numbers[2] += 1  # the first token of the first answer's state
    files[NAME] = packed(numbers)


def longer(files: Files) -> None:
    numbers = _numbers(files)
    numbers[0] += 1
    files[NAME] = packed(numbers)


def negative(files: Files) -> None:
    numbers = _numbers(files)
    numbers[2] = -3
    files[NAME] = packed(numbers)


def real(files: Files) -> None:
    files[NAME] = packed(_numbers(files).astype("<f8"))


def more(files: Files) -> None:
    own = lambda data: data["rows"]["values"].update(insight=[1, 1, 1, 1])  # noqa: E731
    edited("record.json", own)(files)


@pytest.mark.parametrize(
    ("alter", "rule", "words"),
    [
        (row("solved", 1.0), "scores", "solved is 1.0; of its answers: 0.0"),
        (row("pass_4", 0.5), "scores", "pass_4 is 0.5"),
        (row("recovered_swap", 1.0), "scores", "recovered_swap is 1.0"),
        (other, "scores", "digest is"),
        (longer, "arrays", "not there whole|stand after the last|an answer holds"),
        (negative, "arrays", "an answer holds -3"),
        (real, "arrays", "an array of <f8; expected <i4"),
        (more, "scores", "insight follows from no answer"),
    ],
)
def test_what_is_altered_is_found(alter: Any, rule: str, words: str, bundle: bytes) -> None:
    import re

    found = verify(altered(bundle, alter), Wanted(threads=1)).findings
    assert found
    assert found[0].rule == rule
    assert re.search(words, found[0].what), found[0].what


def shown(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["show", *words]) == 0
    return capsys.readouterr().out


def test_a_problem_is_shown_and_drawn(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    text = shown(capsys, "reason-rearrange-5", "--seed", "3")
    assert text.startswith("<Q> ")
    assert "┌────┬" in text
    assert text.rstrip().endswith("right")
    wrong = shown(capsys, "reason-rearrange-5", "--seed", "3", "--answer", "A>0 B>2")
    assert "✗ A cannot go to slot 0" in wrong
    assert "wrong, move 1: A cannot go to slot 0" in wrong
    for task, suffix in (("rearrange-1", "svg"), ("track-1", "png"), ("kitchen-5", "pdf")):
        pytest.importorskip("matplotlib")
        out = tmp_path / f"picture.{suffix}"
        shown(capsys, f"reason-{task}", "--context", "swap", "--out", str(out))
        assert out.stat().st_size > 1000
    found = json.loads(shown(capsys, "reason-kitchen-4", "--json"))
    assert found["right"] is True
    assert found["steps"][0]["place"] == "start"
    english = shown(capsys, "reason-kitchen-1", "--english", "--answer", "it is \\boxed{oven}")
    assert "<pad> is no action" in english


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["push-3blocks"], "has no problems to show"),
        (["reason-rearrange-9"], "unknown task 'reason-rearrange-9'"),
        (["reason-track-1", "--answer", "A>9"], "'A>9' is no token"),
        (["reason-track-1", "--context", "swop"], "Did you mean 'swap'"),
        (["reason-rearrange-1", "--context", "beside"], "unknown context of rearrange 'beside'"),
        (["reason-track-1", "--context", "misled-2"], "no misled-2 that is harmful"),
        (["reason-track-1", "--split", "dev"], "unknown split 'dev'"),
        (["reason-track-1", "--answer", "#", "--context", "swap"], "two answers"),
        (["reason-track-1", "--english", "--answer", "x"], "nothing is boxed"),
        (["reason-track-1", "--out", "a.gif"], "a picture is .pdf, .svg, .png"),
    ],
)
def test_wrong_words_are_one_line(
    words: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", *words]) == 2
    said = capsys.readouterr().err
    assert line in said
    assert said.count("\n") == 1
