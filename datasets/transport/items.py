"""What can be downloaded: a dataset, or the trained weights of an agent, by id."""

from __future__ import annotations

import hashlib
import json
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from entitybench.checkpoints import META, checked_meta, train_line, weights_folder, where
from entitybench.datasets.generate.api import make_plan
from entitybench.datasets.generate.plan import SMALL, behaviour_name
from entitybench.datasets.store.checks import (
    Fault,
    check_files,
    check_manifest,
    is_hash,
    is_name,
    read_json,
    shown,
)
from entitybench.datasets.store.frames import FRAMES
from entitybench.datasets.store.places import (
    dataset_folder,
    generate_line,
    named_folder,
)
from entitybench.datasets.store.schema import SCHEMA_VERSION, manifest_bytes
from entitybench.datasets.store.store import EpisodeStore
from entitybench.errors import BadValue, BenchError, CheckpointError, unknown
from entitybench.places import sha256_of
from entitybench.registry import agents, datasets, tasks

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from entitybench.datasets.store.schema import Manifest

AGENT = "agent:"
_DATASET_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]*-v\d+", re.ASCII)
_FRAMES = re.compile(r"(.+)\+frames([1-9]\d{1,3})")
_SEED = re.compile(r"seed\d{1,10}")
_SUFFIXES = (".json", ".safetensors", ".npy")


@cache
def pins() -> Mapping[str, str]:
    """Id -> sha256 of the manifest that this version of the package vouches for."""
    found: dict[str, str] = json.loads(
        files("entitybench.datasets.catalogue").joinpath("pins.json").read_text()
    )
    return found


@dataclass(frozen=True, slots=True)
class Item(ABC):
    """Something with an id, a manifest and a folder.

    Attributes:
        id: as in an index.
        folder: where it is installed.
        make: the command that makes it here; empty where there is none.
        registered: whether this package knows the id.
        pixels: of the frames that a dataset comes with, along an edge; 0: without.
        former: ids under which earlier versions published it.
    """

    id: str
    folder: Path
    make: str
    registered: bool = True
    pixels: int = 0
    former: tuple[str, ...] = ()

    @property
    def pin(self) -> str | None:
        """The hash that its manifest must have, where one is pinned; frames are not pinned."""
        return pins().get(self.id.partition("+")[0])

    def is_pinned(self, data: bytes) -> bool:
        """Whether these bytes are the manifest that is pinned, frames aside; or none is."""
        return self.pin in (None, sha256_of_bytes(undrawn(data)))

    @abstractmethod
    def check(self, data: bytes) -> Manifest:
        """The manifest in these bytes, if it is of this item. Raises Fault."""

    def check_folder(self, folder: Path, manifest: Manifest) -> None:
        """Raises BenchError or Fault unless the files in `folder` are what they claim to be."""
        for name, about in manifest["files"].items():
            if sha256_of(folder / name) != about["sha256"]:
                raise Fault(f"holds a corrupt {name}: another sha256")


class NoFrames(Fault):
    """A manifest of the dataset that is meant, without its frames."""


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


class WeightsItem(Item):
    """The checkpoints of an agent in a task, from one dataset, one a training seed."""

    def is_pinned(self, data: bytes) -> bool:
        for id in self.former:
            data = data.replace(f'"weights": "{id}"'.encode(), f'"weights": "{self.id}"'.encode())
        return super().is_pinned(data)

    def check(self, data: bytes) -> Manifest:
        manifest = read_json(data)
        if not isinstance(manifest, dict) or set(manifest) != {"schema", "weights", "files"}:
            raise Fault("is no manifest of weights")
        if manifest["schema"] != SCHEMA_VERSION or isinstance(manifest["schema"], bool):
            raise Fault(
                f"follows schema {manifest['schema']!r}, this version reads schema {SCHEMA_VERSION}"
            )
        if manifest["weights"] not in (self.id, *self.former):
            raise Fault(f"is of {manifest['weights']!r}")
        check_files(manifest["files"], _is_weights_file)
        seeds = {name.partition("/")[0] for name in manifest["files"]}
        for seed in sorted(seeds):
            if f"{seed}/{META}" not in manifest["files"]:
                raise Fault(f"lists no {seed}/{META}")
        return manifest

    def check_folder(self, folder: Path, manifest: Manifest) -> None:
        super().check_folder(folder, manifest)
        agent, task, dataset = self.id.removeprefix(AGENT).split("/")
        wanted = {"agent": agent, "task": task, "task_version": tasks()[task].version}
        for path in sorted(folder.glob(f"*/{META}")):
            meta = checked_meta(path, read_json(path.read_bytes()))
            for name, value in {**wanted, "seed": int(path.parent.name[4:])}.items():
                if meta[name] != value:
                    raise CheckpointError(f"{path} has {name} {meta[name]!r}, not {value!r}")
            if where(agent, task, (meta.get("dataset") or {}).get("id")).name != dataset:
                raise CheckpointError(f"{path} was not trained on {dataset}")
            for name, sha256 in (meta.get("sha256") or {}).items():
                weights = path.with_name(name) if is_name(name) else path
                if is_hash(sha256) and weights.suffix == ".safetensors":
                    listed = manifest["files"].get(f"{path.parent.name}/{name}")
                    if listed is None or listed["sha256"] != sha256:
                        raise CheckpointError(f"{path} is of other weights than {name}")


