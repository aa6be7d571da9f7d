"""What all robosuite worlds share: entities, features, starts, and three ways to step them.

Profiles: `faithful` is robosuite's own step (2 ms, its controllers, its observables); `fast`
has the same controllers and models at 5 ms, without what we do not read; `assets` has robosuite's
models under position servos and inverse kinematics, on our own engine. All three have the same
state, observations, rewards and actions.
"""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.envs.core.world import Start, World
from entitybench.envs.drawing.edges import check_observed
from entitybench.envs.robosuite.probe import Entity, Grasp, Layout, Pair
from entitybench.envs.robosuite.robots import GRIPPERS, check_robot, mend
from entitybench.errors import BadValue
from entitybench.seeding import generator

if TYPE_CHECKING:
    import xml.etree.ElementTree as ElementTree

    import mujoco

    from entitybench.envs.robosuite.engine import Engine, Patch
    from entitybench.types import Array

PROFILES = ("fast", "faithful", "assets")
VIEWS = ("top", "side", "agentview", "frontview", "birdview")
IDS = 8  # codes an entity can have
FEATURES = (
    *("x", "y", "z"),
    *("xx", "xy", "xz", "yx", "yy", "yz"),
    *("vx", "vy", "vz"),
    *("opening", "angle", "held"),
    *("sx", "sy", "sz"),
    *(f"id{i}" for i in range(IDS)),
)
FAR, FASTEST = 2.0, 5.0  # m and m/s, where observations are cut
NOISE = 0.02  # rad, deviation of the arm's joints at the start, as robosuite has it by default
TABLE = (0.0, 0.0, 0.8)  # m, the middle of the table's top, where observations have their origin
_SIZE = FEATURES.index("sx")


