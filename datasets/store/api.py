"""`eb.load_dataset`."""

from __future__ import annotations

import shlex
import warnings
from pathlib import Path

from entitybench.datasets.store.places import generate_line, named_folder
from entitybench.datasets.store.store import EpisodeStore
from entitybench.errors import DataError
from entitybench.registry import datasets, tasks


def load_dataset(
    id_or_folder: str | Path, *, size: str = "small", generate: bool = False
) -> EpisodeStore:
    """Open a dataset.

    Args:
        id_or_folder: a registered id (`bench list datasets`), also with "@" and a size, looked for
            under `ENTITYBENCH_DATA`, or the folder of any episode store.
        size: which of the registered sizes of a dataset: "small" or, where it has it, "paper".
        generate: make a registered dataset that is not there yet (minutes at most; see
            `entitybench.datasets.generate.api`).

    Raises:
        UnknownId: neither a dataset nor a folder.
        DataError: not there yet, damaged, or made for another version of its task; the text holds
            the command that mends it.
    """
    text = str(id_or_folder)
    is_path = isinstance(id_or_folder, Path) or text.startswith(("/", ".", "~"))
    id, _, named = text.partition("@")
    if not is_path and id in datasets():  # the registry takes longer to load than the folder
        return _registered(id, named or size, generate)
    folder = Path(text).expanduser()
    if folder.is_dir():
        store = EpisodeStore.open(folder)
        _check_version(store)
        return store
    if is_path:
        raise DataError(f"no folder {text!r} to open a dataset from.")
    datasets()[text]  # raises UnknownId with the nearest ids
    raise AssertionError


def _registered(id: str, size: str, generate: bool) -> EpisodeStore:
    spec = datasets()[id]
    folder = named_folder(f"{id}@{size}")
    if not folder.is_dir() or not any(folder.iterdir()):
        if not generate:
            line = generate_line(spec, size=size)
            which = "" if size == "small" else f"size={size!r}, "
            raise DataError(
                f"the dataset {id} is not there yet. Make it: `{line}` (or "
                f"eb.load_dataset({id!r}, {which}generate=True); looked in {folder})."
            )
        from entitybench.datasets.generate.api import generate as make

        make(id, size=size)
    store = EpisodeStore.open(folder)
    _check_version(store)
    if store.manifest["custom"]:
        count = store.manifest["splits"]["train"][1]
        warnings.warn(
            f"{folder} is a custom {id}: {count} training episodes and seed "
            f"{store.manifest['seed']}, registered are {spec.episodes} and {spec.seed}.",
            stacklevel=3,
        )
    return store


def _check_version(store: EpisodeStore) -> None:
    """Raises DataError when the data are of another version of their task."""
    made = store.manifest["task_version"]
    if store.task is None or store.task not in tasks() or made is None:
        return
    now = tasks()[store.task].version
    if made != now:
        line = generate_line(datasets()[store.id]) if store.id in datasets() else "make it"
        raise DataError(
            f"{store.folder} was made for version {made} of {store.task}, which is at version "
            f"{now}. Make it anew: `rm -r {shlex.quote(str(store.folder))} && {line}`"
        )
