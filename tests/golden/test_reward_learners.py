"""Learners from verified answers: what a batch holds, and that each term learns what it should."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from entitybench.agents.common.language.learner import packed
from entitybench.agents.common.language.lessons import lessons, longest
from entitybench.envs.reason import vocabulary as v
from entitybench.envs.training import ProblemsOf
from entitybench.registry import agent, resolve_agent, tasks
from entitybench.seeding import BatchGenerator, generator

TASK = tasks()["reason-rearrange-5"]
DATA = ProblemsOf(TASK)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base model that knows next to nothing."""
    folder = tmp_path_factory.mktemp("base")
    one = made("tiny-lm")
    for _ in range(3):
        one.advance(DATA)
    one.save(folder)
    return folder


def made(id, base=None, seed=0, **changes):
    target = resolve_agent(agent(id))
    config = target.configure(agent(id), "tiny", TASK, **changes)
    parts = {} if base is None else {"base": base}
    return target.create(config, TASK, seed=seed, data=DATA, parts=parts)


def test_packed_rows_count_what_is_said_alone():
    tokens, mask = packed([([1, 2], [3, 4, 5]), ([6], [7]), ([0], [])], 6)
    np.testing.assert_array_equal(tokens, [[1, 2, 3, 4, 5, 0], [6, 7, 0, 0, 0, 0], [0] * 6])
    np.testing.assert_array_equal(mask, [[0, 1, 1, 1, 0], [1, 0, 0, 0, 0], [0] * 5])
    cut, of_it = packed([([1, 2], [3, 4, 5])], 4)
    assert cut.tolist() == [[1, 2, 3, 4]]
    assert of_it.tolist() == [[0, 1, 1]]


def test_lessons_park_no_block_where_a_problem_is_solved():
    source = made("tiny-lm").problems
    rng = generator(0, "test")
    drawn = lessons(source, 400, rng)
    shares = np.mean([shown[0] == v.SOLVE for shown, _ in drawn])
    assert 0.42 < shares < 0.58
    for shown, said in drawn:
        assert len(shown) + len(said) <= longest(source)
        if shown[0] == v.SOLVE:
            problem = source.read(shown)
            assert source.verify(problem, said).right
            ends = said.index(v.ANSWER)
            for move in said[ends + 1 : -1]:
                block, slot = v.block_and_slot(move)
                assert problem.goal[slot] == block
        else:
            assert shown[0] == v.EXPLAIN
            hint = [t for t in shown[shown.index(v.HINT) + 1 : -1] if t != v.PAD]
            assert said[said.index(v.ANSWER) + 1 : -1] == hint  # what it is told is what it says


def test_all_begin_with_the_base_model_and_its_problems_are_their_own(base):
    one, other = made("expo", base), made("expo", base, seed=1)
    weights = made("tiny-lm").load(base).params["model"]
    for group in ("model", "base"):
        for name, p in weights.items():
            torch.testing.assert_close(one.params[group][name], p, rtol=0, atol=0)
    asked, others = (set(x.to_learn_from(x.problems)) for x in (one, other))
    assert len(asked) == one.config.items
    assert not asked & others
    assert all(one.problems.split(problem) == "train" for problem in asked)


def test_a_batch_holds_rollouts_then_explanations_then_lessons(base, monkeypatch):
    one = made("expo", base, items=4, batch_size=3, group=2, rehearsed=5)
    source = one._source(DATA)
    right = {tuple(source.of.question(p)): source.of.solution(p) for p in source.problems}
    shown = []

    def say(group, prompts, chances, greedy=False):
        shown.append((group, prompts))
        if group == "base":
            return [[v.CHAIN, v.EOS] for _ in prompts]
        # The first answer of each group is right.
        return [right[tuple(q)] if i % 2 == 0 else [v.EOS] for i, q in enumerate(prompts)]

    monkeypatch.setattr(one, "say", say)
    batch = one.draw(source, generator(0, "draw"))
    (_, asked), (group, hinted) = shown
    assert group == "base"
    assert [q[0] for q in asked] == [v.SOLVE] * 6
    assert [q[0] for q in hinted] == [v.EXPLAIN] * 3
    tokens, mask = batch["tokens"][0], batch["mask"][0]
    assert tokens.shape[0] == 6 + 3 + 5
    assert np.isclose(batch["advantage"][0], np.tile([1, -1], 3), atol=1e-3).all()
    assert batch["log reward"] == 0.5
    assert batch["log live_groups"] == 1
    assert batch["log explain_ok"] == 0
    for row, question in zip(tokens[:6], asked, strict=True):
        assert row[: len(question)].tolist() == question
    for row, counted, question in zip(tokens[6:9], mask[6:9], asked[::2], strict=True):
        # Learned after the question alone: nobody tells the answer.
        assert row[: len(question) + 2].tolist() == [*question, v.CHAIN, v.EOS]
        assert counted.sum() == 2


