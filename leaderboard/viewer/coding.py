"""What the viewer's data files hold: arrays and a header, gzipped; poses as differences in int16.

A position is rounded to 0.1 mm and a quaternion's numbers to 1/32767. What is stored is the first
step in full, and of every later one its difference from the one before, zigzag-coded (0, -1, 1, -2,
… become 0, 1, 2, 3, …), number by number, low bytes apart from high ones: long runs of zeros, which
deflate packs best. `leaderboard/viewer/js/src/decode.js` reads it.
"""

from __future__ import annotations

import base64
import json
import struct
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.types import Array

POSITION = 1e-4  # m, of a unit of a coded position: errors are at most half of it
QUATERNION = 1 / 32767  # of a unit of a coded quaternion


def packed(header: Mapping[str, Any], arrays: Mapping[str, Array]) -> bytes:
    """A header and arrays as one gzipped block, which depends on nothing else.

    It begins with the length (uint32) of a JSON object: the header, and under "arrays" the type,
    shape and place of each array in what follows. All is little-endian.
    """
    places, blocks, place = {}, [], 0
    for name, array in arrays.items():
        little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        places[name] = {"type": little.dtype.str[1:], "shape": list(array.shape), "at": place}
        blocks.append(little.tobytes())
        place += len(blocks[-1])
    text = json.dumps({**header, "arrays": places}, separators=(",", ":"), allow_nan=False).encode()
    deflate = zlib.compressobj(9, zlib.DEFLATED, 31)
    data = b"".join([struct.pack("<I", len(text)), text, *blocks])
    return deflate.compress(data) + deflate.flush()


def unpacked(data: bytes) -> tuple[dict[str, Any], dict[str, Array]]:
    """What `packed` was given."""
    block = zlib.decompress(data, 31)
    (length,) = struct.unpack_from("<I", block)
    header = json.loads(block[4 : 4 + length])
    arrays = {}
    for name, info in header.pop("arrays").items():
        count = int(np.prod(info["shape"]))
        first = 4 + length + info["at"]
        found = np.frombuffer(block, f"<{info['type']}", count, first)
        arrays[name] = found.reshape(info["shape"])
    return header, arrays


def script(name: str, data: bytes) -> bytes:
    """A classic script that hands a block to the viewer, for pages that are opened as files.

    Pages from a disk may load scripts that lie beside them, and nothing else.
    """
    return f"entitybenchViewer.put({json.dumps(name)},{json.dumps(_base64(data))})\n".encode()


def of_script(text: bytes) -> bytes:
    """The block in a `script`."""
    return base64.b64decode(text.rpartition(b',"')[2].rpartition(b'"')[0])


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def coded(poses: Array) -> dict[str, Array]:
    """Poses as arrays for `packed`.

    Args:
        poses: (T, K, 7) float64, position (m) and quaternion (w, x, y, z) of K bodies at T steps.

    Returns:
        "first" (K·7,) int32, and "differences" (P, K·7, T - 1) uint8: P = 2 bytes of each number,
        or 4 where a body moves by more than 3.2 m in one step.
    """
    units = np.empty(poses.shape, np.int64)
    units[..., :3] = np.round(poses[..., :3] / POSITION)
    units[..., 3:] = np.round(_continuous(poses[..., 3:]) / QUATERNION)
    flat = units.reshape(len(units), -1)
    steps = np.diff(flat, axis=0).T
    zigzag = np.where(steps < 0, -2 * steps - 1, 2 * steps)
    count = 2 if zigzag.max(initial=0) < 2**16 else 4
    planes = np.stack([(zigzag >> (8 * plane)) & 255 for plane in range(count)])
    return {"first": flat[0].astype(np.int32), "differences": planes.astype(np.uint8)}


def decoded(first: Array, differences: Array) -> Array:
    """The poses (T, K, 7) that `coded` was given, to 0.05 mm and half of 1/32767."""
    zigzag = np.zeros(differences.shape[1:], np.int64)
    for plane, values in enumerate(differences):
        zigzag |= values.astype(np.int64) << (8 * plane)
    steps = np.where(zigzag & 1, -(zigzag >> 1) - 1, zigzag >> 1)
    start = first.astype(np.int64)[:, None]
    units = np.cumsum(np.concatenate([start, steps], axis=1), axis=1).T
    poses = units.reshape(len(units), -1, 7).astype(np.float64)
    poses[..., :3] *= POSITION
    poses[..., 3:] *= QUATERNION
    return poses


def _continuous(quaternions: Array) -> Array:
    """The same rotations (T, K, 4), each with the sign that is nearer to the one before."""
    turned = np.sum(quaternions[1:] * quaternions[:-1], axis=-1) < 0
    flips = np.cumprod(np.where(turned, -1.0, 1.0), axis=0)
    return np.concatenate([quaternions[:1], quaternions[1:] * flips[..., None]])
