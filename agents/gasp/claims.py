"""What `bench reproduce gasp` checks.

Each training seed has a base model of its own, which all arms begin with; all have as many updates,
and `rlvr` as many answers in the place of the others' polluted contexts. The bounds were set before
the claims' seeds were run; settings were chosen with training seed 1000.
"""

from __future__ import annotations

from entitybench.claims import (
    Area,
    Arm,
    Average,
    Check,
    Claim,
    Difference,
    Mean,
    Measured,
    Ratio,
    StepsTo,
    Training,
)

TASK = "reason-track-3"
ITEMS = 100
_UNIT = "entitybench.agents.gasp.measures"
_PRESETS = ("small",)
_WRONG = ("swap", "shift", "drop")
_FIRST = StepsTo(0.5, smooth=20)


def _arms(*agents: str) -> tuple[Arm, ...]:
    return tuple(Arm(agent, agent, TASK) for agent in agents)


def _recovered(agent: str) -> Average:
    return Average(tuple(Mean(agent, f"recovered_{kind}") for kind in _WRONG))


def _area(agent: str) -> Training:
    return Training(agent, "recovery", Area())


CLAIMS: tuple[Claim, ...] = (
    Claim(
        name="s1",
        method="gasp",
        statement="It ends right after wrong states in its chain of thought, where rewards for "
        "clean questions alone do not teach it, and solves clean questions as before.",
        published="four models of 1.5 to 8 billion parameters turn from brittle to robust "
        "(abstract; no numbers were to be had)",
        arms=_arms("gasp", "rlvr"),
        checks=(
            Check(_recovered("gasp"), at_least=0.80, by="every seed"),
            Check(_recovered("rlvr"), at_most=0.10, by="every seed"),
            Check(Mean("gasp", "solved"), at_least=0.90, by="every seed"),
        ),
        presets=_PRESETS,
        items=ITEMS,
    ),
    Claim(
        name="s2",
        method="gasp",
        statement="Without repairs to imitate it does not learn to recover: to the end of as many "
        "updates it hardly ever does.",
        published="guidance gives rapid recovery learning",
        arms=_arms("gasp", "gasp-no-guidance"),
        checks=(
            Check(_recovered("gasp-no-guidance"), at_most=0.10),
            Check(_area("gasp-no-guidance"), at_most=0.10, why="of sampled answers, all along"),
            Check(Training("gasp", "recovery", _FIRST), required=False, at_least=0.0),
        ),
        presets=_PRESETS,
        items=ITEMS,
    ),
    Claim(
        name="s3",
        method="gasp",
        statement="Errors that a polluter writes teach recovery no slower than errors at random, "
        "with as many chunks, continuations and repairs.",
        published="adversarial corruptions are an effective curriculum",
        arms=_arms("gasp", "gasp-random"),
        checks=(
            Check(Difference(_area("gasp"), _area("gasp-random")), at_least=0.0),
            Check(
                Difference(_area("gasp"), _area("gasp-random")),
                at_least=0.0,
                by="interval",
                required=False,
            ),
            Check(
                Difference(_recovered("gasp"), _recovered("gasp-random")),
                at_least=0.0,
                required=False,
            ),
            Check(
                Difference(
                    Measured(f"{_UNIT}:after_polluter", ("gasp", "gasp")),
                    Measured(f"{_UNIT}:after_polluter", ("gasp-random", "gasp")),
                ),
                at_least=0.0,
                required=False,
                why="after errors of the polluter that was trained",
            ),
        ),
        presets=_PRESETS,
        items=ITEMS,
    ),
    Claim(
        name="s4",
        method="gasp",
        statement="It is no shortcut: it tells right chains of thought from wrong ones, and names "
        "the step that is wrong.",
        published="recoverability and diagnosability (abstract; no numbers were to be had)",
        arms=_arms("gasp", "tiny-lm", "repair-prompt"),
        checks=(
            Check(Mean("gasp", "solved"), at_least=0.90),
            Check(Mean("gasp", "false_alarms"), at_most=0.30),
            Check(_recovered("gasp"), at_least=0.60),
            Check(Mean("gasp", "diagnosed"), at_least=0.50),
            Check(Mean("repair-prompt", "diagnosed"), at_least=0.50, required=False),
            Check(Mean("repair-prompt", "false_alarms"), at_most=0.10, required=False),
            Check(
                Ratio(Mean("gasp", "tokens"), Mean("tiny-lm", "tokens")),
                at_most=1.2,
                required=False,
            ),
            Check(Measured(f"{_UNIT}:drift", ("gasp", "tiny-lm")), at_most=1.0, required=False),
        ),
        presets=_PRESETS,
        items=ITEMS,
    ),
)
