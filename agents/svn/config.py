"""Settings of the grid of recipes: decomposition, value learning, extraction, normalisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from entitybench.agents.common.bounds import WIDTH, bounded
from entitybench.agents.common.offline.config import RewardConfig, constant
from entitybench.errors import BadValue

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True)
class RecipeConfig(RewardConfig):
    """Settings of a recipe; `hidden` are the layers of policies and critics."""

    decomposition: Literal["individual", "mean", "vdn", "mixer", "central"] = "mixer"
    value: Literal["td", "sarsa", "iql"] = "td"  # whose action the target has; iql: none
    extraction: Literal["brac", "awr"] = "brac"
    # SVN: whose spread the critics' residual is divided by; none: it is not.
    svn_stat: Literal["none", "predictions", "targets"] = "predictions"
    normalise_actor: bool = True  # −Q is divided by its mean size
    floor: float = 1e-3  # least spread, in 1 + |mean value|
    train_mixer: bool = True  # false: it stays as it began, as in the released code
    actor_mixer: bool = False  # policies climb the team's value, not each agent's
    layer_norm: bool = True  # in the critics
    embedding: int = 32  # of the mixer
    mixer_hidden: int = 64
    alpha: float = 1.0  # brac: weight of cloning; awr: of the advantage in the exponent
    expectile: float = 0.9  # of iql
    discount: float = 0.99  # γ
    target_rate: float = 0.005  # τ

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, floor="[0, inf)", embedding=WIDTH, mixer_hidden=WIDTH, alpha="[0, inf)")
        if self.actor_mixer and self.decomposition in ("individual", "central"):
            raise BadValue(
                "actor_mixer lets policies climb what mean, vdn or mixer make of agents' values: "
                f"decomposition={self.decomposition} makes nothing of them."
            )
        bounded(self, expectile="(0, 1)", discount="[0, 1)", target_rate="(0, 1]")


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "tiny": {
        "phases": constant(40, 1e-3), "batch_size": 16, "hidden": (16, 16), "embedding": 4,
        "mixer_hidden": 8,
    },
    "small": {"phases": constant(20_000), "batch_size": 128, "hidden": (128, 128)},
    "paper": {  # the authors' code, 32 sequences of 20 steps a batch
        "phases": constant(500_000),
        "batch_size": 640,
        "hidden": (512, 512, 512, 512),
        "mixer_hidden": 128,
    },
}  # fmt: skip
