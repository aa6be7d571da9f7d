"""What a stranger's agent does wrong in training is its fault, in one line; ours stays ours."""

from __future__ import annotations

import dataclasses

import pytest
import toy
from toy import DATA, SPEC, Toy

from entitybench.errors import BadValue, BenchError
from entitybench.leaderboard.cli.main import explained
from entitybench.leaderboard.training import faults
from entitybench.leaderboard.training import train as training
from entitybench.registry import tasks

TASK = dataclasses.replace(tasks()["push-1block"], horizon=5)


def trained(monkeypatch, out, target, seeds=(0,), **kwargs):
    """The line of a training that fails with a class for an agent, and its exit code."""
    spec = dataclasses.replace(SPEC, target=f"{toy.__file__}:{target.__name__}")
    monkeypatch.setattr(training, "agent_spec", lambda id: spec)
    monkeypatch.setattr(training, "resolve_agent", lambda spec: target)
    settings = {"dataset": DATA, "evaluate_every": 0, "device": "cpu", **kwargs}
    with pytest.raises(Exception) as caught:  # noqa: PT011 - which, is what is tested
        training.train_seeds("toy", TASK, seeds=seeds, out=out, **settings)
    line, code = explained(caught.value)
    assert "\n" not in line
    return line, code


def raising(error):
    def method(*_, **__):
        raise error

    return method


class Silent(BaseException):
    """No `Exception`, and without words."""

    def __str__(self):
        raise RuntimeError("no words")


METHODS = ["configure", "create", "advance", "save", "load", "ready"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TypeError("no m"), "TypeError: no m"),
        (ValueError("x\ny"), "ValueError: x y"),
        (RuntimeError("boom"), "RuntimeError: boom"),
        (SystemExit(3), "SystemExit: 3"),
        (Silent(), "Silent"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_a_method_raises_is_told_with_class_and_method(
    monkeypatch, tmp_path, method, error, words
):
    every = 30 if method == "ready" else 0
    target = type("Mine", (Toy,), {method: raising(error)})
    line, code = trained(monkeypatch, tmp_path, target, evaluate_every=every)
    assert line.startswith(f"Mine.{method} failed: {words} (test_training_faults.py:")
    assert code == 2


@pytest.mark.parametrize("target", [Toy, toy.Together], ids=["alone", "beside"])
@pytest.mark.parametrize(
    ("method", "does", "words"),
    [
        ("advance", lambda self, data: Toy.advance(self, data) and {"loss": "x"}, "{'loss': 'x'}"),
        ("advance", lambda self, data: Toy.advance(self, data) and {3: 1.0}, "not {3: 1.0}"),
        ("advance", lambda self, data: Toy.advance(self, data) and 7, "numbers by name, not 7"),
        ("advance", lambda self, data: {"loss": 1.0}, "leaves step at 0: each call of it counts"),
        ("save", lambda self, folder, *, training=True: None, "wrote no agent.json"),
        ("load", lambda folder, **_: None, "failed: AttributeError"),
        ("configure", lambda *_, **__: 3, "gives a dataclass of what JSON can hold, not 3"),
        ("configure", lambda *_, **__: toy.Config(agent={1}, preset=""), "JSON can hold, not"),
    ],
)
def test_what_a_method_does_wrong_is_told(monkeypatch, tmp_path, target, method, does, words):
    mine = type("Mine", (target,), {method: does})
    line, code = trained(monkeypatch, tmp_path, mine, seeds=(0, 1))
    assert line.startswith(f"Mine.{method} ")
    assert words in line
    assert "delete the folder" not in line
    assert code == 2


def test_a_checkpoint_that_forgets_its_step(monkeypatch, tmp_path):
    class Mine(Toy):
        @classmethod
        def load(cls, folder, **others):
            agent = super().load(folder, **others)
            agent.step = 7
            return agent

    line, code = trained(monkeypatch, tmp_path, Mine)
    assert line == "Mine.load gives step 7 of a checkpoint of step 0."
    assert code == 2


def test_what_our_own_agents_raise_is_a_defect_of_ours(monkeypatch, tmp_path):
    own = {"__module__": "entitybench.agents.toy"}
    for method in METHODS[:4]:
        target = type("Own", (Toy,), {**own, method: raising(RuntimeError("boom"))})
        line, code = trained(monkeypatch, tmp_path / method, target)
        assert line.startswith("a defect of entitybench, please report it: RuntimeError: boom")
        assert code == 1
    target = type("Own", (Toy,), {**own, "save": lambda *_, **__: None})
    assert trained(monkeypatch, tmp_path / "nothing", target)[1] == 1


@pytest.mark.parametrize("module", ["mine", "entitybench.agents.toy"])
@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
    ],
    ids=["numpy", "cuda", "torch"],
)
def test_a_lack_of_memory_names_what_training_can_do_with_less_of(
    monkeypatch, tmp_path, module, error
):
    config = dataclasses.make_dataclass(
        "Sized", [("batch_size", int, 9000)], bases=(toy.Config,), frozen=True, kw_only=True
    )
    made = {"configure": lambda *_, **__: config(agent="toy", preset="small")}
    target = type("Mine", (Toy,), {"__module__": module, "create": raising(error), **made})
    line, code = trained(monkeypatch, tmp_path, target)
    assert line.startswith("out of memory: ask for a smaller batch_size than 9000, smaller")
    assert code == 2


def test_errors_that_have_their_line_keep_it(monkeypatch, tmp_path):
    for error in (BadValue("no such setting"), BenchError("nothing to draw")):
        target = type("Mine", (Toy,), {"create": raising(error)})
        assert trained(monkeypatch, tmp_path, target) == (str(error), 2)
    target = type("Mine", (Toy,), {"save": raising(OSError(28, "No space left on device"))})
    assert "the disk is full" in trained(monkeypatch, tmp_path, target)[0]


def test_values_without_words_are_shown_by_their_class():
    odd = type("Odd", (), {"__repr__": raising(RuntimeError("no words"))})()
    assert "Odd" in faults.shown(odd)
