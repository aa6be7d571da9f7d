"""OGBench files: one `.npz` of flat arrays, episodes one after another."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import numpy as np

from entitybench.datasets.store.schema import Column, episode_row
from entitybench.datasets.store.writer import StoreWriter
from entitybench.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path


def read_ogbench(path: Path, folder: Path) -> None:
    """Fill a store from OGBench's layout: `terminals` is 1 at the last row of each episode.

    That row's action leads nowhere; it becomes the padding. Other arrays of as many rows (qpos,
    qvel, button states) become columns of their names.

    Raises:
        DataError: not such a file.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        terminals = arrays.pop("terminals").astype(bool).reshape(-1)
        rows = len(arrays["observations"])
        actions = arrays["actions"]
    except FileNotFoundError:
        raise DataError(f"no file {str(path)!r} to import.") from None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        # numpy takes whatever is no archive for a pickle, and advises to allow that.
        why = "no archive, or of pickled objects" if "pickle" in str(error) else error
        raise DataError(
            f"{path} is no OGBench file ({why}): it needs the arrays observations, actions and "
            "terminals."
        ) from None
    if len(terminals) != rows or len(actions) != rows or not rows or not terminals[-1]:
        raise DataError(
            f"{path}: {rows} observations, {len(actions)} actions and {len(terminals)} terminals; "
            "OGBench files hold as many of each, and the last terminal is 1."
        )
    ends = np.flatnonzero(terminals)
    lengths = np.diff(np.concatenate([[-1], ends])) - 1
    arrays["actions"] = np.where(terminals.reshape(-1, *[1] * (actions.ndim - 1)), 0, actions)
    arrays["actions"] = arrays["actions"].astype(actions.dtype)
    columns = {name: array for name, array in arrays.items() if len(array) == rows}
    columns |= {"terminals": terminals, "masks": ~terminals}
    writer = StoreWriter(folder, lengths, {n: Column.of(a) for n, a in columns.items()})
    writer.append(columns)
    writer.finish(
        [episode_row(i, "train", int(length)) for i, length in enumerate(lengths)],
        {
            "dataset": path.stem,
            "task": None,
            "task_version": None,
            "behaviour": None,
            "seed": None,
            "environment": None,
            "custom": True,
            "reference_scores": None,
            "source": "ogbench",
        },
    )
