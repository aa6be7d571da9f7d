"""The profile assets: robosuite's models, their torque motors replaced by position servos.

Once a control step the hand's displacement becomes a displacement of the joints (damped least
squares). The servos have the stiffness and damping that robosuite's controller gives the hand,
each joint by its own inertia, so that both move alike; gravity on the robot is compensated, as that
controller does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mujoco
import numpy as np

from entitybench.envs.robosuite.engine import FAST_DT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.envs.robosuite.engine import Patch
    from entitybench.envs.robosuite.world import SuiteWorld
    from entitybench.types import Array

KP = 150.0  # 1/s^2, robosuite's OSC: the hand's acceleration for each metre of error
MOVE, TURN = 0.05, 0.5  # m and rad, of an action of 1, as robosuite's OSC has them
DAMPING = 0.03  # of the least squares, in the units of the Jacobian
POSTURE = 0.1  # share of the way back to its first posture that the free joint goes in a step
GRIPPER = 0.2  # change of the gripper's target in a control step, of a half range, as robosuite's


def servo_model(world: SuiteWorld) -> mujoco.MjModel:
    """The model that is stepped: no geoms that are only seen, servos for the arms."""
    engine = world.engine
    spec = world.spec()
    spec.memory = 2 * 1024 * 1024
    spec.nconmax = spec.njmax = -1
    for geom in list(spec.geoms):
        if geom.group == 1 and geom.contype == 0 and geom.conaffinity == 0:
            spec.delete(geom)
    used = {geom.meshname for geom in spec.geoms}
    for mesh in list(spec.meshes):
        if mesh.name not in used:
            spec.delete(mesh)
    for geom in spec.geoms:
        geom.material = ""
    for thing in [*spec.materials, *spec.textures]:
        spec.delete(thing)
    option = spec.option
    option.timestep = FAST_DT
    option.integrator = mujoco.mjtIntegrator.mjINT_EULER
    option.iterations, option.ls_iterations = 20, 20
    if world.sleep:
        option.sleep_tolerance = 1e-4
        option.enableflags |= mujoco.mjtEnableBit.mjENBL_SLEEP
    for name in world.loose():
        spec.body(name).mocap = True
    inertia = _inertia(engine.model, world)
    for robot in engine.env.robots:
        for body in spec.bodies:
            if body.name.startswith((f"robot{robot.idn}_", f"gripper{robot.idn}_")):
                body.gravcomp = 1
        for actuator, joint in zip(
            robot.robot_model.arm_actuators, robot.robot_model.arm_joints, strict=True
        ):
            stiff = KP * inertia[joint]
            # The damping is the joint's, which Euler's method takes implicitly.
            spec.joint(joint).damping += 2 * np.sqrt(KP) * inertia[joint]
            motor = spec.actuator(actuator)
            motor.forcerange, motor.forcelimited = motor.ctrlrange, mujoco.mjtLimited.mjLIMITED_TRUE
            motor.set_to_position(kp=stiff)
            motor.ctrllimited = mujoco.mjtLimited.mjLIMITED_FALSE
    return spec.compile()


def _inertia(model: mujoco.MjModel, world: SuiteWorld) -> dict[str, float]:
    """Each arm joint's own inertia in the first posture, kg m^2."""
    data = mujoco.MjData(model)
    engine = world.engine
    for robot, home in zip(engine.env.robots, engine.arm_qpos, strict=True):
        for name, value in zip(robot.robot_joints, home, strict=True):
            data.qpos[model.joint(name).qposadr[0]] = value
    mujoco.mj_forward(model, data)
    full = np.zeros((model.nv, model.nv))
    mujoco.mj_fullM(model, full, data.qM)
    names = [name for robot in engine.env.robots for name in robot.robot_model.arm_joints]
    return {name: float(full[d, d]) for name in names for d in [int(model.joint(name).dofadr[0])]}


