"""Meshes made small: corners on a grid, faces that collapse on it left out, numbers in 16 bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.types import Array

FACES = 48_000  # of all meshes of a task together, about
FINEST, COARSER = 0.001, 1.25  # m: corners nearer than that are one, or so many times more


@dataclass(frozen=True, slots=True)
class Mesh:
    """Corners (V, 3) in m, and faces (F, 3) of indices of corners."""

    corners: Array
    faces: Array


def simplified(meshes: Sequence[Mesh], most: int = FACES) -> list[Mesh]:
    """The meshes with about `most` faces in all, by clustering corners.

    Rossignac and Borrel, "Multi-resolution 3D approximations for rendering complex scenes" (1993):
    corners in one cell of a grid become their mean. One cell size for all, so that details of one
    size stay or go everywhere; of small meshes at most an eighth of their length, so that none
    vanishes.
    """
    cell = FINEST
    largest = [np.ptp(mesh.corners, axis=0).max() / 8 for mesh in meshes]
    found = list(meshes)
    while sum(len(mesh.faces) for mesh in found) > most:
        found = [
            clustered(mesh, min(cell, most)) for mesh, most in zip(meshes, largest, strict=True)
        ]
        cell *= COARSER
    return found


def clustered(mesh: Mesh, cell: float) -> Mesh:
    """The mesh with one corner in each cell (m) of a grid."""
    keys = _joined(np.floor(mesh.corners / cell).astype(np.int64))
    _, of, counts = np.unique(keys, return_inverse=True, return_counts=True)
    corners = np.stack(
        [np.bincount(of, mesh.corners[:, axis], len(counts)) / counts for axis in range(3)], axis=1
    )
    faces = of[mesh.faces]
    a, b, c = faces.T
    faces = faces[(a != b) & (b != c) & (c != a)]
    # Each face once, whichever corner it begins with, its sense kept.
    first = np.argmin(faces, axis=1)[:, None]
    faces = np.take_along_axis(faces, (first + np.arange(3)) % 3, axis=1)
    faces = faces[np.unique(_joined(faces), return_index=True)[1]]
    used, renamed = np.unique(faces, return_inverse=True)
    return Mesh(corners[used], renamed.reshape(-1, 3))


def _joined(rows: Array) -> Array:
    """One number (n,) for each row (n, 3) of whole numbers, in the rows' order."""
    rows = rows - rows.min(axis=0, initial=0)
    size = rows.max(axis=0, initial=0) + 1
    joined: Array = (rows[:, 0] * size[1] + rows[:, 1]) * size[2] + rows[:, 2]
    return joined


def quantised(mesh: Mesh) -> tuple[Array, Array, Array]:
    """A mesh in 16 bits.

    Returns:
        box: (2, 3) float64, the lowest corner of its bounding box and the box's size.
        corners: (3, V) uint16, as shares of the box in 65535ths.
        faces: (F·3,) uint16, or uint32 where there are too many corners: differences (modulo the
            type's range) from the index before.
    """
    low = mesh.corners.min(axis=0)
    size = np.maximum(np.ptp(mesh.corners, axis=0), 1e-9)
    corners = np.round((mesh.corners - low) / size * 65535).astype(np.uint16)
    wide = np.uint16 if len(corners) <= 65536 else np.uint32
    faces = np.diff(mesh.faces.reshape(-1), prepend=0).astype(np.int64)
    return np.stack([low, size]), np.ascontiguousarray(corners.T), faces.astype(wide)