def _canonical(value: Any) -> str:
    """JSON to compare by: 1 is not true, and a tuple is a list."""
    return json.dumps(value, sort_keys=True)


def _is_weights_file(name: Any) -> bool:
    if not isinstance(name, str):
        return False
    seed, _, file = name.partition("/")
    return _SEED.fullmatch(seed) is not None and is_name(file) and file.endswith(_SUFFIXES)


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
        return _weights(id)
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


def pixels_of(manifest: Manifest) -> int:
    """Along an edge of the frames; 0 where there are none."""
    return int(manifest["columns"][FRAMES]["shape"][0]) if FRAMES in manifest["columns"] else 0


def undrawn(data: bytes) -> bytes:
    """The bytes of a dataset's manifest as they were before frames were drawn."""
    manifest = read_json(data)
    drawn = manifest.get("drawn")
    if not drawn:
        return data
    manifest["columns"] = {n: c for n, c in manifest["columns"].items() if n != FRAMES}
    manifest["files"] = {n: about for n, about in manifest["files"].items() if n not in drawn}
    del manifest["drawn"]
    return manifest_bytes(manifest)


def _weights(id: str) -> Item:
    agent, _, rest = id.removeprefix(AGENT).partition("/")
    task, _, dataset = rest.partition("/")
    if not task:
        raise BadValue(
            f"{id!r} names no task: write {AGENT}AGENT/TASK/DATASET, e.g. "
            f"{AGENT}hecrl/push-3blocks/play-v1."
        )
    spec, place = agents()[agent], tasks()[task]
    if not spec.trains and spec.weights_of is None:
        raise BadValue(f"{spec.id} is not trained, so it has no weights.")
    owner = spec.weights_of or spec.id
    prefix = f"{AGENT}{owner}/{place.id}/"
    published = [known.removeprefix(prefix) for known in pins() if known.startswith(prefix)]
    names = [id.rpartition("/")[2] for id in place.datasets]
    if spec.learns_from != "dataset":
        names = [where(owner, place.id).name]
    known = published if len(published) == 1 else names
    if not dataset:
        if len(known) != 1:
            lines = ", ".join(prefix + name for name in names)
            raise BadValue(f"{id!r} names no dataset: choose one of {lines}.")
        dataset = known[0]
    elif dataset not in (*names, *published):
        raise unknown(f"dataset of {place.id}", dataset, names)
    trained_on = None if dataset == where("", "", place.default_dataset).name else dataset
    data = f"{place.id}/{trained_on}" if trained_on else None
    line = train_line(owner, place.id, 0, None, data).partition("`")[0]
    former = (prefix.removesuffix("/"),) if known == [dataset] else ()
    folder = weights_folder(owner, place.id, dataset)
    return WeightsItem(f"{prefix}{dataset}", folder, line, former=former)


def weights_manifest(folder: Path) -> tuple[Item, bytes]:
    """The item and the manifest of a folder with seed0/, seed1/, … of one agent in one task.

    Raises BadValue when the folder holds none, or checkpoints of several agents or tasks.
    """
    files, whose = {}, set()
    for path in sorted(folder.glob(f"seed*/{META}")):
        if not _SEED.fullmatch(path.parent.name):
            continue  # such as a training that was cut short
        meta = checked_meta(path, read_json(path.read_bytes()))
        dataset = (meta.get("dataset") or {}).get("id")
        whose.add(f"{AGENT}{where(meta['agent'], meta['task'], dataset).as_posix()}")
        for file in sorted(path.parent.iterdir()):
            name = f"{path.parent.name}/{file.name}"
            is_link = file.is_symlink() or path.parent.is_symlink()
            if is_link or not file.is_file() or not _is_weights_file(name):
                raise BadValue(
                    f"{file} cannot be published: no regular {', '.join(_SUFFIXES)} file."
                )
            files[name] = {"bytes": file.stat().st_size, "sha256": sha256_of(file)}
    if len(whose) != 1:
        found = " and ".join(sorted(whose)) or f"no seed*/{META}"
        raise BadValue(f"{folder} does not hold the weights of one agent in one task: {found}.")
    item = item_of(whose.pop())
    manifest = {"schema": SCHEMA_VERSION, "weights": item.id, "files": files}
    data = (json.dumps(manifest, indent=1) + "\n").encode()
    item.check_folder(folder, item.check(data))
    return item, data


def sha256_of_bytes(data: bytes) -> str:
    """Hash of some bytes."""
    return hashlib.sha256(data).hexdigest()


def said(error: Exception) -> str:
    """The first sentence of an error, to be put into another."""
    text = str(error)
    return text.split(". ")[0].rstrip(".") if isinstance(error, BenchError) else text
