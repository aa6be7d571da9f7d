"""Goal tasks, for the conformance tests of agents.

Every kind has such a module: where agents are trained, on what, some items, and what an agent makes
of them.
"""

from __future__ import annotations

from entitybench.datasets.api import load_dataset
from entitybench.datasets.generate.api import generate
from kinds.control import acted, starts

TASK = "push-2blocks"


def data(folder):
    """What is learned from."""
    generate(f"{TASK}/play-v1", episodes=6, workers=1, out=folder / "data", say=lambda _: None)
    return load_dataset(folder / "data").split("train")


def items(count):
    """Inputs of items, row by row."""
    return starts(TASK, count)


made = acted  # what an agent makes of items, row by row; `first` is the item of row 0
