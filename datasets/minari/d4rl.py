"""D4RL files: one HDF5 of flat arrays, trajectories one after another.

Row t holds the state before action t. A trajectory ends where `terminals` (the task ended it) or
`timeouts` (its time was over) is set, as in D4RL's own `sequence_dataset`:

    row               0   1   2   3  | 4   5  ...
    observations      s0  s1  s2  s3 | s0  s1 ...
    actions           a0  a1  a2  a3 | a0  a1 ...
    timeouts          0   0   0   1  | 0   0  ...

Where the file has `next_observations`, the last of a trajectory is its last state. Else the state
after the last action is not known: at a timeout that action is dropped, as D4RL's own
`qlearning_dataset` does; at a terminal it stays, since its reward counts and nothing bootstraps
from what comes after, and the state before it is repeated.

Older files have no `timeouts`; D4RL's functions cut those at the time limit of the environment,
which the file does not hold: it must be named, or trajectories that ran out of time stay joined.

Flags may be missing. Where the next state of a row is not the state of the row after it, another
trajectory begins there; so it does where the steps since the last end pass the horizon: the named
one, or the one that the file's own timeouts show. Such ends are made, and counted in a warning.
Without next states an end that nothing counts shows only as a jump of the observations: jumps are
counted in a warning and stay, since they do not show every end; what cannot be checked is told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.checks import NotChecked
from entitybench.datasets.lint.continuity import jumps
from entitybench.datasets.minari.defects import SourceDefect
from entitybench.datasets.minari.flat import check_memory, column_name, fill, foreign
from entitybench.datasets.minari.trajectories import layout, unmarked
from entitybench.datasets.store.checks import why
from entitybench.datasets.store.frames import load_h5py
from entitybench.datasets.store.schema import episode_row
from entitybench.errors import BenchError, DataError
from entitybench.notices import warn

if TYPE_CHECKING:
    from pathlib import Path

    from entitybench.types import Array

NEEDED = ("observations", "actions", "rewards", "terminals")
_SEVERAL = 3  # timeouts that show a limit
_LONG = 10  # steps: fewer divide the lengths of trajectories by chance
_ENDS = ("terminals", "timeouts")


def read_d4rl(path: Path, folder: Path, horizon: int | None = None) -> None:
    """Fill a store from D4RL's layout.

    Columns: "observations", "actions", "rewards", "terminals" (the last row of each episode),
    "masks" (0 where a terminal was set, and at padding rows) and "infos.<key>". Rows hold the
    return. All episodes are training episodes.

    Args:
        path: the file.
        folder: an empty one.
        horizon: steps after which a trajectory is over, whether the file says so or not.

    Raises:
        DataError: not such a file.
        MissingExtra: h5py is not installed.
    """
    arrays, metadata = _read(path)
    terminal, timeout = arrays.pop("terminals"), arrays.pop("timeouts", None)
    following = arrays.pop("next_observations", None)
    timeout = _timeouts(path, terminal, timeout, horizon)
    timeout = _mended(path, terminal, timeout, following, arrays["observations"], horizon)
    taken, lengths, ends = layout(terminal, timeout, following is not None)
    if not len(lengths):
        raise DataError(f"{path} holds no trajectory of two states.")
    offsets = np.concatenate([[0], np.cumsum(lengths + 1)])
    padding = offsets[1:] - 1
    columns = {column_name(name, array): array[taken] for name, array in arrays.items()}
    if following is not None:
        columns["observations"][padding] = following[ends]
    for name in columns.keys() - {"observations"}:
        columns[name][padding] = 0
    columns["terminals"] = np.zeros(len(taken), bool)
    columns["terminals"][padding] = True
    columns["masks"] = ~columns["terminals"]
    columns["masks"][padding[terminal[ends]] - 1] = False
    rewards = np.asarray(columns["rewards"], np.float64)
    returns = np.add.reduceat(rewards, offsets[:-1])
    rows = [
        episode_row(i, "train", int(length), **{"return": float(total)})
        for i, (length, total) in enumerate(zip(lengths, returns, strict=True))
    ]
    about = foreign(path.stem, "d4rl", behaviour=metadata.get("algorithm"), metadata=metadata)
    fill(folder, columns, rows, about)


def _timeouts(path: Path, terminal: Array, timeout: Array | None, horizon: int | None) -> Array:
    """Where a trajectory's time was over: (N,) bool, as the file says or counted."""
    if timeout is not None:
        return timeout
    if horizon is None:
        warn(
            f"{path.name} has no timeouts, so its trajectories end at terminals alone, and those "
            "that ran out of time are joined: name their limit with --horizon STEPS",
        )
        return np.zeros(len(terminal), bool)
    return _passed(terminal, horizon)


def _mended(
    path: Path,
    terminal: Array,
    timeout: Array,
    following: Array | None,
    observations: Array,
    horizon: int | None,
) -> Array:
    """The timeouts (N,) with those that the file contradicts itself without. Warns of them."""
    ends = terminal | timeout
    if following is not None:
        missing = unmarked(path, observations, following, ends, "timeouts")
        timeout, ends = timeout | missing, ends | missing
    limit = _limit(terminal, timeout) if horizon is None else horizon
    if limit is not None:
        late = _passed(ends, limit) & ~ends
        late[-1] = False  # where the file ends
        if late.any():
            warn(
                SourceDefect(
                    f"{int(late.sum())} trajectories of {path.name} have more than the {limit} "
                    f"steps of {'its timeouts' if horizon is None else '--horizon'}",
                    "they were split there; set timeouts at these rows",
                ),
            )
            timeout = timeout | late
    if following is None:
        _tell_jumps(path, observations, terminal | timeout, limit, named=horizon is not None)
    return timeout


