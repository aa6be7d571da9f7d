"""What a base model learns before any rewards: pairs of what is shown and what is to be said.

`rearrange` and `kitchen`: half is solving the easy levels, where no block is ever parked and no
action is done that is not asked for; the rest is explaining, mostly random walks, so that any hint
can be followed. No problem of the hard levels is shown.

`track`: a quarter is solving; the rest are the roles of a polluter, who writes a wrong state with
up to two steps that follow from it, and of a repairer. In the chains of a repairer stand up to two
errors, which it is not to learn, and after each it names the wrong step and goes on from what is
so; each token of an error after its first is a lesson too, in noticing it. Some chains of thought
believe an error of their own, as texts do: so a model that can repair when it is asked to does not
do so when it is not.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.agents.common.language.learner import Said, packed, silent
from entitybench.envs.api import world_of
from entitybench.envs.reason import vocabulary as v
from entitybench.envs.reason.contexts import ALONE, CHAINS, LONGEST, context, repaired
from entitybench.errors import BadValue
from entitybench.registry import tasks
from entitybench.seeding import generator

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from entitybench.envs.reason.contexts import Context
    from entitybench.envs.reason.problem import Problem
    from entitybench.envs.reason.source import Source
    from entitybench.types import Array

LEVELS = (1, 2, 3, 4, 5)
EASY = LEVELS[:3]
POOL = 8_192  # problems of each sort and level, drawn once
WALK = 7  # actions of the longest walk that is explained
SHARES: Mapping[str, Mapping[str, float]] = {
    "rearrange": {"solve": 0.5, "walk": 0.35, "explain": 0.15},
    "kitchen": {"solve": 0.5, "walk": 0.35, "explain": 0.15},
    "track": {"solve": 0.25, "pollute": 0.10, "repair": 0.55, "believe": 0.10},
}
ERRORS, ERRED = 2, 0.4  # the most errors of a repairer's chain, and how likely one is at a step
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


def called(pairs: Sequence[Said], length: int) -> tuple[Array, Array, Array]:
    """Lessons as `packed`, and what is to be said after each token but the last, (M, length − 1).

    That is the next token, but where an error stands that nobody has called wrong: there it is `!`.
    So every token of an error but its first is a lesson in noticing it.
    """
    tokens, mask = packed(pairs, length)
    said = tokens[:, 1:].copy()
    for row, (shown, words) in enumerate(pairs):
        unsaid = np.array(words[: length - len(shown)]) < 0
        after = len(shown) + np.flatnonzero(unsaid[1:] & unsaid[:-1])
        said[row, after], mask[row, after] = v.WRONG, 1
    return tokens, mask, said


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
            found["repair"].append(_reworked(source, problem, rng))
            wrong = context(source, problem, kind, rng)
            if wrong is None:
                continue
            clean = wrong.role(v.POLLUTE)[: -len(wrong.chunk)]
            found["pollute"].append((clean, [*wrong.chunk, v.EOS]))
            ends = repaired(source, wrong) if rng.random() < HEALED else _beyond(wrong)
            found["believe"].append((list(wrong.question), [*wrong.prefix, *ends]))
    return found


def _reworked(source: Source, problem: Problem, rng: np.random.Generator) -> Said:
    """A chain in which errors stand, silent from their first wrong token on, and are mended."""
    states, errors, further = source.states(problem), 0, LONGEST - 1
    said = source.state_tokens(states[0])
    for k, action in enumerate(problem.actions, 1):
        said += source.steps(k - 1, [action], [states[k]])
        if errors == ERRORS or rng.random() > ERRED:
            continue
        errors += 1
        kind = ALONE[int(rng.integers(len(ALONE)))]
        choices = source.wrong_states(kind, states[k])
        state = choices[int(rng.integers(len(choices)))]
        ahead, believed = source.follow(problem, state, k, rng)
        on = min(int(rng.integers(further + 1)), len(ahead))
        further -= on
        wrong, right = source.state_tokens(state), source.state_tokens(states[k])
        wrong += source.steps(k, ahead[:on], believed[1 : on + 1])
        first = next(j for j, token in enumerate(wrong) if token != right[j])
        del said[first - source.width :]
        said += [*silent(wrong[first:]), v.WRONG, v.STEP0 + k, *right]
    return [v.REPAIR, *source.question(problem)[1:]], [*said, *source.final(problem)]


def _beyond(found: Context) -> list[int]:
    """What who believes an error goes on with."""
    return list(found.misled[len(found.prefix) :])
