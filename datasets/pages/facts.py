"""What the page of a dataset says, as JSON values: its manifest, and what is counted in its data.

The page is made from these alone, so its words can change without the data.
"""

from __future__ import annotations

import hashlib
import inspect
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.datasets.catalogue.shapes import names_of
from entitybench.datasets.generate.replay import task_like
from entitybench.envs.api import world_of
from entitybench.errors import BenchError
from entitybench.registry import datasets, resolve, tasks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from entitybench.datasets.store.store import EpisodeStore
    from entitybench.envs.core.world import World
    from entitybench.types import Array

Facts = dict[str, Any]
LAYOUT = 1  # of facts and pictures; with another one, pages are made anew
CHUNK = 16384  # rows at a time
FEW = 24  # different values of a label that are counted one by one
OURS = "entitybench."  # whose docstrings are read: code of others is never run for a page
KNOWN = ("observations", "actions", "rewards", "terminals", "masks", "successes", "contacts")


def facts_of(store: EpisodeStore, name: str) -> Facts:
    """The facts of a store; the picture's (`picture.draw`) are added under "picture".

    Args:
        store: all of it.
        name: what the page is called.
    """
    manifest = store.manifest
    world, spec = world_like(store), registered(manifest)
    return {
        "layout": LAYOUT,
        "name": name,
        "summary": spec.summary if spec is not None else None,
        "policies": _policies([manifest.get("behaviour"), manifest.get("behaviour_kwargs")]),
        "horizon": None if world is None else tasks()[str(store.task)].horizon,
        "world": None if world is None else names_of(world),
        "measured": {
            "episodes": {key: last - first for key, (first, last) in manifest["splits"].items()},
            "steps": _spread(store.lengths),
            "ended": _ended(store),
            "return": _spread(known(row.get("return") for row in store.episodes)),
            "success": _mean(known(row.get("success") for row in store.episodes)),
            "labels": labels_of(store.episodes),
            "flags": _flags(store),
            "contacts": _contacts(store),
            "distinct": _distinct(store),
        },
        "manifest": manifest,
    }


def registered(manifest: Mapping[str, Any]) -> Any:
    """The spec that a store was made of, if it is one of ours with its registered numbers."""
    id = manifest["dataset"]
    return datasets()[id] if id in datasets() and not manifest.get("custom", False) else None


def world_like(store: EpisodeStore) -> World | None:
    """The world of a store; None where the task is not ours or takes no such arguments."""
    if store.task is None or store.task not in tasks():
        return None
    try:
        return world_of(task_like(store.manifest))
    except (BenchError, TypeError, ValueError):  # a manifest may say anything
        return None


def fields(value: Any) -> dict[str, Any]:
    """A part of a manifest that should be an object; empty where it is none."""
    return value if isinstance(value, dict) else {}


def reference(facts: Facts, who: str) -> dict[str, float] | None:
    """The mean "return" and "success" of "random" or "oracle" in the task, where they are known."""
    scores = fields(fields(facts["manifest"].get("reference_scores")).get(who))
    found = {name: scores.get(name) for name in ("return", "success")}
    are_numbers = all(len(known([value])) for value in found.values())
    return {name: float(value) for name, value in found.items()} if are_numbers else None  # type: ignore[arg-type]


def known(values: Iterable[Any]) -> Array:
    """Those of some numbers that are there and finite, (n,) float64."""
    found = np.array([value for value in values if isinstance(value, int | float)], np.float64)
    return found[np.isfinite(found)]


def labels_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Of each label of episodes: {value: share}, or the spread of fractions or many numbers."""
    found: dict[str, Any] = {}
    labels = [fields(row.get("labels")) for row in rows]
    for key in sorted({str(key) for label in labels for key in label}):
        values = [label[key] for label in labels if key in label]
        counts, numbers = Counter(map(str, values)), known(values)
        is_whole = not (numbers % 1).any()
        if len(counts) <= FEW and is_whole and "spread" not in counts:
            ordered = sorted(counts, key=lambda value: (len(value), value))
            found[key] = {value: round(counts[value] / len(rows), 4) for value in ordered}
        elif len(numbers):
            found[key] = {"spread": _spread(numbers)}
    return found


def _policies(value: Any) -> dict[str, dict[str, Any]]:
    """Of each policy of ours that a behaviour's arguments name: its docstring's first sentence.

    And whether it acts on top of the task's script unless another "base" is given.
    """
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return {name: about for part in value for name, about in _policies(part).items()}
    if not isinstance(value, str) or not value.startswith(OURS) or ":" not in value:
        return {}
    try:
        policy = resolve(value)
        takes = inspect.signature(policy).parameters
    except (BenchError, ImportError, TypeError, ValueError):
        return {}
    words = " ".join((policy.__doc__ or "").partition("\n\n")[0].split())
    return {value: {"words": words, "on_script": "base" in takes}}


def _spread(values: Array) -> dict[str, float] | None:
    """Least, mean, largest and deviation of numbers; None of none."""
    if not len(values):
        return None
    found = {"min": values.min(), "mean": values.mean(), "max": values.max(), "std": values.std()}
    return {name: round(float(value), 4) for name, value in found.items()}


def _mean(values: Array) -> float | None:
    return round(float(values.mean()), 4) if len(values) else None


def _ended(store: EpisodeStore) -> float | None:
    """The share of episodes that a state ended, not the time."""
    if "masks" not in store.columns:
        return None
    last = store.offsets[1:] - 2
    return _mean(1.0 - np.asarray(store.columns["masks"])[last])


def _flags(store: EpisodeStore) -> dict[str, float]:
    """Of each flag of actions the share of transitions that have it."""
    flags = {}
    for name, about in store.manifest["columns"].items():
        is_flag = (about["dtype"], about["shape"], about["per"]) == ("|u1", [], "row")
        if is_flag and name not in KNOWN and "." not in name:  # infos of imported data have a dot
            flags[name] = round(float(np.sum(store.columns[name] != 0)) / store.transitions, 4)
    return flags


def _contacts(store: EpisodeStore) -> float | None:
    """The share of transitions in which an entity acted on another."""
    if "contacts" not in store.columns:
        return None
    contacts, found = store.columns["contacts"], 0  # (rows, N, N + 1), true on the diagonal
    others = ~np.eye(contacts.shape[1], dtype=bool)
    for first in range(0, len(contacts), CHUNK):
        found += int((contacts[first : first + CHUNK, :, :-1] & others).any((1, 2)).sum())
    return round(found / store.transitions, 4)


def _distinct(store: EpisodeStore) -> float | None:
    """The share of transitions whose observation and action no earlier one has, bit for bit."""
    columns = [store.columns[name] for name in KNOWN[:2] if name in store.columns]
    if not columns or any(column.ndim > 3 for column in columns):
        return None
    seen: set[bytes] = set()
    padding = set((store.offsets[1:] - 1).tolist())
    for first in range(0, len(columns[0]), CHUNK):
        parts = [np.ascontiguousarray(column[first : first + CHUNK]) for column in columns]
        flat = np.concatenate([p.reshape(len(p), -1).view(np.uint8) for p in parts], axis=1)
        data, width = flat.tobytes(), flat.shape[1]
        for row in range(len(flat)):
            if first + row not in padding:
                entry = data[row * width : (row + 1) * width]
                seen.add(hashlib.blake2b(entry, digest_size=12).digest())
    return round(len(seen) / max(store.transitions, 1), 4)
