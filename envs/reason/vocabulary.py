"""The tokens that problems and answers are written in: one table for all three domains.

The first 81 are those of `rearrange`; `track` adds step names and a second table, `kitchen` its
facts, rules and actions. So a model for one domain needs only the tokens up to its last one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from entitybench.errors import BadValue, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable

SLOTS = 6  # named places on the table, in two rows of three
BLOCKS = "ABCDE"
EMPTY = len(BLOCKS)  # in states: nothing is in this slot
FACTS = "mklshbt"
STEPS = 12  # names of steps, @1 …

CONTROL = (
    *("<pad>", "<Q>", "<E>", "<T>", "<P>", "<R>", "G:", "H:", "C:", "#", "!", "<eos>"),
    *("x1", "x2", "x3"),  # of the planner's log
)
_PAIRS = [(x, y) for x in FACTS for y in FACTS if x != y]
TOKENS: tuple[str, ...] = (
    *CONTROL,
    *(f"{slot}{block}" for slot in range(SLOTS) for block in (*BLOCKS, ".")),
    *(f"{block}>{slot}" for block in BLOCKS for slot in range(SLOTS)),
    "N:",
    *(f"@{step}" for step in range(1, STEPS + 1)),
    *("<K>", "R:"),
    *(f"{fact}{value}" for fact in FACTS for value in "01"),
    *(f"+{fact}" for fact in FACTS),
    *(f"{x}<{y}" for x, y in _PAIRS),
    *(f"{x}~{y}" for x, y in _PAIRS),
)
ID = {token: i for i, token in enumerate(TOKENS)}

PAD, EOS, ANSWER, WRONG = (ID[token] for token in ("<pad>", "<eos>", "#", "!"))
SOLVE, EXPLAIN, TRACK, POLLUTE, REPAIR, KITCHEN = (
    ID[token] for token in ("<Q>", "<E>", "<T>", "<P>", "<R>", "<K>")
)
GOAL, HINT, CHAIN, RULES, BESIDE = (ID[token] for token in ("G:", "H:", "C:", "R:", "N:"))
PLAN, STRAIGHT, PARK = (ID[token] for token in ("x1", "x2", "x3"))

STATE0, MOVE0 = ID["0A"], ID["A>0"]  # slot j with block x is STATE0 + 6 j + x
STEP0 = ID["@1"] - 1  # step k is STEP0 + k
FACT0, ACT0 = ID["m0"], ID["+m"]  # fact i with value v is FACT0 + 2 i + v
NEED0, UNDO0 = ID["m<k"], ID["m~k"]

# How many tokens a domain needs, from the first.
TABLE_TOKENS, TRACK_TOKENS, ALL_TOKENS = ID["N:"], ID["<K>"], len(TOKENS)


def is_move(token: int) -> bool:
    """Whether a token moves a block."""
    return MOVE0 <= token < MOVE0 + len(BLOCKS) * SLOTS


def is_step(token: int) -> bool:
    """Whether a token names a step."""
    return STEP0 < token <= STEP0 + STEPS


def is_act(token: int) -> bool:
    """Whether a token operates something in the kitchen."""
    return ACT0 <= token < ACT0 + len(FACTS)


def block_and_slot(move: int) -> tuple[int, int]:
    """Which block a move takes, and where to."""
    return divmod(move - MOVE0, SLOTS)


def rule(token: int) -> tuple[str, int, int] | None:
    """("<" or "~", x, y) of a rule's token, with the facts' numbers; None of another token."""
    for sign, first in (("<", NEED0), ("~", UNDO0)):
        if first <= token < first + len(_PAIRS):
            x, y = _PAIRS[token - first]
            return sign, FACTS.index(x), FACTS.index(y)
    return None


def rule_token(sign: str, x: int, y: int) -> int:
    """The token of a rule between two facts, "<" or "~"."""
    return ID[f"{FACTS[x]}{sign}{FACTS[y]}"]


def written(tokens: Iterable[int]) -> str:
    """Tokens as text; what is no token is "?"."""
    return " ".join(TOKENS[t] if 0 <= t < len(TOKENS) else "?" for t in map(int, tokens))


def tokens_of(text: str) -> list[int]:
    """The tokens of a text. Raises BadValue for the first word that is none."""
    found = []
    for word in text.split():
        if word not in ID:
            raise BadValue(
                f"{word!r} is no token.{did_you_mean(word, ID)} A move is like A>0 (block A to "
                "slot 0), a state like 0A 1. 2B, an action in the kitchen like +m."
            )
        found.append(ID[word])
    return found
