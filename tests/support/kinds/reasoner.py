"""Problems, for the conformance tests; see goal_control.py."""

from __future__ import annotations

import numpy as np

from entitybench.envs.api import world_of
from entitybench.envs.reason import vocabulary
from entitybench.envs.training import ProblemsOf
from entitybench.registry import tasks
from entitybench.seeding import BatchGenerator, generator

TASK = "reason-track-3"
LENGTH = 40  # tokens of an answer that are compared
LARGEST = len(vocabulary.TOKENS) - 1  # of what is made


def data(folder):
    del folder
    return ProblemsOf(tasks()[TASK])


def items(count):
    source = world_of(tasks()[TASK])
    return {"questions": np.array([source.question(p) for p in source.problems(range(count))])}


def made(agent, items, first=0):
    """The first tokens of answers at random; row b draws as problem `first + b`."""
    asked = items["questions"].tolist()
    rng = BatchGenerator([generator(0, "problem", first + row) for row in range(len(asked))])
    answers = agent.answer(asked, rng, samples=1)
    return np.array([(each[0] + [0] * LENGTH)[:LENGTH] for each in answers])
