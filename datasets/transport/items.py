"""Datasets as something that can be downloaded, and what an id names."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from entitybench.datasets.generate.api import make_plan
from entitybench.datasets.generate.plan import SMALL, behaviour_name
from entitybench.datasets.store.checks import Fault, check_manifest, read_json, shown
from entitybench.datasets.store.places import dataset_folder, generate_line, named_folder
from entitybench.datasets.store.store import EpisodeStore
from entitybench.datasets.transport.item import Item, NoFrames, pixels_of
from entitybench.datasets.transport.weights import AGENT, weights_item
from entitybench.registry import datasets, tasks

if TYPE_CHECKING:
    from pathlib import Path

    from entitybench.datasets.store.schema import Manifest

_DATASET_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]*-v\d+", re.ASCII)
_FRAMES = re.compile(r"(.+)\+frames([1-9]\d{1,3})")


class DatasetItem(Item):
    """An episode store: `<id>`, `<id>@<size>` where it is of a registered size beside "small".

    With frames it is an item of its own, `<id>+frames<pixels>`, in the same folder; all other files
    are the same blobs.
    """

    def check(self, data: bytes) -> Manifest:
        manifest = check_manifest(read_json(data))
        if manifest["dataset"] != _named(self.id)[0]:
            raise Fault(f"is of {manifest['dataset']!r}")
        task = manifest["task"]
        if task in tasks() and manifest["task_version"] != tasks()[task].version:
            raise Fault(
                f"is for version {manifest['task_version']} of {task}, which is at version "
                f"{tasks()[task].version} here"
            )
        if self.registered:
            self._check_registered(manifest)
        if self.pixels and not manifest.get("drawn"):
            raise NoFrames("has no frames")
        if self.pixels not in (0, pixels_of(manifest)):
            raise Fault(f"has frames of {pixels_of(manifest)} pixels, not {self.pixels}")
        return manifest

    def _check_registered(self, manifest: Manifest) -> None:
        id, size, _ = _named(self.id)
        plan = make_plan(datasets()[id], size=size or SMALL)
        wanted = {
            "task": plan.task.id,
            "task_version": plan.task.version,
            "task_kwargs": plan.task.kwargs,
            "behaviour": behaviour_name(plan.dataset.behaviour),
            "behaviour_kwargs": plan.dataset.behaviour_kwargs,
            "absent": plan.dataset.absent,
            "interactions": plan.dataset.interactions,
            "seed": plan.seed,
            "size": plan.size,
            "custom": False,
            "episodes": plan.episodes,
        }
        last = max(last for _, last in manifest["splits"].values())
        found: dict[str, Any] = {**manifest, "episodes": last}
        for name, value in wanted.items():
            if _canonical(found.get(name)) != _canonical(value):
                raise Fault(
                    f"is not of the registered {self.id}: {name} {shown(found.get(name))}, not "
                    f"{shown(value)}; what is made with other numbers needs an id of its own "
                    "(docs/how-to-add-a-dataset.md)"
                )

    def check_folder(self, folder: Path, manifest: Manifest) -> None:
        store = EpisodeStore.open(folder, verify=False)
        super().check_folder(folder, manifest)
        if len(store.episodes) != len(store):
            raise Fault(f"has {len(store.episodes)} lines for {len(store)} episodes")


def _canonical(value: Any) -> str:
    """JSON to compare by: 1 is not true, and a tuple is a list."""
    return json.dumps(value, sort_keys=True)


def item_of(id: str) -> Item:
    """The item that an id names.

    A registered size of a dataset beside "small" is `<id>@<size>`, and one with frames ends in
    `+frames<pixels>`. A dataset that is not registered may still lie on a mirror, if its id looks
    like one.

    Raises:
        UnknownId: no such agent or task, or no such dataset.
        BadValue: an agent that has no weights.
    """
    if id.startswith(AGENT):
        return weights_item(id)
    registered, size, pixels = _named(id)
    if registered in datasets():
        folder = named_folder(f"{registered}@{size}")
        line = generate_line(datasets()[registered], size=size, pixels=pixels or None)
        return DatasetItem(_id(registered, size, pixels), folder, line, pixels=pixels)
    if not _DATASET_ID.fullmatch(registered) or ".." in id or id.startswith("weights/"):
        datasets()[id]  # raises UnknownId with the nearest ids
    return DatasetItem(id, dataset_folder(registered), "", registered=False, pixels=pixels)


def _named(id: str) -> tuple[str, str, int]:
    """The dataset, the size and the pixels of its frames that an id names."""
    found = _FRAMES.fullmatch(id)
    rest, pixels = (found[1], int(found[2])) if found else (id, 0)
    registered, _, size = rest.partition("@")
    return registered, size or SMALL, pixels


def _id(registered: str, size: str, pixels: int) -> str:
    id = registered if size == SMALL else f"{registered}@{size}"
    return f"{id}+frames{pixels}" if pixels else id


def with_frames(item: Item, manifest: Manifest) -> Item:
    """The item of the same dataset with the frames that the manifest lists."""
    return item_of(f"{item.id}+frames{pixels_of(manifest)}")
