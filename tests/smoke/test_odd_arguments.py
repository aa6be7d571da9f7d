"""Arguments of the Python functions that are of no use get one line, as on the command line."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import entitybench as eb
from entitybench.datasets.store.store import EpisodeStore
from entitybench.errors import BenchError

TRAIN: list[dict[str, Any]] = [
    {"set": ["a"]},
    {"set": "batch_size=64"},
    {"set": {3: 4}},
    {"set": {"batch_sise": 64}},
    {"seeds": "01"},
    {"seeds": 1.5},
    {"seeds": [1.5]},
    {"seeds": []},
    {"seeds": [1, 1]},
    {"seeds": [-1]},
    {"seeds": None},
    {"seeds": True},
    {"dataset": 3},
    {"dataset": ["a"]},
    {"dataset": {"observations": [1]}},
    {"dataset": ...},
    {"dataset": np.zeros((3, 2))},
    {"dataset": b"hopper/medium-v1"},
    {"dataset": EpisodeStore},
    {"task": None},
    {"agent": None},
    {"agent": dict},
    {"preset": 3},
    {"out": None},
    {"device": 3},
    {"threads": 1.5},
    {"evaluate_every": "x"},
    {"logger": 3},
]
EVALUATE: list[dict[str, Any]] = [
    {"task": None},
    {"agent": None},
    {"episodes": 1.5},
    {"episodes": "x"},
    {"episodes": 0},
    {"episode_seed": -1},
    {"training_seeds": "01"},
    {"training_seeds": [1.5]},
    {"agent": "bc", "weights": 3},
    {"agent": "bc", "dataset": 3},
    {"agent": "bc", "device": 3},
    {"threads": 1.5},
    {"bank": 3},
]


def line(error: pytest.ExceptionInfo[BenchError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize("odd", TRAIN, ids=str)
def test_training(odd: dict[str, Any], tmp_path: Any) -> None:
    given = {"agent": "bc", "task": "hopper", "out": tmp_path / "out", "preset": "tiny", **odd}
    with pytest.raises(BenchError) as error:
        eb.train(given.pop("agent"), given.pop("task"), **given)
    name, value = next(iter(odd.items()))
    shown = repr(value).strip("[]{}").partition(":")[0]
    assert shown in line(error) or name in line(error)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("odd", EVALUATE, ids=str)
def test_evaluation(odd: dict[str, Any]) -> None:
    given = {"agent": "random", "task": "hopper", "episodes": 1, **odd}
    with pytest.raises(BenchError) as error:
        eb.evaluate(given.pop("agent"), given.pop("task"), **given)
    assert line(error)
