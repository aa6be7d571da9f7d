"""Warnings point at the line of the user's program, however deep in the package they arise."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import pytest

from entitybench.datasets.api import load_dataset, open_for
from entitybench.datasets.generate.api import generate
from entitybench.notices import warn
from entitybench.registry import datasets, tasks

ROOT = Path(__file__).parents[2]
PACKAGE = [ROOT / name for name in ("src/entitybench", "envs", "datasets", "agents", "leaderboard")]


def test_no_module_counts_levels_itself() -> None:
    files = [path for folder in PACKAGE for path in folder.rglob("*.py")]
    assert len(files) > 100
    found = [path for path in files if re.search(r"\bwarnings\.warn\(", path.read_text("utf-8"))]
    assert found == [], "entitybench.notices.warn points at the user's line"


def test_a_warning_is_at_the_callers_line_from_any_depth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENTITYBENCH_DATA", str(tmp_path))
    id = "dag-4/random-v1"
    folder = tmp_path / "dag-4" / "random-v1"
    generate(id, episodes=5, workers=1, out=folder, say=lambda _: None)
    task = tasks()[datasets()[id].task]
    for opened in (lambda: load_dataset(id), lambda: open_for(task, id)):
        with pytest.warns(UserWarning, match="custom") as caught:
            opened()
        line = (caught[0].filename, caught[0].lineno)
        assert line == (__file__, opened.__code__.co_firstlineno)


def test_filters_know_the_users_module() -> None:
    """An error by a filter on it; else once a line and text."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", module=re.escape(__name__))
        with pytest.raises(RuntimeWarning, match="odd"):
            warn("odd", RuntimeWarning)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            warn("odd")
    assert len(caught) == 1
