"""Claims of a stranger: a policy without weights, and a trained agent with settings changed."""

from __future__ import annotations

import numpy as np

from entitybench.claims import (
    Area,
    Arm,
    Check,
    Claim,
    Correlation,
    Difference,
    Mean,
    Measured,
    Share,
    Some,
    StepsTo,
    Training,
)
from entitybench.types import AgentSpec

HERE = "tests.support.claim_methods"


class Still:
    """Does nothing."""

    @classmethod
    def configure(cls, spec, preset, task, **changes):
        return None

    @classmethod
    def create(cls, config, task, *, seed, data, parts, device):
        return cls()

    def policy(self, *, greedy=True):
        return self

    def initial_state(self, batch):
        return None

    def act(self, obs, state, rng):
        return np.zeros((len(obs["observation"]), 2), np.float32), state


def residual(seed, weights):
    """A unit claim: nothing of it is an agent's."""
    assert not weights
    return 0.001 * (seed + 1)


def size(seed, weights):
    """Reads the weights of an arm."""
    return (weights["cloned"] / "weights.safetensors").stat().st_size


STILL = AgentSpec(
    id="still",
    kind="goal-control",
    target=f"{HERE}:Still",
    learns_from="nothing",
    presets=(),
    claims=f"{HERE}:CLAIMS",
    summary="does nothing",
)

CLAIMS = (
    Claim(
        name="quiet",
        method="still",
        statement="Doing nothing is no worse than noise on one block and on two.",
        published="nowhere",
        arms=tuple(
            Arm(f"{agent}-{n}", agent, task)
            for n, task in enumerate(("push-1block", "push-2blocks"), 1)
            for agent in ("still", "random")
        ),
        checks=(
            Some(
                1,
                of=tuple(
                    Check(
                        Difference(Mean(f"still-{n}", "return"), Mean(f"random-{n}", "return")),
                        at_least=-1000,
                    )
                    for n in (1, 2)
                ),
            ),
            Check(Measured(f"{HERE}:residual"), at_most=0.01, by="every seed"),
        ),
        presets=("tiny",),
        training_seeds=2,
        items=2,
    ),
    Claim(
        name="cloned",
        method="still",
        statement="A settings' change gives weights of their own, and curves are read.",
        published="nowhere",
        arms=(
            Arm("cloned", "gcbc", "push-1block"),
            Arm("slow", "gcbc", "push-1block", changes={"batch_size": 16}),
            Arm("elsewhere", "random", "push-1block", options={"episode_seed": 7}),
        ),
        checks=(
            Check(Difference(Mean("cloned", "return"), Mean("slow", "return")), at_least=-1000),
            Check(Training("cloned", "success", StepsTo(2.0)), at_least=1),
            Check(Training("slow", "success", Area()), at_least=0, at_most=1),
            Check(Share(Training("slow", "bc_error", "max"), above=-1e9), at_least=1),
            Check(Measured(f"{HERE}:size", ("cloned",)), at_least=1),
            Check(
                Correlation(Mean("cloned", "return"), Mean("slow", "return")),
                at_least=-1,
                required=False,
            ),
        ),
        presets=("tiny",),
        training_seeds=1,
        items=2,
        evaluate_every=10,
    ),
)