def _tell_jumps(
    path: Path, observations: Array, ends: Array, limit: int | None, *, named: bool
) -> None:
    """Warn of jumps where nothing ends, and where neither they nor a limit could show an end."""
    unseen = f"whether trajectories of {path.name} end without a flag could not be checked"
    mend = "set timeouts" if named else "name their limit with --horizon STEPS, or set timeouts"
    try:
        rows, _, _ = jumps(observations, np.array([0, len(ends)]))
    except NotChecked as reason:
        if limit is None:
            warn(f"{unseen} ({reason}): {mend}.")
        return
    inner, marked = rows[~ends[rows]], int(ends[:-1].sum())
    if len(inner):
        warn(
            f"{len(inner)} transitions of {path.name} jump as between trajectories, and no end is "
            f"marked there (the first at row {inner[0]}); they stay joined: {mend}."
        )
    elif limit is None and marked > 10 * len(rows):
        warn(f"{unseen} ({len(rows)} of {marked} marked ends show as a jump): {mend}.")


def _passed(ends: Array, horizon: int) -> Array:
    """The rows (N,) bool in which as many steps as the horizon are over since the last end."""
    rows = np.arange(len(ends))
    first = np.maximum.accumulate(np.where(np.append(True, ends[:-1]), rows, 0))
    passed: Array = (rows - first) % horizon == horizon - 1
    return passed


def _limit(terminal: Array, timeout: Array) -> int | None:
    """The steps after which time is over, if the timeouts show it.

    They do where most of the trajectories that one ends are of the same length and none is shorter,
    or all are multiples of the shortest, which several have: those between were not marked.
    maze2d's timeouts mark reached waypoints, after any number of steps.
    """
    last = np.flatnonzero(terminal | timeout)
    lengths = np.diff(last, prepend=-1)[timeout[last] & ~terminal[last]]
    if len(lengths) < _SEVERAL:
        return None
    least = int(lengths.min())
    same = int((lengths == least).sum())
    most = least > 1 and 2 * same > len(lengths)
    multiples = least >= _LONG and same > 1 and not (lengths % least).any()
    return least if most or multiples else None


def _read(path: Path) -> tuple[dict[str, Array], dict[str, Any]]:
    """Arrays of as many entries as there are rows, and what the file says of itself."""
    h5py = load_h5py()
    try:
        with h5py.File(path) as file:
            found: dict[str, Any] = {}
            file.visititems(lambda name, item: found.update({name: item}))
            data = {n: i for n, i in found.items() if isinstance(i, h5py.Dataset)}
            # What lies in another file is not read: a downloaded file could point anywhere.
            data = {n: i for n, i in data.items() if not (i.is_virtual or i.external)}
            missing = [name for name in NEEDED if not (name in data and data[name].shape)]
            if missing:
                raise DataError(
                    f"{path} is no D4RL file: it has no {', '.join(missing)} (it needs "
                    f"{', '.join(NEEDED)})."
                )
            count = len(data["observations"])
            rows = {
                name: item
                for name, item in data.items()
                if item.shape and item.shape[0] == count and item.dtype.kind in "biuf"
                if not name.startswith(("metadata/", "virtual/"))
            }
            check_memory(path, sum(item.nbytes for item in rows.values()))
            arrays = {name.replace("/", "."): item[()] for name, item in rows.items()}
            metadata = {
                name.partition("/")[2]: _plain(item[()])
                for name, item in data.items()
                if name.startswith("metadata/") and item.shape == ()
            }
    except FileNotFoundError:
        raise DataError(f"no file {str(path)!r} to import.") from None
    except BenchError:
        raise
    except Exception as error:  # a broken file makes HDF5 raise nearly anything
        raise DataError(f"{path} is no HDF5 file, or a damaged one ({why(error)}).") from None
    return _checked(path, arrays, count), metadata


def _checked(path: Path, arrays: dict[str, Array], count: int) -> dict[str, Array]:
    """Rewards and flags as (N,); infos under one name. Raises DataError for other shapes."""
    wrong = {name for name in NEEDED if name not in arrays}
    for name in ("rewards", *_ENDS):
        if name in arrays:
            if arrays[name].size != count:
                wrong.add(name)
            arrays[name] = arrays[name].reshape(-1)
    following = arrays.get("next_observations")
    if following is not None and following.shape != arrays["observations"].shape:
        raise DataError(
            f"{path} is no D4RL file: its next_observations are of the shape {following.shape}, "
            f"its observations of {arrays['observations'].shape}."
        )
    if wrong or not count:
        raise DataError(
            f"{path} is no D4RL file: it has {count} observations, and not as many numbers in "
            f"{', '.join(sorted(wrong)) or 'any array'}."
        )
    for name in _ENDS:
        if name in arrays:
            arrays[name] = arrays[name].astype(bool)
    return arrays


def _plain(value: Any) -> Any:
    """A scalar of the file as JSON can hold it."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return value.item() if isinstance(value, np.generic) else str(value)
