"""Settings of learners that act while they learn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from entitybench.agents.common.bounds import WIDTH, bounded
from entitybench.agents.common.config import BATCH, Phase
from entitybench.errors import BadValue

Accept = Literal["all", "random", "displaced", "action-graph", "control-target"]


@dataclass(frozen=True, kw_only=True)
class ActingConfig:
    """Settings of whoever acts while it learns. Steps are those of all rows together."""

    agent: str
    preset: str
    steps: int  # environment steps of the whole training
    learning_rate: float = 1e-3
    batch_size: int = 256
    hidden: tuple[int, ...] = (64, 64)
    discount: float = 0.98  # γ
    rows: int = 16  # episodes side by side
    terminal: bool = True  # whether an episode ends where its goal is reached
    horizon: int | None = None  # control steps of an episode to learn from; None: as in the task
    grad_clip: float | None = None
    compile: bool = False

    def __post_init__(self) -> None:
        bounded(self, steps="[1, inf)", learning_rate="[0, inf)", batch_size=BATCH, hidden=WIDTH)
        bounded(self, discount="[0, 1]", rows="[1, 4096]", grad_clip="(0, inf)")
        bounded(self, horizon=f"[1, {max(self.steps // self.rows, 1)}]")  # an episode has to end
        if self.steps % self.rows:
            raise BadValue(
                f"steps is a multiple of rows, which are stepped together: got {self.steps} steps "
                f"and {self.rows} rows."
            )

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The whole training, at one learning rate."""
        rate = self.learning_rate
        return (Phase(updates=self.steps, learning_rate=rate, final_learning_rate=rate),)


@dataclass(frozen=True, kw_only=True)
class OnlineConfig(ActingConfig):
    """Settings of an `OnlineLearner`. Raises BadValue."""

    target_rate: float = 0.005
    entropy: float = -1.0  # wanted, for each number of an action
    update_every: int = 4  # environment steps for one update
    policy_every: int = 2  # updates of the critics for one of policy and temperature
    starts: int = 1_000  # environment steps of uniform actions before anything is learned
    capacity: int = 1_000_000  # steps that are kept at most
    hindsight: float = 0.8  # ρ, the share of relabelled transitions in a batch
    strategy: Literal["future", "final"] = "future"  # where goals of relabelled ones come from
    # "asked": as episodes begin with, see GoalWorld.as_asked; "achieved": just what was.
    goals: Literal["asked", "achieved"] = "asked"
    accept: Accept = "all"  # which episodes are relabelled
    priority: float = 0.0  # exponent of a transition's error in how often it is drawn; 0: uniform
    correction: float = 0.4  # exponent of the weights that make up for it

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, target_rate="(0, 1]", entropy="(-inf, inf)", update_every="[1, inf)")
        bounded(self, policy_every="[1, inf)", starts="[0, inf)", capacity="[1000, 1000000000]")
        bounded(self, hindsight="[0, 1]", priority="[0, 1]", correction="[0, 1]")
