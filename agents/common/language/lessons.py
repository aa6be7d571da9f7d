"""What a base model learns before any rewards: pairs of what is shown and what is to be said.

`rearrange` and `kitchen`: half is solving the easy levels, where no block is ever parked and no
action is done that is not asked for; the rest is explaining, mostly random walks, so that any hint
can be followed. No problem of the hard levels is shown.

`track`: half is solving; the rest are the roles of a polluter, who writes a wrong state with up to
two steps that follow from it, and of a repairer, who names the wrong step, if there is one, and
goes on from what is so. A few chains of thought believe an error of their own, as texts do: so a
model that can repair when it is asked to does not do so when it is not.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.envs.api import world_of
from entitybench.envs.reason import vocabulary as v
from entitybench.envs.reason.contexts import CHAINS, CONTROL, context, repaired
from entitybench.errors import BadValue
from entitybench.registry import tasks
from entitybench.seeding import generator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.agents.common.language.learner import Said
    from entitybench.envs.reason.contexts import Context
    from entitybench.envs.reason.source import Source

LEVELS = (1, 2, 3, 4, 5)
EASY = LEVELS[:3]
POOL = 8_192  # problems of each sort and level, drawn once
WALK = 7  # actions of the longest walk that is explained
SHARES: Mapping[str, Mapping[str, float]] = {
    "rearrange": {"solve": 0.5, "walk": 0.35, "explain": 0.15},
    "kitchen": {"solve": 0.5, "walk": 0.35, "explain": 0.15},
    "track": {"solve": 0.54, "pollute": 0.12, "repair": 0.18, "agree": 0.10, "believe": 0.06},
}
HEALED = 0.02  # of "believe": those that notice in the end


@cache
def pool(domain: str) -> dict[str, tuple[Said, ...]]:
    """Lessons by sort; the same for all training seeds. Raises BadValue for other domains."""
    if domain not in SHARES:
        raise BadValue(
            f"there are no lessons of {domain}: a base model learns {' or '.join(SHARES)}."
        )
    made = _track() if domain == "track" else _planned(domain)
    return {sort: tuple(found) for sort, found in made.items()}


def lessons(
    source: Source, count: int, rng: np.random.Generator, without: tuple[str, ...] = ()
) -> list[Said]:
    """`count` of them, by their shares, but for the sorts `without`."""
    kinds = pool(source.domain)
    shares = {s: x for s, x in SHARES[source.domain].items() if s not in without}
    share = np.array(list(shares.values()))
    sorts = rng.choice(list(shares), count, p=share / share.sum())
    return [kinds[sort][int(rng.integers(len(kinds[sort])))] for sort in sorts.tolist()]


@cache
def _longest(domain: str) -> int:
    return max(len(shown) + len(said) for sort in pool(domain).values() for shown, said in sort)


def longest(source: Source) -> int:
    """Tokens of the longest lesson of a domain."""
    return _longest(source.domain)


def _sources(domain: str, levels: tuple[int, ...] = EASY) -> list[Any]:
    return [world_of(tasks()[f"reason-{domain}-{level}"]) for level in levels]


def _planned(domain: str) -> dict[str, list[Said]]:
    """Of domains whose answer is a plan."""
    found: dict[str, list[Said]] = {"solve": [], "explain": []}
    for level, source in zip(EASY, _sources(domain), strict=True):
        for problem in source.draw(POOL, generator(level, "lessons", domain)):
            solution = source.solution(problem)
            found["solve"].append((source.question(problem), solution))
            found["explain"].append((source.hinted(problem), solution))
    (hardest,) = _sources(domain, LEVELS[-1:])  # has all sorts of rules; on the table none differ
    walks = hardest.walks(2 * POOL, WALK, generator(0, "walks", domain))
    found["walk"] = [(hardest.hinted(walk), hardest.solution(walk)) for walk in walks]
    return found


def _track() -> dict[str, list[Said]]:
    found: dict[str, list[Said]] = {name: [] for name in SHARES["track"]}
    for level, source in zip(EASY, _sources("track"), strict=True):
        rng = generator(level, "lessons", "track")
        for problem in source.draw(POOL, rng):
            found["solve"].append((source.question(problem), source.solution(problem)))
            kind = CHAINS[int(rng.integers(len(CHAINS)))]
            wrong, right = (context(source, problem, each, rng) for each in (kind, CONTROL))
            if wrong is None or right is None:
                continue
            clean = wrong.role(v.POLLUTE)[: -len(wrong.chunk)]
            found["pollute"].append((clean, [*wrong.chunk, v.EOS]))
            found["repair"].append((wrong.role(v.REPAIR), repaired(source, wrong)))
            found["agree"].append((right.role(v.REPAIR), _rest(source, right)))
            ends = repaired(source, wrong) if rng.random() < HEALED else _beyond(wrong)
            found["believe"].append((list(wrong.question), [*wrong.prefix, *ends]))
    return found


def _rest(source: Source, found: Context) -> list[int]:
    """What follows a chain without an error."""
    return source.solution(found.problem)[len(found.prefix) :]


def _beyond(found: Context) -> list[int]:
    """What who believes an error goes on with."""
    return list(found.misled[len(found.prefix) :])
