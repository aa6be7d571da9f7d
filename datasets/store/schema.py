"""What an episode store holds: columns, the manifest, and their checks.

Rows are laid out as T+1 observations and T actions an episode, episodes one after another:

    row          0    1    2   ...  T   | T+1  ...
    observation  o0   o1   o2  ...  oT  | o0   ...     the next observation of row r is row r + 1
    action       a0   a1   a2  ...  0   | a0   ...     the last row of an episode is padding
    terminals    0    0    0   ...  1   | 0    ...     the episode ends here
    masks        1    1    1   ...  0   | 1    ...     the transition that begins here bootstraps
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

SCHEMA_VERSION = 1
MANIFEST = "manifest.json"
EPISODES = "episodes.jsonl"
OFFSETS = "offsets.npy"
SPLITS = ("train", "validation")
# T an episode; their last row is padding.
OF_STEPS = ("actions", "rewards", "contacts", "terminals", "masks")
STATE_EVERY = 20  # control steps between stored integration states

Per = Literal["row", "episode", "state"]
Format = Literal["npy", "hdf5"]
Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """One array of the store: `shape` is that of one entry, `per` says what an entry belongs to."""

    dtype: str
    shape: tuple[int, ...]
    per: Per = "row"
    format: Format = "npy"  # hdf5: frames, see frames.py

    def json(self) -> dict[str, Any]:
        known = {"dtype": self.dtype, "shape": list(self.shape), "per": self.per}
        return known if self.format == "npy" else {**known, "format": self.format}

    @classmethod
    def from_json(cls, about: Mapping[str, Any]) -> Column:
        shape = tuple(about["shape"])
        return cls(about["dtype"], shape, about["per"], about.get("format", "npy"))

    def file_name(self, name: str) -> str:
        """The file of the column called `name`."""
        return f"{name}.{'npy' if self.format == 'npy' else 'h5'}"

    @classmethod
    def of(cls, array: np.ndarray, per: Per = "row") -> Column:
        """The column that `array` (count, ...) is a part of."""
        return cls(array.dtype.str, tuple(array.shape[1:]), per)


# Fields of a line of `episodes.jsonl` that may be null; the start state is that of `reset(seed)`.
MAYBE = ("seed", "return", "success", "labels", "captions", "failure_step")


def episode_row(index: int, split: str, length: int, **known: Any) -> dict[str, Any]:
    """One line of `episodes.jsonl`; what is unknown or has no meaning for the data is null.

    So is a return that is not finite: JSON has no such number.
    """
    if not _is_finite(known.get("return")):
        known["return"] = None
    return {"index": index, "split": split, "length": length, **dict.fromkeys(MAYBE), **known}


def _is_finite(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_finite, value))
    return value is None or math.isfinite(value)


def state_counts(lengths: np.ndarray, every: int = STATE_EVERY) -> np.ndarray:
    """How many states episodes of these lengths hold: those of steps 0, every, 2 every, ... ≤ T."""
    counts: np.ndarray = lengths // every + 1
    return counts


def canonical(value: Any) -> bytes:
    """JSON with sorted keys and no spaces, for hashing."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def content_hash(files: Mapping[str, Any], drawn: Sequence[str] = ()) -> str:
    """sha256 over the names and hashes of the data files: equal where the data are equal.

    Args:
        files: as in a manifest.
        drawn: as in a manifest, those that were drawn from the others: they do not count.
    """
    hashes = {name: about["sha256"] for name, about in files.items() if name not in drawn}
    return hashlib.sha256(canonical(hashes)).hexdigest()


def manifest_hash(manifest: Mapping[str, Any]) -> str:
    """sha256 over everything that the manifest says, itself excluded."""
    rest = {key: value for key, value in manifest.items() if key != "manifest_hash"}
    return hashlib.sha256(canonical(rest)).hexdigest()


def manifest_bytes(manifest: Mapping[str, Any]) -> bytes:
    """A manifest as it is written, with its own hash."""
    sealed = {**manifest, "manifest_hash": manifest_hash(manifest)}
    return (json.dumps(sealed, indent=1) + "\n").encode()
