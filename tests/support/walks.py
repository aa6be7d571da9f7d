"""Random steps in any view of a task, as values that compare exactly."""

from __future__ import annotations

from typing import Any

import numpy as np


def plain(value: Any) -> Any:
    """Comparable, exact."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [plain(each) for each in value]
    return np.asarray(value).tolist()


def drawn(space: Any, rng: np.random.Generator) -> Any:
    if hasattr(space, "spaces"):
        return {name: drawn(each, rng) for name, each in space.spaces.items()}
    return int(rng.integers(space.n)) if hasattr(space, "n") else rng.uniform(-1, 1, space.shape)


def steps(env: Any, seed: int, count: int) -> list[Any]:
    """What some steps give, of random actions; less where an episode of one step is over."""
    rng, found = np.random.default_rng(seed), []
    spaces = getattr(env, "action_spaces", None)
    for _ in range(count):
        if getattr(env, "agents", True) == [] or (hasattr(env, "team") and not env.team.agents):
            env.reset()
        one = {n: drawn(s, rng) for n, s in spaces.items()} if spaces else None
        found.append(plain(env.step(drawn(env.action_space, rng) if one is None else one)))
    return found
