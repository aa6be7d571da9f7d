"""Trained weights of an agent as something that can be downloaded and published."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from entitybench.checkpoints import META, checked_meta, train_line, weights_folder, where
from entitybench.datasets.catalogue.pinned import pins
from entitybench.datasets.store.checks import Fault, check_files, is_hash, is_name, read_json
from entitybench.datasets.store.schema import SCHEMA_VERSION
from entitybench.datasets.transport.item import Item
from entitybench.errors import BadValue, CheckpointError, unknown
from entitybench.places import sha256_of
from entitybench.registry import agents, dataset_for, tasks

if TYPE_CHECKING:
    from pathlib import Path

    from entitybench.datasets.store.schema import Manifest

AGENT = "agent:"
_SEED = re.compile(r"seed\d{1,10}")
_SUFFIXES = (".json", ".jsonl", ".safetensors", ".npy")


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


def _is_weights_file(name: Any) -> bool:
    if not isinstance(name, str):
        return False
    seed, _, file = name.partition("/")
    return _SEED.fullmatch(seed) is not None and is_name(file) and file.endswith(_SUFFIXES)


def weights_item(id: str) -> Item:
    """The item that `agent:AGENT/TASK/DATASET` names; DATASET only where there are several.

    Raises:
        UnknownId: no such agent, task or dataset of it.
        BadValue: an agent that has no weights, or a name without a task or dataset.
    """
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
    usual = where("", "", dataset_for(place, spec.kind)).name
    trained_on = None if dataset == usual else dataset
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
    item = weights_item(whose.pop())
    manifest = {"schema": SCHEMA_VERSION, "weights": item.id, "files": files}
    data = (json.dumps(manifest, indent=1) + "\n").encode()
    item.check_folder(folder, item.check(data))
    return item, data
