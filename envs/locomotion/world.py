"""Hopper, half-cheetah, walker and ant: Gymnasium's v5 environments, batched.

The models are Gymnasium's own files, read where they are installed; observation, reward and
termination are those of its environments, number for number (tests/golden/test_locomotion.py).
"""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.envs.core.world import RewardWorld, Start
from entitybench.envs.drawing.edges import check_observed
from entitybench.seeding import generator

if TYPE_CHECKING:
    import mujoco

    from entitybench.envs.core.world import Variation
    from entitybench.types import Array

VIEWS = ("side", "top")
_FINGERS = ("torque_x", "torque_y", "torque_z", "force_x", "force_y", "force_z")


class Locomotion(RewardWorld):
    """One robot that is to run along x. One entity: the robot, whose features are all it observes.

    An action is the torque of each motor, as a share of the strongest.
    """

    file: str  # of the model, among Gymnasium's
    joints: tuple[str, ...]  # the driven ones, in the order of qpos
    motors: tuple[str, ...]  # the joints in the order of the action
    ctrl_weight: float  # of the sum of squares of the action
    noise: float  # m, rad: starts are uniform in +-noise about the model's own pose
    distance: float  # m, along x, that a success has run
    entities = 1
    reads: tuple[str, ...] = ("qpos", "qvel")
    perturbations = ("colour", "mass", "friction", "latency")
    grid = 1.0  # m

    def __init__(
        self, *, pixels: int | None = None, view: str = "side", sleep: bool = False
    ) -> None:
        check_observed(pixels, view, VIEWS)
        self.pixels = pixels
        self.view = view
        self.sleep = sleep
        self.action_dim = len(self.motors)

    def spec(self) -> mujoco.MjSpec:
        return _scene(self.file, self.sleep)

    @property
    def bodies(self) -> tuple[str, ...]:
        return ("torso",)

    @property
    def movable(self) -> tuple[str, ...]:
        return ()

    @property
    def varied(self) -> tuple[str, ...]:
        return ("torso",)

    def adapt(self, model: mujoco.MjModel, variation: Variation) -> None:
        # The larger friction of two geoms counts, and the floor's is among the largest.
        model.geom("floor").friction[0] *= variation.friction[0]

    def start(self, seed: int) -> Start:
        rng = generator(seed, "locomotion-start", self.file)
        qpos = self.model.qpos0 + rng.uniform(-self.noise, self.noise, self.model.nq)
        qvel = self._start_velocity(rng)
        nothing = np.zeros((1, self.features), np.float32)
        return Start(qpos, nothing, nothing, qvel)

    def begin(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        # As Gymnasium does: the first step's solver starts from these accelerations.
        import mujoco

        mujoco.mj_forward(model, data)

    def control(self, state: Array, action: Array) -> Array:
        del state
        return action

    def reward_terms(self, before: Array, action: Array, after: Array) -> dict[str, Array]:
        cost = self.ctrl_weight * _squares(action)
        return {"forward": self._speed(before, after), "ctrl": -cost}

    def status(self, state: Array) -> dict[str, Array]:
        x = _first(state)
        if isinstance(x, float):
            share: Any = np.float32(min(max(x / self.distance, 0.0), 1.0))
            return {"is_success": np.bool_(x >= self.distance), "success_fraction": share}
        share = np.minimum(np.maximum(x / self.distance, 0), 1).astype(np.float32)
        return {"is_success": x >= self.distance, "success_fraction": share}

    def _speed(self, before: Array, after: Array) -> Array:
        """Along x, m/s, over a control step."""
        return (_first(after) - _first(before)) / self.control_dt

    @abstractmethod
    def _start_velocity(self, rng: np.random.Generator) -> Array:
        """Velocities (nv,) of a start."""


class Planar(Locomotion):
    """Robots in the plane of x and z: positions without x, then velocities."""

    limit: float = np.inf  # of observed velocities, m/s and rad/s

    def __init__(
        self, *, pixels: int | None = None, view: str = "side", sleep: bool = False
    ) -> None:
        super().__init__(pixels=pixels, view=view, sleep=sleep)
        self.size = 2 + len(self.joints)  # positions that are observed
        self.seen = slice(1, 2 * self.size + 2)

    def observe(self, state: Array, constants: Array) -> Array:
        del constants
        observation = state[..., None, self.seen].astype(np.float32)
        if self.limit < np.inf:
            velocity = observation[..., self.size :]
            np.minimum(np.maximum(velocity, -self.limit), self.limit, out=velocity)
        return observation

    @property
    def bounds(self) -> Array:
        bounds = np.full(self.features, np.inf, np.float32)
        bounds[self.size :] = self.limit
        return bounds

    def _start_velocity(self, rng: np.random.Generator) -> Array:
        return rng.uniform(-self.noise, self.noise, self.model.nv)


def _first(state: Array) -> Any:
    """The robot's x (...): of one state a Python number, with which arithmetic is quickest."""
    return state.item(0) if state.ndim == 1 else state[..., 0]


def _squares(action: Array) -> Array:
    """The sum of squares (...) of actions (..., A), in double precision whatever they are in."""
    return np.add.reduce(np.multiply(action, action, dtype=np.float64), -1)


def _planar_features(joints: tuple[str, ...]) -> tuple[str, ...]:
    place = ("z", "pitch", *joints)
    return (*place, *(f"v_{name}" for name in ("x", *place)))


class Upright(Planar):
    """Planar robots that must not fall: an episode ends when they do."""

    ctrl_weight = 1e-3
    noise = 5e-3
    limit = 10.0
    physics_dt = 0.002
    control_dt = 0.008
    terminates = True

    @abstractmethod
    def healthy(self, state: Array) -> Array:
        """Whether it stands: bool (...)."""

    def terminated(self, state: Array) -> Array:
        return ~self.healthy(state)

    def reward_terms(self, before: Array, action: Array, after: Array) -> dict[str, Array]:
        cost = self.ctrl_weight * _squares(action)
        return {
            "forward": self._speed(before, after),
            "healthy": self.healthy(after) * 1.0,
            "ctrl": -cost,
        }

    def status(self, state: Array) -> dict[str, Array]:
        found = super().status(state)
        found["is_success"] = found["is_success"] & self.healthy(state)
        return found


class Hopper(Upright):
    """One leg. The episode ends when the torso is lower than 0.7 m or leans more than 0.2 rad."""

    alone_class = "entitybench.envs.locomotion.alone:RunAlone"
    file = "hopper.xml"
    joints = ("thigh", "leg", "foot")
    motors = joints
    feature_names = _planar_features(joints)
    distance = 8.0

    def healthy(self, state: Array) -> Array:
        # One look at the largest, since each numpy call costs as much as a look at all.
        rest = np.maximum.reduce(np.abs(state[..., 2:]), -1)
        return (state[..., 1] > 0.7) & (np.abs(state[..., 2]) < 0.2) & (rest < 100.0)


class Walker2d(Upright):
    """Two legs. The episode ends when the torso is not 0.8 to 2 m high or leans more than 1 rad."""

    alone_class = "entitybench.envs.locomotion.alone:RunAlone"
    file = "walker2d_v5.xml"
    joints = ("thigh", "leg", "foot", "thigh_left", "leg_left", "foot_left")
    motors = joints
    feature_names = _planar_features(joints)
    distance = 8.0

    def healthy(self, state: Array) -> Array:
        z = state[..., 1]
        return (z > 0.8) & (z < 2.0) & (np.abs(state[..., 2]) < 1.0)


class HalfCheetah(Planar):
    """A front and a hind leg. Nothing ends the episode but the horizon."""

    alone_class = "entitybench.envs.locomotion.alone:RunAlone"
    file = "half_cheetah.xml"
    joints = ("bthigh", "bshin", "bfoot", "fthigh", "fshin", "ffoot")
    motors = joints
    feature_names = _planar_features(joints)
    ctrl_weight = 0.1
    noise = 0.1
    distance = 100.0
    physics_dt = 0.01
    control_dt = 0.05

    def _start_velocity(self, rng: np.random.Generator) -> Array:
        return self.noise * rng.standard_normal(self.model.nv)


class Ant(Locomotion):
    """Four legs in space. The episode ends when the torso is not 0.2 to 1 m high.

    The robot also feels the contact forces on its 13 bodies, cut to +-1, and pays for them.
    """

    file = "ant.xml"
    joints = tuple(f"{part}_{leg}" for leg in range(1, 5) for part in ("hip", "ankle"))
    motors = (*joints[6:], *joints[:6])
    parts = (
        "torso",
        *(f"{part}_{leg}" for leg in range(1, 5) for part in ("leg", "aux", "ankle")),
    )
    feature_names = (
        *("z", "qw", "qx", "qy", "qz", *joints),
        *("v_x", "v_y", "v_z", "w_x", "w_y", "w_z", *(f"v_{joint}" for joint in joints)),
        *(f"{part}.{finger}" for part in parts for finger in _FINGERS),
    )
    reads = ("qpos", "qvel", "cfrc_ext", "xpos")
    ctrl_weight = 0.5
    contact_weight = 5e-4
    noise = 0.1
    distance = 10.0
    physics_dt = 0.01
    control_dt = 0.05
    terminates = True

    def __init__(
        self, *, pixels: int | None = None, view: str = "side", sleep: bool = False
    ) -> None:
        super().__init__(pixels=pixels, view=view, sleep=sleep)
        self._moving = slice(2, self.slot("qvel").stop)
        self._forces = self.slot("cfrc_ext")
        self._touch = slice(self._forces.start + 6, self._forces.stop)  # all but the world's
        self._torso = self.slot("xpos").start + 3 * int(self.model.body("torso").id)

    def refresh(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        import mujoco

        mujoco.mj_rnePostConstraint(model, data)

    def observe(self, state: Array, constants: Array) -> Array:
        del constants
        observation = np.empty((*state.shape[:-1], 1, self.features), np.float32)
        size = self._moving.stop - self._moving.start
        observation[..., 0, :size] = state[..., self._moving]
        forces = state[..., self._touch]
        observation[..., 0, size:] = np.minimum(np.maximum(forces, -1.0), 1.0)
        return observation

    @property
    def bounds(self) -> Array:
        bounds = np.full(self.features, np.inf, np.float32)
        bounds[self._moving.stop - self._moving.start :] = 1
        return bounds

    def healthy(self, state: Array) -> Array:
        """Whether it stands: bool (...)."""
        moving = state[..., : self._moving.stop]
        z = state[..., 2]
        # A sum is finite if all are; those that could overflow are no longer standing anyway.
        return np.isfinite(np.add.reduce(moving, -1)) & (z >= 0.2) & (z <= 1.0)

    def terminated(self, state: Array) -> Array:
        return ~self.healthy(state)

    def reward_terms(self, before: Array, action: Array, after: Array) -> dict[str, Array]:
        forces = np.minimum(np.maximum(after[..., self._forces], -1.0), 1.0)
        return {
            "forward": self._speed(before, after),
            "healthy": self.healthy(after) * 1.0,
            "ctrl": -self.ctrl_weight * _squares(action),
            "contact": -self.contact_weight * np.add.reduce(forces * forces, -1),
        }

    def reward(self, before: Array, action: Array, after: Array) -> Array:
        # Costs first, as Gymnasium adds them up.
        terms = self.reward_terms(before, action, after)
        total = terms["forward"] + terms["healthy"] + (terms["ctrl"] + terms["contact"])
        return total.astype(np.float32)

    def status(self, state: Array) -> dict[str, Array]:
        found = super().status(state)
        found["is_success"] = found["is_success"] & self.healthy(state)
        return found

    def _speed(self, before: Array, after: Array) -> Array:
        # Of the torso where the last physics step computed it, as Gymnasium has it: a little
        # behind qpos.
        return (after[..., self._torso] - before[..., self._torso]) / self.control_dt

    def _start_velocity(self, rng: np.random.Generator) -> Array:
        return self.noise * rng.standard_normal(self.model.nv)


def _scene(file: str, sleep: bool) -> mujoco.MjSpec:
    """Gymnasium's model, with cameras that go along, and drawn as the suite draws."""
    import gymnasium
    import mujoco

    from entitybench.envs.parts.scene import ROBOT_GROUP

    folder = Path(gymnasium.__file__).parent / "envs" / "mujoco" / "assets"
    spec = mujoco.MjSpec.from_file(str(folder / file))
    spec.memory = 512 * 1024
    spec.nstack = -1  # the half-cheetah's file asks for a size in an older way
    if sleep:
        spec.option.enableflags |= mujoco.mjtEnableBit.mjENBL_SLEEP
    spec.option.sleep_tolerance = 1e-4
    quality = spec.visual.quality
    quality.offsamples, quality.numslices, quality.numstacks = 0, 12, 6
    for geom in spec.geoms:
        if geom.name == "floor":
            geom.size = [0, 0, 1]  # drawn without end: a plane has none anyway
        else:
            geom.group = ROBOT_GROUP
    torso = spec.body("torso")
    track = mujoco.mjtCamLight.mjCAMLIGHT_TRACK
    height = 0.2 - 0.25 * (file == "walker2d_v5.xml")
    torso.add_camera(name="side", mode=track, pos=[0, -3, height], xyaxes=[1, 0, 0, 0, 0, 1])
    torso.add_camera(name="top", mode=track, pos=[0, 0, 3])
    return spec
