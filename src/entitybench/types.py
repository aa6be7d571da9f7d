"""The contracts between the parts.

Shape letters, used throughout: B batch, T time, N entities, M agents, D features of an entity,
A action. All quantities are in SI units unless a name says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np

    from entitybench.seeding import BatchGenerator

    Array = np.ndarray
    # Goal tasks: "observation", "achieved_goal", "desired_goal", each (B, N, D) float32.
    # "mask" (B, N) only where the number of entities varies.
    Obs = dict[str, Array]
    Batch = dict[str, Array]
else:

    def __getattr__(name: str) -> Any:
        # At use only: numpy doubles the time that `bench list` takes.
        if name not in ("Array", "Obs", "Batch"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import numpy as np

        return np.ndarray if name == "Array" else dict[str, np.ndarray]


Metrics = dict[str, float]
State = TypeVar("State")

Kind = Literal[
    "goal-control",
    "reward-control",
    "team-control",
    "video",
    "judge",
    "painter",
    "reasoner",
    "graph",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSpec:
    """One task: a world, its arguments, and how it is scored."""

    id: str  # what users type: push-3blocks
    version: int  # bumped by any change to observation, reward, reset or success
    kind: Kind
    world: str  # "module:Class" of the World, imported when first made
    kwargs: Mapping[str, Any] = field(default_factory=dict)  # arguments of the world
    horizon: int  # control steps until truncation
    oracle: str | None = None  # "module:Class" of the scripted policy that is given the goal
    oracle_kwargs: Mapping[str, Any] = field(default_factory=dict)  # arguments after the task
    failures: str | None = None  # "module:TABLE" of the failures that can be injected
    extra: str = ""  # optional dependency group it needs
    datasets: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ("success", "success_any", "success_fraction")
    tags: frozenset[str] = frozenset()
    summary: str = ""  # one line for `bench list`

    @property
    def gym_id(self) -> str:
        """The id for `gymnasium.make`."""
        return f"entitybench/{self.id}-v{self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetSpec:
    """One dataset: who acts in which task, and how much of it is registered."""

    id: str  # push-3blocks/play-v1
    task: str
    behaviour: str  # "module:Class" of the batched behaviour policy
    episodes: int  # training episodes
    validation_episodes: int
    length: int  # control steps of each episode, where the task does not end it before
    seed: int = 0
    behaviour_kwargs: Mapping[str, Any] = field(default_factory=dict)  # after the task
    world_kwargs: Mapping[str, Any] = field(default_factory=dict)  # change the task's own
    absent: float = 0.0  # the chance that an episode lacks a movable entity
    interactions: bool = False  # whether who acted on whom is stored
    sizes: Mapping[str, int] = field(default_factory=dict)  # training episodes beside "small"
    summary: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSpec:
    """One agent: where its class is, and what it needs."""

    id: str
    kind: Kind | Literal["any"]  # "any": it acts wherever actions are arrays
    target: str  # "module:Class" of the Agent
    config: Mapping[str, Any] = field(default_factory=dict)  # what this id changes in every preset
    presets: tuple[str, ...] = ("tiny", "small", "paper")
    weights_of: str | None = None  # an inference-only variant uses the weights of this agent
    trains: bool = True  # False: random, oracle
    sees_pixels: bool = False  # it learns from images; else from entities
    any_number: bool = True  # its weights act on another number of entities than they were made for
    paper: str = ""
    extra: str = ""  # optional dependency group it needs
    summary: str = ""


class Policy(Protocol[State]):
    """All that control evaluation needs."""

    def initial_state(self, batch: int) -> State:
        """The state to begin `batch` episodes with."""
        ...

    def act(self, obs: Obs, state: State, rng: BatchGenerator) -> tuple[Array, State]:
        """Actions (B, A) in [-1, 1] (or (B, M, A) for teams) and the next state."""
        ...


class Agent(Protocol):
    """One per method. `step` counts the updates done; `total_updates` is where training ends."""

    step: int
    total_updates: int

    @classmethod
    def create(cls, config: Any, task: TaskSpec, *, seed: int, dataset: Any = None) -> Self:
        """A fresh agent. `dataset` gives the normalisation statistics and example shapes."""
        ...

    def batch(self, dataset: Any) -> Batch:
        """What update number `step` learns from; a pure function of (seed, step, dataset)."""
        ...

    def update(self, batch: Batch) -> Metrics:
        """One optimisation step; `step` grows by one."""
        ...

    def policy(self, *, greedy: bool = True) -> Policy[Any]:
        """The policy to evaluate."""
        ...

    def save(self, folder: Path, *, training: bool = True) -> None:
        """Write safetensors + JSON; with `training` all that exact resume needs."""
        ...

    @classmethod
    def load(cls, folder: Path, *, device: str = "cpu") -> Self:
        """Read what `save` wrote. Raises CheckpointError."""
        ...
