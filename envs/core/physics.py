"""What steps the episodes of a batch: MuJoCo, or a world's own arithmetic.

`Worlds` (envs/core/batch.py) keeps the books (observations, scores, goals); a `Physics` knows how a
start becomes a state and how a control step changes it. Worlds with an engine of their own (real
robosuite environments, say) bring their own.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from math import isfinite
from struct import Struct
from typing import TYPE_CHECKING, Any

import mujoco
import numpy as np

from entitybench.envs.core.messages import ALARMS, listen
from entitybench.envs.core.threads import Threads

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from entitybench.envs.core.world import ArrayMixin, Start, Variation, World
    from entitybench.types import Array

INTEGRATION = mujoco.mjtState.mjSTATE_INTEGRATION
# What the integration state holds anyway, of the fields that a world can read.
INTEGRATED = frozenset({"time", "qpos", "qvel", "act", "ctrl"})
CALM = np.zeros(ALARMS.stop - ALARMS.start, np.int32).data


class Physics(ABC):
    """B episodes of one world, without their rules."""

    touched: Array | None = None  # (B, N, N) bool, who touched whom in the last step; see `watch`
    acted: Array | None = None  # (B, N) bool, whom the action drove in it; None: `driven`
    impulses: Array | None = None  # (B, N, N) N s, along contacts' normals in it; see `weigh`

    def __init__(self, world: World, batch: int, threads: int) -> None:
        listen()
        self.world = world
        self.batch = batch
        self.threads = min(threads, batch)
        self.substeps = world.substeps  # refuses a control step that is no multiple
        # (B,) whose simulation has gone wrong; `advance` sets it, `Worlds` clears it at resets.
        self.unstable = np.zeros(batch, bool)
        self._moving = list(range(batch))  # rows that do not rest

    def allocate(self) -> Array:
        """The states (B, S), which `read` fills."""
        return np.zeros((self.batch, self.world.state_size))

    def watch(self) -> None:
        """From now on note in `touched` who touches whom."""
        self.touched = np.zeros((self.batch, self.world.entities, self.world.entities), bool)

    @abstractmethod
    def reset(self, row: int, start: Start, variation: Variation | None) -> None:
        """Begin an episode."""

    @abstractmethod
    def advance(self, state: Array, actions: Array) -> None:
        """One control step of all rows: actions (B, *action_shape) in the states (B, S)."""

    @abstractmethod
    def read(self, state: Array) -> None:
        """Write what is not memory into the states (B, S)."""

    def settle(self, state: Array) -> None:
        """After `advance`: `read`, and what remains to be done in few rows."""
        self.read(state)

    @abstractmethod
    def save(self, row: int) -> Array:
        """All that one episode's physics needs to go on exactly, flat float64."""

    @abstractmethod
    def load(self, row: int, saved: Array) -> None:
        """Go on from what `save` gave, of any row with the same variation."""

    @property
    @abstractmethod
    def saved_size(self) -> int:
        """Numbers in what `save` gives."""

    def rest(self, rows: Sequence[int]) -> None:
        """The episodes in `rows` are over: until they begin anew they need not be stepped.

        Where all are stepped by one operation there is nothing to spare.
        """
        self._moving = [row for row in self._moving if row not in rows]

    def _wake(self, row: int) -> None:
        if row not in self._moving:
            self._moving.append(row)

    def snapshot(self) -> Any:
        """What `restore` needs."""
        return [self.save(row) for row in range(self.batch)]

    def restore(self, snapshot: Any) -> None:
        """Go back to a snapshot."""
        for row, saved in enumerate(snapshot):
            self.load(row, saved)

    def close(self) -> None:  # noqa: B027 - most have nothing to free
        """Free threads and the like."""


