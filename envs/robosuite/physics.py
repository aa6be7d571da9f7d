"""What steps robosuite worlds: robosuite's own environment, or its models under servos.

Rows are numbers (see engine.py), so a batch of one and of a hundred go through the same arithmetic.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import mujoco
import numpy as np

from entitybench.envs.core.banks import vary
from entitybench.envs.core.interactions import note_contacts, owners
from entitybench.envs.core.messages import ALARMS
from entitybench.envs.core.physics import MujocoPhysics, Physics
from entitybench.envs.core.world import World
from entitybench.envs.robosuite.probe import Probe

if TYPE_CHECKING:
    from entitybench.envs.core.world import Start, Variation
    from entitybench.envs.robosuite.engine import Patch
    from entitybench.envs.robosuite.world import SuiteWorld
    from entitybench.types import Array

# Fields of a model that core/banks.py changes, and those that follow from them.
VARIED = (
    *("body_mass", "body_inertia", "body_subtreemass", "body_invweight0", "dof_invweight0"),
    *("body_pos", "body_ipos", "site_pos", "bvh_aabb"),
    *("geom_size", "geom_pos", "geom_rbound", "geom_aabb", "geom_friction", "geom_rgba"),
    *("geom_contype", "geom_conaffinity", "dof_frictionloss", "dof_damping"),
)


class RobosuitePhysics(Physics):
    """Robosuite's own environment, in which the rows take turns."""

    world: SuiteWorld

    def __init__(self, world: World, batch: int, threads: int) -> None:
        del threads  # robosuite's controllers are Python: they would only wait
        super().__init__(world, batch, 1)
        self.engine = self.world.engine
        self._probe = Probe(self.engine.model, *self.world.described)
        nq, nv = self.engine.model.nq, self.engine.model.nv
        self._qpos, self._qvel = slice(0, nq), slice(nq, nq + nv)
        self._numbers = slice(nq + nv, nq + nv + self.world.memory)
        self._states = np.zeros((batch, nq + nv + self.world.memory))
        self._saved = np.zeros((batch, self.engine.saved_size))
        self._patches: list[Patch] = [{} for _ in range(batch)]
        self._owners: Array | None = None
        self._alarms = self.engine.data.warning.number[ALARMS]  # of the row that was stepped

    def watch(self) -> None:
        super().watch()
        self._owners = owners(self.world)

    def reset(self, row: int, start: Start, variation: Variation | None) -> None:
        engine = self.engine
        with engine.lock:
            engine.dress({})
            self._patches[row] = {**self.world.patch(start), **self._vary(variation, start.absent)}
            engine.begin(start.qpos, start.qvel, self._patches[row])
            self._keep(row)
            engine.dress({})
        self._wake(row)

    def advance(self, state: Array, actions: Array) -> None:
        controls = self.world.control(state, actions)
        controls = controls.reshape(self.batch, -1)
        engine = self.engine
        with engine.lock:
            for row in self._moving:
                engine.load(self._saved[row], self._patches[row])
                if self.touched is not None:
                    self._watch_row(row)
                self._alarms[:] = 0
                engine.step(controls[row])
                self.unstable[row] |= self._alarms.any()
                self._keep(row)
            engine.env.watcher = None
            engine.dress({})

    def read(self, state: Array) -> None:
        state[:] = self._states

    @property
    def saved_size(self) -> int:
        return self.engine.saved_size + self._states.shape[1]

    def save(self, row: int) -> Array:
        return np.concatenate([self._saved[row], self._states[row]])

    def load(self, row: int, saved: Array) -> None:
        self._wake(row)
        self._saved[row] = saved[: self.engine.saved_size]
        self._states[row] = saved[self.engine.saved_size :]

    def snapshot(self) -> Any:
        return self._saved.copy(), self._states.copy(), list(self._patches)

    def restore(self, snapshot: Any) -> None:
        self._saved[:], self._states[:], self._patches[:] = snapshot
        self._moving = list(range(self.batch))

    def _keep(self, row: int) -> None:
        data, state = self.engine.data, self._states[row]
        state[self._qpos] = data.qpos
        state[self._qvel] = data.qvel
        self._probe.read(data, state[self._numbers])
        self._saved[row] = self.engine.save()

    def _watch_row(self, row: int) -> None:
        assert self.touched is not None
        assert self._owners is not None
        touched, geom_owners, data = self.touched[row], self._owners, self.engine.data
        touched[:] = False
        self.engine.env.watcher = lambda: note_contacts(data, geom_owners, touched)

    def _vary(self, variation: Variation | None, absent: Array | None) -> Patch:
        """What a variation and absences change in the model."""
        if variation is None and absent is None:
            return {}
        plain = self.engine.model
        varied = vary(self.world, copy.copy(plain), variation, absent)
        return {
            name: getattr(varied, name).copy()
            for name in VARIED
            if not np.array_equal(getattr(varied, name), getattr(plain, name))
        }