class Kinematics:
    """Servo targets from robosuite's actions."""

    def __init__(self, world: SuiteWorld, model: mujoco.MjModel) -> None:
        self._model = model
        self._world = world
        self._loose = [(name, int(model.body(name).mocapid[0])) for name in world.loose()]
        self._arms: list[_Arm] = []
        first = 0
        for robot in world.engine.env.robots:
            self._arms.append(_Arm(model, world, robot, first))
            first += robot.action_dim

    def begin(self, model: mujoco.MjModel, data: mujoco.MjData, patch: Patch) -> None:
        """Servos hold the posture; what is loose stands where the episode has it."""
        for arm in self._arms:
            data.ctrl[arm.actuators] = data.qpos[arm.places]
            data.ctrl[arm.fingers] = arm.middle
        for name, mocap in self._loose:
            body = int(model.body(name).id)
            data.mocap_pos[mocap] = patch.get("body_pos", model.body_pos)[body]
            data.mocap_quat[mocap] = patch.get("body_quat", model.body_quat)[body]

    def targets(self, datas: Sequence[mujoco.MjData], controls: Array) -> Array:
        """Controls (B, nu) from robosuite's actions (B, .)."""
        targets = np.array([data.ctrl for data in datas])
        qpos = np.array([data.qpos for data in datas])
        for arm in self._arms:
            arm.aim(self._model, datas, qpos, controls, targets)
        return targets


class _Arm:
    """One arm: where it is in the model, and where its servos are to go."""

    def __init__(self, model: mujoco.MjModel, world: SuiteWorld, robot: Any, first: int) -> None:
        gripper = robot.gripper["right"]
        self.site = model.site(gripper.important_sites["grip_site"]).id
        joints = robot.robot_model.arm_joints
        self.places = np.array([int(model.joint(name).qposadr[0]) for name in joints])
        self.dofs = np.array([int(model.joint(name).dofadr[0]) for name in joints])
        actuators = robot.robot_model.arm_actuators
        self.actuators = np.array([model.actuator(name).id for name in actuators])
        self.fingers = np.array([model.actuator(name).id for name in gripper.actuators])
        span = model.actuator_ctrlrange[self.fingers]
        self.middle, self._half = span.mean(axis=1), (span[:, 1] - span[:, 0]) / 2
        # Which way each finger's target goes when the gripper closes: as robosuite formats it.
        gripper.current_action = np.zeros(1)
        self._sign = np.sign(np.asarray(gripper.format_action(np.ones(gripper.dof))))
        ids = [model.joint(name).id for name in joints]
        limited = model.jnt_limited[ids].astype(bool)[:, None]
        self._low, self._high = np.where(limited, model.jnt_range[ids], [-np.inf, np.inf]).T
        self._home = world.engine.arm_qpos[robot.idn]
        base = world.engine.env.sim.data.get_body_xmat(robot.robot_model.root_body)
        self._base = np.array(base).reshape(3, 3)
        self._move = slice(first, first + 3)
        self._turn = slice(first + 3, first + 6)
        self._grip = first + 6

    def aim(
        self,
        model: mujoco.MjModel,
        datas: Sequence[mujoco.MjData],
        qpos: Array,
        controls: Array,
        targets: Array,
    ) -> None:
        """Write the targets (B, nu) of the arm and its gripper."""
        batch, count = len(datas), len(self.dofs)
        jacobian = np.empty((batch, 6, model.nv))
        for row, data in enumerate(datas):
            mujoco.mj_jacSite(model, data, jacobian[row, :3], jacobian[row, 3:], self.site)
        jacobian = np.ascontiguousarray(jacobian[:, :, self.dofs])
        step = np.empty((batch, 6))
        # Sums in a fixed order: matrix products may round differently for other batch sizes.
        for part, source, scale in ((0, self._move, MOVE), (3, self._turn, TURN)):
            local = controls[:, source] * scale
            for axis in range(3):
                step[:, part + axis] = (
                    self._base[axis, 0] * local[:, 0]
                    + self._base[axis, 1] * local[:, 1]
                    + self._base[axis, 2] * local[:, 2]
                )
        angles = qpos[:, self.places]
        home = POSTURE * (self._home - angles)
        shift = np.empty((batch, count))
        eye = np.eye(6) * DAMPING**2
        for row in range(batch):
            one = jacobian[row]
            inverse = one.T @ np.linalg.inv(one @ one.T + eye)
            shift[row] = home[row] + inverse @ (step[row] - one @ home[row])
        targets[:, self.actuators] = np.clip(angles + shift, self._low, self._high)
        closing = np.sign(controls[:, self._grip])[:, None] * self._sign * GRIPPER * self._half
        low, high = self.middle - self._half, self.middle + self._half
        targets[:, self.fingers] = np.clip(targets[:, self.fingers] + closing, low, high)
