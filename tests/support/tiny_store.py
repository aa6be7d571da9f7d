"""A few episodes of push-2blocks."""

from __future__ import annotations

import pytest
from agent_cases import TASK

from entitybench.datasets.api import load_dataset
from entitybench.datasets.generate.api import generate


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "tiny"
    generate(f"{TASK}/play-v1", episodes=6, workers=1, out=folder, say=lambda _: None)
    return load_dataset(folder).split("train")