class MujocoPhysics(Physics):
    """One MjData an episode, stepped by a few threads.

    `mj_step` releases the interpreter lock, so threads scale; no episode reads another's memory, so
    neither the batch size nor the number of threads changes a bit of any episode.
    """

    def __init__(self, world: World, batch: int, threads: int) -> None:
        super().__init__(world, batch, threads)
        self.model = world.model
        self.models = [self.model] * batch  # rows whose bodies vary have a model of their own
        self.datas = [mujoco.MjData(self.model) for _ in range(batch)]
        # Views of MuJoCo's own memory: making them costs more than reading them.
        self.ctrls = [data.ctrl for data in self.datas]
        self._ctrl = self.ctrls[0]
        # How often MuJoCo warned since the reset; memoryviews compare ten times as fast as arrays.
        self._alarms = [data.warning.number[ALARMS].data for data in self.datas]
        self._alarm = self._alarms[0]
        self._views = [
            getattr(data, name).reshape(-1) for data in self.datas for name in world.reads
        ]
        # Where the states have them, and they: memoryviews are copied faster than few numbers of
        # arrays are. Of a control step, those that it may have changed.
        self._copied: list[tuple[memoryview, memoryview]] = []
        self._stepped: list[tuple[memoryview, memoryview]] = []
        self._wanted = np.zeros((batch, len(self._ctrl)))
        self._targets = [
            (c.data, row.data) for c, row in zip(self.ctrls, self._wanted, strict=True)
        ]
        self._controls = self._ctrl.data
        self._pack = Struct(f"{len(self._ctrl)}d").pack_into
        # `refresh` is called where it has something to do: after every step, or when it is due.
        self.seldom = type(world).due is not _World().due
        self._refresh = type(world).refresh is not _World().refresh and not self.seldom
        self._pool = Threads(self.threads - 1) if self.threads > 1 else None

    def allocate(self) -> Array:
        # One episode, one field, no memory: MuJoCo's own array is the state.
        if len(self._views) == 1 and not self.world.memory:
            return self._views[0][None]
        state = super().allocate()
        places = [row[self.world.slot(name)].data for row in state for name in self.world.reads]
        self._copied = [(at, view.data) for at, view in zip(places, self._views, strict=True)]
        names = self.world.reads * self.batch
        kept = {"userdata"} if self.seldom else set()  # which `refresh` alone changes
        self._stepped = [c for c, name in zip(self._copied, names, strict=True) if name not in kept]
        return state

    def watch(self) -> None:
        super().watch()
        from entitybench.envs.core.interactions import owners

        self._owners = owners(self.world)

    def weigh(self) -> None:
        """From now on also note in `impulses` how hard who touches whom, over a control step."""
        self.watch()
        self.impulses = np.zeros((self.batch, self.world.entities, self.world.entities))

    def reset(self, row: int, start: Start, variation: Variation | None) -> None:
        self._wake(row)
        self.models[row] = begin(self.world, self.datas[row], start, variation)

    def advance(self, state: Array, actions: Array) -> None:
        self._wanted[:] = self.world.control(state, actions).reshape(self._wanted.shape)
        for ctrl, wanted in self._targets:
            ctrl[:] = wanted
        self._share(iter(self._moving))

    def advance_alone(self, state: Array, action: Array) -> None:
        """`advance` of a batch of one without the batch axis."""
        if self.touched is not None:
            self.advance(state[None], action[None])
            return
        self._ctrl[:] = self.world.control(state, action)
        self._step_alone()

    def advance_numbers(self, controls: Sequence[float]) -> None:
        """`advance` and `read` of a batch of one whose actuator targets are given."""
        self._pack(self._controls, 0, *controls)
        self._step_alone()
        for place, view in self._stepped:
            place[:] = view

    def _step_alone(self) -> None:
        mujoco.mj_step(self.models[0], self.datas[0], self.substeps)
        if self._alarm != CALM:
            self.unstable[0] = True
        if self._refresh:
            self.world.refresh(self.models[0], self.datas[0])

    def read(self, state: Array) -> None:
        del state  # it is the one that `allocate` gave
        for place, view in self._copied:
            place[:] = view

    def settle(self, state: Array) -> None:
        if not self.seldom:
            self.read(state)
            return
        for place, view in self._stepped:
            place[:] = view
        due = self.world.due(state)
        assert due is not None
        if due.any():
            for row in np.flatnonzero(due):
                self.world.refresh(self.models[row], self.datas[row])
            self.read(state)

    @property
    def saved_size(self) -> int:
        return mujoco.mj_stateSize(self.model, INTEGRATION)

    def save(self, row: int) -> Array:
        state = np.empty(mujoco.mj_stateSize(self.model, INTEGRATION))
        mujoco.mj_getState(self.models[row], self.datas[row], state, INTEGRATION)
        return state

    def load(self, row: int, saved: Array) -> None:
        self._wake(row)
        mujoco.mj_resetData(self.models[row], self.datas[row])
        mujoco.mj_setState(self.models[row], self.datas[row], saved, INTEGRATION)

    def snapshot(self) -> Any:
        # Whole MjData, since sleep is in no saved state.
        copies = []
        for model, data in zip(self.models, self.datas, strict=True):
            copies.append((model, mujoco.MjData(model)))
            mujoco.mj_copyData(copies[-1][1], model, data)
        return copies

    def restore(self, snapshot: Any) -> None:
        for row, (model, saved) in enumerate(snapshot):
            self._wake(row)
            self.models[row] = model
            mujoco.mj_copyData(self.datas[row], model, saved)

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown()

    def _share(self, todo: Iterator[int]) -> None:
        """Step rows, in all threads.

        They share one iterator: whoever is free takes the next world, so that one slow world, or
        one busy core, keeps nobody waiting.
        """
        work = self._step_all if self.touched is None else self._step_and_watch
        if self._pool is None:
            work(todo)
            return
        others = [self._pool.submit(work, todo) for _ in range(self.threads - 1)]
        work(todo)
        for other in others:
            other.result()

    def _step_all(self, todo: Iterator[int]) -> None:
        step, models, datas, substeps = mujoco.mj_step, self.models, self.datas, self.substeps
        refresh = self.world.refresh if self._refresh else None
        alarms = self._alarms
        for row in todo:
            step(models[row], datas[row], substeps)
            if alarms[row] != CALM:
                self.unstable[row] = True
            if refresh is not None:
                refresh(models[row], datas[row])

    def _step_and_watch(self, todo: Iterator[int]) -> None:
        from entitybench.envs.core.interactions import note_contacts, note_impulses

        assert self.touched is not None
        impulses = self.impulses
        for row in todo:
            model, data, touched = self.models[row], self.datas[row], self.touched[row]
            touched[:] = False
            if impulses is not None:
                impulses[row] = 0
            for _ in range(self.substeps):
                mujoco.mj_step(model, data)
                note_contacts(data, self._owners, touched)
                if impulses is not None:
                    note_impulses(model, data, self._owners, impulses[row])
            if self._alarms[row] != CALM:
                self.unstable[row] = True
            if self._refresh:
                self.world.refresh(model, data)


