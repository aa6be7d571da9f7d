"""Runs blocks of episodes in worker threads. `evaluate` turns what comes out into a record."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from entitybench.errors import BadValue, BenchError
from entitybench.records import DIGEST, INFRASTRUCTURE, POLICY, UNSTABLE, Row
from entitybench.seeding import BatchGenerator, generator
from entitybench.types import Array, Obs, Policy, TaskSpec

if TYPE_CHECKING:
    from entitybench.leaderboard.evaluation.provenance import Source

BLOCK = 25
Failures = Literal["raise", "record"]
Progress = Callable[[int, int], None]


_WENT_WRONG = f"{UNSTABLE}: states, accelerations or controls are huge or no numbers"


class Simulation(Protocol):
    """What evaluation needs of `entitybench.envs.core.batch.Worlds`."""

    world: Any

    def reset(self, seeds: Sequence[int]) -> Obs: ...
    def step(self, actions: Array) -> tuple[Obs, dict[str, Array]]: ...
    def state_digest(self, row: int) -> str: ...
    def close(self) -> None: ...


MakeWorlds = Callable[[TaskSpec, int, int], Simulation]  # task, batch, threads


@dataclass(frozen=True)
class Arm:
    """A policy and the training seed it comes from."""

    policy: Policy[Any]
    source: Source


@dataclass(frozen=True)
class Job:
    """One block of one training seed."""

    arm: Arm
    seeds: tuple[int, ...]  # of one block, increasing


def blocks(seeds: Sequence[int]) -> list[tuple[int, ...]]:
    """Seeds (increasing) by block."""
    found: dict[int, list[int]] = {}
    for seed in seeds:
        found.setdefault(seed // BLOCK, []).append(seed)
    return [tuple(block) for block in found.values()]


@dataclass(frozen=True)
class Result:
    """What one job gave."""

    rows: list[Row]
    diagnostics: dict[str, Array]  # each (rows,)


class _Ticker:
    """Counts control steps of all workers, and carries word that the evaluation was stopped."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self.total, self.progress, self.done = total, progress, 0
        self.lock = threading.Lock()
        self.stopped = threading.Event()

    def __call__(self, steps: int) -> None:
        if self.stopped.is_set():
            raise _Stopped
        if self.progress is not None and steps:
            with self.lock:
                self.done += steps
                self.progress(self.done, self.total)


class _Stopped(Exception):
    """Another worker failed, or the user pressed Ctrl-C."""


def run_all(
    jobs: Sequence[Job],
    task: TaskSpec,
    threads: int,
    worlds: MakeWorlds,
    failures: Failures,
    progress: Progress | None,
) -> list[Result]:
    """Every job, in their order, by `threads` workers. The first exception stops all of them."""
    ticker = _Ticker(len(jobs) * task.horizon, progress)
    inner = max(1, threads // len(jobs))  # few jobs, many cores: the physics of a block in parallel

    def run(job: Job) -> Result:
        simulation = worlds(task, len(job.seeds), inner)
        try:
            with one_torch_thread():
                return run_block(job, task, simulation, failures, ticker)
        finally:
            simulation.close()

    # Set here too: workers take their number of torch threads from the one set last.
    with one_torch_thread(), ThreadPoolExecutor(min(threads, len(jobs))) as pool:
        futures = [pool.submit(run, job) for job in jobs]
        try:
            waiting = set(futures)
            while waiting:
                done, waiting = wait(waiting, timeout=0.5, return_when="FIRST_EXCEPTION")
                for future in done:
                    future.result()
        except BaseException:
            ticker.stopped.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return [future.result() for future in futures]


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Within, torch computes in one thread. Nothing happens where torch is not loaded."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def run_block(
    job: Job, task: TaskSpec, worlds: Simulation, failures: Failures, tick: Callable[[int], None]
) -> Result:
    """The episodes of one block, to the horizon. Padded rows see what another row sees."""
    trace = _Trace(job, task)
    try:
        _simulate(job, task, worlds, trace, tick)
    except (_Stopped, KeyboardInterrupt):
        raise
    except Exception as error:
        if isinstance(error, BenchError) and (failures == "raise" or trace.where != POLICY):
            raise
        if trace.where == POLICY and failures == "raise":
            raise BenchError(f"the policy of {job.arm.source.id} raised {_line(error)}") from error
        trace.error = f"{trace.where}: {_line(error)}"
    return trace.result(worlds)


def _simulate(
    job: Job, task: TaskSpec, worlds: Simulation, trace: _Trace, tick: Callable[[int], None]
) -> None:
    policy, arm = job.arm.policy, job.arm.source
    live = np.array([seed % BLOCK for seed in job.seeds])
    shown = np.zeros(BLOCK, np.intp)  # which simulated row each row of the block sees
    shown[live] = np.arange(len(live))
    path = dict(zip(live.tolist(), job.seeds, strict=True))
    rng = BatchGenerator(
        [
            generator(path[row], "policy", arm.training_seed)
            if row in path
            else generator(row, "padding")
            for row in range(BLOCK)
        ]
    )
    obs = worlds.reset(list(job.seeds))
    trace.where = POLICY
    state = policy.initial_state(BLOCK)
    for step in range(task.horizon):
        tick(0)
        trace.where = POLICY
        begin = time.perf_counter()
        actions, state = policy.act({key: x[shown] for key, x in obs.items()}, state, rng)
        trace.seconds += time.perf_counter() - begin
        shape = (BLOCK, *worlds.world.action_shape)
        actions = checked(actions, shape, step, arm.id, ignored=trace.unstable[shown])
        trace.where = INFRASTRUCTURE
        obs, info = worlds.step(actions[live])
        trace.add(info, worlds)
        if trace.over.all():
            tick(task.horizon - step)
            break
        if step % 25 == 24 or step + 1 == task.horizon:
            tick(step % 25 + 1)
    trace.where = POLICY
    if hasattr(policy, "diagnostics"):
        found = policy.diagnostics(state)
        trace.diagnostics = {
            name: np.where(trace.unstable, np.nan, np.asarray(value, np.float64)[live])
            for name, value in found.items()
        }
    trace.where = INFRASTRUCTURE