@pytest.mark.parametrize(
    ("id", "written"),
    [("grpo-expert", "log"), ("oracle-cot", "solution"), ("sft-answers", "final")],
)
def test_other_answers_are_those_of_the_planner(id, written, base):
    one = made(id, base)
    source = one._source(DATA)
    problems = source.problems[:2]
    pairs, _ = one.extra(source, problems, np.zeros(2, bool), generator(0, "x"))
    write = getattr(source.of, written)
    assert pairs == [(source.of.question(p), write(p)) for p in problems]


def test_only_dead_groups_are_explained_when_asked_to(base):
    one = made("expo", base, explain_on="dead")
    source = one._source(DATA)
    chosen = source.problems[:2]
    _, found = one.extra(source, chosen, np.ones(2, bool), generator(0, "x"))
    assert found == {"explain_ok": 0.0}


def test_rewards_alone_teach_nothing_where_no_answer_is_right(base):
    one = made("grpo", base)
    batch = one.draw(one._source(DATA), generator(0, "draw"))
    assert not batch["advantage"].any()
    tensors = {name: torch.as_tensor(x) for name, x in batch.items()}
    numbers = {"extra": torch.tensor(1.0), "rehearsal": torch.tensor(0.0)}
    loss, _ = one.losses(one.params, tensors, numbers)
    loss.backward()
    assert all((p.grad == 0).all() for p in one.params["model"].values())


def test_groups_that_teach_nothing_give_way(base, monkeypatch):
    one = made("grpo-dynamic", base, items=8, batch_size=2, group=2)
    source = one._source(DATA)
    good = {tuple(source.of.question(p)): source.of.solution(p) for p in source.problems[4:]}

    def say(group, prompts, chances, greedy=False):
        return [
            good.get(tuple(q), [v.EOS]) if i % 2 == 0 else [v.EOS] for i, q in enumerate(prompts)
        ]

    monkeypatch.setattr(one, "say", say)
    asked, pairs, rewards = one.rollouts(source, source.problems[:2], generator(0, "draw"))
    assert len(asked) == 2
    assert len(pairs) == 4
    assert rewards.shape == (2, 2)
    mixed = [p in source.problems[4:] for p in asked]
    np.testing.assert_array_equal(rewards.max(1) > rewards.min(1), mixed)
    assert any(mixed)


def test_star_begins_each_round_with_the_base_model(base, monkeypatch):
    one = made("star", base, items=4)
    source = one._source(DATA)
    right = {tuple(source.of.question(p)): source.of.solution(p) for p in source.problems}
    told = {tuple(source.of.hinted(p)): source.of.solution(p) for p in source.problems[1:2]}
    first = tuple(source.of.question(source.problems[0]))

    def say(group, prompts, chances, greedy=False):
        return [right[first] if tuple(q) == first else told.get(tuple(q), [v.EOS]) for q in prompts]

    monkeypatch.setattr(one, "say", say)
    one.params["model"]["out.bias"].data += 1.0
    one.begin(one.phase, source)
    assert one.buffers["fits"].tolist() == [True, True, False, False]
    torch.testing.assert_close(one.params["model"]["out.bias"], one.params["base"]["out.bias"])
    second = source.problems[1]
    row = one.buffers["tokens"][1, 0].tolist()
    whole = [*source.of.question(second), *source.of.solution(second)]
    assert row[: len(whole)] == whole  # asked without the hint
    tokens, _ = one.some_written(generator(0, "x"))
    kept = {tuple(x) for x in one.buffers["tokens"][:2, 0].tolist()}
    assert {tuple(x) for x in tokens[:, 0].tolist()} <= kept


def test_the_worse_answer_is_a_wrong_one_where_there_is_one(base, monkeypatch):
    one = made("expo-dpo", base, items=2, tries=2)
    source = one._source(DATA)
    right = {tuple(source.of.question(p)): source.of.solution(p) for p in source.problems}
    calls = iter(range(100))

    def say(group, prompts, chances, greedy=False):
        assert group == "base"
        call = next(calls)
        if call == 0:
            return [[v.CHAIN, v.EOS] for _ in prompts]  # explanations
        return [right[tuple(q)] if call == 1 else [v.GOAL, v.EOS] for q in prompts]

    monkeypatch.setattr(one, "say", say)
    for pair in one.write(source, generator(0, "x")):
        (question, better), (same, worse) = pair
        assert question == same
        assert better == [v.CHAIN, v.EOS]
        assert worse == [v.GOAL, v.EOS]


def test_answers_are_drawn_by_each_question_s_own_generator(base):
    one = made("tiny-lm").load(base)
    source = one.problems
    questions = [source.question(p) for p in source.problems(range(3))]
    whole = one.answer(questions, BatchGenerator([generator(i, "a") for i in range(3)]), samples=4)
    alone = one.answer(questions[2:], BatchGenerator([generator(2, "a")]), samples=4)
    assert whole[2] == alone[0]
    greedy = one.answer(questions, BatchGenerator([generator(9, "a")] * 3), samples=0)
    assert [len(each) for each in greedy] == [1, 1, 1]
