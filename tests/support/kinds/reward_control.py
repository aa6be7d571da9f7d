"""Tasks with rewards, for the conformance tests of agents; see goal_control.py."""

from __future__ import annotations

from kinds.control import acted, starts, uniform_data

TASK = "push-1block-region"


def data(folder):
    return uniform_data(TASK, folder)


def items(count):
    return starts(TASK, count)


made = acted
