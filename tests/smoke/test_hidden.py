"""Hidden starts: committed to before, derived by anybody after, and none solved as it is drawn."""

from __future__ import annotations

import hashlib
import hmac

import numpy as np
import pytest

from entitybench.envs.api import make_worlds
from entitybench.errors import BadValue
from entitybench.leaderboard.submission import hidden
from entitybench.registry import tasks

SECRET, DIGEST = bytes(range(32)), "ab" * 32
TASK = tasks()["push-1block"]


def test_a_commitment_is_opened_by_its_secret_alone() -> None:
    published = hidden.commitment(SECRET)
    assert published == "630dcd2966c4336691125448bbb25b4ff412a49c732db2c8abc1b8581bd710dd"
    assert hidden.is_of(SECRET, published)
    assert not hidden.is_of(SECRET[:-1] + b"x", published)
    assert len(hidden.new_secret()) == 32
    assert hidden.new_secret() != hidden.new_secret()


def test_seeds_follow_from_secret_digest_task_and_index() -> None:
    text = f"{DIGEST}:push-1block:3".encode()
    first = hmac.new(SECRET, text, hashlib.sha256).hexdigest()[:16]
    assert hidden.seed_of(SECRET, DIGEST, "push-1block", 3) == int(first, 16) >> 1
    others = {
        hidden.seed_of(SECRET, DIGEST, "push-1block", 4),
        hidden.seed_of(SECRET, DIGEST, "push-2blocks", 3),
        hidden.seed_of(SECRET, "cd" * 32, "push-1block", 3),
        hidden.seed_of(SECRET[::-1], DIGEST, "push-1block", 3),
    }
    assert len(others | {int(first, 16) >> 1}) == 5
    assert all(0 <= seed < 2**63 for seed in others)


def test_starts_that_are_solved_are_passed_over() -> None:
    every = [hidden.seed_of(SECRET, DIGEST, TASK.id, k) for k in range(50)]

    def odd(_task: object, seeds: object) -> np.ndarray:
        return np.array([seed % 2 == 1 for seed in seeds])  # type: ignore[attr-defined]

    wanted = [seed for seed in every if seed % 2 == 0][:12]
    assert hidden.drawn_seeds(SECRET, DIGEST, TASK, 12, odd) == wanted
    with pytest.raises(BadValue, match="of 100 starts of push-1block 100 are solved"):
        hidden.drawn_seeds(SECRET, DIGEST, TASK, 1, lambda _, seeds: np.ones(len(seeds), bool))


def test_the_starts_are_looked_at_where_they_are() -> None:
    """Those of tasks are not, as a test of all tasks holds; an episode without blocks is."""
    seeds = hidden.drawn_seeds(SECRET, DIGEST, TASK, 3)
    assert seeds == [hidden.seed_of(SECRET, DIGEST, TASK.id, k) for k in range(3)]
    assert not hidden.solved_starts(TASK, seeds).any()
    worlds = make_worlds(TASK, 2, absent=("block0",))
    worlds.reset([0, 1])
    assert worlds.judge()["is_success"].all()
    worlds.close()


@pytest.mark.parametrize(
    ("secret", "digest", "words"),
    [(b"short", DIGEST, "32 bytes or more: got 5"), (SECRET, "AB" * 32, "64 hex digits")],
)
def test_what_cannot_be_is_one_line(secret: bytes, digest: str, words: str) -> None:
    with pytest.raises(BadValue, match=words):
        hidden.seed_of(secret, digest, TASK.id, 0)
