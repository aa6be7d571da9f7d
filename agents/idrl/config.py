"""Settings of IDRL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from entitybench.agents.common.bounds import WIDTH, bounded
from entitybench.agents.common.config import Phase
from entitybench.agents.common.offline.config import RewardConfig
from entitybench.errors import BadValue

if TYPE_CHECKING:
    from collections.abc import Mapping

STAGES = ("values", "ratio", "policy")


@dataclass(frozen=True, kw_only=True)
class IDRLConfig(RewardConfig):
    """Settings of IDRL.

    Its phases are three: stage A, stage B, cloning. The first two are gone through once an
    iteration, the last at the end.
    """

    iterations: int = 2  # M
    discount: float = 0.99  # γ
    balance: float = 0.6  # λ: the larger, the greedier and the sparser the weights
    target_rate: float = 0.005  # of the target critics in stage A
    weight: Literal["adv", "paper"] = "adv"  # max(Q − V, 0), or max(1 + (Q − V) / 2, 0)
    ratio: Literal["state-action", "action"] = "state-action"  # "action": stage B is left out
    restart: Literal["fresh", "warm"] = "fresh"  # networks of values in later iterations
    potential_scale: float = 10.0  # U is so many times its network's output
    potential_rate: float = 0.1  # learning rate of U, in that of the others
    layer_norm: bool = False  # in V, U and W
    policy_hidden: tuple[int, ...] = (256, 256)
    least_share: float = 0.005  # of all transitions, that an iteration must keep
    least_transitions: int = 500

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.phases) != len(STAGES):
            raise BadValue(f"phases are {', '.join(STAGES)}: got {len(self.phases)}.")
        bounded(self, iterations="[1, 100]", discount="[0, 1]", balance="(0, 1)")
        bounded(self, target_rate="(0, 1]", potential_scale="(0, inf)")
        bounded(self, potential_rate="(0, inf)", policy_hidden=WIDTH)
        bounded(self, least_share="[0, 1]", least_transitions="[0, inf)")


def _phases(values: int, ratio: int, policy: int, rate: float) -> tuple[Phase, ...]:
    updates = (values, ratio, policy)
    return tuple(
        Phase(name=name, updates=n, learning_rate=rate, final_learning_rate=rate)
        for name, n in zip(STAGES, updates, strict=True)
    )


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "tiny": {
        "phases": _phases(10, 10, 10, 1e-3),
        "weight": "paper",  # after so few updates no action may be better than V
        "batch_size": 32,
        "hidden": (16, 16),
        "policy_hidden": (16, 16),
        "least_share": 0.0,
        "least_transitions": 1,
    },
    "small": {
        "phases": _phases(5_000, 5_000, 5_000, 1e-3),
        "balance": 0.5,
        "batch_size": 128,
        "hidden": (64, 64),
        "policy_hidden": (128, 128),
    },
    "paper": {"phases": _phases(500_000, 500_000, 500_000, 1e-4), "hidden": (256, 256)},
}
