"""Arrays in the JSON of a policy server: nested lists, or shape and base64 of float32."""

from __future__ import annotations

import base64
import binascii
import math
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from entitybench.errors import BadValue

if TYPE_CHECKING:
    from entitybench.types import Array

Encoding = Literal["list", "base64"]


def packed(array: Array, encoding: Encoding) -> Any:
    """An array as JSON: lists of numbers, or {"shape", "float32"} with little-endian bytes."""
    if encoding == "list":
        return array.tolist()
    data = np.ascontiguousarray(array, "<f4").tobytes()
    return {"shape": list(array.shape), "float32": base64.b64encode(data).decode()}


def unpacked(value: Any) -> Array:
    """The array of either. Raises BadValue for what is none."""
    try:
        if not isinstance(value, dict):
            return np.asarray(value, np.float64)
        shape = tuple(int(n) for n in value["shape"])
        data = base64.b64decode(value["float32"], validate=True)
        if min(shape, default=0) < 0 or len(data) != 4 * math.prod(shape):
            raise BadValue(f"{len(data)} bytes are no float32 of the shape {shape}.")
        return np.frombuffer(data, "<f4").reshape(shape).astype(np.float64)
    except (KeyError, TypeError, ValueError, OverflowError, binascii.Error):
        raise BadValue("it is neither lists of numbers nor shape and float32 in base64.") from None
