"""GASP: whose rows a batch holds, what they earn, and what is imitated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from entitybench.agents.common.language.learner import packed, silent
from entitybench.agents.common.language.lessons import (
    ERRORS,
    SHARES,
    called,
    lessons,
    longest,
    pool,
)
from entitybench.agents.common.language.post import NOTHING
from entitybench.agents.gasp import measures
from entitybench.agents.gasp.agent import ROLES, Asked, after, fit
from entitybench.envs.reason import vocabulary as v
from entitybench.envs.reason.contexts import context, flags, repaired
from entitybench.envs.training import ProblemsOf
from entitybench.leaderboard.training.train import train_seeds
from entitybench.registry import agent, resolve_agent, tasks
from entitybench.seeding import generator

TASK = tasks()["reason-track-3"]
DATA = ProblemsOf(TASK)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    one = made("tiny-lm")
    one.advance(DATA)
    one.save(folder)
    return folder


def made(id, base=None, **changes):
    target = resolve_agent(agent(id))
    config = target.configure(agent(id), "tiny", TASK, **changes)
    return target.create(
        config, TASK, seed=0, data=DATA, parts={} if base is None else {"base": base}
    )


def follower(one):
    """What a perfect model of every role says, but for agents, who believe all they are shown.

    The polluter writes the state before its move in the place of the one after.
    """
    of = one.problems

    def say(group, prompts, chances, greedy=False):
        said = []
        for prompt in prompts:
            end = prompt.index(v.CHAIN) + 1
            problem = of.read([v.TRACK, *prompt[1:end]])
            prefix = prompt[end:]
            steps = sum(map(v.is_move, prefix))
            states = of.states(problem)
            if prompt[0] == v.POLLUTE:
                said.append([*of.state_tokens(states[steps - 1]), v.EOS])
                continue
            if prompt[0] == v.REPAIR:
                rest = of.chain(problem, begin=steps)
                state = of.state_tokens(states[steps])
                said.append([v.WRONG, v.STEP0 + steps, *state, *rest, *of.final(problem)])
                continue
            if not prefix:
                said.append(of.solution(problem))
                continue
            state = of.state_of(prefix[-of.width :])
            ahead, believed = of.follow(problem, state, steps, generator(0, "x"))
            rest = of.steps(steps, ahead, believed[1:])
            said.append([*rest, v.ANSWER, *of.state_tokens(believed[-1]), v.EOS])
        return said

    return say


def drawn(one, **more):
    source = one._source(DATA)
    batch = one.draw(source, generator(0, "draw"))
    c = one.config
    many = c.batch_size * c.chunks
    sizes = {"polluter": many, "agent": many * c.group, "clean": c.clean * c.clean_group}
    sizes |= {"control": c.controls * c.clean_group, "repairs": many, "anchors": c.batch_size}
    sizes["lessons"] = c.rehearsed
    ends = np.cumsum(list(sizes.values()))
    assert ends[-1] == batch["tokens"].shape[1]
    parts = {
        name: slice(end - size, end) for (name, size), end in zip(sizes.items(), ends, strict=True)
    }
    return batch, parts


def test_every_role_is_in_the_batch_and_counts_its_own_words_alone(base, monkeypatch):
    one = made("gasp", base)
    monkeypatch.setattr(one, "say", follower(one))
    batch, parts = drawn(one)
    tokens, mask = batch["tokens"][0], batch["mask"][0]
    headers = {"polluter": v.POLLUTE, "agent": v.TRACK, "clean": v.TRACK, "control": v.TRACK}
    headers["repairs"] = v.TRACK  # imitated after what an agent is shown
    for role, header in headers.items():
        assert (tokens[parts[role], 0] == header).all()
    for row, counted in zip(tokens[parts["agent"]], mask[parts["agent"]], strict=True):
        first = int(np.argmax(counted)) + 1  # of the tokens that are its own
        shown = row[:first].tolist()
        prefix = shown[shown.index(v.CHAIN) + 1 :]
        assert (len(prefix) - 6) % 8 == 0  # a whole chunk stands before it: none of it counts
        assert len(prefix) > 6
    for row, counted in zip(tokens[parts["repairs"]], mask[parts["repairs"]], strict=True):
        assert row[int(np.argmax(counted)) + 1] == v.WRONG


def test_believers_lose_and_the_polluter_earns(base, monkeypatch):
    one = made("gasp", base, chunks=2, batch_size=4)
    monkeypatch.setattr(one, "say", follower(one))
    batch, parts = drawn(one)
    assert batch["log reward"] == batch["log control"] == 1
    assert batch["log valid"] == 1
    assert batch["log recovered"] + batch["log harmful"] == pytest.approx(1)
    assert batch["log harmful"] > 0.5
    assert batch["log repaired"] == 1
    assert batch["log false_alarms"] == 0
    assert not batch["advantage"].any()  # in each group all earn the same
    assert mask_sum(batch, parts["repairs"]) > 0


def mask_sum(batch, part):
    return batch["mask"][0][part].sum()


def test_invalid_chunks_earn_nothing_and_nobody_continues_after_them(base, monkeypatch):
    one = made("gasp", base, chunks=2, batch_size=2)
    honest = follower(one)

    def say(group, prompts, chances, greedy=False):
        said = honest(group, prompts, chances)
        if prompts and prompts[0][0] == v.POLLUTE:
            said[0] = [v.ANSWER, v.EOS]  # no step
            said[3] = said[3][:-1]  # it never ends
        return said

    monkeypatch.setattr(one, "say", say)
    batch, parts = drawn(one)
    assert batch["log valid"] == 0.5
    agents = batch["mask"][0][parts["agent"]].reshape(4, one.config.group, -1).any((1, 2))
    assert agents.tolist() == [False, True, True, False]
    gains = batch["advantage"][0][: 2 * 2].reshape(2, 2)
    assert (gains[0] == gains[0][0] * np.array([1, -1])).all()
    for row, invalid in ((gains[0], 0), (gains[1], 1)):
        assert row[invalid] <= row[1 - invalid]


def test_a_flag_costs(base, monkeypatch):
    one = made("gasp", base, flag_cost=0.25)
    source = one._source(DATA)
    problem = source.problems[0]
    asked = Asked(source.of.question(problem), problem)
    again = [v.WRONG, v.STEP0 + 1, *source.of.state_tokens(source.of.states(problem)[1])]
    whole = source.of.solution(problem)
    rest = source.of.chain(problem, begin=1) + source.of.final(problem)
    flagged = [*whole[:20], *again, *rest]
    wrong = [*whole[:-2], v.EOS]
    answers = [whole, flagged, wrong, flagged]
    monkeypatch.setattr(one, "say", lambda group, prompts, chances: answers)
    _, earned = one.answered(source, [asked, None], 4, generator(0, "x"))
    assert earned.tolist() == [[1.0, 0.75, 0.0, 0.75], [0.0] * 4]


def test_a_flag_at_what_is_wrong_is_free(base, monkeypatch):
    one = made("gasp", base, flag_cost=0.25)
    source = one._source(DATA)
    of, rng = source.of, generator(0, "x")
    found = next(
        each for p in source.problems if (each := context(of, p, "swap", rng)) and each.step > 1
    )
    named = repaired(of, found)
    # Another step is called wrong first, and said anew as it was.
    state = of.state_tokens(of.states(found.problem)[found.step])
    other = [v.WRONG, v.STEP0 + found.step - 1]
    other += of.state_tokens(of.states(found.problem)[found.step - 1])
    other += [*of.chain(found.problem, begin=found.step - 1), *of.final(found.problem)]
    assert state == named[2 : 2 + of.width]
    answers = [named, other]
    monkeypatch.setattr(one, "say", lambda group, prompts, chances: answers)
    _, earned = one.answered(source, [after(found)], 2, rng)
    assert earned.tolist() == [[1.0, 0.75]]
    assert fit(of, found, named, named=True)
    assert not fit(of, found, other, named=True)
    assert fit(of, found, other, named=False)


def test_the_first_of_the_tries_that_is_fit_is_imitated(base, monkeypatch):
    one = made("gasp", base, tries=3)
    source = one._source(DATA)
    of, rng = source.of, generator(0, "x")
    found = [each for p in source.problems[:4] if (each := context(of, p, "swap", rng))][:2]
    right = [repaired(of, each) for each in found]
    never = [v.EOS]
    longer = [v.WRONG, v.STEP0 + found[0].step, *right[0]]  # right, and not the first
    said = [never, right[0], longer, never, never, never]
    monkeypatch.setattr(one, "say", lambda group, prompts, chances: said)
    rows, share = one.repairs(source, found, np.zeros(2), rng)
    assert rows == [(found[0].shown, right[0]), NOTHING]
    assert share == pytest.approx((1 + fit(of, found[0], longer, named=True)) / 6)


@pytest.mark.parametrize("id", ["rlvr", "rlvr-static", "gasp-random", "sft-flawed", "gasp-ood"])
def test_arms_have_what_their_names_say(id, base, monkeypatch):
    one = made(id, base)
    asked = []
    honest = follower(one)

    def say(group, prompts, chances, greedy=False):
        asked.extend(prompt[0] for prompt in prompts)
        return honest(group, prompts, chances)

    monkeypatch.setattr(one, "say", say)
    batch, parts = drawn(one)
    assert (v.POLLUTE in asked) == (id == "gasp-ood")
    assert (v.REPAIR in asked) == (id == "gasp-random")
    imitates = id in ("gasp-random", "sft-flawed", "gasp-ood")
    assert (mask_sum(batch, parts["repairs"]) > 0) == imitates
    assert (mask_sum(batch, parts["agent"]) > 0) == (id != "rlvr")
    if id == "sft-flawed":
        assert not batch["advantage"].any()


def test_training_seeds_learn_one_after_another(base, tmp_path):
    """Their batches differ in length, so that they cannot lie side by side."""
    settings = {"preset": "tiny", "evaluate_every": 0}
    lms = train_seeds(
        "tiny-lm", TASK.id, seeds=[0, 1], out=tmp_path / "a", changes={"buckets": 2}, **settings
    )
    parts = {seed: {"base": base} for seed in lms}
    ours = train_seeds("gasp", TASK.id, seeds=[0, 1], parts=parts, out=tmp_path / "b", **settings)
    assert all(folder.is_dir() for folder in (*lms.values(), *ours.values()))


def test_losses_are_those_of_each_role(base):
    one = made("gasp", base)
    batch, parts = drawn(one)
    tensors = {name: torch.as_tensor(x) for name, x in batch.items()}
    rng = np.random.default_rng(0)
    tensors["mask"] = torch.as_tensor((rng.random(batch["mask"].shape) < 0.3).astype(np.float32))
    tensors["advantage"] = torch.as_tensor(rng.normal(size=batch["advantage"].shape).astype("f"))
    numbers = {"extra": torch.tensor(0.3), "rehearsal": torch.tensor(0.7)}
    loss, logs = one.losses(one.params, tensors, numbers)
    log_p = one.decoder.log_likelihood(one.params["model"], tensors["tokens"])[0].detach().numpy()
    mask, gain = tensors["mask"][0].numpy(), tensors["advantage"][0].numpy()
    expected = 0.0
    for role in ROLES:
        weights = mask[parts[role]] / np.maximum(mask[parts[role]].sum(-1, keepdims=True), 1)
        part = -(weights.sum(-1) * gain[parts[role]]).mean()  # the ratio is 1
        assert logs[f"{role}_loss"].item() == pytest.approx(part, rel=1e-4, abs=1e-6)
        expected += part
    for name, weight in (("repairs", 0.3), ("anchors", 0.3 * one.config.anchors), ("lessons", 0.7)):
        said = mask[parts[name]]
        part = -(log_p[parts[name]] * said).sum() / said.sum()
        assert logs[f"{name}_nll"].item() == pytest.approx(part, rel=1e-4)
        expected += weight * part
    assert loss.item() == pytest.approx(expected, rel=1e-4)


def test_lessons_of_track_are_right_where_they_should_be():
    of = made("tiny-lm").problems
    for sort, found in pool("track").items():
        assert sort in SHARES["track"]
        for shown, said in found[::500]:
            assert len(shown) + len(said) <= longest(of)
            end = shown.index(v.CHAIN) + 1
            problem = of.read([v.TRACK, *shown[1:end]])
            whole = [*shown[end:], *(token if token >= 0 else ~token for token in said)]
            if sort == "pollute":
                assert said[-1] == v.EOS
                assert v.ANSWER not in said
            elif sort == "believe":
                assert of.verify(problem, whole).right == bool(flags(said))
            else:
                assert of.verify(problem, whole).right
                errors = flags(whole)
                assert bool(errors) == any(token < 0 for token in said)
                assert len(errors) <= (ERRORS if sort == "repair" else 0)
                lines = of.trace(problem, whole)
                begun = [line.place for line in lines if line.place.startswith("corrects")]
                assert begun == [f"corrects step {step}" for step in errors]
    without = lessons(of, 200, generator(0, "x"), ("pollute",))
    assert all(shown[0] != v.POLLUTE for shown, _ in without)


def test_what_is_to_be_noticed_in_an_error():
    said = [5, *silent([6, 7, 8]), v.WRONG, 9]
    tokens, mask, targets = called([([1, 2], said)], 10)
    assert tokens.tolist() == [[1, 2, 5, 6, 7, 8, v.WRONG, 9, v.PAD, v.PAD]]
    assert targets.tolist() == [[2, 5, 6, *[v.WRONG] * 3, 9, v.PAD, v.PAD]]
    assert mask.tolist() == [[0, 1, 0, 1, 1, 1, 1, 0, 0]]
    assert packed([([1, 2], said)], 10)[1].tolist() == [[0, 1, 0, 0, 0, 1, 1, 0, 0]]
    assert called([([1, 2], said)], 5)[1].tolist() == [[0, 1, 0, 1]]


def test_probes_are_right_where_errors_are_mended(base, monkeypatch):
    one = made("gasp", base, probes=6)
    believer, of = follower(one), one.problems
    monkeypatch.setattr(one, "say", believer)
    assert one.recovery(of, generator(0, "x")) == 0

    def mend(group, prompts, chances):
        return believer(group, [[v.REPAIR, *prompt[1:]] for prompt in prompts], chances)

    monkeypatch.setattr(one, "say", mend)
    assert one.recovery(of, generator(0, "x")) == 1
    assert made("gasp", base, probes=0).recovery(of, generator(0, "x")) == 0


def test_drift_is_from_the_model_that_it_began_with(base, tmp_path, monkeypatch):
    monkeypatch.setattr(measures, "PROBLEMS", 6)
    one = made("gasp", base)
    one.save(tmp_path / "begun")
    while one.step < one.total:  # the first update is of a learning rate of 0
        one.advance(DATA)
    one.save(tmp_path / "moved")
    begun, moved = (
        measures.drift(0, {"gasp": tmp_path / name, "tiny-lm": base}) for name in ("begun", "moved")
    )
    assert begun == pytest.approx(0, abs=1e-6)
    assert moved > 1e-6


def test_believers_are_wrong_after_a_polluter(base, monkeypatch):
    monkeypatch.setattr(measures, "PROBLEMS", 6)
    one = made("tiny-lm")
    monkeypatch.setattr(measures, "_model", lambda folder: one)
    monkeypatch.setattr(one, "say", follower(one))
    assert measures.after_polluter(0, {"gasp": base}) == 0
    monkeypatch.setattr(one, "say", lambda group, prompts, *more: [[v.EOS]] * len(prompts))
    assert np.isnan(measures.after_polluter(0, {"gasp": base}))
