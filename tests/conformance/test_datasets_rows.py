"""Lines of `episodes.jsonl` that are none: one line says so, whoever reads them."""

from __future__ import annotations

import hashlib
import json
import shutil

import pytest
from stores import generated

from entitybench.datasets.store.schema import content_hash, episode_row, manifest_hash
from entitybench.datasets.store.store import EpisodeStore
from entitybench.datasets.store.writer import StoreWriter
from entitybench.errors import BadValue, DataError
from entitybench.leaderboard.cli.main import main

DEEP = "[" * 100_000 + "]" * 100_000
RATHER_DEEP = '{"a": ' + "[" * 900 + "]" * 900 + "}"
SPOILED = {
    "length": ('"5"', "-1", "null", "1.5", "1e999"),
    "split": ("null", '["train"]', "3"),
    "seed": ('"x"', "-3", "1.5", "true", "1e30"),
    "return": ("NaN", "1e999", "[]", "[[1], [1, 2]]", "1" + "0" * 400, '"x"', '[1, "x"]'),
    "success": ("1", '"yes"', "[]"),
    "labels": ("[1]", "NaN", '{"a": NaN}', '{"a": 1e999}', DEEP, RATHER_DEEP),
    "index": ('"x"', "99", "0.5", "[0]"),
    "captions": ("3", "[3]"),
    "failure_step": ('"x"', "-1", "0.5"),
    "other": ("-Infinity", "1" + "0" * 400),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ENTITYBENCH_DATA", str(root))
        return generated("push-1block", root / "a", 3)


@pytest.fixture(autouse=True)
def _roots(tmp_path, monkeypatch):
    monkeypatch.setenv("ENTITYBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))


def spoiled(made, folder, change):
    """A copy whose second line is `change(line)`, with the hashes of what it holds."""
    shutil.copytree(made.folder, folder)
    file = folder / "episodes.jsonl"
    lines = file.read_text().splitlines()
    lines[1] = change(lines[1])
    file.write_text("\n".join(lines) + "\n")
    manifest = json.loads((folder / "manifest.json").read_text())
    data = file.read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    manifest["files"]["episodes.jsonl"] = {"bytes": len(data), "sha256": sha256}
    manifest["content_hash"] = content_hash(manifest["files"], manifest.get("drawn", ()))
    del manifest["manifest_hash"]
    manifest["manifest_hash"] = manifest_hash(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def with_value(name, text):
    """What puts a JSON text into a field of a line."""

    def change(line):
        return json.dumps({**json.loads(line), name: "@"}).replace('"@"', text)

    return change


@pytest.mark.parametrize("name", SPOILED)
def test_a_spoiled_field_is_named(name, made, tmp_path):
    for number, text in enumerate(SPOILED[name]):
        folder = spoiled(made, tmp_path / str(number), with_value(name, text))
        with pytest.raises(
            DataError, match=r"episodes\.jsonl in .* (misstates|is corrupt)"
        ) as said:
            _ = EpisodeStore.open(folder).episodes
        assert "\n" not in str(said.value)
        assert len(str(said.value)) < 1000


@pytest.mark.parametrize("text", ["NaN", "[[1], [1, 2]]", "1" + "0" * 400])
def test_no_command_ends_in_a_defect(text, made, tmp_path, capsys):
    folder = str(spoiled(made, tmp_path / "a", with_value("return", text)))
    for words in (["lint", folder], ["page", folder], ["export", folder, "--minari", "some/a-v0"]):
        assert main(words) == 2, words
        assert "return" in capsys.readouterr().err or text == "NaN"


def test_a_line_that_is_no_object_and_one_that_lacks_fields(made, tmp_path):
    for number, text in enumerate(("[1]", "3", "", "{", DEEP)):
        folder = spoiled(made, tmp_path / str(number), lambda _, text=text: text)
        with pytest.raises(DataError, match=r"episodes\.jsonl in .* is corrupt"):
            _ = EpisodeStore.open(folder).episodes

    def less(line):
        return json.dumps({k: v for k, v in json.loads(line).items() if k in ("length", "split")})

    row = EpisodeStore.open(spoiled(made, tmp_path / "less", less)).episodes[1]
    assert (row["seed"], row["return"], row["labels"]) == (None, None, None)


def test_half_a_character_is_shown_on_the_page(made, tmp_path):
    folder = spoiled(made, tmp_path / "a", with_value("labels", '{"a": "\\ud800"}'))
    for words in (["lint", str(folder)], ["page", str(folder), "--out", str(tmp_path / "out")]):
        assert main(words) == 0
    (page,) = (tmp_path / "out").rglob("*.md")
    assert "\\ud800" in page.read_text(encoding="utf-8")


def test_rows_that_json_cannot_hold_are_not_written(tmp_path):
    for labels in ({"a": float("nan")}, {"a": {1, 2}}):
        writer = StoreWriter(tmp_path, [1], {})
        with pytest.raises(BadValue, match="episode 0 cannot be stored"):
            writer.finish([episode_row(0, "train", 1, labels=labels)], {})
    assert episode_row(0, "train", 1, **{"return": float("nan")})["return"] is None
    assert episode_row(0, "train", 1, **{"return": [1.0, 2.0]})["return"] == [1.0, 2.0]
