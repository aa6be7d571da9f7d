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

    A pixel shows an entity where it is nearer to its colour than to that of any other entity, and
    to what is behind. An entity's place is the mean of its pixels; where there are none it is LOST
    pixels off. Left out are an entity in the true frames where it is hidden, and entities that are
    of one colour; NaN where nothing is left.

    Args:
        predicted: (T, H, W, 3).
        true: (T + 1, H, W, 3), the first frame too.
        masks: (T + 1, H, W).
    """
    entities = np.unique(masks[masks >= 0])
    colours = np.array([np.median(true[masks == k], axis=0) for k in entities])  # (K, 3)
    apart = np.abs(colours[:, None] - colours).sum(-1) + np.diag(np.full(len(colours), np.inf))
    alone = apart.min(1, initial=np.inf) >= DISTINCT
    behind = background(true, masks)
    to_behind = np.abs(predicted.astype(np.float64) - behind).sum(-1)
    to_colours = np.abs(predicted[..., None, :].astype(np.float64) - colours).sum(-1)
    nearest = to_colours.argmin(-1)
    shown = to_colours.min(-1) < to_behind
    errors = np.full((len(predicted), len(entities)), np.nan)
    for t in range(len(predicted)):
        for i, k in enumerate(entities.tolist()):
            there = masks[t + 1] == k
            if not there.any() or not alone[i]:
                continue
            found = shown[t] & (nearest[t] == i)
            errors[t, i] = np.hypot(*(_place(found) - _place(there))) if found.any() else LOST
    seen = np.isfinite(errors)
    sums, counts = np.where(seen, errors, 0.0).sum(1), seen.sum(1)
    return sums / np.where(counts > 0, counts, np.nan)


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