def checked(
    actions: Any, shape: tuple[int, ...], step: int, agent: str, ignored: Array | None = None
) -> Array:
    """The actions of a block, or BadValue when their shape is wrong or one is not finite.

    Args:
        ignored: bool (rows of the block,), those that see an unstable simulation: nothing is asked
            of them, and they become zero.
    """
    try:
        array = np.asarray(actions, np.float64)
    except (TypeError, ValueError) as error:
        raise BadValue(f"the actions of {agent} are no array of numbers: {error}.") from error
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


def _line(error: BaseException) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    text = " ".join(str(error).split()) or "no message"
    name = frame.filename.replace("\\", "/").rpartition("/")[2]
    return f"{type(error).__name__}: {text} ({name}:{frame.lineno})"


class _Trace:
    """What is kept of a running block, arrays (rows,)."""

    def __init__(self, job: Job, task: TaskSpec) -> None:
        count = len(job.seeds)
        self.job, self.task = job, task
        self.where = INFRASTRUCTURE  # whose fault an exception is
        self.error: str | None = None
        self.seconds = 0.0
        self.length = np.zeros(count, np.int64)  # control steps, also of those that ended early
        self.over = np.zeros(count, bool)  # episodes that the world has ended, or:
        self.unstable = np.zeros(count, bool)  # those whose simulation went wrong before that
        self.digests: dict[int, str] = {}  # of those, when they ended
        self.success = np.zeros(count, bool)
        self.first = np.full(count, -1)  # control steps until the first success
        self.fraction = np.zeros(count)
        self.total = np.zeros(count)
        self.diagnostics: dict[str, Array] = {}

    def add(self, info: Mapping[str, Array], worlds: Simulation) -> None:
        """One control step; of episodes that have ended, nothing more.

        Nor of those that have become unstable: MuJoCo resets their scene and goes on.
        """
        self.unstable |= ~self.over & np.asarray(info.get("unstable", False), bool)
        self.over |= self.unstable
        on = ~self.over
        self.length[on] += 1
        self.success[on] = np.asarray(info["is_success"], bool)[on]
        first = on & self.success & (self.first < 0)
        self.first[first] = self.length[first]
        self.fraction[on] = np.asarray(info["success_fraction"], np.float64)[on]
        reward = np.asarray(info["reward"], np.float64)
        if reward.ndim > 1:  # of a team: the mean over its agents
            reward = reward.mean(axis=1)
        self.total[on] += reward[on]
        if "terminated" in info:
            for row in np.flatnonzero(on & np.asarray(info["terminated"], bool)):
                self.over[row] = True
                self.digests[int(row)] = worlds.state_digest(int(row))

    def result(self, worlds: Simulation) -> Result:
        """The rows. An episode cut short by an error is no success, whatever it looked like."""
        whole = self.error is None
        latency = 1000 * self.seconds / max(int(self.length.max()), 1)
        normalise = normaliser(self.task)
        errors = [self.error or (_WENT_WRONG if bad else None) for bad in self.unstable]
        rows = [
            Row(
                training_seed=self.job.arm.source.training_seed,
                item=seed,
                values={
                    "success": float(self.success[i] and errors[i] is None),
                    "success_any": float(self.first[i] >= 0),
                    "success_fraction": round(float(self.fraction[i]), 6),
                    "steps_to_success": float(self.first[i]) if self.first[i] >= 0 else None,
                    "return": float(self.total[i]),
                    "length": float(self.length[i]),
                    "latency_ms": round(latency, 4),
                    "normalised_return": normalise(float(self.total[i])),
                },
                digest=""
                if errors[i] is not None
                else (self.digests.get(i) or worlds.state_digest(i))[:DIGEST],
                error=errors[i],
            )
            for i, seed in enumerate(self.job.seeds)
        ]
        return Result(rows, self.diagnostics if whole else {})


def normaliser(task: TaskSpec) -> Callable[[float], float | None]:
    """Returns -> 100 (return − random) / (oracle − random), by the reference scores of the task.

    As in D4RL (Fu et al., 2020, appendix A), with the scripted oracle as the expert. None where a
    task has no such scores, or where both are the same.
    """
    from entitybench.datasets.generate.reference import reference_of

    known = reference_of(task) or {}
    if not (known.get("random") and known.get("oracle")):
        return lambda _: None
    low, high = known["random"]["return"], known["oracle"]["return"]
    if low == high:
        return lambda _: None
    return lambda total: round(100 * (total - low) / (high - low), 6)
