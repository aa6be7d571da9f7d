"""Settings of MAC-Flow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from entitybench.agents.common.bounds import WIDTH, bounded
from entitybench.agents.common.offline.config import OfflineConfig, RewardConfig, constant

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True)
class FlowConfig(OfflineConfig):
    """Settings of a flow that acts itself; `hidden` are the layers of its network."""

    flow_steps: int = 10  # M of Euler's method
    teacher: Literal["joint", "individual"] = "joint"  # whether it is of the team or of each agent
    drawn: Literal["episode", "step", "zero"] = "episode"  # when the noise of acting is

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, flow_steps="[1, 1000]")


@dataclass(frozen=True, kw_only=True)
class MACFlowConfig(FlowConfig, RewardConfig):
    """Settings of MAC-Flow; `hidden` are the layers of students and critics."""

    flow_hidden: tuple[int, ...] = (256, 256)
    noise: Literal["own", "shared"] = "own"  # what a student knows of it: its slice, or all
    value: Literal["factorised", "individual", "none"] = "factorised"
    alpha: float = 1.0  # weight of distillation beside −Q
    normalise: bool = True  # −Q is divided by its mean size
    pessimism: Literal["mean", "min"] = "mean"  # of two critics, for targets and students
    discount: float = 0.99  # γ
    target_rate: float = 0.005  # τ
    warm_up: float = 0.3  # share of the updates before students climb Q
    stages: Literal["one", "two"] = "one"  # two: the flow alone for a third, then it is held

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, flow_hidden=WIDTH, alpha="[0, inf)", warm_up="[0, 1]")
        bounded(self, discount="[0, 1]", target_rate="(0, 1]")


FLOW_PRESETS: Mapping[str, Mapping[str, Any]] = {
    "tiny": {
        "phases": constant(40, 1e-3), "batch_size": 16, "hidden": (16, 16), "flow_steps": 2
    },
    "small": {
        "phases": constant(20_000), "batch_size": 128, "hidden": (256, 256), "flow_steps": 5
    },
    "paper": {"phases": constant(500_000), "batch_size": 640, "hidden": (512, 512, 512, 512)},
}  # fmt: skip

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "tiny": {**FLOW_PRESETS["tiny"], "flow_hidden": (16, 16), "warm_up": 0.0},
    "small": {
        **FLOW_PRESETS["small"],
        "hidden": (128, 128),
        "flow_hidden": (256, 256),
        "target_rate": 0.01,
    },
    "paper": {  # the authors' code, 32 sequences of 20 steps a batch
        **FLOW_PRESETS["paper"],
        "flow_hidden": (512, 512, 512, 512),
        "discount": 0.995,
        "warm_up": 0.0,
    },
}
