"""Minari data that we did not write: leaves to columns."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.datasets.minari.defects import SourceDefect
from entitybench.datasets.minari.flat import foreign
from entitybench.datasets.minari.leaves import as_team, padded
from entitybench.datasets.minari.library import EXTRA
from entitybench.datasets.minari.spaces import described
from entitybench.datasets.store.schema import Column, episode_row
from entitybench.datasets.store.writer import StoreWriter
from entitybench.envs.views.gym import joint_id
from entitybench.errors import BadValue, DataError
from entitybench.notices import warn
from entitybench.registry import tasks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from entitybench.types import Array


_GOAL_LEAVES = {
    "observations.observation": "observations",
    "observations.achieved_goal": "achieved_goals",
    "observations.desired_goal": "desired_goals",
}


def read_foreign(dataset: Any, folder: Path) -> None:
    """Fill a store from any Minari dataset.

    Columns: "observations" (T+1 rows an episode; goal environments also give "achieved_goals" and
    "desired_goals", other dicts "observations.<key>"), "actions", "rewards", "terminals", "masks"
    (false where the episode terminated) and "infos.<key>" of numbers. Infos of other kinds are left
    out with a warning. Row fields: seed, return, success (the last `is_success` or `success`), and
    all other episode metadata under "metadata". All episodes are training episodes. What `export`
    wrote of a team becomes the columns of a team again.

    Raises:
        DataError: an episode has fewer steps than its metadata say (Minari cuts its Arrow files).
        BadValue: leaves that change their shape, or that are no numbers.
    """
    storage = dataset.storage
    agents = (storage.metadata.get(EXTRA) or {}).get("agents")
    cut_short = 0
    indices = [int(index) for index in dataset.episode_indices]
    metadata = [_plain(m) for m in storage.get_episode_metadata(indices)]
    lengths = [int(m["total_steps"]) for m in metadata]
    writer: StoreWriter | None = None
    rows, left_out = [], set()
    for index, (about, episode) in enumerate(
        zip(metadata, storage.get_episodes(indices), strict=True)
    ):
        arrays, skipped = entries_of(episode, lengths[index])
        left_out |= skipped
        cut_short += bool(np.any(episode["truncations"][:-1]))
        if agents:
            arrays = as_team(arrays, agents)
        if writer is None:
            columns = {name: Column.of(array) for name, array in arrays.items()}
            writer = StoreWriter(folder, lengths, columns)
        if arrays.keys() != writer.columns.keys():
            raise BadValue(
                f"episode {index} has the leaves {sorted(arrays)}, the first one has "
                f"{sorted(writer.columns)}: a store needs the same in every episode."
            )
        writer.append(arrays)
        rows.append(_row(index, about, arrays, lengths[index]))
    if writer is None:
        raise BadValue("the Minari dataset holds no episodes.")
    if left_out:
        warn(f"left out (no numbers): {', '.join(sorted(left_out))}.")
    for defect in _defects(storage, rows, cut_short, lengths):
        warn(defect)
    writer.finish(rows, _about(storage.metadata))


def _defects(
    storage: Any, rows: list[dict[str, Any]], cut_short: int, lengths: list[int]
) -> Iterator[SourceDefect]:
    """What the source itself shows to be wrong with it."""
    if any(row["seed"] is None for row in rows):
        yield SourceDefect(
            "episodes without seeds",
            "the source has none (Minari's combine_datasets drops them); take the parts one by one",
        )
    if cut_short:
        yield SourceDefect(
            f"{cut_short} episodes go on after a truncation",
            "cut them there: the next state belongs to another episode",
        )
    spec = storage.metadata.get("env_spec")
    limit = json.loads(spec).get("max_episode_steps") if isinstance(spec, str) else None
    longer = sum(length > limit for length in lengths) if limit else 0
    if longer:
        yield SourceDefect(
            f"{longer} episodes have more than the {limit} steps after which their environment "
            "ends them",
            "cut them where an end is missing, or name the environment with its own limit",
        )
    if _has_jpeg(storage):
        yield SourceDefect(
            "images were stored as JPEG, which loses bits",
            "make the data anew with jpeg_encoding=False (Minari 0.5.4)",
        )


def _has_jpeg(storage: Any) -> bool:
    from minari.dataset.minari_storage import is_image_space

    if not storage.metadata.get("jpeg_encoding", True):  # before 0.5.4 always
        return False
    spaces = [storage.metadata["observation_space"]]
    while spaces:
        space = spaces.pop()
        parts = getattr(space, "spaces", None)
        if parts is not None:
            spaces += list(parts.values() if isinstance(parts, dict) else parts)
        elif is_image_space(space):
            return True
    return False


def entries_of(episode: Mapping[str, Any], length: int) -> tuple[dict[str, Array], set[str]]:
    """The T+1 entries of each column of an episode, and the names of infos that are left out.

    Raises DataError when the episode does not have `length` steps.
    """
    found = len(episode["rewards"])
    if found != length:
        raise DataError(
            f"episode {episode['id']} has {found} steps, its metadata say {length}: the source was "
            "cut (Minari's Arrow and Parquet files hold 32767 steps at most); make it as hdf5."
        )
    arrays: dict[str, Array] = {}
    for name, leaf in (
        *_leaves("observations", episode["observations"]),
        *_leaves("actions", episode["actions"]),
        ("rewards", episode["rewards"]),
    ):
        array = np.asarray(leaf)
        if array.dtype.kind not in "biuf":
            raise BadValue(f"the leaf {name} holds {array.dtype}: a store holds numbers only.")
        arrays[_GOAL_LEAVES.get(name, name)] = padded(array, length)
    skipped = set()
    for name, leaf in _leaves("infos", episode.get("infos") or {}):
        array = np.asarray(leaf)
        if array.dtype.kind in "biuf" and len(np.atleast_1d(array)) in {length, length + 1}:
            arrays[name] = padded(array, length)
        else:
            skipped.add(name)
    ended = np.asarray(episode["terminations"], bool)
    arrays["terminals"] = np.arange(length + 1) == length
    arrays["masks"] = np.concatenate([~ended, [False]])
    return arrays, skipped


def _leaves(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key in sorted(
            value
        ):  # Minari gives them in the order of the file, which formats differ in
            yield from _leaves(f"{name}.{key}", value[key])
    elif isinstance(value, tuple):
        for place, item in enumerate(value):
            yield from _leaves(f"{name}.{place}", item)
    else:
        yield name, value


def _plain(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Episode metadata as JSON can hold it."""
    return {str(key): _json_value(value) for key, value in metadata.items()}


