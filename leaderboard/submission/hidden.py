"""Starts that nobody knows before an agent is fixed: a board commits itself to a secret first.

Before a season a board publishes the SHA-256 of a secret. Who submits fixes an agent by a digest,
such as the SHA-256 of its weights, and only then is told the seeds of its starts, which follow from
the secret and that digest. When the season is over the secret is revealed, and anybody can derive
every seed again: the board could not choose starts for a submission, nor the submitter agents for
starts.

    seed k = the first 63 bits of HMAC-SHA256(secret, digest ":" task ":" k)

Starts that are solved before the first action are rejected as they are drawn: the next k is taken.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from entitybench.errors import BadValue, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.types import Array, TaskSpec

BYTES = 32  # of a secret
_HEX = re.compile(r"[0-9a-f]{64}")
_WIDTH = 25  # starts that are looked at side by side
_MOST = 100  # times as many starts as are asked for, after which there are too few

Solved = Callable[["TaskSpec", "Sequence[int]"], "Array"]


def new_secret() -> bytes:
    """A secret, of the operating system's randomness."""
    return secrets.token_bytes(BYTES)


def commitment(secret: bytes) -> str:
    """What is published before: the SHA-256 of the secret, hex. Raises BadValue for a short one."""
    return hashlib.sha256(_checked(secret)).hexdigest()


def is_of(secret: bytes, published: str) -> bool:
    """Whether a secret that is revealed is the one that was committed to."""
    return hmac.compare_digest(hashlib.sha256(secret).hexdigest(), published)


def seed_of(secret: bytes, digest: str, task: str, index: int) -> int:
    """A seed in [0, 2^63).

    Args:
        secret: of the board.
        digest: SHA-256 (hex) of what was submitted, which fixes the agent.
        task: its id.
        index: 0, 1, …

    Raises BadValue for a short secret, no digest, or a negative index.
    """
    if not _HEX.fullmatch(digest):
        raise BadValue(f"a digest is 64 hex digits, SHA-256 of what is submitted: got {digest!r}.")
    text = f"{digest}:{task}:{whole('index', index, 0)}"
    found = hmac.new(_checked(secret), text.encode(), hashlib.sha256).digest()
    return int.from_bytes(found[:8], "big") >> 1


def drawn_seeds(
    secret: bytes, digest: str, task: TaskSpec, count: int, solved: Solved | None = None
) -> list[int]:
    """The seeds of a submission's hidden starts, in order: none is solved before it begins.

    Args:
        secret: of the board.
        digest: of what was submitted.
        task: whose starts.
        count: how many.
        solved: which of some seeds' starts are solved; None: `solved_starts`.

    Raises BadValue where nearly all starts of the task are solved.
    """
    judge = solved or solved_starts
    found: list[int] = []
    index, most = 0, _MOST * whole("count", count)
    while len(found) < count:
        if index >= most:
            raise BadValue(
                f"of {index} starts of {task.id} {index - len(found)} are solved before the first "
                f"action: there are no {count} to be hidden."
            )
        seeds = [seed_of(secret, digest, task.id, index + k) for k in range(_WIDTH)]
        index += _WIDTH
        found += [seed for seed, done in zip(seeds, judge(task, seeds), strict=True) if not done]
    return found[:count]


def solved_starts(task: TaskSpec, seeds: Sequence[int]) -> Array:
    """Which starts of a task are solved before the first action: (len(seeds),) bool."""
    from entitybench.envs.api import make_worlds

    worlds = make_worlds(task, len(seeds), 1)
    try:
        worlds.reset(seeds)
        return np.asarray(worlds.judge()["is_success"], bool)
    finally:
        worlds.close()


def _checked(secret: bytes) -> bytes:
    if len(secret) < BYTES:
        raise BadValue(f"a secret has {BYTES} bytes or more: got {len(secret)}.")
    return secret
