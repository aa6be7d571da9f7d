"""Facts and pages of datasets: of the registered ones, and every page and link of the site."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest

from entitybench.datasets.catalogue.pinned import pins
from entitybench.datasets.generate.block import ends_of
from entitybench.datasets.pages.api import INDEX, read_all, read_facts
from entitybench.datasets.pages.checkout import FACTS, PAGES, words
from entitybench.datasets.pages.index import SHOWN, families
from entitybench.datasets.pages.site import site_pages
from entitybench.datasets.store.schema import manifest_bytes, manifest_hash
from entitybench.datasets.transport.item import sha256_of_bytes, undrawn
from entitybench.registry import datasets, tasks

KNOWN = sorted(FACTS.rglob("*.json"))
MOST, MOST_OF_ALL = 80_000, 1_000_000  # bytes
MEND = "`bench generate` it, then `make dataset-pages`"


@pytest.mark.parametrize("path", KNOWN, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_facts_are_of_a_registered_dataset(path: Path) -> None:
    id = path.relative_to(FACTS).with_suffix("").as_posix()
    assert id in datasets(), f"{path.name} is of no registered dataset: delete it"
    facts, spec = read_facts(path), datasets()[id]
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


def test_facts_are_of_the_pinned_data() -> None:
    facts, known = read_all(FACTS), pins()
    hashes = {
        id: sha256_of_bytes(undrawn(manifest_bytes(about["manifest"])))
        for id, about in facts.items()
    }
    assert hashes == {id: known.get(id) for id in facts}, MEND


def test_a_dataset_of_each_family_is_shown() -> None:
    found = families()
    assert SHOWN.keys() == found.keys()
    for name, id in SHOWN.items():
        assert id in [spec.id for spec in found[name]]


def test_the_pages_in_git_are_those_that_are_shown() -> None:
    files = {path.relative_to(PAGES).as_posix() for path in PAGES.rglob("*") if path.is_file()}
    wanted = {f"{id}{end}" for id in SHOWN.values() for end in (".md", ".webp")}
    assert files == wanted | {INDEX}
    sizes = [(PAGES / name).stat().st_size for name in files]
    assert sum(sizes) <= MOST_OF_ALL
    for id in SHOWN.values():
        assert 5_000 < (PAGES / f"{id}.webp").stat().st_size <= MOST


def test_the_pages_in_git_say_what_the_facts_say() -> None:
    for name, text in words(read_all(FACTS), PAGES).items():
        assert (PAGES / name).read_text(encoding="utf-8") == text, "run `make dataset-pages`"
        _check_links(text, (PAGES / name).parent, lambda path: path.is_file())


def _check_links(text: str, folder: Path, is_there) -> int:
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    for link in links:
        path = Path(os.path.normpath(folder / link.partition("#")[0]))
        assert is_there(path), f"{folder}: {link} leads nowhere"
    return len(links)


def test_the_site_has_a_page_of_every_dataset_and_no_link_breaks(tmp_path: Path) -> None:
    facts = read_all(FACTS)
    drawn = next(id for id in facts if id not in SHOWN.values())  # on this machine
    picture = tmp_path / f"{facts[drawn]['manifest']['manifest_hash']}.webp"
    picture.write_bytes(b"a picture")
    files = site_pages(facts, PAGES, tmp_path)
    assert {f"{id}.md" for id in datasets().ids if id in facts} | {INDEX} == {
        name for name in files if name.endswith(".md")
    }
    assert files[f"{drawn}.webp"] == b"a picture"
    assert sum(name.endswith(".webp") for name in files) == len(SHOWN) + 1
    made, links = {PAGES / name for name in files}, 0
    for name, text in files.items():
        if name.endswith(".md"):
            here = (PAGES / name).parent
            links += _check_links(text, here, lambda path: path in made or path.is_file())
    assert links > 3 * len(facts)
    assert "`bench page" in files[f"{next(i for i in facts if f'{i}.webp' not in files)}.md"]
    assert "No picture here" not in files[f"{drawn}.md"]


def test_mkdocs_gets_them() -> None:
    """The hook, as MkDocs calls it."""
    structure = pytest.importorskip("mkdocs.structure.files")
    load_config = pytest.importorskip("mkdocs.config").load_config
    config = load_config(str(FACTS.parents[2] / "mkdocs.yml"))
    committed = structure.get_files(config)
    before = {file.src_uri for file in committed}
    files = config.plugins.run_event("files", committed, config=config)
    uris = [file.src_uri for file in files]
    assert len(uris) == len(set(uris))
    assert before <= set(uris)
    for id in ("hopper/medium-v1", SHOWN["push"]):
        page = files.get_file_from_path(f"datasets/{id}.md")
        assert page.content_string.startswith(f"# {id}")
        assert files.get_file_from_path(f"datasets/{id}.json") is not None


def test_the_diagram_of_the_format_is_right() -> None:
    drawing = (PAGES.parent / "images" / "store-layout.svg").read_text(encoding="utf-8")
    lengths, ended = re.findall(r"T = (\d+)", drawing), np.array([False, True])
    columns = ends_of(np.array(lengths, int), ended)
    cells = re.findall(r'class="(terminals|masks)" data-row="(\d+)">([01])<', drawing)
    assert len(cells) == 22
    for name, row, value in cells:
        assert columns[name][int(row)] == int(value), (name, row)
    offsets = np.concatenate([[0], np.cumsum(np.array(lengths, int) + 1)])
    assert re.findall(r"offsets\[\d\] = (\d+)", drawing) == [str(row) for row in offsets]
