"""Bundles of agents that say who acted on whom: scored again by the truth of their episodes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import entitybench as eb
from entitybench.leaderboard.submission.arrays import packed, unpacked
from entitybench.leaderboard.submission.check import verify
from entitybench.leaderboard.submission.pack import pack
from entitybench.leaderboard.submission.wanted import Wanted
from entitybench.records import Record
from tests.support.bundles import Files, altered, content, edited, row

NAME = "episodes/seed0/predictions.npy"
AGENT = """
import numpy as np


class Guesses:
    def infer(self, transitions, rng):
        batch, count = transitions["observations"].shape[:2]
        return rng.random((batch, count, count + 1))
"""


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Record:
    file = tmp_path_factory.mktemp("agents") / "mine.py"
    file.write_text(AGENT)
    return eb.evaluate(f"{file}:Guesses", "dag-4", episodes=3, threads=1)


@pytest.fixture(scope="module")
def bundle(record: Record) -> bytes:
    return pack(record, threads=1)


def test_predictions_are_scored_again(bundle: bytes, record: Record) -> None:
    report = verify(bundle, Wanted(threads=1))
    assert (report.findings, report.level) == ([], 2)
    assert report.checks["physics"].startswith("skipped: no states are sent")
    assert report.checks["scores"] == "done"
    assert report.checks["actions"] == "skipped: agents of this kind do not act"
    assert pack(record, threads=2) == bundle
    manifest = json.loads(content(bundle)["manifest.json"])
    assert sorted(manifest["files"]) == [NAME, "record.json"]
    steps = manifest["episodes"][0]["steps"]
    assert unpacked(content(bundle)[NAME], ("<f8",)).shape == (sum(steps), 4, 5)


def test_predictions_are_scored_anew(bundle: bytes, record: Record) -> None:
    report = verify(altered(bundle, row("auroc", 0.75)), Wanted(threads=1, rescore=True))
    assert (report.findings, report.level) == ([], 2)
    assert [(s, i, values) for s, i, values, _ in report.scored] == [
        (row.training_seed, row.item, row.values) for row in record.rows
    ]


def one(by: float) -> Callable[[Files], None]:
    def alter(files: Files) -> None:
        array = unpacked(files[NAME], ("<f8",)).copy()
        array[60, 0, 1] += by  # of the second episode, which begins at 50
        files[NAME] = packed(array)

    return alter


def more(files: Files) -> None:
    own = lambda data: data["rows"]["values"].update(insight=[1, 1, 1])  # noqa: E731
    edited("record.json", own)(files)


def less(files: Files) -> None:
    array = unpacked(files[NAME], ("<f8",))
    files[NAME] = packed(np.delete(array, 60, axis=0))

    def shorter(data: Any) -> None:
        data["episodes"][0]["steps"][1] -= 1

    edited("manifest.json", shorter)(files)


def turned(files: Files) -> None:
    array = unpacked(files[NAME], ("<f8",))
    files[NAME] = packed(1 - array)


HERE = "training seed 0, episode 1"


@pytest.mark.parametrize(
    ("alter", "rule", "where", "words"),
    [
        (row("misprediction", 0.25), "scores", HERE, "misprediction is 0.25; of its predictions"),
        (row("auroc", 0.75), "scores", HERE, "auroc is 0.75"),
        (turned, "scores", "training seed 0, episode 0", "of its predictions"),
        (more, "scores", "training seed 0, episode 0", "insight follows from no prediction"),
        (less, "arrays", HERE, "predictions of 49 steps, and the episode has 50"),
        (one(2.0), "arrays", "", "a prediction lies outside [0, 1]"),
        (one(np.nan), "arrays", HERE, "is nan"),
    ],
)
def test_what_is_altered_is_found(
    alter: Callable[[Files], None], rule: str, where: str, words: str, bundle: bytes
) -> None:
    found = verify(altered(bundle, alter), Wanted(threads=1)).findings
    assert (found[0].rule, found[0].where) == (rule, where), found
    assert words in found[0].what
