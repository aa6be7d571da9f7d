"""Entities out of pixels: what a camera shows of each, as a row of numbers.

These are oracle particles: which pixel shows whom is told by the renderer's segmentation, and how
near by its depth, which no camera tells. So they are an upper bound for what finds entities by
itself. A particle says nothing that is not in the picture: no speed, no orientation, and of an
entity that is hidden nothing at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from entitybench.envs.core.world import Variation
    from entitybench.envs.drawing.render import Renderer
    from entitybench.types import Array

# Centre and extent in half edges of the picture, x to the right and y upwards from its middle;
# order among what is seen, 0 the nearest and below 1; seen or not; mean colour, from 0 to 1.
PARTICLE = ("x", "y", "width", "height", "order", "seen", "red", "green", "blue")


def particles(picture: Array, entity: Array, depth: Array, entities: int) -> Array:
    """(N, 9) float32, features as `PARTICLE` names them; zeros of an entity that is not seen.

    Args:
        picture: (H, W, 3) uint8.
        entity: (H, W) int, which entity a pixel shows; -1 for none.
        depth: (H, W), in any unit.
        entities: N.
    """
    height, width = entity.shape
    rows, columns = np.nonzero(entity >= 0)
    whose = entity[rows, columns]
    count = np.bincount(whose, minlength=entities)
    seen = count > 0

    def mean(values: Array) -> Array:
        return np.bincount(whose, values, entities) / np.maximum(count, 1)

    found = np.zeros((entities, len(PARTICLE)))
    # Pixels' middles, from -1 to 1 across the picture.
    x, y = (2 * columns + 1) / width - 1, 1 - (2 * rows + 1) / height
    found[:, 0], found[:, 1] = mean(x), mean(y)
    found[:, 2] = _span(whose, columns, entities) * 2 / width
    found[:, 3] = _span(whose, rows, entities) * 2 / height
    far = np.where(seen, mean(depth[rows, columns]), np.inf)
    found[:, 4] = np.argsort(np.argsort(far, kind="stable"), kind="stable") / entities
    found[:, 5] = 1
    found[:, 6:] = np.stack([mean(picture[rows, columns, k]) for k in range(3)], -1) / 255
    return np.where(seen[:, None], found, 0).astype(np.float32)


def _span(whose: Array, at: Array, entities: int) -> Array:
    """(N,): how many rows or columns lie between the first pixel and the last, both counted."""
    first, last = np.full(entities, np.iinfo(np.int64).max), np.full(entities, -1)
    np.minimum.at(first, whose, at)
    np.maximum.at(last, whose, at)
    return np.where(last >= 0, last - first + 1, 0)


def drawn_particles(
    draw: Renderer,
    state: Array,
    constants: Array,
    *,
    robot: bool = True,
    variation: Variation | None = None,
    absent: Array | None = None,
    posed: bool = False,
) -> Array:
    """`particles` of one state: (N, 9). Arguments as of `Renderer.render`."""
    picture = draw.render(
        state, constants, robot=robot, variation=variation, absent=absent, posed=posed
    )
    more = {"robot": robot, "posed": posed}
    entity = draw.segmentation(state, constants, variation, absent, **more)
    depth = draw.depth(state, constants, variation, absent, **more)
    return particles(picture, entity, depth, len(constants))
