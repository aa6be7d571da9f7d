"""Claims of a stranger: a policy without weights, and a trained agent with settings changed."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from entitybench import checkpoints
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
from entitybench.registry import tasks
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


@dataclass(frozen=True)
class Settings:
    """Whether its loss is no number."""

    agent: str
    lost: bool = False


class Built(Still):
    """Acts by two numbers: those of the agent that it is built on, or of its seed."""

    unit = "updates"

    def __init__(self, config, task, seed, numbers):
        self.config, self.task, self.seed, self.numbers = config, task, seed, numbers
        self.step, self.total = 0, 2

    @classmethod
    def configure(cls, spec, preset, task, **changes):
        return Settings(agent=spec.id, **changes)

    @classmethod
    def create(cls, config, task, *, seed, data, parts, device):
        numbers = np.full(2, 0.1 * (seed + 1), np.float32)
        if parts:
            numbers = checkpoints.read(parts["net"])[1]["numbers"]
        agent = cls(config, task, seed, numbers)
        agent.dataset = {"id": data.id, "content_hash": data.content_hash}
        return agent

    def advance(self, data):
        self.step += 1
        return {"loss": np.nan if self.config.lost else 0.0}

    def ready(self, data):
        pass

    def save(self, folder, *, training=True):
        meta = {"agent": self.config.agent, "task": self.task.id, "task_version": self.task.version}
        meta |= {
            "preset": "tiny",
            "seed": self.seed,
            "step": self.step,
            "config": asdict(self.config),
        }
        meta["dataset"] = self.dataset
        checkpoints.write(folder, meta, {"numbers": self.numbers})  # without a word of parts

    @classmethod
    def load(cls, folder, *, task=None, device="cpu", **changes):
        found, weights, _ = checkpoints.read(folder)
        config = Settings(**found.meta["config"])
        agent = cls(config, tasks()[found.meta["task"]], found.seed, weights["numbers"])
        agent.step, agent.dataset = found.meta["step"], found.meta["dataset"]
        return agent

    def act(self, obs, state, rng):
        return np.repeat(np.clip(self.numbers, -1, 1)[None], len(obs["observation"]), 0), state


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

NET = AgentSpec(id="net", kind="part", target=f"{HERE}:Built", presets=("tiny",), summary="a part")
BUILT = AgentSpec(
    id="built",
    kind="goal-control",
    target=f"{HERE}:Built",
    parts={"net": "net"},
    claims=f"{HERE}:BUILT_CLAIMS",
    summary="acts by the weights of another",
)

SPECS = (STILL, NET, BUILT)

BUILT_CLAIMS = (
    Claim(
        name="parts",
        method="built",
        statement="What it is built on is trained first.",
        published="nowhere",
        arms=(Arm("built", "built", "push-1block"),),
        checks=(Check(Mean("built", "return"), at_least=-1000),),
        presets=("tiny",),
        training_seeds=2,
        items=2,
        evaluate_every=1,
    ),
    Claim(
        name="lost",
        method="built",
        statement="One arm diverges.",
        published="nowhere",
        arms=(
            Arm("built", "built", "push-1block"),
            Arm("lost", "built", "push-1block", changes={"lost": True}),
        ),
        checks=(Check(Difference(Mean("built", "return"), Mean("lost", "return")), at_least=0),),
        presets=("tiny",),
        training_seeds=1,
        items=2,
    ),
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
