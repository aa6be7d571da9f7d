"""OGBench files: one `.npz` of flat arrays, episodes one after another.

OGBench keeps validation episodes in a second file, `<name>-val.npz` beside `<name>.npz`.
"""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import numpy as np

from entitybench.datasets.minari.flat import check_memory, column_name, fill, foreign
from entitybench.datasets.minari.trajectories import layout, unmarked
from entitybench.datasets.sampling.columns import is_of_steps
from entitybench.datasets.store.checks import why
from entitybench.datasets.store.schema import Column, episode_row
from entitybench.errors import BenchError, DataError
from entitybench.notices import warn

if TYPE_CHECKING:
    from pathlib import Path

    from entitybench.types import Array

NEEDED = ("observations", "actions", "terminals")


def read_ogbench(path: Path, folder: Path) -> None:
    """Fill a store from OGBench's layout: `terminals` is 1 at the last row of each episode.

    A file with `next_observations` is as OGBench's loader gives it, without that row: it is added.

    That row's action leads nowhere; it becomes the padding, and its reward and mask with it. Other
    arrays of as many rows (qpos, qvel, button states; of single tasks rewards and masks) become
    columns of their names. Masks of the file are kept: 0 where the goal is reached, also where the
    episode goes on. A file without any has no ends but those of time. What a file `<name>-val.npz`
    beside it holds becomes the split "validation".

    Raises:
        DataError: not such a file, or one for validation that does not fit it.
    """
    columns, lengths = _episodes(path)
    splits = ["train"] * len(lengths)
    beside = path.with_name(f"{path.stem}-val.npz")
    if beside.exists():
        more, others = _episodes(beside)
        for name in columns.keys() | more.keys():
            one, other = (c.get(name) for c in (columns, more))
            if one is None or other is None or Column.of(one) != Column.of(other):
                raise DataError(
                    f"{beside} does not belong to {path.name}: they have other {name}. Move it to "
                    "another folder to import one of them alone."
                )
        columns = {name: np.concatenate([columns[name], more[name]]) for name in columns}
        lengths, splits = [*lengths, *others], splits + ["validation"] * len(others)
    rows = [
        episode_row(i, split, int(length))
        for i, (length, split) in enumerate(zip(lengths, splits, strict=True))
    ]
    fill(folder, columns, rows, foreign(path.stem, "ogbench"))


def _episodes(path: Path) -> tuple[dict[str, Array], list[int]]:
    """The columns (rows, ...) of a file, and the steps of its episodes."""
    arrays = _read(path)
    arrays = _with_last_states(path, arrays)
    terminals, actions = arrays.pop("terminals").astype(bool).reshape(-1), arrays["actions"]
    rows = len(arrays["observations"])
    if len(terminals) != rows or len(actions) != rows or not rows or not terminals[-1]:
        raise DataError(
            f"{path}: {rows} observations, {len(actions)} actions and {len(terminals)} terminals; "
            "OGBench files hold as many of each, and the last terminal is 1."
        )
    lengths = np.diff(np.concatenate([[-1], np.flatnonzero(terminals)])) - 1
    if not lengths.all():
        warn(f"left out: {int((lengths == 0).sum())} episodes of one state.")
    kept = np.repeat(lengths > 0, lengths + 1)
    if not kept.any():
        raise DataError(f"{path} holds no episode of two states.")
    masks = _masks(path, arrays.pop("masks", None), terminals)
    for name, array in arrays.items():
        if is_of_steps(name) and array.shape[:1] == (rows,):
            array[terminals] = 0
    columns = {
        column_name(name, array): array[kept]
        for name, array in arrays.items()
        if array.shape[:1] == (rows,)
    }
    columns |= {"terminals": terminals[kept], "masks": masks[kept]}
    return columns, lengths[lengths > 0].tolist()


def _with_last_states(path: Path, arrays: dict[str, Array]) -> dict[str, Array]:
    """A row more for each trajectory of a file that names the state after each action.

    OGBench's loader gives such arrays: `terminals` is 1 at the last action, which leads somewhere.
    Where a next state is not the state of the row after it, a trajectory ends as well.
    """
    following = arrays.pop("next_observations", None)
    if following is None:
        return arrays
    rows, seen = len(following), arrays["observations"]
    ends = arrays["terminals"].astype(bool).reshape(-1)
    if following.shape != seen.shape or len(ends) != rows or not rows:
        raise DataError(
            f"{path}: next_observations are of the shape {following.shape}, observations of "
            f"{seen.shape}, and there are {len(ends)} terminals."
        )
    missing = unmarked(path, seen, following, ends, "terminals")
    taken, lengths, last = layout(np.zeros(rows, bool), ends | missing, has_next=True)
    padding = np.cumsum(lengths + 1) - 1
    found = {name: a[taken] if a.shape[:1] == (rows,) else a for name, a in arrays.items()}
    found["observations"][padding] = following[last]
    found["terminals"] = np.isin(np.arange(len(taken)), padding)
    return found


def _masks(path: Path, masks: Array | None, terminals: Array) -> Array:
    """Where what comes next counts: (rows,) bool, as the file says, and nowhere at padding rows.

    Raises DataError for masks that are none.
    """
    if masks is None:
        return ~terminals
    if masks.size != len(terminals) or not np.isin(masks, (0, 1)).all():
        raise DataError(
            f"{path}: masks are one 0 or 1 a row; these are of the shape {masks.shape}, from "
            f"{masks.min(initial=np.inf):g} to {masks.max(initial=-np.inf):g}."
        )
    found: Array = masks.reshape(-1).astype(bool) & ~terminals
    return found


def _read(path: Path) -> dict[str, Array]:
    """The arrays of numbers in an archive. Raises DataError."""
    try:
        with zipfile.ZipFile(path) as archive:
            check_memory(path, sum(entry.file_size for entry in archive.infolist()))
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        numbers = {n: a for n, a in arrays.items() if a.ndim and a.dtype.kind in "biuf"}
        missing = [name for name in NEEDED if name not in numbers]
        if missing:
            raise ValueError(f"it has no numbers called {', '.join(missing)}")
    except FileNotFoundError:
        raise DataError(f"no file {str(path)!r} to import.") from None
    except BenchError:
        raise
    except Exception as error:  # a broken archive makes zipfile and numpy raise nearly anything
        # numpy advises to allow pickles.
        reason = "it holds pickled objects" if "pickle" in str(error) else why(error)
        raise DataError(
            f"{path} is no OGBench file ({reason}): it needs the arrays {', '.join(NEEDED)}."
        ) from None
    return numbers
