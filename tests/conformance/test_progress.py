"""Bars: one within another, what takes long, and that scripts get them without asking."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from entitybench import progress
from entitybench.datasets.generate.api import generate
from entitybench.progress import busy, progress_bar


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(progress, "_PATIENCE", 0.0)


def _text() -> str:
    bar, task = progress._shown[-1]
    return str(bar.tasks[bar.task_ids.index(task)].fields["text"])


def _waited(text: str) -> bool:
    """Whether the bar comes to say this."""
    for _ in range(500):
        if _text() == text:
            return True
        threading.Event().wait(0.01)
    return False


def test_a_bar_within_a_bar_is_a_line_below(
    terminal: None, capsys: pytest.CaptureFixture[str]
) -> None:
    with progress_bar("outer") as outer:
        outer(1, 2)
        with progress_bar("inner") as inner:
            inner(3, 4)
            assert len({id(bar) for bar, _ in progress._shown}) == 1
        outer(2, 2)
    assert progress._shown == []
    shown = capsys.readouterr().err
    assert "outer" in shown
    assert "inner" in shown


def test_logs_get_a_line_for_every_tenth(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "_APART", 0.0)
    with progress_bar("games", lines=True) as bar:
        for done in range(0, 31, 5):
            bar(done, 100)
        bar(1, 2, "another total")
    lines = ["games: 10 %", "games: 20 %", "games: 30 %", "games: 50 %, another total"]
    assert capsys.readouterr().err.splitlines() == lines
    with progress_bar("games") as bar:
        bar(100, 100)
    assert capsys.readouterr().err == ""


def test_lines_of_logs_are_apart(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("games", lines=True) as bar:
        bar(10, 10)
    assert capsys.readouterr().err == ""


def test_what_takes_long_is_said_and_taken_back(terminal: None) -> None:
    with busy("compiling"):  # no bar: nothing to say it on
        assert progress._shown == []
    with progress_bar("training") as bar:
        bar(0, 10, "updates")
        with busy("compiling"):
            assert _waited("compiling")
        assert _text() == "updates"


def test_the_first_call_of_a_compiled_loss_says_so(
    terminal: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch")
    from entitybench.agents.common.compiling import CompiledLoss

    said: list[bool] = []

    def compiled(losses: Any, **_: Any) -> Any:
        def run(*arguments: Any) -> Any:
            if not said:
                said.append(_waited("compiling"))
            else:
                said.append(_text() == "compiling")
            return losses(*arguments)

        return run

    monkeypatch.setattr(torch, "compile", compiled)
    weight = torch.ones(1, requires_grad=True)
    loss = CompiledLoss(lambda w: ((w * w).sum(), {}))
    with progress_bar("training") as bar:
        bar(0, 2, "updates")
        loss.backward([weight], weight)
        loss.backward([weight], weight)
    assert said == [True, False]


def test_scripts_see_how_far_generation_is(
    terminal: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generate("dag-4/random-v1", episodes=2, workers=1, out=tmp_path / "a", say=lambda _: None)
    assert "dag-4/random-v1, episodes" in capsys.readouterr().err
