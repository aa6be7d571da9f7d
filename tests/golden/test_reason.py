"""Problems of reasoning: their planners, verifiers and contexts, beside brute force."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest

from entitybench.envs.reason import chores, contexts, english
from entitybench.envs.reason import vocabulary as v
from entitybench.envs.reason.kitchen import Kitchen
from entitybench.envs.reason.problem import Problem
from entitybench.envs.reason.rearrange import Rearrange, Track
from entitybench.envs.reason.source import LEVELS, SPLITS, Source
from entitybench.envs.worlds import world_of
from entitybench.errors import BadValue, UnknownId
from entitybench.registry import tasks
from entitybench.seeding import generator

SOURCES: list[Any] = [world_of(task) for task in tasks() if "reason" in task.tags]
PLANNED = [source for source in SOURCES if source.domain != "track"]
each = pytest.mark.parametrize("source", SOURCES, ids=lambda s: f"{s.domain}-{s.level}")
planned = pytest.mark.parametrize("source", PLANNED, ids=lambda s: f"{s.domain}-{s.level}")


def test_every_domain_has_every_level() -> None:
    assert [(source.domain, source.level) for source in SOURCES] == [
        (domain, level) for domain in ("rearrange", "track", "kitchen") for level in LEVELS
    ]


def actions_of(source: Source) -> list[int]:
    return [token for token in range(v.ALL_TOKENS) if source.is_action(token)]


def shortest(source: Source, problem: Problem) -> int:
    """The fewest actions to the goal, by looking at every state in turn."""
    far, waiting = {problem.start: 0}, deque([problem.start])
    while waiting:
        state = waiting.popleft()
        if not source.unsolved(problem, state):
            return far[state]
        for action in actions_of(source):
            after, why = source.apply(problem, state, action)
            if not why and after not in far:
                far[after] = far[state] + 1
                waiting.append(after)
    raise AssertionError("there is no plan")


@planned
def test_plans_are_as_short_as_can_be(source: Source) -> None:
    for problem in source.problems(range(12)):
        assert len(problem.actions) == shortest(source, problem)
        again = source.plan(replace(problem, actions=()), generator(1))
        assert len(again.actions) == len(problem.actions)


@each
def test_a_problem_depends_on_its_number_alone(source: Source) -> None:
    some = source.problems([300, 2, 700])
    assert source.problems(range(701))[2] == some[1]
    assert source.problems([700, 300]) == [some[2], some[0]]
    assert type(source)(source.level).problems([2]) == [some[1]]
    assert source.draw(5, generator(3)) == source.draw(5, generator(3))


@each
def test_no_problem_is_in_two_splits(source: Source) -> None:
    """Splits are cut by content, so also those of other seeds and other levels do not meet."""
    asked = {}
    for split in SPLITS:
        found = [*source.problems(range(400), split), *source.draw(100, generator(9), split)]
        assert {source.split(problem) for problem in found} == {split}
        asked[split] = {tuple(source.question(problem)) for problem in found}
    for one, other in (SPLITS[:2], SPLITS[1:], SPLITS[::2]):
        assert not asked[one] & asked[other]


@each
def test_problems_are_of_their_level(source: Source) -> None:
    for problem in source.problems(range(300)):
        length = len(problem.actions)
        if source.domain == "track":
            low, high = Track.lengths[source.level - 1]
            assert low <= length <= high
        elif source.domain == "rearrange":
            parked = source.log(problem).count(v.PARK)
            assert parked == max(0, source.level - 3)
            low, high = ((1, 2), (3, 3), (4, 5), (3, 6), (6, 7))[source.level - 1]
            assert low <= length <= high
        else:
            signs = [rule[0] for rule in map(v.rule, problem.rules) if rule]
            assert signs.count("~") == max(0, source.level - 3)
            low, high = ((0, 0), (1, 2), (2, 3), (1, 3), (1, 3))[source.level - 1]
            assert low <= signs.count("<") <= high


@each
def test_questions_are_read_again_and_solutions_are_right(source: Source) -> None:
    for problem in source.problems(range(100)):
        read = source.read(source.question(problem))
        assert (read.start, read.goal, read.rules) == (problem.start, problem.goal, problem.rules)
        solution = source.solution(problem)
        assert max(solution) < source.tokens
        names = [token - v.STEP0 for token in solution if v.is_step(token)]
        assert names == (list(range(1, 1 + len(problem.actions))) if source.named else [])
        for written in (solution, [token for token in solution if not v.is_step(token)]):
            assert source.verify(problem, written).right  # names may be left out
            assert not any(line.why for line in source.trace(problem, written))
        assert source.verify(problem, source.log(problem)).right
        hinted = source.hinted(problem)
        assert hinted[0] == v.EXPLAIN
        assert hinted[-1] == v.CHAIN


def test_the_tokens_and_lengths_are_those_of_the_measured_recipe() -> None:
    assert v.TABLE_TOKENS == 81
    hard, long = Rearrange(5), Track(5)
    assert {len(hard.question(problem)) for problem in hard.problems(range(50))} == {15}
    assert {len(hard.hinted(problem)) for problem in hard.problems(range(50))} == {24}
    assert max(len(hard.solution(problem)) for problem in hard.problems(range(50))) <= 80
    (problem,) = long.problems([0])
    assert len(long.solution(problem)) == 6 + 8 * len(problem.actions) + 8
    text = "0B 1D 2. 3. 4. 5."
    assert v.written(v.tokens_of(text)) == text


SMALL = Problem(start=(0, 1, 5, 5, 5, 5), goal=(1, 0, 5, 5, 5, 5))  # A and B change places


def test_the_verifier_accepts_what_brute_force_does() -> None:
    """All answers of up to three moves of two blocks."""
    source = Rearrange(4)
    moves = [token for token in actions_of(source) if v.block_and_slot(token)[0] < 2]
    right = 0
    for length in (1, 2, 3):
        for plan in product(moves, repeat=length):
            state, legal = list(SMALL.start), True
            for move in plan:
                block, slot = v.block_and_slot(move)
                legal = legal and state[slot] == v.EMPTY
                if legal:
                    state[state.index(block)], state[slot] = v.EMPTY, block
            wanted = legal and tuple(state) == SMALL.goal
            right += wanted
            answer = [v.ANSWER, *plan, v.EOS]
            assert source.verify(SMALL, answer).right == wanted, v.written(answer)
    assert right == 8  # either block is parked in one of four slots


@pytest.mark.parametrize(
    ("answer", "step", "words"),
    [
        ("# A>2 B>0 A>1 <eos>", None, ""),
        ("# B>5 A>1 B>0 <eos> A>3", None, ""),
        ("# A>3 A>2 B>0 A>1 # B>0 <eos>", 5, "# is no move"),
        ("A>2 B>0 A>1", None, "there is no #"),
        ("# A>2 B>0 A>1", None, "it never ends"),
        ("# A>1 <eos>", 1, "A cannot go to slot 1: B is there"),
        ("# A>2 A>2 <eos>", 2, "A cannot go to slot 2: it is there already"),
        ("# A>2 C>0 <eos>", 2, "C is not on the table"),
        ("# A>2 +m <eos>", 2, "+m is no move"),
        ("# A>2 B>0 <eos>", None, "it ends with 1., and the goal is 1A, and 1 more slots differ"),
        ("# <eos>", None, "it ends with 0A, and the goal is 0B, and 1 more slots differ"),
        (f"# {'A>2 A>0 ' * 5}A>2 B>0 A>1 <eos>", 11, "it has 13 moves; at most 10 are allowed"),
    ],
)
def test_where_an_answer_breaks(answer: str, step: int | None, words: str) -> None:
    found = Rearrange(4).verify(SMALL, v.tokens_of(answer))
    assert (found.right, found.step, found.why) == (not words, step, found.why)
    assert words in found.why


def test_where_a_chain_of_thought_breaks() -> None:
    source = Track(1)
    problem = source.read(v.tokens_of("<T> 0A 1B 2. 3. 4. 5. H: A>2 B>0" + " <pad>" * 12 + " C:"))
    wrong = (
        "0A 1B 2. 3. 4. 5. A>2 0. 1B 2. 3A 4. 5. B>0 0B 1. 2. 3A 4. 5. # 0B 1. 2. 3A 4. 5. <eos>"
    )
    found = source.verify(problem, v.tokens_of(wrong))
    assert (found.right, found.step) == (False, 1)
    assert found.why == "it says 2., and it is 2A, and 1 more"
    fixed = (
        wrong[: wrong.index("#")]
        + "! @1 0. 1B 2A 3. 4. 5. B>0 0B 1. 2A 3. 4. 5. # 0B 1. 2A 3. 4. 5. <eos>"
    )
    assert source.verify(problem, v.tokens_of(fixed)).right
    places = [(line.place, bool(line.why)) for line in source.trace(problem, v.tokens_of(fixed))]
    assert places == [
        ("start", False),
        ("step 1", True),
        ("step 2", True),
        ("corrects step 1", False),
        ("step 2", False),
        ("answer", False),
    ]
    for answer, words in (
        ("# 0B 1. 2A 3. 4. 5. 5. <eos>", "no state of six slots"),
        ("# 1. 0B 2A 3. 4. 5. <eos>", "no state of six slots"),
        ("# <eos>", "nothing between # and <eos>"),
        ("# 0B 1. 2A 3. 4. 5.", "never ends"),
        ("0B 1. 2A 3. 4. 5. <eos>", "no #"),
    ):
        assert words in source.verify(problem, v.tokens_of(answer)).why


def test_whatever_is_written_is_looked_at_without_an_error() -> None:
    rng = generator(0, "noise")
    for source in SOURCES:
        (problem,) = source.problems([0])
        for length in range(40):
            tokens = rng.integers(0, v.ALL_TOKENS + 5, length).tolist()
            assert not source.verify(problem, tokens).right
            source.trace(problem, tokens)
            v.written(tokens)
            contexts.flags(tokens)


def test_rules_of_the_kitchen_beside_one_another() -> None:
    """The tables that plans are made of, and actions one by one."""
    source = Kitchen(5)
    for problem in source.problems(range(30)):
        columns = source._columns(problem)
        _, after = chores.distances(columns["needs"], columns["undoes"], columns["goal"])
        for number in range(chores.STATES):
            state = tuple(number >> i & 1 for i in range(chores.COUNT))
            for act in range(chores.COUNT):
                ours, why = source.apply(problem, state, v.ACT0 + act)
                expected = -1 if why else sum(on << i for i, on in enumerate(ours))
                assert after[0, act, number] == expected


def test_the_kitchen_allows_as_many_actions_as_its_shortest_plan() -> None:
    """One more, in the place of none, is refused although it leads to the goal as well."""
    source = Kitchen(5)
    told = 0
    for problem in source.problems(range(40)):
        assert source.read(source.question(problem)).most == problem.most == len(problem.actions)
        spare = [
            v.ACT0 + i for i in range(chores.COUNT) if not (problem.start[i] or problem.goal[i])
        ]
        for action in spare:
            longer = replace(problem, actions=(action, *problem.actions))
            verdict = source.verify(problem, source.final(longer))
            assert not verdict.right
            told += (
                verdict.why
                == f"it has {longer.most + 1} actions; at most {problem.most} are allowed"
            )
    assert told  # others cannot be done at all


@pytest.mark.parametrize(("level", "helpers"), [(3, 0), (4, 1), (5, 2)])
def test_what_nobody_asks_for_must_be_done_in_the_kitchen(level: int, helpers: int) -> None:
    source = Kitchen(level)
    for problem in source.problems(range(40)):
        done = {action - v.ACT0 for action in problem.actions}
        assert sum(not problem.goal[fact] for fact in done) == helpers


def test_walks_in_the_kitchen_can_be_done_and_end_at_their_goal() -> None:
    source = Kitchen(5)
    found = source.walks(200, 7, generator(0, "walks of a test"))
    assert {len(walk.actions) for walk in found} == set(range(1, 8))
    for walk in found:
        assert source.verify(walk, source.solution(walk)).right
        assert source.split(walk) == "train"
    with pytest.raises(BadValue, match="longest"):
        source.walks(3, 0, generator(0))


CONTEXTS = [(source, kind) for source in SOURCES for kind in contexts.kinds_of(source)]


@pytest.mark.parametrize(
    ("source", "kind"), CONTEXTS, ids=[f"{s.domain}-{s.level}-{kind}" for s, kind in CONTEXTS]
)
def test_contexts_are_harmful_and_can_be_mended(source: Source, kind: str) -> None:
    found = []
    for item, problem in enumerate(source.problems(range(40))):
        made = contexts.context(source, problem, kind, generator(item, kind))
        assert made == contexts.context(source, problem, kind, generator(item, kind))
        if made is None:
            continue
        found.append(made)
        right = source.verify(made.problem, made.misled).right
        assert right == (kind == contexts.CONTROL)
        assert source.split(made.problem) == "test" or kind == "redundant"
        lines = source.trace(made.problem, made.prefix)
        if kind in contexts.CHAINS:
            assert made.step is not None
            wrong = [line.place for line in lines if line.why]
            assert wrong[0] == f"step {made.step}"
            repaired = contexts.repaired(source, made)
            assert source.verify(made.problem, [*made.prefix, *repaired]).right
            assert contexts.flags(repaired) == [made.step]
            again = contexts.learned(source, made.problem, made.step, made.chunk, generator(0))
            assert again is not None
            assert again.prefix == made.prefix
        else:
            assert not any(line.why for line in lines)
    # None of one or two moves can go on twice from an error.
    few = (source.domain, source.level, kind) in {("track", 1, "misled-2")}
    assert (len(found) == 0) if few else len(found) >= 10


def test_what_a_polluter_may_write() -> None:
    source = Track(3)
    (problem,) = source.problems([0])
    states, rng = source.states(problem), generator(0)

    def made(tokens: list[int]) -> contexts.Context | None:
        return contexts.learned(source, problem, 2, tokens, rng)

    truth = source.state_tokens(states[2])
    wrong = source.state_tokens(source.wrong_states("swap", states[2])[0])
    assert made(wrong) is not None
    assert made(truth) is None
    further = [v.STEP0 + 3, problem.actions[2], *source.state_tokens(states[3])]
    assert made([*truth, *further]) is None  # all of it is so
    assert made([*wrong, *further]) is not None
    for unnamed in (further[1:], [v.STEP0 + 4, *further[1:]], [*further[:2], v.STEP0 + 3]):
        assert made([*wrong, *unnamed]) is None
    for bad in (wrong[:-1], [*wrong, v.ANSWER], [*wrong, *wrong], wrong * 4, [], [v.PAD] * 6):
        assert made(bad) is None


@each
def test_english_says_the_same(source: Source) -> None:
    for problem in source.problems(range(30)):
        text = english.solution(source, problem)
        assert source.verify(problem, english.answer_of(source, text)).right
        assert english.boxed(source, problem) in english.hinted(source, problem)
    assert english.answer_of(source, "I do not know.") == []


def test_english_answers_may_be_written_in_several_ways() -> None:
    source = Rearrange(4)
    for text in ("A>2, B>0, A>1", "A -> 2; B to 0; A > 1".replace(";", ","), "A>2 B>0 A>1"):
        assert source.verify(SMALL, english.answer_of(source, f"\\boxed{{{text}}}")).right
    garbage = english.answer_of(source, "\\boxed{A>2, whatever, A>1}")
    assert source.verify(SMALL, garbage).why == "<pad> is no move"


def test_wrong_arguments_are_said_in_one_line() -> None:
    with pytest.raises(BadValue, match="1 to 5: got 6"):
        Rearrange(6)
    with pytest.raises(UnknownId, match=r"Did you mean .test."):
        Track(1).draw(1, generator(0), "tset")
    with pytest.raises(BadValue, match="no question of rearrange"):
        Rearrange(1).read([v.SOLVE, 3])
    with pytest.raises(BadValue, match="no question of kitchen"):
        Kitchen(1).read([v.SOLVE, 3])
    with pytest.raises(BadValue, match="no question of track"):
        Track(1).read([v.TRACK])
    with pytest.raises(BadValue, match="'A>9' is no token"):
        v.tokens_of("A>1 A>9")
    with pytest.raises(UnknownId, match="beside"):
        contexts.context(Track(1), Track(1).problems([0])[0], "besides", generator(0))


def test_walks_are_legal_and_of_their_split() -> None:
    source = Rearrange(1)
    found = source.walks(60, 7, generator(4))
    assert {len(walk.actions) for walk in found} == set(range(1, 8))
    assert all(source.split(walk) == "train" for walk in found)
    assert all(not any(line.why for line in source.trace(w, source.chain(w))) for w in found)


def test_splits_have_their_shares() -> None:
    source = Rearrange(3)
    rng = np.random.Generator(np.random.Philox(0))
    columns = source._asked(20_000, rng)
    from entitybench.envs.reason.source import split_of

    shares = np.bincount(split_of(source._content(columns)), minlength=3) / 20_000
    assert np.allclose(shares, [0.75, 0.125, 0.125], atol=0.01)
