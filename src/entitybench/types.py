"""The contracts between the parts.

Shape letters, used throughout: B batch, T time, N entities, M agents, D features of an entity,
A action. All quantities are in SI units unless a name says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
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


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSpec:
    """One task: a world, its arguments, and how it is scored."""

    id: str  # what users type: push-3blocks
    version: int  # bumped by any change to observation, reward, reset or success
    kind: str  # an id of `entitybench.kinds`
    # "module:Class", imported when first made: the World; of other kinds, what gives the items.
    target: str
    kwargs: Mapping[str, Any] = field(default_factory=dict)  # arguments of the target
    horizon: int = 0  # control steps until truncation; 0 where time means nothing
    # What an episode's return lies between, where its rewards say so; None: nothing is known.
    returns: tuple[float, float] | None = None
    oracle: str | None = None  # "module:Class" of the scripted policy that is given the goal
    oracle_kwargs: Mapping[str, Any] = field(default_factory=dict)  # arguments after the task
    failures: str | None = None  # "module:TABLE" of the failures that can be injected
    extra: str = ""  # optional dependency group it needs
    datasets: tuple[str, ...] = ()
    data: str = ""  # the dataset that is trained on unless another is named; "": the first
    also: frozenset[str] = frozenset()  # other kinds it can be scored as; see `Kind.offered_by`
    tags: frozenset[str] = frozenset()
    cites: tuple[str, ...] = ()  # what it descends from; see `entitybench.citations`
    summary: str = ""  # one line for `bench list`

    @property
    def gym_id(self) -> str:
        """The id for `gymnasium.make`."""
        return f"entitybench/{self.id}-v{self.version}"

    @property
    def default_dataset(self) -> str | None:
        """The id of the dataset to train on, or None for a task without any."""
        return self.data or next(iter(self.datasets), None)


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
    video: bool = False  # whether frames drawn from it are what its task's videos are learned from
    sizes: Mapping[str, int] = field(default_factory=dict)  # training episodes beside "small"
    summary: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteSpec:
    """A suite: which tasks, learned from which data, with how many training seeds and episodes."""

    id: str  # what users type: control-small
    # What scores are made of: a metric that is a share, or the normalised return. The kind of the
    # suite is the one that has it and that all its tasks can be scored as.
    metric: str
    # Ids of datasets, each of which names its task; of tasks that nothing is learned for.
    data: tuple[str, ...]
    training_seeds: tuple[int, ...] = (0, 1, 2)
    episodes: int = 100  # of each training seed: the public starts 0, 1, …
    updates: int = 0  # the most steps of training in the closed division, on these data alone
    summary: str = ""  # one line for `bench list`


LearnsFrom = Literal["dataset", "worlds", "problems", "nothing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSpec:
    """One agent: where its class is, and what it needs."""

    id: str
    # An id of `entitybench.kinds`; "any": it acts wherever actions are arrays; "part": it is built
    # into other agents, and scored by nobody.
    kind: str
    target: str  # "module:Class" of the Learner
    # "module:Class" of what acts alone, with `load` and what the kind `does`, where that needs less
    # than the Learner imports; "": the Learner acts.
    acting: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)  # what this id changes in every preset
    presets: tuple[str, ...] = ("tiny", "small", "paper")
    # Settings in checkpoints and records of earlier versions that nothing read; a dot reaches into
    # a part: "phases.alpha" is that of every phase.
    former: frozenset[str] = frozenset()
    weights_of: str | None = None  # an inference-only variant uses the weights of this agent
    learns_from: LearnsFrom = "dataset"
    # Name -> id of the agent whose trained checkpoint (same task, dataset, seed) `create` is given.
    parts: Mapping[str, str] = field(default_factory=dict)
    instead: str = ""  # a setting that, where it is given, takes the place of all parts
    needs: frozenset[str] = frozenset()  # of entitybench.needs.NEEDS: what a task must offer
    claims: str | None = None  # "module:CLAIMS" of the method
    # Of a team: what one agent does depends on what others see; it is no rival, but a bound.
    central: bool = False
    paper: str = ""
    cites: tuple[str, ...] = ()  # the method's papers; see `entitybench.citations`
    extra: str = ""  # optional dependency group it needs
    source: str = ""  # the file or address it is made from: of another form, `entitybench.forms`
    summary: str = ""

    @property
    def trains(self) -> bool:
        """Whether there is anything to train."""
        return self.learns_from != "nothing"

    @property
    def scored(self) -> bool:
        """Whether it acts in a task by itself, and so can be evaluated; a part does not."""
        return self.kind != "part"


class Learner(Protocol):
    """Training: the same for every kind. An agent is a Learner with what its kind `does`.

    A class whose training seeds can learn side by side, in one computation, also has `together`,
    "module:Class" of what joins them: `joins(target)` says whether it takes learners of a class,
    and made of a list of them it has their `learners`, `step`, `advance(data)` -> a list of
    Metrics, `ready(data)` and `save(folders, training=...)`. With a configuration that has `alone`
    true its seeds learn one after another all the same. A class that cannot learn on a GPU has
    `on_gpu = False`; it is then given the CPU.
    """

    unit: ClassVar[str]  # what `step` counts: "updates", "environment steps"
    step: int
    total: int  # where training ends
    config: Any

    @classmethod
    def configure(cls, spec: AgentSpec, preset: str, task: TaskSpec, **changes: Any) -> Any:
        """The configuration, a frozen dataclass. Raises BadValue for a setting it has not."""
        ...

    @classmethod
    def create(
        cls,
        config: Any,
        task: TaskSpec,
        *,
        seed: int,
        data: Any,
        parts: Mapping[str, Path],
        device: str,
    ) -> Self:
        """A fresh agent. `data` is what it learns from; `parts` are checkpoints by name."""
        ...

    def advance(self, data: Any) -> Metrics:
        """One unit of learning; `step` grows. A pure function of checkpoint, seed, step, data."""
        ...

    def ready(self, data: Any) -> None:
        """Measure what acting needs: called before an evaluation in mid-training."""
        ...

    def save(self, folder: Path, *, training: bool = True) -> None:
        """Write a checkpoint; with `training` all that exact resume needs."""
        ...

    @classmethod
    def load(
        cls, folder: Path, *, task: TaskSpec | None = None, device: str = "cpu", **changes: Any
    ) -> Self:
        """Read what `save` wrote, to act in `task` (default: its own), with settings changed.

        Raises CheckpointError.
        """
        ...


class Policy(Protocol[State]):
    """What acts in a world."""

    def initial_state(self, batch: int) -> State:
        """The state to begin `batch` episodes with."""
        ...

    def act(self, obs: Obs, state: State, rng: BatchGenerator) -> tuple[Array, State]:
        """Actions (B, A) in [-1, 1] (or (B, M, A) for teams) and the next state."""
        ...

    # A policy may also have `diagnostics(state) -> {name: (B,) array}`: what is worth knowing of
    # the episodes just run. Evaluation averages them over episodes, NaN left out.


class GraphInferrer(Protocol):
    """What tells who acted on whom, looking back at transitions."""

    def infer(self, transitions: Batch, rng: BatchGenerator) -> Array:
        """Scores (B, N, N + 1) in [0, 1] that entity i, or the action (last), acted on entity j.

        Row j is the target and column i the cause, as in `entitybench.envs.core.interactions`;
        above 0.5 an edge counts as named.

        Args:
            transitions: "observations" and "next_observations" (B, N, D), "actions" (B, A), and
                "mask" (B, N) where entities can be absent.
            rng: all randomness.
        """
        ...


class Predictor(Protocol):
    """What goes on with a video from its first frame, given what is to be done."""

    def roll_out(self, clips: Array, actions: Array, rng: BatchGenerator) -> Array:
        """Frames (B, T, H, W, 3) uint8 that follow the first one of each clip.

        This is no forecast. Clips come whole, so that latent actions can be inferred from them;
        what of the future reaches a prediction in other ways is for the agent to say.

        Args:
            clips: the true frames (B, T + 1, H, W, 3) uint8.
            actions: the true actions between them (B, T, A), those of a team in a row. Only who is
                told to know them may read them.
            rng: all randomness.
        """
        ...

    # A predictor may also have
    #   masks(clips) -> (B, T + 1, H, W), whole numbers: the slot of each pixel of the true frames;
    #   latents(clips, actions) -> (B, T, G, d): latent actions of G factors (slot g: factor g);
    #   edited(clips, actions, steps, rng) -> (B, G, H, W, 3) uint8: the frame `steps` after the
    #   first with the latent actions of one factor drawn anew, the others as they were.


class Reasoner(Protocol):
    """What answers problems of the kind "reasoner"."""

    def answer(
        self, questions: Sequence[Sequence[int]], rng: BatchGenerator, *, samples: int
    ) -> Sequence[Sequence[Sequence[int]]]:
        """Answers as tokens of `entitybench.envs.reason.vocabulary`, to each question (B).

        A question ends with the token C:, or with a chain of thought that is begun, which the
        answer goes on with. `samples` is how many answers are drawn for each, and 0 for a single
        one: the greedy one. `rng` has one generator a question.
        """
        ...
