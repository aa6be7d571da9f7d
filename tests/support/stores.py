"""Stores whose arrays a test chooses."""

from __future__ import annotations

from uniform_sets import uniform_set

from entitybench.datasets.generate.api import generate
from entitybench.datasets.store.schema import Column, episode_row
from entitybench.datasets.store.store import EpisodeStore
from entitybench.datasets.store.writer import StoreWriter, new_store

_COMPUTED = ("schema", "splits", "transitions", "columns", "files", "content_hash", "manifest_hash")


def generated(kind, folder, episodes=9, **changes):
    """A generated store of uniform actions: `episodes` for training, and some for validation."""
    with uniform_set(kind, **changes) as spec:
        generate(spec.id, episodes=episodes, workers=1, out=folder, say=lambda _: None)
    return EpisodeStore.open(folder)


def contents(store):
    """Copies of a store's arrays and rows, to change."""
    return {name: column[:].copy() for name, column in store.columns.items()}, [
        {**row} for row in store.episodes
    ]


def rewritten(store, folder, columns, rows, **about):
    """A store like another one, with these arrays and rows."""
    made = {name: value for name, value in store.manifest.items() if name not in _COMPUTED}
    every, known = made.pop("state_every"), store.manifest["columns"]
    with new_store(folder) as temporary:
        kinds = {
            name: Column.of(array, known.get(name, {"per": "row"})["per"])
            for name, array in columns.items()
        }
        lengths = [row["length"] for row in rows]
        writer = StoreWriter(temporary, lengths, kinds, state_every=every)
        writer.append(columns)
        writer.finish(rows, {**made, **about})
    return EpisodeStore.open(folder)


def plain_store(folder, arrays, lengths, rows=None, **about):
    """A store of data that are of no task of ours."""
    with new_store(folder) as temporary:
        writer = StoreWriter(temporary, lengths, {n: Column.of(a) for n, a in arrays.items()})
        writer.append(arrays)
        rows = rows or [episode_row(i, "train", n, seed=i) for i, n in enumerate(lengths)]
        known = {"dataset": "some/thing-v0", "task": None, "task_version": None, "seed": None}
        writer.finish(rows, {**known, "custom": True, "reference_scores": None, **about})
    return EpisodeStore.open(folder)


def film_store(folder, frames, lengths, piece=1000, validation=1, **others):
    """A store of frames (rows, H, W, 3), appended `piece` rows at a time, and of other columns."""
    arrays = {"frames": frames, **others}
    columns = {name: Column.of(array) for name, array in arrays.items()}
    columns["frames"] = Column("|u1", frames.shape[1:], format="hdf5")
    splits = ["train"] * (len(lengths) - validation) + ["validation"] * validation
    with new_store(folder) as temporary:
        writer = StoreWriter(temporary, lengths, columns)
        for first in range(0, len(frames), piece):
            writer.append({name: array[first : first + piece] for name, array in arrays.items()})
        rows = [episode_row(i, s, n) for i, (s, n) in enumerate(zip(splits, lengths, strict=True))]
        writer.finish(rows, {"dataset": "toy/film-v1", "task": None, "task_version": None})
    return EpisodeStore.open(folder)