class ServoPhysics(MujocoPhysics):
    """robosuite's models on our engine: position servos that inverse kinematics sets."""

    world: Any

    def __init__(self, world: SuiteWorld, batch: int, threads: int) -> None:
        from entitybench.envs.robosuite.servo import Kinematics, servo_model

        self.servo = servo_model(world)
        super().__init__(_Stand(world, self.servo), batch, threads)  # type: ignore[arg-type]
        self.world = world
        self.kinematics = Kinematics(world, self.servo)
        self._probe = Probe(self.servo, *world.described)
        nq, nv = self.servo.nq, self.servo.nv
        self._split = nq, nq + nv
        self._states = np.zeros((batch, nq + nv + world.memory))

    def allocate(self) -> Array:
        return Physics.allocate(self)

    def watch(self) -> None:
        Physics.watch(self)
        self._owners = owners(_Stand(self.world, self.servo))  # type: ignore[arg-type]

    def reset(self, row: int, start: Start, variation: Variation | None) -> None:
        model, data = self.servo, self.datas[row]
        if variation is not None or start.absent is not None:
            model = vary(self.world, copy.copy(model), variation, start.absent)
        self.models[row] = model
        self._wake(row)
        mujoco.mj_resetData(model, data)
        data.qpos[:] = start.qpos
        if start.qvel is not None:
            data.qvel[:] = start.qvel
        self.kinematics.begin(model, data, self.world.patch(start))
        mujoco.mj_forward(model, data)
        self._keep(row)

    def advance(self, state: Array, actions: Array) -> None:
        controls = self.world.control(state, actions).reshape(self.batch, -1)
        targets = self.kinematics.targets(self.datas, controls)
        for view, target in zip(self.ctrls, targets, strict=True):
            view[:] = target
        self._share(iter(self._moving))
        for row in self._moving:
            self._keep(row)

    advance_alone = None  # type: ignore[assignment]

    def read(self, state: Array) -> None:
        state[:] = self._states

    @property
    def saved_size(self) -> int:
        return super().saved_size + self._states.shape[1]

    def save(self, row: int) -> Array:
        return np.concatenate([super().save(row), self._states[row]])

    def load(self, row: int, saved: Array) -> None:
        size = super().saved_size
        super().load(row, saved[:size])
        self._freshen(self.models[row], self.datas[row])
        self._states[row] = saved[size:]

    def snapshot(self) -> Any:
        return super().snapshot(), self._states.copy()

    def restore(self, snapshot: Any) -> None:
        super().restore(snapshot[0])
        self._states[:] = snapshot[1]

    def _freshen(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        """Frames as positions have them: what inverse kinematics reads, of positions alone."""
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)

    def _keep(self, row: int) -> None:
        data, state = self.datas[row], self._states[row]
        self._freshen(self.models[row], data)
        first, second = self._split
        state[:first] = data.qpos
        state[first:second] = data.qvel
        self._probe.read(data, state[second:])


class _Stand:
    """A world with another model: the one that is stepped has no geoms that are only seen."""

    refresh, due = World.refresh, World.due

    def __init__(self, world: SuiteWorld, model: mujoco.MjModel) -> None:
        self._world, self.model = world, model

    def __getattr__(self, name: str) -> Any:
        return getattr(self._world, name)
