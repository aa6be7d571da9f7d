"""Episode store -> Minari dataset, complete enough that importing it gives the same store back.

Minari's traps that this avoids: HDF5, not Arrow (which cuts episodes at 32 767 steps and flattens
vector rewards), no JPEG (lossy, and Minari's default), no strings in infos (they come back as
bytes), no None or nested values in episode metadata (TypeError half-way), chunks of episodes (a
whole dataset need not fit in memory), and a folder that gets its name only when it is complete.
"""

from __future__ import annotations

import inspect
import json
import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.datasets.api import load_dataset
from entitybench.datasets.minari.buffers import Source
from entitybench.datasets.minari.leaves import is_plain, is_text
from entitybench.datasets.minari.library import (
    DATA_FILE,
    EXTRA,
    check_name,
    load_minari,
    minari_root,
    staged,
    take_place,
)
from entitybench.datasets.store.frames import need_space
from entitybench.datasets.store.store import EpisodeStore
from entitybench.datasets.store.writer import disk_errors, locked
from entitybench.errors import BadValue, MissingExtra
from entitybench.texts import parsed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_PER_LEAF = 8192  # bytes that HDF5 takes of the disk for an array of an episode, at most
CHUNK = 100  # episodes held in memory


def export(source: EpisodeStore | str | Path, name: str) -> Path:
    """Write a store, or a split of one, as a dataset that `minari.load_dataset(name)` opens.

    Observations of our tasks are those of their environment: of a goal task "observation",
    "achieved_goal" and the episode's own "desired_goal", with rewards for that goal; of a team
    those of its joint environment (envs/views/joint.py). `recover_environment` gives the
    environment; `get_normalized_score` uses the reference scores. Episodes may be of any length.

    Args:
        source: a store, the folder of one, or a dataset's id.
        name: a new Minari name, e.g. "push-3blocks/mine-v0".

    Returns:
        The Minari dataset's folder.

    Raises:
        BadValue: a name that Minari does not accept, or that is taken.
        DataError: the store is damaged, or the disk is full.
        MissingExtra: Minari is not installed.
    """
    load_minari()
    store = source if isinstance(source, EpisodeStore) else load_dataset(source)
    namespace = check_name(name)
    final = minari_root() / name
    with locked(final), disk_errors(final):
        if final.exists() and not _is_there(final, store):
            raise BadValue(
                f"the Minari dataset {name!r} exists already; choose another name or version, or "
                f"delete it: `minari delete {name}`"
            )
        with staged(name) as staging:
            if final.exists():  # after a kill in the last moment
                return final
            _write(store, name)
            _create_namespace(namespace)
            take_place(staging, name)
    return final


def _is_there(final: Path, store: EpisodeStore) -> bool:
    """Whether a Minari dataset is what a store gives; it got its name when it was whole."""
    extra = _read_about(final).get(EXTRA)
    wanted = {"manifest": store.manifest, "whole": store.is_whole}
    return isinstance(extra, dict) and {name: extra.get(name) for name in wanted} == wanted


def _read_about(final: Path) -> dict[str, Any]:
    try:
        found = parsed((final / "data" / "metadata.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _create_namespace(namespace: str | None) -> None:
    """Minari lists a namespace only when it has been created."""
    from minari.namespace import create_namespace, list_local_namespaces

    if namespace is not None and namespace not in list_local_namespaces():
        create_namespace(namespace)


def _write(store: EpisodeStore, name: str) -> None:
    """Write the dataset chunk by chunk under Minari's present root."""
    from minari import create_dataset_from_buffers

    source = Source(store)
    dataset = None
    lossless = {}
    if "jpeg_encoding" in inspect.signature(create_dataset_from_buffers).parameters:
        lossless["jpeg_encoding"] = False
    elif source.has_pictures:  # Minari 0.5.3 always uses JPEG for them
        raise MissingExtra(
            "this Minari stores pictures as JPEG, which loses bits: pip install 'minari>=0.5.4'"
        )
    for first in range(0, len(store), CHUNK):
        chunk = range(first, min(first + CHUNK, len(store)))
        buffers = [source.buffer(index) for index in chunk]
        _need_space(store, chunk)
        if dataset is None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # no author's address, no permalink
                dataset = create_dataset_from_buffers(
                    name, buffers, data_format="hdf5", **lossless, **_about(source)
                )
        else:
            dataset.update_dataset_from_buffer(buffers)
        dataset.storage.update_episode_metadata(
            [_metadata(store.episodes[index]) for index in chunk], chunk
        )
        _add_extras(dataset.storage.data_path / DATA_FILE, source, chunk)
    if dataset is None:
        raise BadValue(f"{store.id} holds no episodes to export.")
    # As arguments Minari drops them where there is no environment.
    dataset.storage.update_metadata(_reference(store.manifest.get("reference_scores")))
    spec = source.environment_of_others()
    if spec is not None:
        dataset.storage.update_metadata({"env_spec": spec})
    extra: dict[str, Any] = {"manifest": store.manifest, "whole": store.is_whole}
    if source.agents:
        extra["agents"] = source.agents
    dataset.storage.update_metadata({EXTRA: extra, "dataset_size": dataset.storage.get_size()})


def _need_space(store: EpisodeStore, chunk: range) -> None:
    """Raises OSError where the disk is too small for some episodes."""
    columns = [column for index in chunk for column in store.entries(index).values()]
    size = sum(math.prod(column.shape) * column.dtype.itemsize for column in columns)
    # Some columns are written twice, as leaves and beside them.
    need_space(minari_root(), 2 * size + _PER_LEAF * len(columns))


def _about(source: Source) -> dict[str, Any]:
    """What Minari wants to know of a dataset."""
    import entitybench

    made = source.store.manifest
    return {
        **source.spaces(),
        "author": "EntityBench",
        "algorithm_name": str(made.get("behaviour", "unknown")),
        "description": f"{source.store.id}, seed {made.get('seed')}, an EntityBench dataset.",
        "requirements": [
            f"entitybench=={entitybench.__version__}",
            *([f"mujoco=={made['mujoco']}"] if made.get("mujoco") else []),
        ],
    }


def _reference(scores: Mapping[str, Any] | None) -> dict[str, Any]:
    """Random and expert returns, between which `minari.get_normalized_score` puts a return."""
    if not scores:
        return {}
    best = scores.get("expert") or scores.get("oracle")
    if not best:
        return {}
    return {
        "ref_min_score": float(scores["random"]["return"]),
        "ref_max_score": float(best["return"]),
        "num_episodes_average_score": int(scores["episodes"]),
    }


def _metadata(row: Mapping[str, Any]) -> dict[str, Any]:
    """What an episode's row says, as HDF5 can hold it: no None, nested names with a slash."""
    known = dict(_leaves(row))
    return {name: known[name] for name in known if name not in ("index", "length", "seed")}


def _leaves(row: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in row.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{before}{name}/")
        elif name and is_text(name) and is_plain(value):
            yield f"{before}{name}", value


def _add_extras(path: Path, source: Source, chunk: range) -> None:
    """Put the rest of each episode (states, goals, its row) beside what Minari wrote."""
    import h5py

    with h5py.File(path, "a", track_order=True) as file:
        for index in chunk:
            group = file[f"episode_{index}"].create_group(EXTRA)
            group["row"] = json.dumps(source.store.episodes[index])
            for name, array in source.store.entries(index).items():
                if name not in source.shared:
                    group[name] = np.asarray(array)
