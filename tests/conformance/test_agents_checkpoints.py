"""A checkpoint that is not what it should be is refused in one line."""

from __future__ import annotations

import json
import re

import pytest
from agent_cases import fresh, load

from entitybench.checkpoints import settings_sha256
from entitybench.errors import CheckpointError, UnknownId


def edit(folder, **changes):
    """Other settings with the hash that fits them, as a faulty writer would leave them."""
    path = folder / "agent.json"
    meta = {**json.loads(path.read_text()), **changes}
    if "sha256" not in changes:
        meta["sha256"]["settings"] = settings_sha256(meta)
    path.write_text(json.dumps(meta))


def replace_text(path, old, new):
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def cut(path):
    path.write_bytes(path.read_bytes()[:-7])


def flip(path):
    data = bytearray(path.read_bytes())
    data[-5] ^= 0x10
    path.write_bytes(bytes(data))


def config(folder, **changes):
    edit(folder, config={**json.loads((folder / "agent.json").read_text())["config"], **changes})


BAD = {
    "no folder": (lambda f: [p.unlink() for p in f.iterdir()], "no checkpoint in .*agent.json"),
    "no weights": (
        lambda f: (f / "weights.safetensors").unlink(),
        "weights.safetensors is mi",
    ),
    "no training": (lambda f: (f / "training.safetensors").unlink(), "training.safetensors is mi"),
    "cut json": (lambda f: cut(f / "agent.json"), "agent.json is corrupt"),
    "json of another kind": (lambda f: (f / "agent.json").write_text("[1]"), "agent.json"),
    "cut weights": (lambda f: cut(f / "weights.safetensors"), "truncated or corrupt"),
    "one wrong bit": (lambda f: flip(f / "weights.safetensors"), "truncated or corrupt"),
    "one wrong bit of training": (lambda f: flip(f / "training.safetensors"), "truncated or corr"),
    "a changed setting": (
        lambda f: replace_text(f / "agent.json", '"discount": 0.98', '"discount": 0.5'),
        "changed after it was written",
    ),
    "another format": (lambda f: edit(f, format=99), "format 99"),
    "another task version": (lambda f: edit(f, task_version=77), "version 77.*bench train"),
    "no such task": (lambda f: edit(f, task="push-3blocs"), "push-3block"),
    "unknown field": (lambda f: config(f, colour="red"), "unknown.*colour"),
    "wrong type": (lambda f: config(f, phases=7), "does not fit"),
    "a width of another": (lambda f: config(f, width=24), "width|shape|fit"),
    "a word for a width": (
        lambda f: config(f, width="wide"),
        "does not fit.*width is a whole number, not 'wide'",
    ),
    "a width below zero": (lambda f: config(f, width=-8), "width is 1 or more"),
    "a word for a seed": (lambda f: edit(f, seed="abc"), "misstates seed: it is 'abc'"),
    "a number for a dataset": (lambda f: edit(f, dataset=7), "misstates dataset: it is 7"),
    "a list for a config": (lambda f: edit(f, config=[1]), "misstates config"),
    "a list for a hash": (lambda f: edit(f, sha256={"weights.safetensors": []}), "misstates sha"),
    "half a step": (lambda f: edit(f, step=1.5), "misstates step"),
    "no step": (lambda f: edit(f, step=None), "step|misstates"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_checkpoint_is_one_line(case, store, tmp_path):
    one = fresh("ec-iql", store)
    one.save(tmp_path / "c", training=True)
    damage, words = BAD[case]
    damage(tmp_path / "c")
    with pytest.raises(UnknownId if case == "no such task" else CheckpointError) as caught:
        load("ec-iql", tmp_path / "c")
    assert re.search(words, str(caught.value))
    assert "\n" not in str(caught.value)


def test_a_checkpoint_of_another_agent_is_refused(store, tmp_path):
    fresh("gcbc", store).save(tmp_path / "c", training=True)
    with pytest.raises(CheckpointError, match=r"does not fit .* another agent"):
        load("hecrl", tmp_path / "c")


def test_an_interrupted_save_leaves_no_half_checkpoint(store, tmp_path, monkeypatch):
    one = fresh("ec-iql", store)
    one.save(tmp_path / "c", training=True)

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("entitybench.checkpoints.os.replace", full)
    with pytest.raises(OSError, match="No space"):
        one.save(tmp_path / "d", training=True)
    assert not (tmp_path / "d" / "agent.json").exists()
    with pytest.raises(CheckpointError):
        load("ec-iql", tmp_path / "d")
