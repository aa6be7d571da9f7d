"""Settings of goal-conditioned training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from entitybench.agents.common.bounds import LAYERS, WIDTH, bounded
from entitybench.agents.common.config import Phase, TorchConfig
from entitybench.agents.common.layers import Precision  # noqa: TC001 - read at run time
from entitybench.datasets.sampling.goals import GoalMix
from entitybench.errors import BadValue

FAR = GoalMix(uniform=1.0)
NEAR = GoalMix(geometric=1.0, mean_steps=25)


@dataclass(frozen=True, kw_only=True)
class MixPhase(Phase):
    """A stretch of training with one mix of goals."""

    mix: GoalMix  # which goals the policy learns


@dataclass(frozen=True, kw_only=True)
class GoalPhase(MixPhase):
    """A stretch of training with one policy objective."""

    alpha: float  # weight of the behaviour-cloning term

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, alpha="[0, inf)")


@dataclass(frozen=True, kw_only=True)
class GoalConfig(TorchConfig):
    """Settings of the networks of a policy that is conditioned on goals."""

    phases: tuple[MixPhase, ...]
    network: Literal["entity", "flat", "transformer"] = "entity"
    width: int = 64
    hidden: int = 128  # of the residual blocks, or of each layer when flat
    blocks: int = 2
    head: int = 256
    heads: int = 8  # of attention, where there is any
    standardise: bool = False  # features by the dataset's mean and deviation
    actor_layer_norm: bool = True  # flat networks; Q and V always have it
    # Of the matrix products in training; "auto" is settled, and stored, when training begins.
    # Acting is always in float32, so that a policy does the same on every machine.
    precision: Precision | Literal["auto"] = "auto"

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, width=WIDTH, hidden=WIDTH, blocks=LAYERS, head=WIDTH, heads=WIDTH)
        if self.network == "transformer":
            check_heads("width", self.width, self.heads)


def check_heads(name: str, width: int, heads: int) -> None:
    """Raise BadValue unless the heads of attention share a width evenly."""
    if heads < 1 or width % heads:
        raise BadValue(f"{name} is shared by the heads evenly: got {width} for {heads} heads.")
