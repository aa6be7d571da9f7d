"""Numbers of predicted frames: how near they are to the true ones, and whether slots are entities.

Frames are (..., H, W, 3) uint8, true masks (..., H, W) the entity of each pixel, or -1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from entitybench.types import Array

MOST = 100.0  # dB, of frames that are equal
CHANGED = 0.05  # of the range of a channel, by which a pixel that moved differs
LOST = 12.0  # pixels that an entity is off by that is seen nowhere
DISTINCT = 60  # by which the colours of two entities differ, channels summed, to be told apart
_EDGE, _SIGMA = 11, 1.5  # pixels, of the window of SSIM (Wang et al. 2004)
_C1, _C2 = 0.01**2, 0.03**2


def psnr(predicted: Array, true: Array, where: Array | None = None) -> Array:
    """Peak signal to noise ratio of each frame in dB, (...); MOST where nothing differs.

    `where` (..., H, W) bool are the pixels that count; NaN for a frame without any.
    """
    square = np.square((predicted.astype(np.float64) - true) / 255).mean(-1)
    if where is None:
        where = np.ones(square.shape, bool)
    count = where.sum((-2, -1))
    error = np.where(where, square, 0.0).sum((-2, -1)) / np.where(count > 0, count, np.nan)
    return -10 * np.log10(np.maximum(error, 10 ** (-MOST / 10)))


def moved(first: Array, frames: Array) -> Array:
    """Pixels (T, H, W) bool that differ from the first frame (H, W, 3), and their neighbours."""
    apart = np.abs(frames.astype(np.int16) - first).max(-1) > CHANGED * 255
    padded = np.pad(apart, [(0, 0), (1, 1), (1, 1)])
    height, width = apart.shape[1:]
    shifts = [(y, x) for y in range(3) for x in range(3)]
    return np.any([padded[:, y : y + height, x : x + width] for y, x in shifts], axis=0)


def ssim(predicted: Array, true: Array) -> Array:
    """Structural similarity of each frame, (...): the mean over pixels and channels.

    Wang et al. 2004: a Gaussian window of 11 pixels, whole windows only. Frames of 11 pixels or
    more along an edge.
    """
    x, y = (np.moveaxis(f.astype(np.float64) / 255, -1, -3) for f in (predicted, true))
    kernels = [_kernel(edge) for edge in x.shape[-2:]]

    def blur(z: Array) -> Array:
        return kernels[0] @ z @ kernels[1].T

    mx, my = blur(x), blur(y)
    vx, vy, both = blur(x * x) - mx * mx, blur(y * y) - my * my, blur(x * y) - mx * my
    top = (2 * mx * my + _C1) * (2 * both + _C2)
    return (top / ((mx * mx + my * my + _C1) * (vx + vy + _C2))).mean((-3, -2, -1))


def _kernel(edge: int) -> Array:
    """(edge - 10, edge): weighted means over whole windows along an axis."""
    window = np.exp(-0.5 * ((np.arange(_EDGE) - _EDGE // 2) / _SIGMA) ** 2)
    rows = edge - _EDGE + 1
    found = np.zeros((rows, edge))
    for row in range(rows):
        found[row, row : row + _EDGE] = window / window.sum()
    return found


def place_errors(predicted: Array, true: Array, masks: Array) -> Array:
    """How far entities are from where they should be, in pixels, (T,): means over entities.

    An entity that is seen nowhere is LOST pixels off. Left out are an entity in the true frames
    where it is hidden, and what `places` leaves out; NaN where nothing is left.

    Args:
        predicted: (T, H, W, 3).
        true: (T + 1, H, W, 3), the first frame too.
        masks: (T + 1, H, W).
    """
    entities, found = places(predicted, true, masks)
    where = np.array([[_place(frame == k) for k in entities.tolist()] for frame in masks[1:]])
    where = where.reshape(found.shape)
    hidden = np.isnan(where[..., 0])
    errors = np.where(hidden, np.nan, _apart(found, where))
    seen = np.isfinite(errors)
    sums, counts = np.where(seen, errors, 0.0).sum(1), seen.sum(1)
    return sums / np.where(counts > 0, counts, np.nan)


def places(frames: Array, true: Array, masks: Array) -> tuple[Array, Array]:
    """Where entities are seen: their numbers (K,), and rows and columns (F, K, 2), NaN if nowhere.

    A pixel shows an entity where it is nearer to its colour than to that of any other entity, and
    to what is behind. An entity's place is the mean of its pixels. Left out are entities that are
    of one colour.

    Args:
        frames: (F, H, W, 3), where to look.
        true: (T + 1, H, W, 3), which tell of colours.
        masks: (T + 1, H, W), of the true frames.
    """
    entities = np.unique(masks[masks >= 0])
    colours = np.array([np.median(true[masks == k], axis=0) for k in entities])  # (K, 3)
    apart = np.abs(colours[:, None] - colours).sum(-1) + np.diag(np.full(len(colours), np.inf))
    alone = np.flatnonzero(apart.min(1, initial=np.inf) >= DISTINCT)
    to_behind = np.abs(frames.astype(np.float64) - background(true, masks)).sum(-1)
    to_colours = np.abs(frames[..., None, :].astype(np.float64) - colours).sum(-1)
    nearest = np.where(to_colours.min(-1) < to_behind, to_colours.argmin(-1), -1)
    found = np.array([[_place(frame == i) for i in alone.tolist()] for frame in nearest])
    return entities[alone], found.reshape(len(frames), len(alone), 2)


def edits_apart(plain: Array, edited: Array, true: Array, masks: Array) -> tuple[float, float]:
    """What edits of one factor each move, in pixels, and what else moves, as a share of it.

    An edit's target is the entity that it moves most. Returned are the mean over edits of how far
    targets are moved, and the mean over all other entities of how far these are, divided by it; NaN
    where nothing moves or fewer than two entities can be told apart. An entity that is seen in one
    frame alone has moved LOST pixels.

    Args:
        plain: (H, W, 3), predicted without an edit.
        edited: (G, H, W, 3), predicted with each.
        true: (T + 1, H, W, 3), which tell of colours.
        masks: (T + 1, H, W), of the true frames.
    """
    _, found = places(np.concatenate([plain[None], edited]), true, masks)
    if found.shape[1] < 2:
        return float("nan"), float("nan")
    nowhere = np.isnan(found[1:, :, 0]) & np.isnan(found[0, :, 0])
    moved = np.where(nowhere, 0.0, _apart(found[1:], found[0]))  # (G, K)
    most = moved.max(1)
    target = float(most.mean())
    others = float((moved.sum(1) - most).mean() / (moved.shape[1] - 1))
    return target, others / target if target > 0 else float("nan")


def _apart(a: Array, b: Array) -> Array:
    """How far places (..., 2) are from each other; LOST where one of them is none."""
    return np.nan_to_num(np.hypot(*np.moveaxis(a - b, -1, 0)), nan=LOST)


def background(frames: Array, masks: Array) -> Array:
    """What is behind the entities, (H, W, 3): medians over time of pixels without one.

    A pixel that an entity covers in all frames gets the median of all that is behind.
    """
    free = masks < 0
    whole = np.median(frames[free], axis=0) if free.any() else np.zeros(3)
    shown = np.where(free[..., None], frames.astype(np.float64), np.nan)
    shown[0, (~free).all(axis=0)] = whole
    return np.nanmedian(shown, axis=0)


def _place(pixels: Array) -> Array:
    """Row and column of the mean of pixels (H, W) bool; NaN of none."""
    if not pixels.any():
        return np.full(2, np.nan)
    return np.array([axis.mean() for axis in np.nonzero(pixels)])


def foreground_ari(labels: Array, masks: Array) -> float:
    """Adjusted Rand index of slots (...) and entities (...), over the pixels of entities.

    Hubert and Arabie 1985. Frames of a clip are taken together, so that a slot which changes its
    entity counts as wrong. 0 is chance; NaN where there is one entity or none.
    """
    there = masks >= 0
    entity, true = np.unique(masks[there], return_inverse=True)
    slot, given = np.unique(labels[there], return_inverse=True)
    if len(entity) < 2:
        return float("nan")
    table = np.zeros((len(entity), len(slot)))
    np.add.at(table, (true, given), 1)

    def pairs(counts: Array) -> float:
        return float((counts * (counts - 1) / 2).sum())

    both, rows, columns = pairs(table), pairs(table.sum(1)), pairs(table.sum(0))
    expected = rows * columns / max(pairs(table.sum(keepdims=True)), 1.0)
    most = (rows + columns) / 2
    return 1.0 if most == expected else (both - expected) / (most - expected)
