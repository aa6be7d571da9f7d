"""Jobs done in processes here, through submitit, and by Ray: the same answers from each."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from entitybench.errors import BadValue, BenchError, DataError, MissingExtra, UnknownId
from entitybench.executors import slurm
from entitybench.executors.api import EXECUTORS, run
from entitybench.executors.calls import Call, Failure, answered, done

HERE = "executor_jobs"  # tests/support


def calls(count: int) -> list[Call]:
    return [Call(f"{HERE}:square", {"x": x}) for x in range(count)]


def answers(found: Any) -> dict[int, Any]:
    return dict(found)


def executor_of(name: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """An executor that can be had here."""
    if name == "slurm":
        pytest.importorskip("submitit", reason="pip install -e '.[slurm]'")
        monkeypatch.setattr(slurm, "CLUSTER", "local")
    if name == "ray":
        pytest.importorskip("ray", reason="pip install -e '.[ray]'")
    path = os.pathsep.join([*sys.path, os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("PYTHONPATH", path)
    return name


WHO = ["local", "slurm", pytest.param("ray", marks=pytest.mark.slow)]


def test_every_executor_is_tested() -> None:
    assert set(EXECUTORS) == {"local", "slurm", "ray"}
    with pytest.raises(UnknownId, match=r"unknown executor 'slurn'.*'slurm'"):
        answers(run(calls(1), workers=1, folder=Path(), executor="slurn"))
    with pytest.raises(BadValue, match="workers is a whole number"):
        answers(run(calls(1), workers=0, folder=Path()))
    assert answers(run([], workers=1, folder=Path())) == {}


@pytest.mark.parametrize("name", WHO)
def test_all_calls_are_answered_and_failures_are_told(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three squares, one error of ours, one of a stranger, one of the disk, one that prints."""
    odd = [Call(f"{HERE}:wrong", {"how": how}) for how in ("ours", "other", "disk", "print")]
    executor = executor_of(name, monkeypatch)
    found = answers(run([*calls(3), *odd], workers=2, folder=tmp_path, executor=executor))
    assert [found[k] for k in range(3)] == [0, 1, 4]
    ours, other, disk = (found[k] for k in (3, 4, 5))
    assert isinstance(ours.error(), DataError)
    assert str(ours.error()) == "the data are gone."
    assert str(other.error("block 4")) == "block 4: KeyError: 'x'"
    assert isinstance(disk.error(), OSError)
    assert disk.error().errno == 28
    assert found[6] == "said"
    assert not list(tmp_path.iterdir()), "nothing of its own is left"


@pytest.mark.parametrize(
    "name", [pytest.param(w, marks=pytest.mark.slow) if w == "slurm" else w for w in WHO]
)
def test_a_worker_that_dies_is_told(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executor = executor_of(name, monkeypatch)
    dies = Call(f"{HERE}:wrong", {"how": "dies"})
    found = answers(run([dies, *calls(1)], workers=2, folder=tmp_path, executor=executor))
    assert isinstance(found[0], Failure)
    assert "finished blocks are kept" in str(found[0].error())
    assert found[1] == 0


def test_when_no_worker_is_left_the_rest_is_told(tmp_path: Path) -> None:
    jobs = [Call(f"{HERE}:wrong", {"how": "dies"}), *calls(2)]
    found = answers(run(jobs, workers=1, folder=tmp_path))
    assert all(isinstance(answer, Failure) for answer in found.values())
    assert len(found) == 3


def test_closing_ends_the_workers(tmp_path: Path) -> None:
    jobs = [*calls(1), *[Call(f"{HERE}:wrong", {"how": "sleeps"})] * 2]
    polled = []
    running = run(jobs, workers=1, folder=tmp_path, poll=lambda: polled.append(1))
    assert next(running) == (0, 0)
    running.close()
    with pytest.raises(StopIteration):
        next(running)


def test_answers_are_lines_of_json() -> None:
    line = done(Call(f"{HERE}:square", {"x": 3}).text())
    assert "\n" not in line
    assert answered(line) == 9
    with pytest.raises(ValueError, match="Expecting"):
        answered("")
    assert type(Failure("bench", "x", "Diverged").error()) is BenchError


def test_what_is_not_here_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    pytest.importorskip("submitit", reason="pip install -e '.[slurm]'")
    with pytest.raises(BadValue, match="no sbatch on the path; use --executor local"):
        answers(run(calls(1), workers=1, folder=tmp_path, executor="slurm"))
    for name, package in (("slurm", "submitit"), ("ray", "ray")):
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(MissingExtra, match=rf"--executor {name} needs it: .*\[{name}\]"):
            answers(run(calls(1), workers=1, folder=tmp_path, executor=name))
