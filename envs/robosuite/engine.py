"""One real robosuite environment that many episodes take turns in.

Making an environment takes 0.3 s and 60 to 110 MB, putting an episode's numbers into it some
microseconds of a step's two thousand: so there is one for each kind of environment, and what an
episode is lies in numbers of ours. An episode cannot read what another left behind, since all that
a step depends on is written before it: MuJoCo's integration state, what the controllers keep from
one control step to the next, and what differs in the scene.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import mujoco
import numpy as np

from entitybench.envs.core.world import whole_steps
from entitybench.envs.parts.scene import PAINT_GROUP, ROBOT_GROUP, UNSEEN_GROUP
from entitybench.envs.robosuite import library
from entitybench.errors import BadValue

if TYPE_CHECKING:
    import xml.etree.ElementTree as ElementTree
    from collections.abc import Callable

    from entitybench.types import Array

_INTEGRATION = mujoco.mjtState.mjSTATE_INTEGRATION
FAST_DT = 0.005  # s
Patch = dict[str, "Array"]  # fields of the model that differ in an episode


class Engine:
    """A robosuite environment, and how an episode is put in and taken out.

    Not for use from several threads at once: whoever uses it holds `lock`.
    """

    def __init__(
        self,
        base: type,
        edit: Callable[[ElementTree.Element], None],
        arguments: dict[str, Any],
        fast: bool,
    ) -> None:
        """Make it.

        Args:
            base: robosuite's class.
            edit: changes the scene before it is compiled.
            arguments: of the class.
            fast: physics steps of 5 ms, and only what a step needs; else robosuite's own `step`.
        """
        self.env = library.make(base, edit, **arguments)
        self.lock = threading.Lock()
        self.fast = fast
        self.model: mujoco.MjModel = self.env.sim.model._model
        self.data: mujoco.MjData = self.env.sim.data._data
        if fast:
            self.env.model_timestep = FAST_DT
            self.model.opt.timestep = FAST_DT
            self.model.opt.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
        self.substeps = whole_steps(self.env.control_timestep, self.env.model_timestep)
        regroup(self.model)
        self._arms: list[Any] = []  # controllers of arms
        self._grippers: list[tuple[Any, int]] = []  # gripper models, and numbers that they keep
        for robot in self.env.robots:
            for name, part in robot.composite_controller.part_controllers.items():
                if name in robot.arms:
                    if getattr(part, "interpolator_pos", None) is not None:
                        raise BadValue("controllers with interpolators are not supported.")
                    self._arms.append(part)
            for gripper in robot.gripper.values():
                kept = np.size(gripper.format_action(np.zeros(gripper.dof)))
                self._grippers.append((gripper, kept))
        # Of each robot: its controllers, their actuators, and the limits of these.
        self._parts: list[list[tuple[Any, Array, Array, Array]]] = []
        for robot in self.env.robots:
            parts = []
            for name, part in robot.composite_controller.part_controllers.items():
                if robot._enabled_parts.get(name, False):
                    actuators = np.array(robot._ref_actuators_indexes_dict[name])
                    low, high = self.model.actuator_ctrlrange[actuators].T.copy()
                    parts.append((part, actuators, low, high))
            self._parts.append(parts)
        self._physics = mujoco.mj_stateSize(self.model, _INTEGRATION)
        self._joints = [len(arm.joint_pos) for arm in self._arms]
        self.saved_size = (
            self._physics
            + sum(self._joints)
            + 12 * len(self._arms)
            + sum(n for _, n in self._grippers)
        )
        self._dirty: Patch = {}  # what the model has where a patch has changed it
        self.arm_qpos = [np.array(robot.init_qpos) for robot in self.env.robots]

    def begin(self, qpos: Array, qvel: Array | None, patch: Patch) -> None:
        """Put a start state in, as robosuite's own reset leaves it."""
        self.dress(patch)
        mujoco.mj_resetData(self.model, self.data)
        self.data.qpos[:] = qpos
        if qvel is not None:
            self.data.qvel[:] = qvel
        mujoco.mj_forward(self.model, self.data)
        for robot in self.env.robots:
            robot.composite_controller.update_state()
            for part in robot.composite_controller.part_controllers.values():
                part.update(force=True)
                part.initial_joint = part.joint_pos.copy()
                part.new_update = True
            robot.composite_controller.reset()
            robot.base_pos = self.env.sim.data.get_body_xpos(robot.robot_model.root_body)
        for gripper, kept in self._grippers:
            gripper.current_action = np.zeros(kept)

    def save(self) -> Array:
        """All that goes on, flat float64."""
        state = np.empty(self._physics)
        mujoco.mj_getState(self.model, self.data, state, _INTEGRATION)
        parts = [state]
        for arm in self._arms:
            parts += [arm.initial_joint, arm.goal_pos, arm.goal_ori.ravel()]
        parts += [np.asarray(gripper.current_action, np.float64) for gripper, _ in self._grippers]
        return np.concatenate(parts)

    def load(self, saved: Array, patch: Patch) -> None:
        """Put in what `save` gave."""
        self.dress(patch)
        mujoco.mj_setState(self.model, self.data, saved[: self._physics], _INTEGRATION)
        place = self._physics
        for arm, joints in zip(self._arms, self._joints, strict=True):
            arm.initial_joint = saved[place : place + joints].copy()
            place += joints
            arm.goal_pos = saved[place : place + 3].copy()
            arm.goal_ori = saved[place + 3 : place + 12].reshape(3, 3).copy()
            place += 12
        for gripper, kept in self._grippers:
            gripper.current_action = saved[place : place + kept].copy()
            place += kept
        for robot in self.env.robots:
            for part in robot.composite_controller.part_controllers.values():
                part.new_update = True
        self.env.timestep = 0
        self.env.done = False

    def dress(self, patch: Patch) -> None:
        """Give the model an episode's own numbers, and what others changed its first ones."""
        if not patch and not self._dirty:
            return
        for name, values in self._dirty.items():
            getattr(self.model, name)[:] = values
        self._dirty = {name: getattr(self.model, name).copy() for name in patch}
        for name, values in patch.items():
            getattr(self.model, name)[:] = values

    def step(self, action: Array) -> None:
        """A control step with robosuite's action."""
        if not self.fast:
            self.env.step(action)
            return
        model, data = self.model, self.data
        for substep in range(self.substeps):
            mujoco.mj_step1(model, data)
            self._drive(action, substep == 0)
            mujoco.mj_step2(model, data)

    def _drive(self, action: Array, first: bool) -> None:
        """What robosuite's `Robot.control` does, without the records that it keeps of the past."""
        place = 0
        for robot, parts in zip(self.env.robots, self._parts, strict=True):
            controller = robot.composite_controller
            controller.update_state()
            if first:
                controller.set_goal(action[place : place + robot.action_dim])
            place += robot.action_dim
            for part, actuators, low, high in parts:
                ctrl = np.minimum(np.maximum(part.run_controller(), low), high)
                self.data.ctrl[actuators] = ctrl
        if self.env.watcher is not None:
            self.env.watcher()


def regroup(model: mujoco.MjModel) -> None:
    """Sort geoms into our groups: robosuite has 0 for what collides and 1 for what is seen."""
    for geom in range(model.ngeom):
        body = int(model.geom_bodyid[geom])
        names = []
        while body > 0:
            names.append(model.body(body).name)
            body = int(model.body_parentid[body])
        robot = any(name.startswith("robot") for name in names)
        if model.geom_group[geom] == 0:
            model.geom_group[geom] = UNSEEN_GROUP
        elif model.geom_group[geom] == 1:
            model.geom_group[geom] = ROBOT_GROUP if robot else PAINT_GROUP
    model.vis.quality.offsamples = 0


_ENGINES: dict[Any, Engine] = {}
_MAKING = threading.Lock()


def engine(key: Any, make: Callable[[], Engine]) -> Engine:
    """The one engine of this process with this key, made when first asked for."""
    with _MAKING:
        if key not in _ENGINES:
            _ENGINES[key] = make()
        return _ENGINES[key]
