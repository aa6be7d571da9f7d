"""Data that do not fit their task, named on the command line: one line, and nothing is touched."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from stores import contents, generated, rewritten

from entitybench.leaderboard.cli.main import main

# The dataset that is named, and words that the line must hold.
BAD = {
    "wide": "has actions of shape [3]; push-1block has actions of shape [2]",
    "seen": "is in pixels [8, 8, 3], and push-1block gives states",
    "more": "has observations of shape [3]; push-1block has",
    "graph": "is a dataset of dag-4, not of push-1block",
    "blind": "has no observations",
    "none": "actions, episode 1, step 2: 1 of ",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of datasets, one of them right."""
    folder = tmp_path_factory.mktemp("data")
    generated("dag-4", folder / "graph", episodes=3)
    store = generated("push-1block", folder / "right", episodes=3)
    columns, rows = contents(store)
    none = columns["actions"].copy()
    none[store.offsets[1] + 2, 0] = np.nan
    wide = np.pad(columns["actions"], [(0, 0), (0, 1)])
    pictures = np.zeros((len(wide), 8, 8, 3), np.uint8)
    for name, change in {
        "wide": {"actions": wide},
        "none": {"actions": none},
        "seen": {"observations": pictures},
        "more": {"observations": pictures[:, 0, 0]},
    }.items():
        rewritten(store, folder / name, {**columns, **change}, rows)
    del columns["observations"]
    rewritten(store, folder / "blind", columns, rows)
    return folder


def _tree(folder: Path) -> dict[Path, bytes | None]:
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("more", ["", "--generate", "--seeds 0 1"])
def test_data_that_do_not_fit(
    name: str,
    more: str,
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(place)
    before = _tree(place)
    line = f"train --agent gcbc --task push-1block --preset tiny --dataset ./{name} --out runs"
    assert main([*line.split(), *more.split()]) == 2
    (said,) = capfd.readouterr().err.splitlines()
    assert BAD[name] in said
    assert _tree(place) == before
