"""`bench page`: the page of a dataset, and those of all registered ones with their index."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from entitybench.datasets.pages.facts import LAYOUT, facts_of, registered
from entitybench.datasets.pages.index import index
from entitybench.datasets.pages.picture import draw
from entitybench.datasets.pages.text import page
from entitybench.datasets.store.files import read_manifest
from entitybench.datasets.store.places import dataset_folder, named_folder
from entitybench.datasets.store.schema import MANIFEST
from entitybench.datasets.store.store import EpisodeStore
from entitybench.errors import BenchError, DataError, unknown
from entitybench.files import write_atomic
from entitybench.places import expanded, real
from entitybench.registry import datasets
from entitybench.texts import parsed

if TYPE_CHECKING:
    from collections.abc import Callable

    from entitybench.datasets.pages.facts import Facts
    from entitybench.datasets.store.schema import Manifest

INDEX = "index.md"


@dataclass(slots=True)
class Made:
    """What `make_all` did, by dataset id."""

    made: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)  # the data are those of the page
    absent: list[str] = field(default_factory=list)  # not generated here
    failed: dict[str, str] = field(default_factory=dict)  # and why


def make_page(dataset: str | Path, out: str | Path) -> Path:
    """Write the page of a dataset: `<name>.md`, its picture `.webp` and its facts `.json`.

    The name is the id of a registered dataset (with @size for another size than "small"), else
    that of the folder. Nothing in a store is run: not its behaviour either.

    Args:
        dataset: a registered id, also with "@" and a size, or the folder of a store.
        out: the folder to write in; made if need be.

    Returns:
        The page.

    Raises:
        UnknownId, DataError: no such dataset, or it is damaged.
        MissingExtra: matplotlib is not installed.
        BadValue: `out` cannot be written.
    """
    return _write(_folder(str(dataset)), Path(out))


def make_all(
    out: str | Path,
    *,
    progress: Callable[[int, int, str], None] | None = None,
    say: Callable[[str], None] | None = None,
) -> Made:
    """Write the pages of all registered datasets that are on this machine, and their index.

    Pages whose data have not changed are left; their words are written anew. A dataset that cannot
    be drawn does not stop the others. Pages of datasets that are not here stay, and are in the
    index.

    Args:
        out: as for `make_page`.
        progress: called with (datasets done, all, the id of the next).
        say: told each failure in a line.
    """
    out = Path(out)

    def one(folder: Path, id: str) -> bool:
        manifest = registered_manifest(folder, id)
        if is_known(read_facts(out / f"{id}.json"), manifest) and (out / f"{id}.webp").is_file():
            return False
        _write(folder, out)
        return True

    found = each_registered(one, progress=progress, say=say)
    for facts in (drawn := read_all(out)).values():
        _write_words(facts, out)
    write_atomic(out / INDEX, index(drawn, pages=drawn, pictures=drawn))
    return found


def each_registered(
    one: Callable[[Path, str], bool],
    *,
    progress: Callable[[int, int, str], None] | None = None,
    say: Callable[[str], None] | None = None,
) -> Made:
    """Do something for every registered dataset that is on this machine.

    Args:
        one: called with the folder and the id; tells whether anything had to be done.
        progress, say: as for `make_all`.
    """
    found, ids = Made(), datasets().ids
    for done, id in enumerate(ids):
        if progress is not None:
            progress(done, len(ids), id)
        folder = dataset_folder(id)
        if not (folder / MANIFEST).is_file():
            found.absent.append(id)
            continue
        try:
            (found.made if one(folder, id) else found.kept).append(id)
        except Exception as error:  # one bad set must not keep the others from being drawn
            is_ours = isinstance(error, BenchError)
            found.failed[id] = str(error) if is_ours else f"{type(error).__name__}: {error}"
            if say is not None:
                say(f"{id}: {found.failed[id]}")
    return found


def read_all(out: Path) -> dict[str, Facts]:
    """The facts of the pages of registered datasets that lie in a folder, by id."""
    found = {}
    for id in datasets().ids:
        facts = read_facts(out / f"{id}.json")
        if facts is not None:
            found[id] = facts
    return found


def read_facts(path: Path) -> Facts | None:
    """The facts of a page; None where there are none, or those of an older layout."""
    try:
        facts: Facts = parsed(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return facts if isinstance(facts, dict) and facts.get("layout") == LAYOUT else None


def registered_manifest(folder: Path, id: str) -> Manifest:
    """The manifest of a dataset with its registered numbers. Raises DataError for custom data."""
    manifest = read_manifest(folder)
    if registered(manifest) is None:
        raise DataError(
            f"{folder} is custom: other episodes or another seed than registered. Generate the "
            f"registered one: `bench generate {id}` (elsewhere, or after moving this away)."
        )
    return manifest


def is_known(facts: Facts | None, manifest: Manifest) -> bool:
    """Whether facts are of the data that a manifest describes."""
    return facts is not None and facts["manifest"]["manifest_hash"] == manifest["manifest_hash"]


def described(folder: Path) -> tuple[Facts, bytes]:
    """The facts of a store and its picture, a WebP file."""
    store = EpisodeStore.open(folder)
    facts = facts_of(store, page_name(folder, store.manifest))
    picture, facts["picture"] = draw(store, facts)
    return facts, picture


def facts_text(facts: Facts) -> str:
    """The file of facts."""
    return _whole(json.dumps(facts, ensure_ascii=False)) + "\n"


def _write(folder: Path, out: Path) -> Path:
    facts, picture = described(folder)
    name = out / facts["name"]
    write_atomic(_with(name, ".webp"), picture)
    write_atomic(_with(name, ".json"), facts_text(facts))
    return _write_words(facts, out)


def _write_words(facts: Facts, out: Path) -> Path:
    path = _with(out / facts["name"], ".md")
    words = _whole(page(facts, path.parent))
    if not path.is_file() or path.read_text(encoding="utf-8") != words:
        write_atomic(path, words)
    return path


def _whole(text: str) -> str:
    """Half a character, which no file can hold, as the escape that stands for it in JSON."""
    return text.encode(errors="backslashreplace").decode()


def _with(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)  # a name may hold dots


def page_name(folder: Path, manifest: Manifest) -> str:
    """What the page of a store is called; a manifest of unknown origin decides nothing of it."""
    if registered(manifest) is None:
        return real(folder).name
    size = manifest.get("size", "small")
    return manifest["dataset"] if size == "small" else f"{manifest['dataset']}@{size}"


def _folder(dataset: str) -> Path:
    """The folder of an id or a path. Raises UnknownId or DataError."""
    if dataset.partition("@")[0] in datasets():
        folder = named_folder(dataset)
        if not (folder / MANIFEST).is_file():
            id, _, size = dataset.partition("@")
            line = f"bench generate {id}" + (f" --size {size}" if size else "")
            raise DataError(f"{dataset} is not there yet: `{line}` (looked in {folder}).")
        return folder
    folder = expanded(dataset)
    if folder.is_dir():
        return folder
    if dataset.startswith(("/", ".", "~")):
        raise DataError(f"no folder {dataset!r} with a dataset.")
    raise unknown("dataset", dataset, datasets().ids, see="bench list datasets")
