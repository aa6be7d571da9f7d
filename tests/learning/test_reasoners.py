"""Each learner of answers finds out to copy two bits, where its base model often guesses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from copying import TASK, Copy, registered

from entitybench.agents.common.language import lessons
from entitybench.envs.training import ProblemsOf
from entitybench.registry import agent, agents, resolve_agent
from entitybench.seeding import BatchGenerator, generator

LEARNERS = [s.id for s in agents() if s.parts == {"base": "tiny-lm"} and not s.needs]
DATA = ProblemsOf(TASK)
SIZES = {"width": 32, "heads": 2, "layers": 1}


@pytest.fixture(autouse=True, scope="module")
def _copying():
    with registered():
        yield


def trained(id, base=None, updates=150, **changes):
    spec = agent(id)
    target = resolve_agent(spec)
    plain = target.configure(spec, "small", TASK, **SIZES, most=6, **changes)
    count = len(plain.phases)
    each = {
        f"phases.{k}.{name}": value
        for k in range(count)
        for name, value in (
            ("updates", updates // count),
            ("learning_rate", 2e-3),
            ("final_learning_rate", 3e-3),
        )
    }
    config = target.configure(spec, "small", TASK, **SIZES, most=6, **changes, **each)
    parts = {} if base is None else {"base": base}
    one = target.create(config, TASK, seed=0, data=DATA, parts=parts)
    while one.step < one.total:
        one.advance(DATA)
    return one


def right(one):
    """Share of 16 sampled answers to each of the four questions."""
    copy = Copy()
    problems = copy.problems(range(4))
    rng = BatchGenerator([generator(i, "answers") for i in range(4)])
    said = one.answer([copy.question(p) for p in problems], rng, samples=16)
    pairs = zip(problems, said, strict=True)
    return float(np.mean([copy.verify(p, each).right for p, group in pairs for each in group]))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory, _copying) -> Path:
    folder = tmp_path_factory.mktemp("base")
    one = trained("tiny-lm", updates=500)
    one.save(folder)
    assert 0.4 < right(one) < 0.85
    return folder


@pytest.mark.parametrize("id", LEARNERS)
def test_it_learns_to_copy(id, base, monkeypatch):
    # What is rehearsed does not guess; without it some forget to explain as they learn to solve.
    monkeypatch.setitem(lessons.SHARES, "copy", {"explain": 1.0})
    one = trained(id, base, items=32, rehearsed=8)
    assert right(one) > 0.9
