"""What a world is: a scene, its rules, and pure functions from states to observations and scores.

A world holds no episode. `Worlds` (envs/core/batch.py) steps many episodes of one world; the
Gymnasium and PettingZoo views are its B = 1 and B = n faces, so a single and a batched run agree
bit for bit.

There are three kinds, by what is scored: `GoalWorld` (an achieved and a desired goal),
`RewardWorld` (named reward terms of a transition) and `TeamWorld` (the same, for several agents).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.errors import BadValue

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import SupportsIndex

    import mujoco

    from entitybench.types import Array


@dataclass(frozen=True, slots=True)
class Start:
    """How one episode begins."""

    qpos: Array  # (nq,) float64; of a world without MuJoCo (nothing read), empty
    constants: Array  # (N, D) float32: the features that stay, e.g. ids; zero elsewhere
    goal: Array  # (N, D) float32: the desired goal; zeros where there is none
    qvel: Array | None = None  # (nv,) float64; None: at rest
    memory: Array | None = None  # (memory,) float64; None: zeros
    absent: Array | None = None  # (N,) bool, the entities that this episode lacks; None: none


@dataclass(frozen=True, slots=True)
class Variation:
    """How one episode's world differs. K: the bodies of the world's `varied`."""

    colour: Array  # (K, 3), added to red, green and blue
    size: Array  # (K,), factors of lengths
    mass: Array  # (K,), factors
    friction: Array  # (K,), factors of sliding friction and of the joints' friction
    latency: int  # control steps by which actions come late


class World(ABC):
    """A scene of N entities with D features each, and the rules of its task.

    The state (..., S) float64 of an episode is what the rules may read: the MjData fields named in
    `reads`, flattened, one after the other, then `memory` numbers of the world's own. Functions
    with `...` in their shapes are pure and take any leading axes; actions have been cut to [-1, 1].
    """

    entities: int  # N, robots included
    feature_names: tuple[str, ...]  # D names
    action_dim: int  # A; actions lie in [-1, 1]
    control_dt: float  # s
    physics_dt: float  # s
    reads: tuple[str, ...] = ("qpos",)  # MjData fields in the state; "qpos" comes first
    memory: int = 0  # numbers in the state that the world itself keeps; see `remember`
    terminates: bool = False  # whether an episode can end before its horizon; see `terminated`
    pixels: int | None = None  # edge of the image that is observed instead; None: entities
    view: str = "top"  # the camera of these images
    # What steps its episodes, a `Physics`: by name, for it knows the worlds.
    physics_class: str = "entitybench.envs.core.physics:MujocoPhysics"
    # What steps one episode number by number, an `Alone`, likewise. Not inherited, since subclasses
    # may have other rules.
    alone_class: str | None = None

    @property
    def features(self) -> int:
        """D, the features of an entity."""
        return len(self.feature_names)

    @property
    def fixed_names(self) -> tuple[str, ...]:
        """Names of features that stay as they are through an episode: who or what an entity is.

        Here one-hot ids (id0, id1, …); worlds with more say so.
        """
        return tuple(n for n in self.feature_names if n[:2] == "id" and n[2:].isdecimal())

    @property
    def substeps(self) -> int:
        """Physics steps in a control step. Raises BadValue unless it is a whole number of them."""
        return whole_steps(self.control_dt, self.physics_dt)

    @property
    def action_shape(self) -> tuple[int, ...]:
        """(A,), or (M, A) for a team."""
        return (self.action_dim,)

    @property
    @abstractmethod
    def bounds(self) -> Array:
        """(D,): observations lie in +-bounds; infinite where the physics sets no bound."""

    @property
    @abstractmethod
    def bodies(self) -> tuple[str, ...]:
        """The N names of the entities' bodies in the scene (what hangs on one belongs to it)."""

    @abstractmethod
    def spec(self) -> mujoco.MjSpec:
        """The scene. Of a world without MuJoCo: what is drawn of it."""

    @cached_property
    def model(self) -> mujoco.MjModel:
        """The compiled scene. Shared by all who use this world: read only."""
        return self.spec().compile()

    def model_of(self, constants: Array) -> mujoco.MjModel:
        """The scene of an episode with these constants (N, D), if it is not the same for all.

        It must have the same names and sizes as `model`; read only.
        """
        del constants
        return self.model

    @abstractmethod
    def start(self, seed: int) -> Start:
        """The start state and goal of the episode with this seed, and of no other randomness."""

    @abstractmethod
    def control(self, state: Array, action: Array) -> Array:
        """Actuator targets (..., nu) for states (..., S) and actions (..., *action_shape)."""

    @abstractmethod
    def observe(self, state: Array, constants: Array) -> Array:
        """Entities (..., N, D) float32, a new array, from states (..., S)."""

    def remember(self, before: Array, action: Array, after: Array) -> Array:
        """The memory (..., memory) after a control step; in `after` it is still that of before."""
        del before, action
        return after[..., after.shape[-1] - self.memory :]

    def without(self, start: Start, absent: Array) -> Start:
        """The start of an episode that lacks the entities `absent` (N,) bool.

        A world whose own arithmetic must know who is there puts it into the start's memory.
        """
        return replace(start, absent=absent)

    def terminated(self, state: Array) -> Array:
        """Whether the episode ends in this state: bool (...)."""
        return np.zeros(state.shape[:-1], bool)

    def begin(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        """Called when a start state has been written: make fields that are read valid."""
        self.refresh(model, data)

    def refresh(  # noqa: B027 - most have nothing to do
        self, model: mujoco.MjModel, data: mujoco.MjData
    ) -> None:
        """Called after every control step: compute fields that are read and not integrated.

        A world that reads site_xpos, say, calls `mujoco.mj_kinematics` here. Never `mj_forward`:
        it changes the solver's warm start, and so the episode.
        """

    def due(self, state: Array) -> Array | None:
        """After which control steps `refresh` has something to do, bool (...); None: after all.

        `state` is as `refresh` would find it. A world that seldom has something to do says when,
        since asking of all rows at once is quicker than calling `refresh` for each.
        """
        del state
        return None

    # What makes this world anew, set by what made it: a function and its arguments.
    _made_by: tuple[Callable[..., World], tuple[Any, ...]] | None = None

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        """A world holds no episode: its copy is itself, in another process one made alike."""
        return self._made_by or super().__reduce_ex__(protocol)

    # Where things are in the state.

    @cached_property
    def _slots(self) -> dict[str, slice]:
        import mujoco

        slots, place = {}, 0
        data = mujoco.MjData(self.model) if self.reads else None
        for name in self.reads:
            size = int(np.size(getattr(data, name)))
            slots[name] = slice(place, place + size)
            place += size
        slots["memory"] = slice(place, place + self.memory)
        return slots

    def slot(self, field: str) -> slice:
        """Where an MjData field of `reads`, or "memory", is in the state."""
        return self._slots[field]

    @property
    def state_size(self) -> int:
        """S."""
        return self._slots["memory"].stop

    def at(self, joint: str, *, velocity: bool = False) -> int:
        """Where a joint's (first) position or velocity is in the state."""
        found = self.model.joint(joint)
        if velocity:
            return self._slots["qvel"].start + int(found.dofadr[0])
        return self._slots["qpos"].start + int(found.qposadr[0])

    # Pictures.

    def pose(self, state: Array) -> Array:
        """Positions (..., nq) of the drawn scene in states (..., S)."""
        return state[..., : self.model.nq]

    def paint(self, model: mujoco.MjModel, constants: Array) -> None:
        """Give the entities of an episode with these constants (N, D) their colours in `model`."""
        del model, constants

    def for_pictures(self, model: mujoco.MjModel) -> None:  # noqa: B027 - most look as they are
        """Change how a renderer's copy of the scene is lit and coloured, which moves nothing."""

    @property
    def camera_names(self) -> tuple[str, ...]:
        """The names of the scene's cameras."""
        return tuple(self.model.camera(index).name for index in range(self.model.ncam))

    # Metres between the lines that pictures show on the floor, where nothing else tells of motion.
    grid: float | None = None

    def marks(self, goal: Array) -> Sequence[tuple[Array, ...]]:
        """Boxes (position (3,), half sizes (3,), rgba (4,)) that mark a goal (N, D).

        A fourth array, a rotation (3, 3), turns a box.
        """
        del goal
        return []

    # True interactions and variations; see envs/core/interactions.py and envs/core/banks.py.

    @property
    def movable(self) -> tuple[str, ...]:
        """Names of the entities that can be absent."""
        return self.bodies[1:]

    perturbations: tuple[str, ...] = ("colour", "size", "mass", "friction", "latency")

    @property
    def varied(self) -> tuple[str, ...]:
        """Names of the bodies that `perturbations` change, with all that hangs on them."""
        return self.movable

    def adapt(  # noqa: B027 - most have nothing more to change
        self, model: mujoco.MjModel, variation: Variation
    ) -> None:
        """Change in a copy of the scene what else differs in an episode's variation."""

    @property
    def driven(self) -> tuple[int, ...]:
        """Which entities the action drives directly: rows of `bodies`."""
        return (0,)

    @property
    def structure(self) -> Array | None:
        """Who can ever act on whom, bool (N, N + 1), as in `entitybench.envs.core.interactions`.

        None where anybody may, as of bodies that move about.
        """
        return None

    @property
    def no_action(self) -> Array:
        """What stands for nobody acting, `action_shape`: no command, zeros.

        Where zeros act like any other action, NaN, which `transition` takes for none.
        """
        return np.zeros(self.action_shape)

    @property
    def obstacles(self) -> tuple[str, ...]:
        """What robots are to stay clear of: names of geoms, without MuJoCo of entities.

        Nothing in the rules depends on it: contacts with it are counted, see `Worlds.bumped`.
        """
        return ()


def whole_steps(control_dt: float, physics_dt: float) -> int:
    """How many physics steps (s) a control step (s) has.

    Raises BadValue unless that is a whole number, but for what is lost in rounding.
    """
    ratio = control_dt / physics_dt if physics_dt > 0 else 0.0
    steps = round(ratio)
    if steps < 1 or abs(ratio - steps) > 1e-6 * steps:
        raise BadValue(
            f"a control step of {control_dt:g} s is no whole number of physics steps of "
            f"{physics_dt:g} s: it is {ratio:.6g} of them."
        )
    return steps


class ArrayMixin(World):
    """A world without MuJoCo: its whole state is memory, and `transition` is its physics."""

    reads = ()
    physics_class = "entitybench.envs.core.physics:ArrayPhysics"

    def control(self, state: Array, action: Array) -> Array:
        del state
        return action

    @abstractmethod
    def transition(self, state: Array, action: Array) -> Array:
        """The state (..., S) after a control step, from states and actions."""

    def touching(self, before: Array, action: Array, after: Array) -> Array:
        """Which entities acted on which in a control step: bool (..., N target, N cause)."""
        del before, action
        return np.zeros((*after.shape[:-1], self.entities, self.entities), bool)

    def bumping(self, state: Array) -> Array:
        """Whether a robot touches one of `obstacles` in states (..., S): bool (...)."""
        return np.zeros(state.shape[:-1], bool)

    def acting(self, before: Array, action: Array, after: Array) -> Array | None:
        """Which entities the action drove in a control step, bool (..., N); None: `driven`."""
        del before, action, after
        return None


class GoalWorld(World):
    """A world with a goal: entities, or parts of them, that are to be where a goal has them."""

    @abstractmethod
    def achieved(self, observation: Array) -> Array:
        """The goal (..., N, D) that an observation (..., N, D) fulfils; a new array."""

    @abstractmethod
    def solved(self, achieved: Array, desired: Array) -> Array:
        """Which entities are where the goal wants them: bool (..., entities with a goal)."""

    @abstractmethod
    def goal_qpos(self, goal: Array) -> Array:
        """Positions (nq,) in which a goal (N, D) is reached, for pictures of it."""

    @property
    def told_names(self) -> tuple[str, ...]:
        """Names of features that depend on the goal that the episode was begun with.

        Under another goal they would be others, so who relabels goals leaves them out.
        """
        return ()

    def as_asked(self, achieved: Array) -> Array:
        """What was achieved (..., N, D) as a goal of the sort that episodes begin with."""
        return achieved

    def success(self, achieved: Array, desired: Array) -> Array:
        """Whether all entities are where the goal wants them: bool (...)."""
        solved = self.solved(achieved, desired)
        success: Array = solved[..., 0]
        for entity in range(1, solved.shape[-1]):  # few: ten times as fast as a reduction
            success = success & solved[..., entity]
        return success

    def success_fraction(self, achieved: Array, desired: Array) -> Array:
        """The share of entities that are where the goal wants them: float32 (...)."""
        solved = self.solved(achieved, desired)
        return _shares(solved.shape[-1])[0][np.add.reduce(solved, -1)]

    def reward(self, achieved: Array, desired: Array) -> Array:
        """The sum of `reward_terms`, float32 (...)."""
        success = self.success(achieved, desired)
        return _total(self.reward_terms(achieved, desired, success))

    def reward_terms(
        self,
        achieved: Array,  # noqa: ARG002 - worlds with more terms use them
        desired: Array,  # noqa: ARG002
        success: Array,
    ) -> dict[str, Array]:
        """Named, weighted terms, float32 (...) each: here one, 0 at success, else -1.

        `success` is `self.success(achieved, desired)`, which every caller has.
        """
        return {"unsolved": _UNSOLVED.take(success)}

    def judge(self, achieved: Array, desired: Array) -> dict[str, Array]:
        """All scores at once: "reward", "is_success" and "success_fraction", each (...)."""
        solved = self.solved(achieved, desired)
        # Counted once and looked up: each numpy call costs as much as a physics step of a body.
        count = np.add.reduce(solved, -1)
        shares, all_of_them = _shares(solved.shape[-1])
        success = all_of_them[count]
        return {
            "reward": _total(self.reward_terms(achieved, desired, success)),
            "is_success": success,
            "success_fraction": shares[count],
        }


class RewardWorld(World):
    """A world with a reward of its own: named terms of a transition."""

    @abstractmethod
    def reward_terms(self, before: Array, action: Array, after: Array) -> dict[str, Array]:
        """Named, weighted terms, (...) each, of transitions between states (..., S)."""

    @abstractmethod
    def status(self, state: Array) -> dict[str, Array]:
        """How far the task is done: "is_success" bool (...) and "success_fraction" (...)."""

    def reward(self, before: Array, action: Array, after: Array) -> Array:
        """The sum of `reward_terms`, float32 (...)."""
        return single(_total(self.reward_terms(before, action, after)))


class TeamWorld(World):
    """A world of M agents, each with an action, an observation and a reward of its own.

    `observe` gives the entities (..., N, D) as everywhere, which is the team's central state;
    `observe_agents` what each agent sees. Agents that a script of the world moves are no agents.
    """

    agents: tuple[str, ...]  # M names
    agent_feature_names: tuple[str, ...]  # names of what an agent observes
    actions: int | None = None  # discrete actions an agent chooses from; None: a box of A numbers
    # "module:Class" of the same world where agents move the opponents too; None: there are none.
    match_class: str | None = None
    # The ways to share the work that `convention` tells apart; none: it tells nothing.
    conventions: tuple[str, ...] = ()

    @property
    def action_shape(self) -> tuple[int, ...]:
        return (len(self.agents), self.action_dim)

    def convention(self, state: Array) -> Array:
        """Which of `conventions` the team keeps in states (..., S): int (...), -1 if none is seen.

        Nothing in the rules depends on it: evaluation counts episodes that keep to one.
        """
        return np.full(state.shape[:-1], -1)

    @property
    @abstractmethod
    def agent_bounds(self) -> Array:
        """(features of an agent,): what agents observe lies in +-bounds."""

    @abstractmethod
    def observe_agents(self, state: Array, constants: Array) -> Array:
        """What each agent sees (..., M, features of an agent) float32, a new array."""

    def see(self, state: Array, constants: Array) -> tuple[Array, Array]:
        """`observe` and `observe_agents` at once: quicker for some."""
        return self.observe(state, constants), self.observe_agents(state, constants)

    @abstractmethod
    def reward_terms(self, before: Array, action: Array, after: Array) -> dict[str, Array]:
        """Named, weighted terms, (..., M) each, of transitions between states (..., S)."""

    @abstractmethod
    def status(self, state: Array) -> dict[str, Array]:
        """How far the task is done: "is_success" bool (...) and "success_fraction" (...)."""

    def reward(self, before: Array, action: Array, after: Array) -> Array:
        """The sum of `reward_terms`, float32 (..., M)."""
        return single(_total(self.reward_terms(before, action, after)))


def single(value: Any) -> Any:
    """Numbers in float32, arrays or one: of one, `astype` would take ten times as long."""
    return value.astype(np.float32) if isinstance(value, np.ndarray) else np.float32(value)


_UNSOLVED = np.array([-1, 0], np.float32)  # the term without and with success


@lru_cache(maxsize=64)
def _shares(count: int) -> tuple[Array, Array]:
    """For 0 .. count solved of `count`: their share, and whether they are all."""
    solved = np.arange(count + 1)
    return (solved / count).astype(np.float32), solved == count


def _total(terms: dict[str, Array]) -> Array:
    total, *others = terms.values()
    for term in others:
        total = total + term
    return total
