"""Settings of NCII and its presets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from entitybench.agents.common.bounds import bounded
from entitybench.agents.common.config import Phase
from entitybench.agents.common.graph.learner import GraphConfig

if TYPE_CHECKING:
    from collections.abc import Mapping

PASSIVE, MODEL, HEAD = "passive", "model", "head"  # groups of parameters


@dataclass(frozen=True, kw_only=True)
class Stretch(Phase):
    """A phase in which one group learns."""

    # The chance that the forward model is shown a mask that the head has changed: 0 in the warm-up.
    refined: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, refined="[0, 1]")


@dataclass(frozen=True, kw_only=True)
class NCIIConfig(GraphConfig):
    """Settings of NCII."""

    phases: tuple[Stretch, ...]
    # What is said: by the head, in one pass, or by the null test itself.
    infer: Literal["head", "test"] = "head"
    # Null data beside the episodes of the dataset that lack entities: one step from its states in
    # worlds that lack some ("step"), none ("episodes"), or masks that leave out what seems to be
    # irrelevant ("simulated").
    nulls: Literal["step", "episodes", "simulated"] = "step"
    null_transitions: int = 20_000  # simulated at the beginning
    null_share: float = 0.5  # of a batch
    rare_share: float = 0.5  # of the rest, from the transitions that surprise the passive model
    rare: float = 0.1  # which share of transitions those are
    epsilon: float = 3.0  # nats by which an observation is less likely without a cause

    def __post_init__(self) -> None:
        super().__post_init__()
        share = "[0, 1)"
        bounded(self, null_transitions="[1, 1000000000]", null_share=share, rare_share=share)
        bounded(self, rare="(0, 1]", epsilon="[0, inf)")


def preset(
    passive: int, forward: int, rounds: int, head: int, refine: int, **others: Any
) -> dict[str, Any]:
    """Updates of the passive model, of the warm-up, and of `rounds` of head and forward model."""
    rates = {"learning_rate": 2e-3, "final_learning_rate": 2e-3}
    last = {"learning_rate": 2e-3, "final_learning_rate": 1e-4}
    phases = [
        Stretch(name="passive", updates=passive, learns=(PASSIVE,), **rates),
        Stretch(name="forward", updates=forward, learns=(MODEL,), **rates),
    ]
    for k in range(rounds):
        rate = last if k == rounds - 1 else rates
        phases += [
            Stretch(name=f"head {k}", updates=head, learns=(HEAD,), **rates),
            Stretch(name=f"refine {k}", updates=refine, learns=(MODEL,), refined=0.5, **rate),
        ]
    phases.append(Stretch(name="head", updates=head, learns=(HEAD,), **last))
    return {"phases": tuple(phases), "compile": False, **others}


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "tiny": preset(1, 10, 1, 8, 8, batch_size=64, width=16, null_transitions=200),
    "small": preset(300, 1_200, 2, 250, 400, batch_size=128),
    "paper": preset(
        20_000, 100_000, 5, 20_000, 40_000, width=256, network="gnn", null_transitions=300_000
    ),
}
