"""Questions and answers in English, for language models; judged through the same tokens."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from entitybench.envs.reason import vocabulary as v

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.envs.reason.problem import Problem, State
    from entitybench.envs.reason.source import Source

SOLVE = "Solve the problem step by step; put the final answer in \\boxed{}."
THINGS = (
    *("microwave", "kettle", "light", "slide cabinet", "hinge cabinet"),
    *("bottom burner", "top burner"),
)


def question(source: Source, problem: Problem) -> str:
    """The question, with how its answer is to be written."""
    if source.header == v.KITCHEN:
        return _kitchen(problem)
    where = f"A table has six slots, numbered 0 to 5. {_table(problem.start)}"
    if source.header == v.TRACK:
        moves = ", then ".join(map(_move, problem.actions))
        beside = f" On another table beside it: {_table(problem.beside)}" if problem.beside else ""
        return (
            f"{where}{beside} On the first table this is done: {moves}. Where is every block then? "
            "Give the block in each slot, with a dot for an empty one, as in "
            "\\boxed{0A 1. 2C 3. 4. 5B}."
        )
    return (
        f"{where} Move one block at a time to an empty slot, until this holds: "
        f"{_table(problem.goal)} Give the list of moves, ten at most, as in \\boxed{{A>3, B>0}}."
    )


def hinted(source: Source, problem: Problem) -> str:
    """The question with its right answer in it, for whoever is to explain it."""
    answer = boxed(source, problem)
    return (
        f"{question(source, problem)} The correct final answer is {answer}. Write the step-by-step "
        "reasoning that leads to it, as if you were solving the problem without having been told "
        f"the answer; finish with {answer}."
    )


def solution(source: Source, problem: Problem) -> str:
    """The planner's reasoning, a sentence a step, and the answer."""
    return f"{chain(source, source.chain(problem))}The answer is {boxed(source, problem)}."


def log(source: Source, problem: Problem) -> str:
    """What the planner does and the answer: no states, an expert's style and not a solver's."""
    done = ", then ".join(_done(action) for action in problem.actions)
    return f"{done[0].upper()}{done[1:]}. The answer is {boxed(source, problem)}."


def chain(source: Source, tokens: Sequence[int]) -> str:
    """A chain of thought that is given as tokens, right or wrong: a line a step."""
    lines, at, step = [], 0, 0
    while at < len(tokens):
        said = []
        if source.is_action(tokens[at]):
            step += 1
            said.append(f"Step {step}: {_done(tokens[at])}.")
            at += 1
        if (state := source.state_of(tokens[at : at + source.width])) is not None:
            said.append(_state(source, state, "Now" if step else "At the start"))
            at += source.width
        elif not said:
            at += 1  # a name of a step, which English counts
        lines += [" ".join(said)] if said else []
    return "".join(f"{line}\n" for line in lines)


def boxed(source: Source, problem: Problem) -> str:
    """The right answer, as it is to be written."""
    tokens = source.final(problem)[1:-1]
    if source.header == v.KITCHEN:
        return f"\\boxed{{{', '.join(THINGS[token - v.ACT0] for token in tokens)}}}"
    sign = " " if source.header == v.TRACK else ", "
    return f"\\boxed{{{sign.join(map(v.written, ([token] for token in tokens)))}}}"


def answer_of(source: Source, text: str) -> list[int]:
    """The tokens of an answer in English, which `Source.verify` judges; [] where none is boxed.

    The last box counts. A move may be written A>3, A -> 3 or A to 3. What is no part of an answer
    becomes a token that no answer has, so that it is judged as such.
    """
    boxes = re.findall(r"\\boxed\{([^{}]*)\}", text)
    if not boxes:
        return []
    if source.header == v.TRACK:
        parts = re.findall(r"([0-5])\s*:?\s*([A-E.])|(\S)", boxes[-1].replace(",", " "))
        found = [v.ID[slot + block] if slot else v.PAD for slot, block, _ in parts]
    elif source.header == v.KITCHEN:
        known = {name: v.ACT0 + i for i, name in enumerate(THINGS)}
        known |= {f"+{letter}": v.ID[f"+{letter}"] for letter in v.FACTS}
        words = [" ".join(word.lower().split()) for word in boxes[-1].split(",") if word.strip()]
        found = [known.get(word.removeprefix("the "), v.PAD) for word in words]
    else:
        parts = re.findall(r"([A-E])\s*(?:->|>|to)\s*([0-5])|(\S)", boxes[-1].replace(",", " "))
        found = [v.ID[f"{block}>{slot}"] if block else v.PAD for block, slot, _ in parts]
    return [v.ANSWER, *found, v.EOS]


def flagged(text: str) -> list[int]:
    """The tokens of what a text calls wrong, `! @k` for each "step k is wrong"."""
    steps = map(int, re.findall(r"(?i)step (\d{1,3}) is wrong", text))
    return [token for k in steps if 1 <= k <= v.STEPS for token in (v.WRONG, v.STEP0 + k)]


def _table(state: State) -> str:
    held = [f"slot {j} holds block {v.BLOCKS[b]}" for j, b in enumerate(state) if b != v.EMPTY]
    empty = [str(slot) for slot, block in enumerate(state) if block == v.EMPTY]
    those = f"slot {empty[0]} is" if len(empty) == 1 else f"slots {_and(empty)} are"
    text = f"{', '.join(held)}, and {those} empty."
    return text[0].upper() + text[1:]


def _move(move: int) -> str:
    block, slot = v.block_and_slot(move)
    return f"push block {v.BLOCKS[block]} to slot {slot}"


def _done(action: int) -> str:
    return _move(action) if v.is_move(action) else f"do the {THINGS[action - v.ACT0]}"


def _state(source: Source, state: State, when: str) -> str:
    if source.header != v.KITCHEN:
        return f"{when}: {_table(state)}"
    done = [name for name, on in zip(THINGS, state, strict=True) if on]
    return f"{when} done: {', '.join(done) or 'nothing'}."


def _kitchen(problem: Problem) -> str:
    done = [name for name, on in zip(THINGS, problem.start, strict=True) if on]
    wanted = [name for name, on in zip(THINGS, problem.goal, strict=True) if on]
    rules = []
    for sign, x, y in filter(None, map(v.rule, problem.rules)):
        one, other = THINGS[x], THINGS[y]
        rules.append(
            f"The {one} can be done only while the {other} is done."
            if sign == "<"
            else f"Doing the {one} undoes the {other}."
        )
    begun = f"Done already: {_and(done)}. " if done else ""
    return (
        f"In a kitchen these can be done, one after the other: {', '.join(THINGS)}. {begun}"
        f"{' '.join([*rules, ''])}In which order, {problem.most} at most, are they done "
        f"so that in the end {_and(wanted)} {'are' if len(wanted) > 1 else 'is'} done? "
        "Nothing that is done can be done again. Give the list, as in \\boxed{kettle, light}."
    )


def _and(words: Sequence[str]) -> str:
    return " and ".join([*([", ".join(words[:-1])] if len(words) > 1 else []), words[-1]])
