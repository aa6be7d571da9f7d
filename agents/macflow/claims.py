"""What `bench reproduce macflow` checks.

Scores are normalised: random is 0 and the script 100. All arms have as many updates and networks as
wide; the bounds were set before the claims' own seeds were run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from entitybench.agents.macflow.settings import WORLDS, settings
from entitybench.claims import (
    Arm,
    Best,
    Check,
    Claim,
    Difference,
    Mean,
    Measured,
    Quantity,
    Ratio,
    SignTest,
    Some,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SCORE = "normalised_return"
_UNIT = "entitybench.agents.macflow.latency"
_PRESETS = ("small",)
_PUBLISHED = "MA-MuJoCo 2749 against 2430 of the best diffusion, MPE spread 65.8 against 49.2"


def _arm(agent: str, task: str) -> Arm:
    """An arm named AGENT@TASK, on the data of several conventions."""
    dataset = f"{task}/mixed-obs-v1"
    changes = settings(agent, dataset)
    return Arm(f"{agent}@{task}", agent, task, dataset=dataset, changes=changes)


def _arms(*agents: str) -> tuple[Arm, ...]:
    return tuple(_arm(agent, task) for task in WORLDS for agent in agents)


def _score(agent: str, task: str) -> Mean:
    return Mean(f"{agent}@{task}", SCORE)


def _ahead(agent: str, rivals: Sequence[str], task: str) -> Check:
    """Its score is above the best rival's, by interval."""
    best: Quantity = Best(tuple(_score(rival, task) for rival in rivals))
    return Check(Difference(_score(agent, task), best), at_least=0.0, by="interval")


def _signs(agent: str, rival: str) -> Check:
    """It is above the rival more often than by chance, over tasks and training seeds."""
    pairs = tuple((_score(agent, task), _score(rival, task)) for task in WORLDS)
    return Check(SignTest(pairs), at_most=0.05)


# Games of one step: networks of 64, no future.
_GAME: Mapping[str, Any] = {
    "phases.0.updates": 4_000,
    "phases.0.learning_rate": 1e-3,
    "phases.0.final_learning_rate": 1e-3,
    "hidden": (64, 64),
    "flow_steps": 10,
}
_STUDENTS: Mapping[str, Any] = {**_GAME, "flow_hidden": (64, 64), "discount": 0.0, "alpha": 0.1}


def _game(agent: str, task: str, changes: Mapping[str, Any] = _STUDENTS) -> Arm:
    return Arm(agent, agent, task, dataset=f"{task}/mixed-hidden-v1", changes=changes)


def _pays(agent: str, *, at_least: float | None = None, at_most: float | None = None) -> Check:
    return Check(Mean(agent, "return"), at_least, at_most, by="every seed")


CLAIMS: tuple[Claim, ...] = (
    Claim(
        name="latency",
        method="macflow",
        statement="A joint decision of four agents takes a tenth of the time of 50 denoising steps "
        "or less, a 14.5th of the mean of diffusions of teams, and hardly longer than cloning's.",
        published="4 ms against 50 ms of DoF, on a par with Gaussian policies",
        arms=(),
        checks=(
            Check(Measured(f"{_UNIT}:diffusion_over_macflow"), at_least=10.0, by="every seed"),
            Check(
                Measured(f"{_UNIT}:diffusions_over_macflow"),
                at_least=14.5,
                by="every seed",
                why="the mean of diffusion-bc with 50 steps, dof with 10 and madiff with 20",
            ),
            Check(Measured(f"{_UNIT}:macflow_over_cloning"), at_most=1.5, by="every seed"),
            Check(
                Measured(f"{_UNIT}:shared_over_cloning"),
                at_most=1.5,
                by="every seed",
                required=False,
                why="ours",
            ),
            Check(
                Measured(f"{_UNIT}:decision_ms"),
                at_most=0.2,
                required=False,
                why="milliseconds on one thread, a matter of the machine",
            ),
        ),
        presets=_PRESETS,
    ),
    Claim(
        name="quality",
        method="macflow",
        statement="On data of several conventions it is above cloning and TD3+BC.",
        published=_PUBLISHED,
        arms=_arms("macflow", "macflow-shared", "ma-bc", "matd3bc"),
        checks=(
            Some(2, of=tuple(_ahead("macflow", ("ma-bc", "matd3bc"), task) for task in WORLDS)),
            Some(
                2,
                of=tuple(_ahead("macflow-shared", ("ma-bc", "matd3bc"), task) for task in WORLDS),
                required=False,
                why="ours",
            ),
        ),
        presets=_PRESETS,
        items=50,
    ),
    Claim(
        name="trade-off",
        method="macflow",
        statement="Students that act alone keep nine tenths of what the joint flow reaches.",
        published="on a par with diffusion policies, SMACv1 15.6 and 15.6",
        arms=_arms("macflow", "macflow-shared", "joint-flow"),
        checks=tuple(
            Some(
                2,
                of=tuple(
                    Check(Ratio(_score(agent, task), _score("joint-flow", task)), at_least=0.9)
                    for task in WORLDS
                ),
                required=agent == "macflow",
                why="" if agent == "macflow" else "ours",
            )
            for agent in ("macflow", "macflow-shared")
        ),
        presets=_PRESETS,
        items=50,
    ),
    Claim(
        name="parts",
        method="macflow",
        statement="Without values, with values of each agent's own, or with a flow of each agent's "
        "own it is worse.",
        published="values of the team and climbing them matter most",
        arms=_arms("macflow", "flow-bc", "ma-fql", "macflow-individual"),
        checks=tuple(
            _signs("macflow", rival) for rival in ("flow-bc", "ma-fql", "macflow-individual")
        ),
        presets=_PRESETS,
        items=50,
    ),
    Claim(
        name="limit",
        method="macflow",
        statement="Where two equal pairs of choices cannot be told apart, a joint flow keeps them, "
        "students with noise of their own do not, and students that share noise do.",
        published="students become an uninformed product",
        arms=(
            _game("joint-flow", "team-matrix-xor", _GAME),
            _game("macflow", "team-matrix-xor"),
            _game("macflow-shared", "team-matrix-xor"),
        ),
        checks=(
            _pays("joint-flow", at_least=0.95),
            _pays("macflow", at_most=0.65),
            _pays("macflow-shared", at_least=0.95),
        ),
        presets=_PRESETS,
        items=200,
    ),
    Claim(
        name="rare-best",
        method="macflow",
        statement="A rare pair of choices that pays double is found by values, not by cloning.",
        published="not in the paper",
        arms=(
            _game("flow-bc", "team-matrix-rare"),
            _game("macflow", "team-matrix-rare"),
            _game("macflow-shared", "team-matrix-rare"),
        ),
        checks=(
            _pays("flow-bc", at_most=1.2),
            _pays("macflow", at_least=1.9),
            _pays("macflow-shared", at_least=1.9),
        ),
        presets=_PRESETS,
        items=200,
    ),
)