def begin(
    world: World, data: mujoco.MjData, start: Start, variation: Variation | None
) -> mujoco.MjModel:
    """Put the scene at an episode's start. Returns the episode's model."""
    model = world.model_of(start.constants)
    if variation is not None or start.absent is not None:
        from entitybench.envs.core.banks import vary

        model = vary(world, copy.copy(model), variation, start.absent)
    mujoco.mj_resetData(model, data)
    data.qpos[:] = start.qpos
    if start.qvel is not None:
        data.qvel[:] = start.qvel
    world.begin(model, data)
    return model


class ArrayPhysics(Physics):
    """A world whose physics is `transition`: the state is all there is."""

    world: ArrayMixin

    def __init__(self, world: World, batch: int, threads: int) -> None:
        super().__init__(world, batch, threads)
        self._state: Array | None = None

    def allocate(self) -> Array:
        self._state = super().allocate()
        return self._state

    def reset(self, row: int, start: Start, variation: Variation | None) -> None:
        """Nothing: the start is memory. Variations of masses and the like do not apply."""

    def advance(self, state: Array, actions: Array) -> None:
        after = self.world.transition(state, actions)
        if self.touched is not None:
            self.touched[:] = self.world.touching(state, actions, after)
            self.acted = self.world.acting(state, actions, after)
        state[:] = after
        if not isfinite(np.vdot(after, after)):  # one number tells of all, quickly
            self.unstable |= ~np.isfinite(after).all(axis=1)

    def advance_alone(self, state: Array, action: Array) -> None:
        """`advance` of a batch of one without the batch axis."""
        if self.touched is not None:
            self.advance(state[None], action[None])
            return
        after = self.world.transition(state, action)
        state[:] = after
        if not isfinite(after.dot(after)):
            self.unstable[0] |= not np.isfinite(after).all()

    def read(self, state: Array) -> None:
        """Nothing: the state is where it should be."""

    @property
    def saved_size(self) -> int:
        return 0

    def save(self, row: int) -> Array:
        del row
        return np.empty(0)

    def load(self, row: int, saved: Array) -> None:
        """Nothing: all of it is memory."""


def _World() -> type[World]:
    from entitybench.envs.core.world import World

    return World
