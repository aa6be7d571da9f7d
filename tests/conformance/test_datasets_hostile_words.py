"""What a manifest and its rows say reaches no terminal as an order and no page as markup."""

from __future__ import annotations

import json
from contextlib import suppress

import numpy as np
import pytest
from stores import plain_store

from entitybench.datasets.pages.api import make_page
from entitybench.datasets.store.schema import episode_row
from entitybench.errors import DataError
from entitybench.leaderboard.cli.main import main

EVIL = "\x1b]0;evil\x07\x1b[31mred\r\x9b2J\u202e\n# a heading <script>"
TEXTS = ("dataset", "behaviour", "mujoco", "source", "model_hash")
ODD = [
    {"mujoco": 3, "behaviour": None, "behaviour_kwargs": "x"},
    {"reference_scores": {"random": {"return": "x"}, "expert": {"return": []}}},
    {"reference_scores": {"random": {"return": 1.0}, "oracle": {"return": None}}},
    {"reference_scores": [1, 2]},
    {"action_bounds": "ab"},
    {"action_bounds": [None, 1]},
    {"action_bounds": [1.0]},
    {"task": "push-1block", "task_version": 1, "task_kwargs": [EVIL]},
    {"task": "push-1block", "task_version": 1, "task_kwargs": {"blocks": EVIL}},
    {"task": EVIL, "task_version": 1},
    {"absent": EVIL, "interactions": 5, "size": {}},
    {"seed": EVIL, "custom": "perhaps"},
]


def evil(folder, labels=None, **about):
    """A store whose manifest says this; two features that move a little."""
    rng = np.random.default_rng(0)
    arrays = {
        "observations": rng.normal(size=(12, 2)).cumsum(0).astype(np.float32),
        "actions": np.concatenate([rng.uniform(-1, 1, (5, 2)), np.zeros((1, 2))] * 2).astype("f4"),
    }
    rows = [episode_row(i, "train", 5, labels=labels or {}) for i in range(2)]
    with suppress(DataError):  # as it reads it again: `bench` will say so
        plain_store(folder, arrays, [5, 5], rows, **about)
    return folder


def shown(words, capfd):
    """What a command says, which is words alone; it knows what is wrong, and is no defect."""
    assert main(words) in (0, 2)
    out, err = capfd.readouterr()
    for line in (out + err).splitlines():
        assert line.isprintable(), line
    assert "defect" not in err
    assert "Traceback" not in err
    return out


@pytest.mark.parametrize("name", [*TEXTS, "a label"])
def test_escapes_in_a_manifest_are_written_out(name, tmp_path, capfd):
    about = {} if name == "a label" else {name: EVIL}
    labels = {EVIL: EVIL} if name == "a label" else None
    folder = evil(tmp_path / "evil", labels, **about)
    shown(["lint", str(folder)], capfd)
    told = json.loads(shown(["lint", str(folder), "--json"], capfd))
    assert told["dataset"] == about.get("dataset", "some/thing-v0")
    text = make_page(folder, tmp_path / "pages").read_text()
    assert all(line.isprintable() for line in text.splitlines())
    assert not [line for line in text.splitlines()[1:] if line.startswith("# ")]
    assert "<script>" not in "".join(text.split("`")[::2])  # but in code


@pytest.mark.parametrize("about", ODD, ids=lambda about: " ".join(about))
def test_odd_types_in_a_manifest_are_said_or_left(about, tmp_path, capfd):
    folder = evil(tmp_path / "odd", **about)
    told = shown(["lint", str(folder), "--json"], capfd)
    assert not told or json.loads(told)["dataset"] == "some/thing-v0"
    shown(["page", str(folder), "--out", str(tmp_path / "pages")], capfd)
