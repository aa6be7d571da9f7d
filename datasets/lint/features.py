"""Numbers that are none, and features that never change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from entitybench.datasets.lint.finding import Finding, chunks, flat, names_of, place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.types import Array

CHECK = "features"


def check_finite(columns: Mapping[str, Array], offsets: Array) -> list[Finding]:
    """Every number of every column is finite (padding with -inf is a known defect).

    Args:
        columns: (count, ...) each; those of as many entries as rows are located in an episode.
        offsets: (E + 1,).
    """
    found = []
    for name, column in columns.items():
        if column.dtype.kind != "f":
            continue
        count, first = 0, -1
        for part in chunks(range(len(column)), column):
            values = np.isfinite(column[part.start : part.stop])
            bad = ~values.reshape(len(values), -1).all(axis=1)
            if bad.any() and first < 0:
                first = part.start + int(np.argmax(bad))
            count += int(bad.sum())
        if count:
            in_rows = len(column) == offsets[-1]
            where = place(offsets, first) if in_rows else f"entry {first}"
            values = np.unique(flat(column[first : first + 1])[~np.isfinite(flat(column[[first]]))])
            found.append(
                Finding(
                    "error",
                    CHECK,
                    f"{name}, {where}",
                    f"{count} of {len(column)} entries hold numbers that are not finite "
                    f"({', '.join(map(str, values))})",
                    "leave these episodes out, or mend what wrote them; mark what is absent with a "
                    "mask, not with infinity",
                )
            )
    return found


def constant(column: Array) -> Array:
    """Which of the F features of (count, ...) never change: bool (F,)."""
    first = np.asarray(column[:1]).reshape(-1)
    same = np.ones(len(first), bool)
    for part in chunks(range(len(column)), column):
        values = np.asarray(column[part.start : part.stop]).reshape(len(part), -1)
        differs = values != first
        if column.dtype.kind == "f" and np.isnan(first).any():
            differs &= ~(np.isnan(values) & np.isnan(first))
        same &= ~differs.any(axis=0)
        if not same.any():
            break
    return same


def check_constant(
    name: str, column: Array, varies: Array | None = None, names: tuple[str, ...] = ()
) -> list[Finding]:
    """Features that never change in the data.

    Args:
        name: of the column.
        column: (count, ...).
        varies: (F,) bool, the features that differ between starts of the task, so often that it is
            no chance; those alone are looked at (an error). None: nobody knows; a warning.
        names: of the last axis.
    """
    same = constant(column)
    if varies is not None:
        same &= varies
    which = np.flatnonzero(same)
    if not len(which):
        return []
    shape = column.shape[1:]
    whole = len(which) == int(np.prod(shape))
    features = "nothing in it ever changes" if whole else f"{len(which)} features never change"
    known = "" if varies is None else ", though they differ between starts of the task"
    listed = "" if whole or not shape else f": {names_of(which, shape, names)}"
    return [
        Finding(
            "warning" if varies is None else "error",
            CHECK,
            name,
            f"{features}{known}{listed}",
            "check what wrote the column; leave out what carries nothing"
            if varies is None
            else "generate the data anew: the column was not filled as the task fills it",
        )
    ]
