"""B episodes of one world, side by side: observations, scores and goals; see physics.py for motion.

No episode reads another's memory, so neither the batch size nor the number of threads changes a
bit of any episode.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from struct import Struct
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.envs.core.alone import plain
from entitybench.envs.core.banks import Bank
from entitybench.envs.core.interactions import graph
from entitybench.envs.core.obstacles import Bumps
from entitybench.envs.core.physics import INTEGRATED, MujocoPhysics
from entitybench.envs.core.world import ArrayMixin, GoalWorld, RewardWorld, TeamWorld
from entitybench.errors import BadValue, whole
from entitybench.registry import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import mujoco

    from entitybench.envs.core.alone import Alone
    from entitybench.envs.core.physics import Physics
    from entitybench.envs.core.world import Variation, World
    from entitybench.types import Array, Obs


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that `Worlds.restore` needs to go on exactly."""

    physics: Any
    state: Array
    constants: Array
    goals: Array
    absent: Array
    variations: tuple[Variation | None, ...]
    elapsed: Array
    late: Array
    seeds: Array
    unstable: Array


class Worlds:
    """B episodes of one world.

    Observations are dicts of float32 arrays, never shared between calls. Of a goal task:
    "observation", "achieved_goal" and "desired_goal", each (B, N, D). Of a reward task:
    "observation" (B, N, D). Of a team: "observation" (B, M, features of an agent) and "state"
    (B, N, D), the entities. "mask" (B, N) bool comes with them where episodes can lack entities,
    whose rows are zero.
    Rewards and success are computed from these arrays or from states, so that recomputing them from
    what was stored gives the same.
    """

    def __init__(
        self,
        world: World,
        batch: int,
        *,
        threads: int = 1,
        horizon: int,
        bank: Bank | None = None,
        interactions: bool = False,
        physics: type[Physics] | None = None,
    ) -> None:
        """Make them.

        Args:
            batch: B.
            threads: that step the physics.
            horizon: control steps until truncation.
            bank: where starts come from.
            interactions: whether `step` also gives "interactions" (B, N, N + 1) bool, who acted on
                whom; see interactions.py.
            physics: what steps them; default: the world's.
        """
        batch, threads = whole("batch", batch), whole("threads", threads)
        horizon = whole("horizon", horizon)
        if not isinstance(world, GoalWorld | RewardWorld | TeamWorld):
            raise BadValue(
                f"a world is a GoalWorld, a RewardWorld or a TeamWorld: {type(world).__name__} "
                "is none of them."
            )
        self.world = world
        self.batch = batch
        self.horizon = horizon
        self.bank = bank or Bank()
        self.physics = (physics or resolve(world.physics_class))(world, batch, threads)
        self.threads = self.physics.threads
        self.interactions = interactions
        if interactions:
            self.physics.watch()
        # Of every row, for reading only: control steps since the reset, the seed of the episode,
        # states (B, S), the features that stay, the desired goals (B, N, D), and which entities are
        # absent (B, N).
        self.elapsed = np.zeros(batch, np.int64)
        self.seeds = np.zeros(batch, np.int64)
        self.state = self.physics.allocate()
        self.constants = np.zeros((batch, world.entities, world.features), np.float32)
        self.goals = np.zeros_like(self.constants)
        self.absent = np.zeros((batch, world.entities), bool)
        self.variations: list[Variation | None] = [None] * batch
        self._memory = slice(world.state_size - world.memory, world.state_size)
        self._remembers = bool(world.memory and world.reads)
        self._row = self.state[0]
        self._goal = world if isinstance(world, GoalWorld) else None
        self._team = world if isinstance(world, TeamWorld) else None
        self._scored: Any = world if self._goal is None else None
        # What a saved episode needs beside its physics: fields read that are not integrated.
        self._extra = np.array(
            [
                column
                for name in world.reads
                if name not in INTEGRATED
                for column in range(*world.slot(name).indices(world.state_size))
            ]
            + list(range(*self._memory.indices(world.state_size))),
            np.intp,
        )
        # How one episode is stepped where nothing needs the batch axis.
        self._varies = self.bank.varies_number
        simple = not (interactions or self.bank.latency or self._varies)
        self._advance_alone = getattr(self.physics, "advance_alone", None) if simple else None
        # How it is stepped number by number, where the world has that.
        alone: str | None = vars(type(world)).get("alone_class")
        fits = batch == 1 and self._advance_alone is not None
        self.alone: Alone | None = resolve(alone)(world) if alone and fits else None
        # Single numbers are read and written faster by memoryviews than by arrays.
        self._count, self._wrong = self.elapsed.data, self.physics.unstable.data
        self._numbers = self._row.data
        noted = world.memory
        if self.alone is not None and self.alone.notes is not None:
            noted = self.alone.notes
        self._noted = slice(self._memory.start, self._memory.start + noted)
        self._note = Struct(f"{noted}d").pack_into
        self._lowest = np.full(world.action_shape, -1.0)
        self._highest = np.full(world.action_shape, 1.0)
        # Actions that are still to come, of rows that are late; see `Variation.latency`.
        self._late = np.zeros((batch, self.bank.latency, *world.action_shape))

    @property
    def model(self) -> mujoco.MjModel:
        """The scene."""
        return self.world.model

    @property
    def datas(self) -> list[mujoco.MjData]:
        """MuJoCo's data of each row; none where the world has another physics."""
        return self.physics.datas if isinstance(self.physics, MujocoPhysics) else []

    @property
    def qpos(self) -> Array:
        """Positions (B, nq) of the rows of a MuJoCo world."""
        return self.state[:, self.world.slot("qpos")]

    def reset(self, seeds: Sequence[int]) -> Obs:
        """Start every episode anew, row b from seeds[b]."""
        return self.reset_rows(range(self.batch), seeds)

    def reset_rows(self, rows: Sequence[int], seeds: Sequence[int]) -> Obs:
        """Start the episodes in `rows` anew. Returns the observation of all B rows."""
        if len(seeds) != len(rows):
            raise BadValue(f"{len(rows)} episodes need as many seeds: got {len(seeds)}.")
        for row, seed in zip(rows, seeds, strict=True):
            start, variation = self.bank.start(self.world, int(seed))
            self.physics.reset(row, start, variation)
            self.physics.unstable[row] = False
            if self.world.memory:
                self.state[row, self._memory] = 0 if start.memory is None else start.memory
            self.constants[row] = start.constants
            self.goals[row] = start.goal
            self.absent[row] = False if start.absent is None else start.absent
            self.variations[row] = variation
            self.elapsed[row] = 0
            self.seeds[row] = seed
            self._late[row] = 0
        self._read(rows)
        self._begin_alone()
        return self.observe()

    def step(self, actions: Array) -> tuple[Obs, dict[str, Array]]:
        """One control step of every episode.

        Args:
            actions: (B, *action_shape), cut to [-1, 1].

        Returns:
            The observation, and arrays "reward" float32 (B,) or (B, M), "is_success" bool (B,),
            "success_fraction" float32 (B,); "unstable" bool (B,), whether the simulation has gone
            wrong since the reset, so that the episode means nothing; "terminated" bool (B,) of
            worlds that can end an episode. Stepping on past the end is the caller's affair.
        """
        actions = np.minimum(np.maximum(actions, self._lowest), self._highest)
        if self.bank.latency:
            actions = self._delay(actions)
        physics = self.physics
        self.elapsed += 1
        states, info = self._advance(
            physics.advance, self.state, actions, self.constants, self.goals
        )
        info["unstable"] = physics.unstable.copy()
        if self.interactions:
            assert physics.touched is not None
            info["interactions"] = graph(self.world, physics.touched, physics.acted)
        return self._present(states), info

    def step_alone(self, action: Array) -> tuple[Obs, dict[str, Any]]:
        """`step` of a batch of one without the batch axis: numpy is quicker with fewer axes.

        Args:
            action: `action_shape`.

        Returns:
            What is observed, without the batch axis, and the scores as Python's numbers, rewards
            of a team as a list. The rules are the same pure functions, so both ways agree bit for
            bit.
        """
        if self.alone is not None:
            return self.step_numbers(action.ravel().tolist())
        if self._advance_alone is None:
            obs, info = self.step(action[None])
            return {k: v[0] for k, v in obs.items()}, plain({k: v[0] for k, v in info.items()})
        action = np.minimum(np.maximum(action, self._lowest), self._highest)
        self.elapsed[0] += 1
        obs, info = self._advance(
            self._advance_alone, self.state[0], action, self.constants[0], self.goals[0]
        )
        info["unstable"] = self.physics.unstable[0]
        return obs, plain(info)

    def step_numbers(self, action: list[float]) -> tuple[Obs, dict[str, Any]]:
        """`step_alone` of a world that has an `Alone`, whose action is a flat list."""
        alone, physics, row = self.alone, self.physics, self._row
        assert alone is not None
        assert isinstance(physics, MujocoPhysics)
        action = [-1.0 if a < -1.0 else 1.0 if a > 1.0 else a for a in action]
        before = row.tolist() if alone.looks_back else []
        self._count[0] += 1
        physics.advance_numbers(alone.control(before, action) or self._controls(action))
        state = row.tolist()
        if physics.seldom and alone.due(state):
            physics.settle(self.state)
            state = row.tolist()
        if self._remembers:
            noted = alone.remember(before, state)
            if noted is None:
                found = self.world.remember(np.array(before), self._shaped(action), row)
                noted = found[: self._noted.stop - self._noted.start].tolist()
            self._note(self._numbers, 8 * self._noted.start, *noted)
            state[self._noted] = noted
        obs, info = alone.see(before, action, state) or self._see_alone(before, action)
        info["unstable"] = self._wrong[0]
        return obs, info

    def over(self) -> bool:
        """Whether a batch of one has come to its horizon."""
        return self._count[0] >= self.horizon

    # What the functions of arrays say where an `Alone` does not.

    def _controls(self, action: list[float]) -> list[float]:
        targets: list[float] = self.world.control(self._row, self._shaped(action)).tolist()
        return targets

    def _see_alone(self, before: list[float], action: list[float]) -> tuple[Obs, dict[str, Any]]:
        row, shaped = self._row, self._shaped(action)
        obs, info = self.score(np.array(before), shaped, row, self.constants[0], self.goals[0])
        return obs, plain(info)

    def _shaped(self, action: list[float]) -> Array:
        return np.array(action, np.float64).reshape(self.world.action_shape)

    def _begin_alone(self) -> None:
        if self.alone is not None:
            self.alone.begin(self._row, self.constants[0], self.goals[0])

    def _advance(
        self,
        advance: Callable[[Array, Array], None],
        state: Array,
        action: Array,
        constants: Array,
        goals: Array,
    ) -> tuple[Obs, dict[str, Array]]:
        """The rules of a control step, with a batch axis or, of one episode, without.

        Args:
            advance: the physics' part of it.
            state: (B, S) or (S,); changed in place.
            action: cut.
            constants: (B, N, D) or (N, D).
            goals: the same.

        Returns:
            The entities as `states` gives them, and the scores.
        """
        # Before the step; for the rules of a world that has rewards or a memory.
        before: Any = state.copy() if self._scored is not None or self.world.memory else None
        advance(state, action)
        self.physics.settle(self.state)
        if self._remembers:
            state[..., self._memory] = self.world.remember(before, action, state)
        return self.score(before, action, state, constants, goals)

    def score(
        self, before: Any, action: Array, state: Array, constants: Array, goals: Array
    ) -> tuple[Obs, dict[str, Array]]:
        """What is seen of a state, and the scores of the step that led to it; as `_advance`."""
        world = self.world
        states = self._states(state, constants, goals)
        if self._goal is not None:
            info = self._goal.judge(states["achieved_goal"], states["desired_goal"])
        else:
            rewards = self._scored.reward(before, action, state)
            info = {"reward": rewards, **self._scored.status(state)}
        if world.terminates:
            info["terminated"] = world.terminated(state)
        return states, info

    def observe(self) -> Obs:
        """The observation of all B rows as they are."""
        return self._present(self.states())

    def judge(self) -> dict[str, Array]:
        """What `step` returns beside the observation, of all B rows as they are: without rewards.

        A goal task has them all the same: they depend on nothing but the state and the goal.
        """
        if self._goal is not None:
            states = self.states()
            info = self._goal.judge(states["achieved_goal"], states["desired_goal"])
        else:
            info = self._scored.status(self.state)
            info["reward"] = np.zeros((self.batch, *self.world.action_shape[:-1]), np.float32)
        info["unstable"] = self.physics.unstable.copy()
        if self.world.terminates:
            info["terminated"] = self.world.terminated(self.state)
        if self.interactions:
            touched = np.zeros((self.batch, self.world.entities, self.world.entities), bool)
            info["interactions"] = graph(self.world, touched)
        return info

    def states(self, state: Array | None = None) -> Obs:
        """The entities of all B rows as they are, or in other states (B, S): nothing is drawn."""
        return self._states(self.state if state is None else state, self.constants, self.goals)

    def _states(self, state: Array, constants: Array, goals: Array) -> Obs:
        """`states`, with a batch axis or, of one episode that lacks nothing, without."""
        if self._team is not None:
            entities, agents = self._team.see(state, constants)
            found = {"observation": agents, "state": entities}
        else:
            entities = self.world.observe(state, constants)
            found = {"observation": entities}
        if self._varies:
            entities[self.absent] = 0
        if self._goal is not None:
            found["achieved_goal"] = self._goal.achieved(entities)
            found["desired_goal"] = goals = goals.copy()
            if self._varies:
                goals[self.absent] = 0
        if self._varies:
            found["mask"] = ~self.absent
        return found

    def snapshot(self) -> Snapshot:
        """A copy of everything, exact in mid-episode."""
        return Snapshot(
            self.physics.snapshot(),
            self.state.copy(),
            self.constants.copy(),
            self.goals.copy(),
            self.absent.copy(),
            tuple(self.variations),
            self.elapsed.copy(),
            self._late.copy(),
            self.seeds.copy(),
            self.physics.unstable.copy(),
        )

    def restore(self, snapshot: Snapshot) -> Obs:
        """Go back to a snapshot of these worlds. Returns the observation.

        Raises BadValue for a snapshot of another task or another number of episodes.
        """
        if snapshot.state.shape != self.state.shape or snapshot.goals.shape != self.goals.shape:
            raise BadValue(
                f"the snapshot is of other worlds: its states have the shape "
                f"{snapshot.state.shape}, these {self.state.shape}."
            )
        self.physics.restore(snapshot.physics)
        self.state[:] = snapshot.state
        self.constants[:] = snapshot.constants
        self.goals[:] = snapshot.goals
        self.absent[:] = snapshot.absent
        self.variations[:] = snapshot.variations
        self.elapsed[:] = snapshot.elapsed
        self._late[:] = snapshot.late
        self.seeds[:] = snapshot.seeds
        self.physics.unstable[:] = snapshot.unstable
        self._begin_alone()
        return self.observe()

    def integration_state(self, row: int) -> Array:
        """What an exact restart of one episode needs, flat float64.

        The physics' own (MuJoCo's integration state), then the world's memory and the fields it
        reads that are not integrated, then actions that are still to come.
        """
        parts = [self.physics.save(row), self.state[row, self._extra], self._late[row].ravel()]
        return np.concatenate(parts)

    def set_integration_state(self, row: int, state: Array) -> None:
        """Set what `integration_state` read.

        Goal, ids, absences and variations stay those of the last reset.
        """
        first = self.physics.saved_size
        second = first + len(self._extra)
        self.physics.load(row, state[:first])
        self.physics.unstable[row] = False
        self._read([row])
        self.state[row, self._extra] = state[first:second]
        self._late[row] = state[second:].reshape(self._late[row].shape)

    def state_digest(self, row: int) -> str:
        """SHA-256 (hex) of one episode's integration state and goal."""
        digest = hashlib.sha256(self.integration_state(row).tobytes())
        digest.update(self.goals[row].tobytes())
        return digest.hexdigest()

    def bumped(self) -> Array:
        """(B,) bool: whose robots touch one of the world's `obstacles` after the last step.

        In a MuJoCo world by the contacts of its last physics step.
        """
        if isinstance(self.world, ArrayMixin):
            return self.world.bumping(self.state)
        return self.bumps.of(self.datas)

    def convention(self) -> Array:
        """(B,) int: which of the world's `conventions` a team keeps after the last step, or -1."""
        assert isinstance(self.world, TeamWorld)
        return self.world.convention(self.state)

    @cached_property
    def bumps(self) -> Bumps:
        """What tells it in a MuJoCo world."""
        return Bumps(self.world)

    def rest(self, rows: Sequence[int]) -> None:
        """The episodes in `rows` are over: until they begin anew nobody looks at them.

        Their physics may stand still; what is observed of them means nothing any more.
        """
        self.physics.rest(rows)

    def close(self) -> None:
        """End the threads. Stepping is over then."""
        self.physics.close()

    def __deepcopy__(self, memo: dict[int, Any]) -> Worlds:
        """Worlds of the same scene that go on from here, bit for bit and independently."""
        del memo
        return _again(type(self), self.world, self._options(), self.snapshot())

    def __reduce__(self) -> Any:
        return _again, (type(self), self.world, self._options(), self.snapshot())

    def _options(self) -> dict[str, Any]:
        """What they were made with, beside the world."""
        return {
            "batch": self.batch,
            "threads": self.threads,
            "horizon": self.horizon,
            "bank": self.bank,
            "interactions": self.interactions,
        }

    def _read(self, rows: Sequence[int]) -> None:
        """Read the states of some rows; of the others, what is computed stays as it was.

        MuJoCo's fields that are not integrated are not valid in a row that was only loaded.
        """
        others = np.ones(self.batch, bool)
        others[list(rows)] = False
        place = np.ix_(others, self._extra)
        kept = self.state[place]
        self.physics.read(self.state)
        self.state[place] = kept

    def _present(self, states: Obs) -> Obs:
        """What is observed of the entities; see PixelWorlds."""
        return states

    def _delay(self, actions: Array) -> Array:
        """The actions that arrive now, where some rows' come late by one step or more."""
        queue = np.concatenate([self._late, actions[:, None]], axis=1)
        self._late[:] = queue[:, 1:]
        late = np.array([v.latency if v is not None else 0 for v in self.variations])
        return queue[np.arange(self.batch), queue.shape[1] - 1 - late]


def _again(kind: type[Worlds], world: World, options: dict[str, Any], snapshot: Snapshot) -> Worlds:
    """Worlds as they were at a snapshot, of others or of another process."""
    worlds = kind(world, **options)
    worlds.restore(snapshot)
    return worlds
