"""Arrays as bytes of numpy's own format, read so that nothing in them can run or fill memory."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING

import numpy as np

from entitybench.words import reason

if TYPE_CHECKING:
    from entitybench.types import Array

_FORMAT = np.lib.format


def packed(array: Array) -> bytes:
    """The array in format 1.0 of .npy files."""
    file = io.BytesIO()
    _FORMAT.write_array(file, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
    return file.getvalue()


def unpacked(data: bytes, dtypes: tuple[str, ...]) -> Array:
    """What `packed` gave, for reading only.

    Args:
        data: of a file that anybody may have written.
        dtypes: those that are allowed, such as "<f8".

    Raises:
        ValueError: it is no such array, with the reason.
    """
    file = io.BytesIO(data)
    try:
        if _FORMAT.read_magic(file) != (1, 0):
            raise ValueError("another version of the format than 1.0")
        shape, fortran, dtype = _FORMAT.read_array_header_1_0(file)
    except Exception as error:  # a header is a Python literal, which can be wrong in many ways
        raise ValueError(f"no array of numpy's format 1.0: {reason(error)}") from None
    if dtype.hasobject:
        raise ValueError("it holds pickled objects, which are never read")
    if dtype.str not in dtypes or fortran:
        raise ValueError(f"an array of {dtype.str}; expected {' or '.join(dtypes)} in C order")
    first = file.tell()
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != len(data) - first:
        raise ValueError(f"its shape {shape} is not that of the {len(data) - first} bytes it has")
    return np.frombuffer(data, dtype, offset=first).reshape(shape)
