"""What the conformance tests share."""

from __future__ import annotations

import pytest
import torch
from agent_cases import TASK

from entitybench.datasets.generate.api import generate
from entitybench.datasets.store.api import load_dataset


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "tiny"
    generate(f"{TASK}/play-v1", episodes=6, workers=1, out=folder, say=lambda _: None)
    return load_dataset(folder).split("train")
