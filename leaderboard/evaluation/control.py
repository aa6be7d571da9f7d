"""Evaluates policies in worlds: blocks of episodes, side by side, to the horizon.

Episodes run in blocks of one fixed size. Episode seed s is row s mod 25 of block s div 25, whatever
else is evaluated, and rows that are not asked for are padding: so no row depends on the number of
episodes, on threads, or on how the seeds are cut into shards. (Matrix products round differently
for other batch sizes and numbers of threads; hence the fixed block and one torch thread a worker.)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from entitybench.envs.core.play import play
from entitybench.errors import BadValue, foreign
from entitybench.leaderboard.evaluation import provenance
from entitybench.leaderboard.evaluation.coordination import Coordination
from entitybench.leaderboard.evaluation.handling import Handling
from entitybench.leaderboard.evaluation.latency import measure
from entitybench.leaderboard.evaluation.pool import Fault, Job, Result, blame, failure
from entitybench.leaderboard.evaluation.tally import WENT_WRONG, Tally
from entitybench.records import DIGEST, INFRASTRUCTURE, POLICY, Row
from entitybench.seeding import BatchGenerator, generator
from entitybench.types import Array, Obs, TaskSpec
from entitybench.words import class_name, reason, squeezed

if TYPE_CHECKING:
    from entitybench.leaderboard.evaluation.evaluate import Options
    from entitybench.leaderboard.evaluation.latency import Latency
    from entitybench.leaderboard.evaluation.pool import Entrant, Failures

BLOCK = 25


class Simulation(Protocol):
    """What evaluation needs of `entitybench.envs.core.batch.Worlds`."""

    world: Any

    def reset(self, seeds: Sequence[int]) -> Obs: ...
    def step(self, actions: Array) -> tuple[Obs, dict[str, Array]]: ...
    def state_digest(self, row: int) -> str: ...
    def bumped(self) -> Array: ...
    def convention(self) -> Array: ...
    def rest(self, rows: Sequence[int]) -> None: ...
    def close(self) -> None: ...


MakeWorlds = Callable[[TaskSpec, int, int], Simulation]  # task, batch, threads


class Control:
    """The evaluator of all kinds of control."""

    block = BLOCK

    def actor(self, agent: Any) -> Any:
        """The policy of an agent, or the policy itself. Raises BadValue when it cannot act."""
        name = class_name(agent)
        with foreign(f"{name} gives no policy"):
            policy = agent.policy() if hasattr(agent, "policy") else agent
            acts = hasattr(policy, "act") and hasattr(policy, "initial_state")
        if not acts:
            raise BadValue(
                f"{name} cannot act: an agent needs policy(), a policy needs "
                "initial_state(batch) and act(obs, state, rng)."
            )
        return policy

    def jobs(self, entrants: Sequence[Entrant], items: Sequence[int]) -> list[Job]:
        """Blocks of every training seed."""
        return [Job(entrant, block) for entrant in entrants for block in blocks(items)]

    def steps(self, task: TaskSpec) -> int:
        """What a job ticks."""
        return task.horizon

    def run(
        self, job: Job, task: TaskSpec, options: Options, tick: Callable[[int], None]
    ) -> Result:
        """One block."""
        make = options.worlds or bank_worlds(options.bank)
        simulation = make(task, len(job.items), options.threads)
        try:
            return run_block(job, task, simulation, options.failures, tick)
        finally:
            simulation.close()

    def latency(
        self, entrant: Entrant, task: TaskSpec, options: Options, evaluated_s: float
    ) -> Latency:
        """How long decisions for a single episode take."""
        make = options.worlds or bank_worlds(options.bank)
        simulation = make(task, 1, 1)
        try:
            return measure(entrant.actor, task, simulation, evaluated_s)
        finally:
            simulation.close()

    def model_hash(self, task: TaskSpec, options: Options) -> str | None:
        """Of the scene."""
        make = options.worlds or bank_worlds(options.bank)
        return provenance.model_hash(make(task, 1, 1).world)


def default_worlds(task: TaskSpec, batch: int, threads: int, bank: str = "public") -> Simulation:
    """The real simulation of a task."""
    from entitybench.envs.api import make_worlds

    worlds: Simulation = make_worlds(task, batch, threads, bank=bank)
    return worlds


def bank_worlds(bank: str) -> MakeWorlds:
    """The real simulation with starts of a bank. Raises UnknownId for one that does not exist."""
    from entitybench.envs.core.banks import Bank

    Bank(bank).check()
    return partial(default_worlds, bank=bank)


def blocks(seeds: Sequence[int]) -> list[tuple[int, ...]]:
    """Seeds (increasing) by block."""
    found: dict[int, list[int]] = {}
    for seed in seeds:
        found.setdefault(seed // BLOCK, []).append(seed)
    return [tuple(block) for block in found.values()]


def padding(job: Job) -> tuple[Array, Array, BatchGenerator]:
    """How a job's items become a whole block.

    Returns:
        The row of the block that each item has (items,); the item that each row sees (BLOCK,), of
        padded rows the first; and a generator a row.
    """
    live = np.array([item % BLOCK for item in job.items])
    shown = np.zeros(BLOCK, np.intp)
    shown[live] = np.arange(len(live))
    path, seed = dict(zip(live.tolist(), job.items, strict=True)), job.entrant.source.training_seed
    rows = [
        generator(path[row], "policy", seed) if row in path else generator(row, "padding")
        for row in range(BLOCK)
    ]
    return live, shown, BatchGenerator(rows)


def run_block(
    job: Job, task: TaskSpec, worlds: Simulation, failures: Failures, tick: Callable[[int], None]
) -> Result:
    """The episodes of one block, each to its end. Padded rows see what another row sees."""
    trace = _Trace(job, task, worlds.world)
    try:
        with blame(INFRASTRUCTURE):
            _simulate(job, task, worlds, trace, tick)
    except Fault as fault:
        trace.error = failure(fault, job.entrant.source.id, failures)
    return trace.result(worlds)


def _simulate(
    job: Job, task: TaskSpec, worlds: Simulation, trace: _Trace, tick: Callable[[int], None]
) -> None:
    rng = padding(job)[2]
    obs = worlds.reset(list(job.items))
    policy = _Padded(job, worlds.world.action_shape, trace)
    for step in play(worlds, policy, obs, rng, task.horizon):
        trace.add(step.info, step.action, worlds)
        if trace.tally.over.all():
            tick(task.horizon - step.index)
            break
        last = step.index + 1 == task.horizon
        tick(step.index % 25 + 1 if last or step.index % 25 == 24 else 0)
    trace.diagnostics = policy.diagnostics(step.state)


class _Padded:
    """A policy that acts for a whole block, whichever of its episodes are simulated.

    Rows that are not see what another row sees. What goes wrong in here is the policy's fault.
    """

    def __init__(self, job: Job, shape: tuple[int, ...], trace: _Trace) -> None:
        self._policy, self._name, self._trace = job.entrant.actor, job.entrant.source.id, trace
        self._live, self._shown, _ = padding(job)
        self._shape = (BLOCK, *shape)

    def initial_state(self, batch: int) -> Any:
        with blame(POLICY):
            return self._policy.initial_state(batch)

    def act(self, obs: Obs, state: Any, rng: BatchGenerator) -> tuple[Array, Any]:
        seen, trace = {key: x[self._shown] for key, x in obs.items()}, self._trace
        tally = trace.tally
        with blame(POLICY):
            begin = time.perf_counter()
            actions, state = self._policy.act(seen, state, rng)
            trace.seconds += time.perf_counter() - begin
            ignored, step = tally.unstable[self._shown], tally.steps
            return checked(actions, self._shape, step, self._name, ignored)[self._live], state

    def diagnostics(self, state: Any) -> dict[str, Array]:
        """By name, (rows,) each; none of episodes that have become unstable."""
        with blame(POLICY):
            if not hasattr(self._policy, "diagnostics"):
                return {}
            given = self._policy.diagnostics(state).items()
            found = {squeezed(str(name), 100): _each(name, x)[self._live] for name, x in given}
            return {
                name: np.where(self._trace.tally.unstable, np.nan, x) for name, x in found.items()
            }


def _each(name: Any, values: Any) -> Array:
    """Diagnostics (BLOCK,) of a block. Raises BadValue where they are something else."""
    array = np.asarray(values, np.float64)
    if array.shape != (BLOCK,):
        raise BadValue(
            f"the diagnostics {squeezed(str(name), 100)!r} have the shape {array.shape}; expected "
            f"({BLOCK},): a number for each episode of a block."
        )
    return array


def checked(
    actions: Any, shape: tuple[int, ...], step: int, agent: str, ignored: Array | None = None
) -> Array:
    """The actions of a block, or BadValue when their shape is wrong or one is not finite.

    Args:
        step: that they are for, told in the error.
        ignored: bool (rows of the block,), those that see an unstable simulation: nothing is asked
            of them, and they become zero.
    """
    try:
        array = np.asarray(actions, np.float64)
    except (TypeError, ValueError) as error:
        raise BadValue(
            f"the actions of {agent} are no array of numbers: {reason(error)}."
        ) from error
    if array.shape != shape:
        raise BadValue(
            f"the actions of {agent} have shape {array.shape} at step {step}; expected {shape}: "
            f"a row for each of the {BLOCK} episodes of a block, "
            f"{' x '.join(map(str, shape[1:]))} numbers each."
        )
    if ignored is not None and ignored.any():
        array = array.copy()
        array[ignored] = 0
    if not np.isfinite(array).all():
        place = tuple(np.argwhere(~np.isfinite(array))[0].tolist())
        raise BadValue(
            f"an action of {agent} is {array[place]} at step {step} (row {place[0]}, number "
            f"{', '.join(map(str, place[1:]))}); actions must be finite, and lie in [-1, 1]."
        )
    return array


class _Trace:
    """What is kept of a running block."""

    def __init__(self, job: Job, task: TaskSpec, world: Any) -> None:
        self.job = job
        self.error: str | None = None
        self.seconds = 0.0
        self.tally = Tally(len(job.items), task)
        self.handling = Handling(world)
        self.coordination = Coordination(world)
        self.digests: dict[int, str] = {}  # of episodes that ended early, when they did
        self.diagnostics: dict[str, Array] = {}

    def add(self, info: Mapping[str, Array], actions: Array, worlds: Simulation) -> None:
        """One control step."""
        self.handling.add(actions, lambda: worlds.bumped())  # of worlds with obstacles
        self.coordination.add(lambda: worlds.convention())  # of teams with conventions
        ended = self.tally.add(info).tolist()
        for row in ended:
            if not self.tally.unstable[row]:
                self.digests[row] = worlds.state_digest(row)
        worlds.rest(ended)

    def result(self, worlds: Simulation) -> Result:
        """The rows. An episode cut short by an error is no success, whatever it looked like."""
        whole, tally = self.error is None, self.tally
        latency = round(1000 * self.seconds / max(int(tally.length.max()), 1), 4)
        rows, handled = [], self.handling.values(tally.length)
        coordinated = self.coordination.values(tally.length)
        for i, seed in enumerate(self.job.items):
            error = self.error or (WENT_WRONG if tally.unstable[i] else None)
            values = tally.values(i, failed=error is not None)
            normalised = values.pop("normalised_return")
            digest = "" if error is not None else self.digests.get(i) or worlds.state_digest(i)
            rows.append(
                Row(
                    training_seed=self.job.entrant.source.training_seed,
                    item=seed,
                    # In the order that records have had from the first.
                    values={
                        **values,
                        "latency_ms": latency,
                        "normalised_return": normalised,
                        **handled[i],
                        **coordinated[i],
                    },
                    digest=digest[:DIGEST],
                    error=error,
                )
            )
        return Result(rows, self.diagnostics if whole else {})
