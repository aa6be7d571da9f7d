"""Several control steps of MuJoCo's episodes at once, where all actions are known before.

An episode is stepped through the whole stretch before the next one is, in the `MjData` of a thread,
which stays in the processor's cache; between stretches an episode is its integration state. The
scores of all states are computed together. `Worlds.step` with `MujocoPhysics` gives the same
numbers, bit for bit, one control step after the other.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

import mujoco
import numpy as np

from entitybench.envs.core.messages import ALARMS
from entitybench.envs.core.physics import CALM, INTEGRATION, MujocoPhysics, Physics, begin
from entitybench.envs.core.threads import Threads
from entitybench.envs.core.world import TeamWorld, World
from entitybench.registry import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from entitybench.envs.core.alone import Alone
    from entitybench.envs.core.banks import Bank
    from entitybench.envs.core.batch import Worlds
    from entitybench.envs.core.world import Start, Variation
    from entitybench.types import Array


def fits(world: World, bank: Bank) -> bool:
    """Whether `StretchedPhysics` can step a world.

    Not where something is kept from step to step beside the integration state: a memory, actions
    that come late, bodies that sleep; nor where fields are computed only when they are due, nor
    where evaluation asks after each step which convention a team keeps.
    """
    if resolve(world.physics_class) is not MujocoPhysics:
        return False
    sleeps = bool(world.model.opt.enableflags & mujoco.mjtEnableBit.mjENBL_SLEEP)
    seldom = type(world).due is not World.due
    asked = isinstance(world, TeamWorld) and world.conventions
    return not (world.memory or bank.latency or bank.varies_number or sleeps or seldom or asked)


def stretch(worlds: Worlds, actions: Array, counts: Array) -> Iterator[dict[str, Array]]:
    """Step each episode for some control steps.

    Args:
        worlds: made with `StretchedPhysics`; they go on where they are, and are at the end of the
            stretch from the first thing that is yielded.
        actions: (T, B, *action_shape), as `Worlds.step` takes them.
        counts: (B,) int, how many of them each episode takes, at most T.

    Yields:
        What `Worlds.step` returns beside the observation, T times, and "bumped" (B,) bool in worlds
        with obstacles. Beyond its count an episode's numbers are those of its last state.
    """
    physics = worlds.physics
    assert isinstance(physics, StretchedPhysics)
    batch, steps = worlds.batch, len(actions)
    actions = np.ascontiguousarray(np.clip(actions, -1.0, 1.0).swapaxes(0, 1))
    begun = worlds.state[:, None].copy()
    states, unstable, bumped = physics.stretch(worlds, actions, counts)
    worlds.elapsed += counts
    before = np.concatenate([begun, states[:, :-1]], axis=1)

    def flat(x: Array) -> Array:
        return x.reshape(batch * steps, *x.shape[2:])

    constants = np.repeat(worlds.constants, steps, axis=0)
    goals = np.repeat(worlds.goals, steps, axis=0)
    _, info = worlds.score(flat(before), flat(actions), flat(states), constants, goals)
    info["unstable"] = flat(unstable)
    if worlds.world.obstacles:
        info["bumped"] = flat(bumped)
    for at in range(steps):
        yield {name: value[at::steps] for name, value in info.items()}


class StretchedPhysics(Physics):
    """Episodes that share the `MjData` of a few threads."""

    def __init__(self, world: World, batch: int, threads: int) -> None:
        super().__init__(world, batch, threads)
        self.models = [world.model] * batch  # rows whose bodies vary have a model of their own
        self._saved = np.zeros((batch, self.saved_size))
        self._states = np.zeros((batch, world.state_size))
        self._hands = [_Hand(world) for _ in range(self.threads)]
        self._pool = Threads(self.threads - 1) if self.threads > 1 else None

    def reset(self, row: int, start: Start, variation: Variation | None) -> None:
        self._wake(row)
        hand = self._hands[0]
        self.models[row] = begin(self.world, hand.data, start, variation)
        hand.read(self._states[row])
        hand.save(self.models[row], self._saved[row])

    def advance(self, state: Array, actions: Array) -> None:
        raise NotImplementedError("stretched physics goes by `stretch` alone")

    def stretch(self, worlds: Worlds, actions: Array, counts: Array) -> tuple[Array, Array, Array]:
        """Some control steps of each row that does not rest, one row after the other.

        Args:
            worlds: whose physics this is; their states change.
            actions: (B, T, *action_shape), cut.
            counts: (B,) int, how many of them a row takes.

        Returns:
            After each step the states (B, T, S); whether by then a row was unstable, and whether
            its robots touch an obstacle, both (B, T) bool. Beyond its count, and once it is
            unstable, a row stays as it is.
        """
        states = np.repeat(worlds.state[:, None], actions.shape[1], axis=1)
        unstable = np.repeat(self.unstable[:, None], actions.shape[1], axis=1)
        bumped = np.zeros_like(unstable)

        def work(hand: _Hand, todo: Iterator[int]) -> None:
            for row in todo:
                hand.load(self.models[row], self._saved[row])
                took = hand.run(
                    worlds, row, self.models[row], actions[row, : counts[row]], states[row], bumped
                )
                states[row, took:] = worlds.state[row] = self._states[row] = states[row, took - 1]
                if hand.alarm != CALM:
                    self.unstable[row] = unstable[row, took - 1 :] = True
                hand.save(self.models[row], self._saved[row])

        # Whoever is free takes the next row.
        todo = iter([row for row in self._moving if counts[row]])
        others = [self._pool.submit(work, hand, todo) for hand in self._hands[1:] if self._pool]
        work(self._hands[0], todo)
        for other in others:
            other.result()
        return states, unstable, bumped

    def read(self, state: Array) -> None:
        state[:] = self._states

    @property
    def saved_size(self) -> int:
        return int(mujoco.mj_stateSize(self.world.model, INTEGRATION))

    def save(self, row: int) -> Array:
        return self._saved[row].copy()

    def load(self, row: int, saved: Array) -> None:
        self._wake(row)
        self._saved[row] = saved
        self._hands[0].load(self.models[row], saved)
        self._hands[0].read(self._states[row])

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown()


class _Hand:
    """What a thread steps episodes with."""

    def __init__(self, world: World) -> None:
        self.world, self.data = world, mujoco.MjData(world.model)
        self.alarm = self.data.warning.number[ALARMS].data
        # Memoryviews are copied faster than few numbers of arrays are; see `MujocoPhysics`.
        self._fields: list[tuple[int, int, memoryview]] = []
        for name in world.reads:
            begins, ends, _ = world.slot(name).indices(world.state_size)
            self._fields.append((begins, ends, getattr(self.data, name).reshape(-1).data))
        self._ctrl = self.data.ctrl
        self._pack = Struct(f"{len(self._ctrl)}d").pack_into
        alone: str | None = vars(type(world)).get("alone_class")
        self._alone: Alone | None = resolve(alone)(world) if alone else None

    def load(self, model: mujoco.MjModel, saved: Array) -> None:
        """Go on from a saved state."""
        mujoco.mj_resetData(model, self.data)
        mujoco.mj_setState(model, self.data, saved, INTEGRATION)

    def save(self, model: mujoco.MjModel, saved: Array) -> None:
        """Write the state."""
        mujoco.mj_getState(model, self.data, saved, INTEGRATION)

    def read(self, state: Array) -> None:
        """Write what the world reads into a state (S,)."""
        for begins, ends, view in self._fields:
            state[begins:ends] = view

    def run(
        self,
        worlds: Worlds,
        row: int,
        model: mujoco.MjModel,
        actions: Array,
        states: Array,
        bumped: Array,
    ) -> int:
        """Take actions (t, *action_shape) until one goes wrong.

        Writes states (T, S) and bumped (B, T). Returns how many were taken.
        """
        data, step, substeps = self.data, mujoco.mj_step, self.world.substeps
        refresh = self.world.refresh if type(self.world).refresh is not World.refresh else None
        bumps = worlds.bumps if self.world.obstacles else None
        aim = self._aim(worlds, row, actions)
        state, size, out = worlds.state[row].data, states.shape[1], states.reshape(-1).data
        for at in range(len(actions)):
            aim(at, state)
            step(model, data, substeps)
            if refresh is not None:
                refresh(model, data)
            state = out[at * size : (at + 1) * size]
            for begins, ends, view in self._fields:
                state[begins:ends] = view
            if bumps is not None and data.ncon:
                bumped[row, at] = bumps.among(data)
            if self.alarm != CALM:
                return at + 1
        return len(actions)

    def _aim(self, worlds: Worlds, row: int, actions: Array) -> Callable[[int, memoryview], None]:
        """What sets the actuator targets of an episode, of an action (by index) in a state."""
        ctrl, control, pack, alone = self._ctrl, self.world.control, self._pack, self._alone
        memory = ctrl.data

        def of_arrays(at: int, state: memoryview) -> None:
            ctrl[:] = control(np.asarray(state), actions[at])

        if alone is None:
            return of_arrays
        alone.begin(worlds.state[row], worlds.constants[row], worlds.goals[row])
        flat: list[list[float]] = actions.reshape(len(actions), -1).tolist()
        targets_of, looks_back = alone.control, alone.looks_back

        def of_numbers(at: int, state: memoryview) -> None:
            before: list[float] = list(state) if looks_back else []
            targets = targets_of(before, flat[at])
            if targets is None:
                of_arrays(at, state)
            else:
                pack(memory, 0, *targets)

        return of_numbers
