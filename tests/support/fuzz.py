"""Broken data to read: bytes, JSON and arrays."""

from __future__ import annotations

import numpy as np


def mutate(data: bytes, rng: np.random.Generator) -> bytes:
    """A few bytes flipped, cut out, doubled, or put where others are."""
    found = bytearray(data)
    for _ in range(int(rng.integers(1, 4))):
        if not found:
            break
        at, kind = int(rng.integers(len(found))), int(rng.integers(5))
        length = int(rng.integers(1, 20))
        if kind == 0:
            found[at] = int(rng.integers(256))
        elif kind == 1:
            del found[at : at + length]
        elif kind == 2:
            found[at:at] = found[at : at + length]
        elif kind == 3:
            other = int(rng.integers(len(found)))
            found[at : at + length] = found[other : other + length]
        else:
            found[at : at + 1] = str(rng.choice([0, -1, 2**31, 2**63, 10**30])).encode()
    return bytes(found)


def _anything(rng: np.random.Generator, depth: int = 0):
    """A random JSON value."""
    simple = (None, True, 0, -1, 2**63, 1e308, "", "..", "/x", "<f4", "row", "0" * 64, [], {})
    if depth > 2 or rng.random() < 0.6:
        return simple[rng.integers(len(simple))]
    if rng.random() < 0.5:
        return [_anything(rng, depth + 1) for _ in range(rng.integers(4))]
    keys = ("bytes", "sha256", "train", "shape", "dtype", "per", "..", "a/b", "actions")
    return {keys[rng.integers(len(keys))]: _anything(rng, depth + 1) for _ in range(3)}


def somewhere(value, rng):
    """Replace something inside a JSON value, in place."""
    while True:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        if not keys:
            return
        key = keys[rng.integers(len(keys))]
        if isinstance(value[key], dict | list) and rng.random() < 0.7:
            value = value[key]
        elif isinstance(value, dict) and rng.random() < 0.2:
            value[str(_anything(rng))] = value.pop(key)
            return
        else:
            value[key] = _anything(rng)
            return


def said_of(call, kind):
    """What a call returns; None where it raises `kind`, with one short line."""
    try:
        return call()
    except kind as error:
        text = str(error)
    assert "\n" not in text
    assert len(text) < 1000
    return None


def bad_array(rng, count):
    """An array that no reader expects; most have `count` entries."""
    makers = (
        lambda: np.zeros(count),
        lambda: np.full(count, np.nan),
        lambda: np.full((count, 2), np.inf),
        lambda: np.zeros((count, 0)),
        lambda: np.zeros(()),
        lambda: np.zeros((0, 3)),
        lambda: np.array(["x"] * count),
        lambda: np.array([b"x"] * count),
        lambda: np.zeros(count, "M8[s]"),
        lambda: np.zeros(count, [("a", "f4"), ("b", "i4")]),
        lambda: np.zeros((count, 3), complex),
        lambda: np.zeros((count, 3), np.float16),
        lambda: np.zeros((count, 3), ">f4"),
        lambda: np.zeros((count, 3), np.longdouble),
        lambda: np.zeros((count, *[2] * 9)),
        lambda: np.full((count, 2), 1e308),
        lambda: np.full(count, 2**63 - 1),
        lambda: np.zeros((count + 1, 3)),
        lambda: np.zeros((count, 3), bool),
        lambda: np.asfortranarray(rng.normal(size=(count, 3))),
    )
    return makers[rng.integers(len(makers))]()