def _json_value(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, dict):
        return _plain(value)
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError):
        return str(value)


def _row(
    index: int, metadata: dict[str, Any], arrays: Mapping[str, Array], length: int
) -> dict[str, Any]:
    rest = {k: v for k, v in metadata.items() if k not in ("id", "seed", "total_steps")}
    known: dict[str, Any] = {"seed": metadata.get("seed")}
    rewards = arrays["rewards"][:-1]
    if "entities" in arrays:  # of a team: the mean over its agents
        rewards = rewards.mean(axis=1, dtype=np.float64)
    known["return"] = rewards.sum(axis=0, dtype=np.float64).tolist()
    for name in ("infos.is_success", "infos.success"):
        if name in arrays and arrays[name].ndim == 1:
            known["success"] = bool(arrays[name][length])
            break
    if rest:
        known["metadata"] = rest
    return episode_row(index, "train", length, **known)


def _about(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest of foreign data; the task is ours where the environment is."""
    spec = metadata.get("env_spec")
    env = json.loads(spec)["id"] if isinstance(spec, str) else None
    task = next((task for task in tasks() if env in (task.gym_id, joint_id(task))), None)
    low, high = metadata.get("ref_min_score"), metadata.get("ref_max_score")
    scores = None
    if low is not None and high is not None:
        count = metadata.get("num_episodes_average_score")
        scores = {"random": {"return": low}, "oracle": {"return": high}, "episodes": count}
    return foreign(
        str(metadata["dataset_id"]),
        "minari",
        task=None if task is None else task.id,
        task_version=None if task is None else task.version,
        behaviour=metadata.get("algorithm_name"),
        environment=env,
        reference_scores=scores,
        action_bounds=_bounds(metadata["action_space"]),
        gymnasium=described(metadata),
    )


def _bounds(space: Any) -> list[list[float]] | None:
    """Lowest and highest actions, where they are numbers within finite bounds."""
    low, high = getattr(space, "low", None), getattr(space, "high", None)
    if low is None or high is None or not (np.isfinite(low).all() and np.isfinite(high).all()):
        return None
    return [np.ravel(limit).astype(float).tolist() for limit in (low, high)]
