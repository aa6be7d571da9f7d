"""B episodes of one world, side by side: one MjData each, stepped by a few threads.

`mj_step` releases the interpreter lock, so threads scale; no episode reads another's memory, so
neither the batch size nor the number of threads changes a bit of any episode.
"""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import mujoco
import numpy as np

from entitybench.errors import BadValue

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from entitybench.envs.core.world import World
    from entitybench.types import Array, Obs

_INTEGRATION = mujoco.mjtState.mjSTATE_INTEGRATION


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that `Worlds.restore` needs to go on exactly."""

    datas: tuple[mujoco.MjData, ...]
    constants: Array
    goals: Array
    elapsed: Array


class Worlds:
    """B episodes of one world.

    Observations are dicts of "observation", "achieved_goal" and "desired_goal", each (B, N, D)
    float32 and never shared between calls. Rewards and success are computed from these arrays, so
    that relabelling stored observations gives the same.
    """

    def __init__(self, world: World, batch: int, *, threads: int = 1, horizon: int) -> None:
        if batch < 1:
            raise BadValue(f"a batch needs at least one world: got {batch}.")
        if threads < 1:
            raise BadValue(f"at least one thread is needed: got {threads}.")
        if horizon < 1:
            raise BadValue(f"the horizon must be at least one step: got {horizon}.")
        self.world = world
        self.batch = batch
        self.threads = min(threads, batch)
        self.horizon = horizon
        self.model = world.model
        self.datas = [mujoco.MjData(self.model) for _ in range(batch)]
        # Of every row, for reading only: control steps since the reset, positions (B, nq), the
        # features that stay and the desired goals (B, N, D).
        self.elapsed = np.zeros(batch, np.int64)
        self.qpos = np.zeros((batch, self.model.nq))
        self.constants = np.zeros((batch, world.entities, world.features), np.float32)
        self.goals = np.zeros_like(self.constants)
        # Views of MuJoCo's own memory: making them costs more than reading them.
        self._qpos_views = [data.qpos for data in self.datas]
        if batch == 1:  # nothing to gather then
            self.qpos = self._qpos_views[0][None]
        self._flat = self.qpos.reshape(-1)
        self._ctrl_views = [data.ctrl for data in self.datas]
        self._substeps = world.substeps
        self._pool = ThreadPoolExecutor(self.threads - 1) if self.threads > 1 else None

    def reset(self, seeds: Sequence[int]) -> Obs:
        """Start every episode anew, row b from seeds[b]."""
        return self.reset_rows(range(self.batch), seeds)

    def reset_rows(self, rows: Sequence[int], seeds: Sequence[int]) -> Obs:
        """Start the episodes in `rows` anew. Returns the observation of all B rows."""
        if len(seeds) != len(rows):
            raise BadValue(f"{len(rows)} episodes need as many seeds: got {len(seeds)}.")
        for row, seed in zip(rows, seeds, strict=True):
            start = self.world.start(int(seed))
            mujoco.mj_resetData(self.model, self.datas[row])
            self._qpos_views[row][:] = start.qpos
            self.constants[row] = start.constants
            self.goals[row] = start.goal
            self.elapsed[row] = 0
        self._read()
        return self.observe()

    def step(self, actions: Array) -> tuple[Obs, dict[str, Array]]:
        """One control step of every episode.

        Args:
            actions: (B, A), cut to [-1, 1].

        Returns:
            The observation, and arrays (B,) "reward" float32, "is_success" bool, "success_fraction"
            float32. Success ends no episode; stepping on past the horizon is the caller's affair.
        """
        controls = self.world.control(self.qpos, actions)
        for view, control in zip(self._ctrl_views, controls, strict=False):
            view[:] = control
        self._advance()
        self.elapsed += 1
        self._read()
        states = self.states()
        info = self.world.judge(states["achieved_goal"], states["desired_goal"])
        return self._present(states), info

    def step_alone(self, action: Array) -> tuple[Obs, dict[str, Array]]:
        """`step` of a batch of one without the batch axis: numpy is quicker with fewer axes.

        Args:
            action: (A,).

        Returns:
            The entities, each array (N, D), and the scores as scalars. The rules are the same pure
            functions, so both ways agree bit for bit.
        """
        world, qpos, goal = self.world, self._qpos_views[0], self.goals[0]
        self._ctrl_views[0][:] = world.control(qpos, action)
        mujoco.mj_step(self.model, self.datas[0], self._substeps)
        self.elapsed += 1
        observation = world.observe(qpos, self.constants[0])
        achieved = world.achieved(observation)
        states = {
            "observation": observation,
            "achieved_goal": achieved,
            "desired_goal": goal.copy(),
        }
        return states, world.judge(achieved, goal)

    def observe(self) -> Obs:
        """The observation of all B rows as they are."""
        return self._present(self.states())

    def judge(self) -> dict[str, Array]:
        """The scores of all B rows as they are: what `step` returns beside the observation."""
        states = self.states()
        return self.world.judge(states["achieved_goal"], states["desired_goal"])

    def states(self) -> Obs:
        """The entities of all B rows as they are, whatever is observed of them."""
        observation = self.world.observe(self.qpos, self.constants)
        return {
            "observation": observation,
            "achieved_goal": self.world.achieved(observation),
            "desired_goal": self.goals.copy(),
        }

    def snapshot(self) -> Snapshot:
        """A copy of everything, exact in mid-episode (whole MjData: sleep is in no saved state)."""
        copies = []
        for data in self.datas:
            copies.append(mujoco.MjData(self.model))
            mujoco.mj_copyData(copies[-1], self.model, data)
        return Snapshot(
            tuple(copies), self.constants.copy(), self.goals.copy(), self.elapsed.copy()
        )

    def restore(self, snapshot: Snapshot) -> Obs:
        """Go back to a snapshot of these worlds. Returns the observation."""
        for data, saved in zip(self.datas, snapshot.datas, strict=True):
            mujoco.mj_copyData(data, self.model, saved)
        self.constants[:] = snapshot.constants
        self.goals[:] = snapshot.goals
        self.elapsed[:] = snapshot.elapsed
        self._read()
        return self.observe()

    def integration_state(self, row: int) -> Array:
        """MuJoCo's integration state of one episode, float64: what an exact restart needs."""
        state = np.empty(mujoco.mj_stateSize(self.model, _INTEGRATION))
        mujoco.mj_getState(self.model, self.datas[row], state, _INTEGRATION)
        return state

    def set_integration_state(self, row: int, state: Array) -> None:
        """Set what `integration_state` read. Goal and ids stay those of the last reset."""
        mujoco.mj_resetData(self.model, self.datas[row])
        mujoco.mj_setState(self.model, self.datas[row], state, _INTEGRATION)
        self._read()

    def state_digest(self, row: int) -> str:
        """SHA-256 (hex) of one episode's integration state and goal."""
        digest = hashlib.sha256(self.integration_state(row).tobytes())
        digest.update(self.goals[row].tobytes())
        return digest.hexdigest()

    def close(self) -> None:
        """End the threads. Stepping is over then."""
        if self._pool is not None:
            self._pool.shutdown()

    def _present(self, states: Obs) -> Obs:
        """What is observed of the entities; see PixelWorlds."""
        return states

    def _read(self) -> None:
        if self.batch > 1:
            np.concatenate(self._qpos_views, out=self._flat)

    def _advance(self) -> None:
        # The threads share one iterator: whoever is free takes the next world, so that one slow
        # world, or one busy core, keeps nobody waiting.
        todo = iter(self.datas)
        if self._pool is None:
            self._step_all(todo)
            return
        others = [self._pool.submit(self._step_all, todo) for _ in range(self.threads - 1)]
        self._step_all(todo)
        for other in others:
            other.result()

    def _step_all(self, todo: Iterator[mujoco.MjData]) -> None:
        step, model, substeps = mujoco.mj_step, self.model, self._substeps
        for data in todo:
            step(model, data, substeps)
