"""One robot, driven by several agents: Gymnasium-Robotics' MaMuJoCo, on the worlds of one agent.

Physics, reward and end of an episode are the robot's (world.py); this file says who moves what and
who sees what. An agent sees the positions and velocities of its own joints, the positions of the
joints next to them, and how the torso stands and moves (agent_obsk = 1 of MaMuJoCo).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, zip_longest
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.envs.core.world import TeamWorld
from entitybench.envs.locomotion.world import Ant, HalfCheetah, Hopper, Locomotion
from entitybench.errors import unknown

if TYPE_CHECKING:
    import mujoco

    from entitybench.envs.core.world import Start, Variation
    from entitybench.types import Array

PADDING = "nothing"  # the name of what fills the observations of agents that see less


@dataclass(frozen=True, slots=True)
class Parts:
    """How a robot is shared out."""

    robot: type[Locomotion]
    owns: tuple[tuple[str, ...], ...]  # the joints of each agent, in the order of its action
    joined: tuple[tuple[str, ...], ...]  # joints that are next to one another
    torso: tuple[str, ...]  # features of the torso, which all agents see
    feels: dict[str, tuple[str, ...]]  # bodies whose contact forces the owner of a joint feels


def _chain(*joints: str) -> tuple[tuple[str, ...], ...]:
    return tuple(pairwise(joints))


_CHEETAH = HalfCheetah.joints
_PLANAR = ("z", "pitch", "v_x", "v_z", "v_pitch")
_CHEETAH_CHAIN = _chain("bfoot", "bshin", "bthigh", "fthigh", "fshin", "ffoot")
PARTS = {
    "cheetah-2x3": Parts(
        HalfCheetah, (_CHEETAH[:3], _CHEETAH[3:]), _CHEETAH_CHAIN, _PLANAR, feels={}
    ),
    "cheetah-6x1": Parts(
        HalfCheetah, tuple((joint,) for joint in _CHEETAH), _CHEETAH_CHAIN, _PLANAR, feels={}
    ),
    "hopper-3x1": Parts(
        Hopper, tuple((joint,) for joint in Hopper.joints), _chain(*Hopper.joints), _PLANAR, {}
    ),
    "ant-2x4": Parts(
        Ant,
        (Ant.joints[:4], Ant.joints[4:]),
        (
            *((f"hip_{leg}", f"ankle_{leg}") for leg in range(1, 5)),
            tuple(f"hip_{leg}" for leg in range(1, 5)),
        ),
        ("z", "qw", "qx", "qy", "qz", "v_x", "v_y", "v_z", "w_x", "w_y", "w_z"),
        {
            **{f"hip_{leg}": ("torso", f"leg_{leg}") for leg in range(1, 5)},
            **{f"ankle_{leg}": (f"leg_{leg}", f"aux_{leg}", f"ankle_{leg}") for leg in range(1, 5)},
        },
    ),
}


def sees(parts: Parts, agent: int) -> tuple[str, ...]:
    """The features of the robot that an agent sees, in MaMuJoCo's order: joints by name."""
    own = sorted(parts.owns[agent])
    felt: dict[str, None] = {}  # in order, each body once
    names: list[str] = []
    for joint in own:
        names += [joint, f"v_{joint}"]
        for body in parts.feels.get(joint, ()):
            if body not in felt:
                felt[body] = None
                names += [name for name in parts.robot.feature_names if _belongs(name, body)]
    near = {joint for group in parts.joined if set(group) & set(own) for joint in group}
    names += sorted(near - set(own))
    return (*names, *parts.torso)


def _belongs(feature: str, body: str) -> bool:
    return feature.startswith(f"{body}.")


