"""The committed pages of datasets are of the registered ones, and say what their facts say."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from entitybench.datasets.generate.block import ends_of
from entitybench.datasets.pages.api import INDEX, read_all, read_facts
from entitybench.datasets.pages.index import index
from entitybench.datasets.pages.text import page
from entitybench.datasets.store.schema import manifest_hash
from entitybench.registry import datasets, tasks

FOLDER = Path(__file__).parents[2] / "docs" / "datasets"
PAGES = sorted(path for path in FOLDER.rglob("*.md") if path.name != INDEX)
MOST, MOST_OF_ALL = 80_000, 12_000_000  # bytes
MEND = "`bench generate` it, then `make dataset-pages`"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_page_is_of_a_registered_dataset(path: Path) -> None:
    id = path.relative_to(FOLDER).with_suffix("").as_posix()
    assert id in datasets(), f"{path.name} is of no registered dataset: delete it"
    facts, spec = read_facts(path.with_suffix(".json")), datasets()[id]
    assert facts is not None, MEND
    manifest = facts["manifest"]
    assert manifest["manifest_hash"] == manifest_hash(manifest)
    train, validation = spec.episodes, spec.episodes + spec.validation_episodes
    kwargs = {**tasks()[spec.task].kwargs, **spec.world_kwargs}
    wanted = {
        "dataset": id,
        "task": spec.task,
        "task_version": tasks()[spec.task].version,
        "task_kwargs": json.loads(json.dumps(kwargs)),
        "behaviour": spec.behaviour,
        "behaviour_kwargs": json.loads(json.dumps(dict(spec.behaviour_kwargs))),
        "seed": spec.seed,
        "absent": spec.absent,
        "interactions": spec.interactions,
        "custom": False,
        "splits": {"train": [0, train], "validation": [train, validation]},
    }
    assert {key: manifest[key] for key in wanted} == wanted, MEND
    assert page(facts, path.parent) == path.read_text(encoding="utf-8"), "run `make dataset-pages`"
    assert 5_000 < path.with_suffix(".webp").stat().st_size <= MOST


def test_the_index_is_of_the_pages() -> None:
    assert (FOLDER / INDEX).read_text(encoding="utf-8") == index(read_all(FOLDER)), (
        "run `make dataset-pages`"
    )


def test_pages_are_small_together() -> None:
    assert sum(path.stat().st_size for path in FOLDER.rglob("*")) <= MOST_OF_ALL


def test_the_diagram_of_the_format_is_right() -> None:
    drawing = (FOLDER.parent / "images" / "store-layout.svg").read_text(encoding="utf-8")
    lengths, ended = re.findall(r"T = (\d+)", drawing), np.array([False, True])
    columns = ends_of(np.array(lengths, int), ended)
    cells = re.findall(r'class="(terminals|masks)" data-row="(\d+)">([01])<', drawing)
    assert len(cells) == 22
    for name, row, value in cells:
        assert columns[name][int(row)] == int(value), (name, row)
    offsets = np.concatenate([[0], np.cumsum(np.array(lengths, int) + 1)])
    assert re.findall(r"offsets\[\d\] = (\d+)", drawing) == [str(row) for row in offsets]
