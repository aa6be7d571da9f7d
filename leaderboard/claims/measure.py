"""Runs the functions of `Measured` quantities, and keeps what they gave beside the records."""

from __future__ import annotations

import inspect
import math
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from entitybench.errors import BadValue, BenchError
from entitybench.files import write_atomic
from entitybench.leaderboard.evaluation import provenance
from entitybench.records import Revision
from entitybench.registry import resolve

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from entitybench.quantities import Measured

_DECIDING = ("entitybench", "mujoco", "numpy", "torch")


class Measurement(BaseModel):
    """The numbers that a function gave, and what made them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    function: str
    weights: dict[str, dict[str, str]]  # sha256 by arm and training seed
    source: str | None  # sha256 of the function's file
    values: dict[str, float | None]  # by training seed; null: not a number
    versions: dict[str, str]
    revision: Revision | None = None

    def by_seed(self) -> dict[int, float]:
        """Values by training seed."""
        return {int(seed): math.nan if x is None else x for seed, x in self.values.items()}


def measurement(
    quantity: Measured,
    seeds: Sequence[int],
    folders: Mapping[str, Mapping[int, Path]],
    hashes: Mapping[str, Mapping[int, str]],
    path: Path,
) -> Measurement:
    """What the function gives for each training seed: as stored in `path`, or measured and stored.

    Args:
        quantity: names the function and the arms whose weights it is given.
        seeds: training seeds.
        folders: checkpoints by arm and training seed.
        hashes: of their weights.
        path: the file.

    Raises:
        BadValue: the function gives something else than a number.
        BenchError: it failed.
    """
    function = resolve(quantity.function)
    now = Measurement(
        function=quantity.function,
        weights={
            arm: {str(seed): hashes[arm][seed] for seed in seeds if seed in hashes[arm]}
            for arm in quantity.weights_of
        },
        source=_source(function),
        values={str(seed): None for seed in seeds},
        versions=provenance.versions(),
        revision=provenance.revision(),
    )
    stored = _stored(path)
    if stored is not None and _same(stored, now):
        return stored
    values = {}
    for seed in seeds:
        given = {arm: folders[arm][seed] for arm in quantity.weights_of if seed in folders[arm]}
        values[str(seed)] = _number(quantity.function, _call(function, quantity, seed, given))
    found = now.model_copy(update={"values": values})
    write_atomic(path, found.model_dump_json(indent=1) + "\n")
    return found


def file_name(quantity: Measured) -> str:
    """Of the stored result."""
    arms = "".join(f"-{arm}" for arm in quantity.weights_of)
    return f"{quantity.function.replace(':', '.').replace('/', '.')}{arms}.json"


def _call(function: Any, quantity: Measured, seed: int, weights: Mapping[str, Path]) -> Any:
    try:
        return function(seed, weights)
    except (BenchError, ImportError, MemoryError):
        raise
    except Exception as error:
        raise BenchError(
            f"{quantity.function} failed with seed {seed}: {type(error).__name__}: {error}"
        ) from error


def _number(name: str, value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise BadValue(f"{name} must give a number: got {value!r:.60}.") from None
    return None if math.isnan(number) else number


def _source(function: Any) -> str | None:
    try:
        return sha256(Path(inspect.getfile(function)).read_bytes()).hexdigest()
    except (OSError, TypeError):
        return None


def _stored(path: Path) -> Measurement | None:
    try:
        return Measurement.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _same(stored: Measurement, now: Measurement) -> bool:
    """Whether nothing has changed that can change a number; a dirty checkout may have."""
    names = ("function", "weights", "source", "revision")
    versions = all(stored.versions.get(x) == now.versions.get(x) for x in _DECIDING)
    same = all(getattr(stored, name) == getattr(now, name) for name in names)
    clean = now.revision is None or not now.revision.dirty
    return versions and same and clean and set(stored.values) == set(now.values)