class SuiteWorld(World):
    """A world of one or more of robosuite's arms.

    Features: position (m) from the middle of the table's top, the x and y axes of the frame,
    velocity (m/s), a hand's opening (m), a hinge's angle (rad), whether it holds or is held, half
    sizes (m), one-hot id. The action of an arm is robosuite's: a displacement of the hand (5 cm at
    1), a rotation (0.5 rad at 1), and the gripper (closing above 0, opening below).
    """

    feature_names = FEATURES
    fixed_names = FEATURES[FEATURES.index("sx") :]
    control_dt = 0.05
    reads = ("qpos", "qvel")
    origin = TABLE
    robots: tuple[str, ...] = ()
    light = 1.0  # of robosuite's, in pictures: less where too much would be white

    def __init__(
        self,
        robot: str = "Panda",
        profile: str = "fast",
        *,
        pixels: int | None = None,
        view: str = "top",
        sleep: bool = False,
    ) -> None:
        """Make it.

        Args:
            robot: any of robosuite's with one arm on a fixed base.
            profile: fast, faithful or assets.
            pixels: edge of the image that is observed instead of entities.
            view: the camera.
            sleep: whether resting bodies sleep; of the profile assets only.
        """
        if profile not in PROFILES:
            raise BadValue(f"no profile {profile!r}; choose one of {', '.join(PROFILES)}.")
        check_observed(pixels, view, VIEWS)
        check_robot(robot)
        self.robot = robot
        self.profile = profile
        self.pixels = pixels
        self.view = view
        self.sleep = sleep
        self.physics_dt = 0.002 if profile == "faithful" else 0.005

    # What each world says of itself.

    @abstractmethod
    def environment(self) -> tuple[type, dict[str, Any]]:
        """Robosuite's class and its arguments."""

    def edit(self, root: ElementTree.Element) -> None:
        """Change the scene before it is compiled: our cameras, and what robosuite leaves open."""
        mend(root, self.robot)
        world = root.find("worldbody")
        assert world is not None
        for name, pos, axes, fovy in self.cameras():
            where = {"pos": _text(pos), "xyaxes": _text(axes), "fovy": str(fovy)}
            camera = world.makeelement("camera", {"name": name, "mode": "fixed", **where})
            world.append(camera)

    def cameras(self) -> list[tuple[str, tuple[float, ...], tuple[float, ...], float]]:
        """Name, position (m), x and y axes, and vertical angle (degrees) of our cameras."""
        half = 0.5**0.5
        return [
            ("top", (0.0, 0.0, 2.0), (0, -1, 0, 1, 0, 0), 32),
            ("side", (0.9, 0.0, 1.65), (0, 1, 0, -half, 0, half), 42),
        ]

    def for_pictures(self, model: mujoco.MjModel) -> None:
        model.light_diffuse *= self.light
        model.vis.headlight.diffuse *= self.light

    @abstractmethod
    def describe(self, env: Any) -> tuple[list[Entity], list[Grasp], list[Pair]]:
        """The entities, robots first, and whose contacts the rules ask for."""

    @abstractmethod
    def arrange(self, seed: int, qpos: Array, constants: Array) -> None:
        """Put the objects of an episode into a start state."""

    def patch(self, start: Start) -> Patch:
        """Fields of the model that the episode of a start changes."""
        del start
        return {}

    def loose(self) -> tuple[str, ...]:
        """Fixed bodies that stand elsewhere in every episode."""
        return ()

    # What follows.

    @cached_property
    def engine(self) -> Engine:
        """Robosuite's environment. The profile assets takes its models from it."""
        from entitybench.envs.robosuite.engine import Engine, engine

        base, arguments = self.environment()
        if self.robot in GRIPPERS:
            arguments["gripper_types"] = GRIPPERS[self.robot]
        fast = self.profile != "faithful"
        key = (base.__name__, repr(arguments), fast)
        return engine(key, lambda: Engine(base, self.edit, arguments, fast))

    @cached_property
    def described(self) -> tuple[list[Entity], list[Grasp], list[Pair]]:
        """The entities, the grasps, and the pairs whose contact is asked for."""
        return self.describe(self.engine.env)

    @cached_property
    def layout(self) -> Layout:
        """Where things are in the memory."""
        entities, grasps, pairs = self.described
        return Layout(len(entities), len(grasps), len(pairs))

    @cached_property
    def memory(self) -> int:  # type: ignore[override]
        return self.layout.size

    @cached_property
    def entities(self) -> int:  # type: ignore[override]
        return len(self.described[0])

    @property
    def bodies(self) -> tuple[str, ...]:
        return tuple(entity.body for entity in self.described[0])

    @property
    def movable(self) -> tuple[str, ...]:
        return tuple(entity.body for entity in self.described[0] if entity.free is not None)

    @cached_property
    def driven(self) -> tuple[int, ...]:
        return tuple(range(self.engine.env.num_robots))

    @cached_property
    def action_dim(self) -> int:  # type: ignore[override]
        return int(self.engine.env.action_dim)

    @cached_property
    def model(self) -> mujoco.MjModel:
        return self.engine.model

    def spec(self) -> mujoco.MjSpec:
        import mujoco

        # Not what robosuite gives: MuJoCo writes the scene that was read last, whichever that was.
        return mujoco.MjSpec.from_string(self.engine.env.scene_xml)

    @property
    def bounds(self) -> Array:
        bounds = np.ones(self.features, np.float32)
        bounds[:3] = FAR
        bounds[9:12] = FASTEST
        bounds[FEATURES.index("angle")] = 4
        return bounds

    @property
    def physics_class(self) -> str:  # type: ignore[override]
        kind = "ServoPhysics" if self.profile == "assets" else "RobosuitePhysics"
        return f"entitybench.envs.robosuite.physics:{kind}"

    def numbers(self, state: Array) -> Array:
        """The probe's numbers (..., K) in states (..., S)."""
        return state[..., self.slot("memory")]

    def start(self, seed: int) -> Start:
        qpos = np.array(self.model.qpos0)
        noise = generator(seed, "robosuite-arms")
        for robot, home in zip(self.engine.env.robots, self.engine.arm_qpos, strict=True):
            places = [self.at(name) for name in robot.robot_joints]
            qpos[places] = home + NOISE * noise.standard_normal(len(home))
            for arm in robot.arms:
                names = robot.gripper[arm].joints
                qpos[[self.at(name) for name in names]] = robot.gripper[arm].init_qpos
        constants = np.zeros((self.entities, self.features), np.float32)
        for row, entity in enumerate(self.described[0]):
            constants[row, _SIZE : _SIZE + 3] = entity.size
            constants[row, self.features - IDS + entity.id] = 1
        self.arrange(seed, qpos, constants)
        return Start(qpos, constants, self.goal(seed, qpos, constants))

    def goal(self, seed: int, qpos: Array, constants: Array) -> Array:
        """The goal (N, D) of an episode; zero in a world without goals."""
        del seed, qpos
        return np.zeros_like(constants)

    def place(self, qpos: Array, joint: str, position: Any, yaw: float) -> None:
        """Put the free joint of an upright object somewhere."""
        first = self.at(joint)
        qpos[first : first + 3] = position
        qpos[first + 3 : first + 7] = (np.cos(yaw / 2), 0, 0, np.sin(yaw / 2))

    def control(self, state: Array, action: Array) -> Array:
        del state
        return action

    def observe(self, state: Array, constants: Array) -> Array:
        numbers, layout = self.numbers(state), self.layout
        observation = constants.copy()
        position = layout.positions(numbers) - np.asarray(self.origin)
        observation[..., :3] = np.clip(position, -FAR, FAR)
        observation[..., 3:9] = np.clip(layout.axes(numbers), -1, 1)
        observation[..., 9:12] = np.clip(layout.velocities(numbers), -FASTEST, FASTEST)
        angles = layout.angles(numbers)
        hands = len(self.driven)
        observation[..., :hands, 12] = np.clip(angles[..., :hands], 0, 1)
        observation[..., hands:, 13] = np.clip(angles[..., hands:], -4, 4)
        held = layout.held(numbers)
        for index, grasp in enumerate(self.described[1]):
            for row in (grasp.robot, grasp.entity):
                observation[..., row, 14] = np.maximum(observation[..., row, 14], held[..., index])
        return observation


def hands(env: Any) -> list[Entity]:
    """The entities of the robots."""
    found = []
    for index, robot in enumerate(env.robots):
        gripper = robot.gripper["right"]
        left, right = pads(gripper)
        found.append(
            Entity(
                body=robot.robot_model.root_body,
                site=gripper.important_sites["grip_site"],
                fingers=(left[0], right[0]),
                id=index,
            )
        )
    return found


def pads(gripper: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The geoms of a gripper's two groups of pads."""
    geoms = gripper.important_geoms
    return tuple(geoms["left_fingerpad"]), tuple(geoms["right_fingerpad"])


def reach(layout: Layout, numbers: Array, hand: int, target: Array | int) -> Array:
    """Distance (...) of a hand from a row's frame, or from positions (..., 3)."""
    positions = layout.positions(numbers)
    if isinstance(target, int):
        target = positions[..., target, :]
    apart = positions[..., hand, :] - target
    apart = apart * apart
    return np.sqrt(apart[..., 0] + apart[..., 1] + apart[..., 2])


def _text(numbers: Any) -> str:
    return " ".join(str(float(number)) for number in numbers)