class LocomotionTeam(TeamWorld):
    """A robot whose motors belong to several agents; all earn what the robot earns.

    The central state is what the robot observes. Agents that see less than others have zeros at
    the end of their observation.
    """

    def __init__(
        self, parts: str, *, pixels: int | None = None, view: str = "side", sleep: bool = False
    ) -> None:
        if parts not in PARTS:
            raise unknown("way to share a robot", parts, list(PARTS), see="docs/team.md")
        self.parts = PARTS[parts]
        self.robot = robot = self.parts.robot(pixels=pixels, view=view, sleep=sleep)
        self.agents = tuple(f"agent_{i}" for i in range(len(self.parts.owns)))
        self.action_dim = len(self.parts.owns[0])
        self.pixels, self.view, self.sleep = robot.pixels, robot.view, robot.sleep
        self.entities, self.feature_names = robot.entities, robot.feature_names
        self.control_dt, self.physics_dt = robot.control_dt, robot.physics_dt
        self.reads, self.terminates = robot.reads, robot.terminates
        self.perturbations, self.grid = robot.perturbations, robot.grid
        # Where a team's action, one agent after the other, is in the robot's, and back.
        owned = [joint for joints in self.parts.owns for joint in joints]
        self.order = np.array([robot.motors.index(joint) for joint in owned])
        self._motors = np.array([owned.index(joint) for joint in robot.motors])
        self._plain = bool(np.all(self._motors == np.arange(len(owned))))
        self._doubles = np.ones(len(self.agents))
        self._singles = np.ones(len(self.agents), np.float32)
        self.sees = tuple(sees(self.parts, agent) for agent in range(len(self.agents)))
        names = zip_longest(*self.sees, fillvalue=PADDING)
        self.agent_feature_names = tuple("|".join(dict.fromkeys(each)) for each in names)

    @property
    def model(self) -> mujoco.MjModel:
        return self.robot.model

    def spec(self) -> mujoco.MjSpec:
        return self.robot.spec()

    @property
    def bounds(self) -> Array:
        return self.robot.bounds

    @property
    def bodies(self) -> tuple[str, ...]:
        return self.robot.bodies

    @property
    def movable(self) -> tuple[str, ...]:
        return ()

    @property
    def varied(self) -> tuple[str, ...]:
        return self.robot.varied

    def adapt(self, model: mujoco.MjModel, variation: Variation) -> None:
        self.robot.adapt(model, variation)

    @cached_property
    def _columns(self) -> Array:
        """(M, features of an agent): the robot's feature that each is; the last of all: none."""
        width = len(self.agent_feature_names)
        columns = np.full((len(self.agents), width), self.features)
        for row, names in zip(columns, self.sees, strict=True):
            row[: len(names)] = [self.feature_names.index(name) for name in names]
        return columns

    @cached_property
    def _padded(self) -> Any:
        """Where `_columns` points at nothing, or None: it never does."""
        missing = self._columns == self.features
        return missing if missing.any() else None

    @cached_property
    def _sources(self) -> Array:
        return np.minimum(self._columns, self.features - 1)

    @property
    def agent_bounds(self) -> Array:
        bounds = np.append(self.bounds, np.float32(0))
        return np.maximum.reduce(bounds[self._columns], 0)

    def start(self, seed: int) -> Start:
        return self.robot.start(seed)

    def begin(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        self.robot.begin(model, data)

    def refresh(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        self.robot.refresh(model, data)

    def control(self, state: Array, action: Array) -> Array:
        return self.robot.control(state, self._robots(action))

    def observe(self, state: Array, constants: Array) -> Array:
        return self.robot.observe(state, constants)

    def observe_agents(self, state: Array, constants: Array) -> Array:
        return self.see(state, constants)[1]

    def see(self, state: Array, constants: Array) -> tuple[Array, Array]:
        observation = self.robot.observe(state, constants)
        seen = observation[..., 0, :].take(self._sources, -1)
        if self._padded is not None:
            seen[..., self._padded] = 0
        return observation, seen

    def reward_terms(self, before: Array, action: Array, after: Array) -> dict[str, Array]:
        terms = self.robot.reward_terms(before, self._robots(action), after)
        return {name: self._each(term, self._doubles) for name, term in terms.items()}

    def reward(self, before: Array, action: Array, after: Array) -> Array:
        paid = self.robot.reward(before, self._robots(action), after)
        return self._each(paid, self._singles)

    def status(self, state: Array) -> dict[str, Array]:
        return self.robot.status(state)

    def terminated(self, state: Array) -> Array:
        return self.robot.terminated(state)

    def _robots(self, action: Array) -> Array:
        """The robot's action (..., A) from the team's (..., M, A)."""
        flat = action.reshape(*action.shape[:-2], -1)
        return flat if self._plain else flat.take(self._motors, -1)

    def _each(self, team: Any, ones: Array) -> Array:
        """What all get, (..., M), from what the robot gets, (...)."""
        everyone: Array = (team[..., None] if isinstance(team, np.ndarray) else team) * ones
        return everyone
