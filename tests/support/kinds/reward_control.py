"""Tasks with rewards, for the conformance tests of agents; see goal_control.py."""

from __future__ import annotations

import numpy as np

from entitybench.datasets.api import Dataset
from kinds.control import acted, starts, uniform_data

TASK = "push-1block-region"


def data(folder):
    """Of the steps, every third is flagged as an expert's."""
    store = uniform_data(TASK, folder)
    expert = (np.arange(int(store.offsets[-1])) % 3 == 0).astype(np.uint8)
    about = {**store.manifest["columns"], "expert": {"per": "row"}}
    return Dataset(
        store.folder,
        {**store.manifest, "columns": about},
        {**store.columns, "expert": expert},
        store.offsets,
    )


def items(count):
    return starts(TASK, count)


made = acted
