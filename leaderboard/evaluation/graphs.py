"""Evaluates those who say who acted on whom: the simulation knows it, in every step.

Items are episodes from the bank's starts, driven by the behaviour of the dataset that graphs of the
task are learned from, simulated afresh. An agent is asked at each step, for a whole block of
episodes, padded as in control.py: so no row depends on which items are evaluated beside it.

Nothing is asked about the diagonal, about what is absent, and after an episode's end. In worlds
whose action drives the same entities in every step (`World.driven`) the action's edges are certain:
they are counted by themselves, not in the whole.
"""

from __future__ import annotations

import hashlib
import json
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.datasets.generate.block import Stored
from entitybench.envs.core.interactions import asked
from entitybench.envs.core.play import play
from entitybench.errors import BadValue
from entitybench.leaderboard.evaluation import provenance
from entitybench.leaderboard.evaluation.control import BLOCK, blocks, padding
from entitybench.leaderboard.evaluation.pool import (
    Entrant,
    Fault,
    Job,
    Result,
    blame,
    failure,
)
from entitybench.leaderboard.evaluation.tally import WENT_WRONG
from entitybench.leaderboard.statistics.edges import measured
from entitybench.records import DIGEST, INFRASTRUCTURE, POLICY, Row
from entitybench.registry import dataset_for, datasets, resolve
from entitybench.seeding import BatchGenerator, generator

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from entitybench.envs.core.world import World
    from entitybench.leaderboard.evaluation.evaluate import Options
    from entitybench.types import Array, Batch, DatasetSpec, Obs, TaskSpec

KIND = "graph"


class Graphs:
    """The evaluator of the kind "graph"."""

    block = BLOCK

    def actor(self, agent: Any) -> Any:
        """The agent itself. Raises BadValue when it cannot infer."""
        if not hasattr(agent, "infer"):
            name = type(getattr(agent, "agent", agent)).__name__
            raise BadValue(
                f"{name} cannot say who acted on whom: it lacks infer(transitions, rng)."
            )
        return agent

    def jobs(self, entrants: Sequence[Entrant], items: Sequence[int]) -> list[Job]:
        """Blocks of every training seed."""
        return [Job(entrant, block) for entrant in entrants for block in blocks(items)]

    def steps(self, task: TaskSpec) -> int:
        """What a job ticks."""
        return _source(task).length

    def run(
        self, job: Job, task: TaskSpec, options: Options, tick: Callable[[int], None]
    ) -> Result:
        """One block."""
        worlds = _worlds(task, options, len(job.items), options.threads)
        seen = Seen(job, worlds.world)
        try:
            with blame(INFRASTRUCTURE):
                _watch(job, task, worlds, seen, partial(_ask, job, options, seen), tick)
        except Fault as fault:
            seen.error = failure(fault, job.entrant.source.id, options.failures)
        finally:
            worlds.close()
        self.keep(seen)
        return Result(seen.rows(), {})

    def keep(self, seen: Seen) -> None:
        """Called with each block that is done, for who wants to know more than its rows."""

    def model_hash(self, task: TaskSpec, options: Options) -> str | None:
        """Of the scene and of the behaviour."""
        worlds, data = _worlds(task, options, 1, 1), _source(task)
        scene = provenance.model_hash(worlds.world)
        worlds.close()
        facts = [scene, data.behaviour, dict(data.behaviour_kwargs), data.absent, data.length]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _source(task: TaskSpec) -> DatasetSpec:
    """Whose behaviour is watched."""
    found = dataset_for(task, KIND)
    if found is None:
        raise BadValue(f"{task.id} has no dataset that says who acted on whom.")
    return datasets()[found]


def _worlds(task: TaskSpec, options: Options, batch: int, threads: int) -> Any:
    from entitybench.envs.api import make_worlds

    if options.worlds is not None:
        return options.worlds(task, batch, threads)
    absent = _source(task).absent
    return make_worlds(task, batch, threads, bank=options.bank, absent=absent, interactions=True)


def _watch(
    job: Job,
    task: TaskSpec,
    worlds: Any,
    seen: Seen,
    ask: Callable[[Batch, Array], Array],
    tick: Callable[[int], None],
) -> None:
    """The episodes of a job, step by step."""
    data = _source(task)
    behaviour = Stored(resolve(data.behaviour)(task, **data.behaviour_kwargs))
    rng = BatchGenerator([generator(item, "behaviour") for item in job.items])
    obs = worlds.reset(list(job.items))
    for step in play(worlds, behaviour, obs, rng, data.length):
        transitions = _transitions(step.obs, step.action, step.after)
        seen.add(ask(transitions, step.info["interactions"]), step.obs, step.info)
        if seen.over.all():
            tick(data.length - step.index)
            break
        last = step.index + 1 == data.length
        tick(step.index % 25 + 1 if last or step.index % 25 == 24 else 0)


def _transitions(before: Obs, action: Array, after: Obs) -> Batch:
    """What an agent is shown: entities, also of a team, and all of the action in a row."""
    found = {
        "observations": before.get("state", before["observation"]),
        "next_observations": after.get("state", after["observation"]),
        "actions": action.reshape(len(action), -1),
    }
    return {**found, "mask": before["mask"]} if "mask" in before else found


def _ask(job: Job, options: Options, seen: Seen, transitions: Batch, truth: Array) -> Array:
    """The agent's scores of the job's items; where it has failed, everything is wrong."""
    if seen.error is None:
        try:
            with blame(POLICY):
                block = {name: x[seen.shown] for name, x in transitions.items()}
                scores = np.asarray(job.entrant.actor.infer(block, seen.rng), np.float64)
                return _checked(scores, (BLOCK, *truth.shape[1:]), job)[seen.live]
        except Fault as fault:
            seen.error = failure(fault, job.entrant.source.id, options.failures)
    return np.where(truth, 0.0, 1.0)


def _checked(scores: Array, shape: tuple[int, ...], job: Job) -> Array:
    """The scores, or BadValue when they are not of this shape and in [0, 1]."""
    who = job.entrant.source.id
    if scores.shape != shape:
        raise BadValue(f"the scores of {who} have the shape {scores.shape}; expected {shape}.")
    wrong = scores[~((scores >= 0) & (scores <= 1))]
    if len(wrong):
        raise BadValue(f"a score of {who} is {wrong[0]}; scores lie in [0, 1].")
    return scores


def truth_of(
    items: Sequence[int], task: TaskSpec, options: Options, tick: Callable[[int], None]
) -> Seen:
    """Who acted on whom in the episodes of a block, with predictions of nobody: all zero."""
    job = Job(Entrant(None, provenance.Source(id="nobody")), tuple(items))
    worlds = _worlds(task, options, len(items), options.threads)
    seen = Seen(job, worlds.world)
    try:
        _watch(job, task, worlds, seen, lambda _, truth: np.zeros(truth.shape), tick)
    finally:
        worlds.close()
    return seen


class Seen:
    """What is kept of the episodes of a job."""

    def __init__(self, job: Job, world: World) -> None:
        self.job, self.certain, self.structure = job, bool(world.driven), world.structure
        self.live, self.shown, self.rng = padding(job)
        self.error: str | None = None  # of the agent, or of the infrastructure
        self.over = np.zeros(len(job.items), bool)  # ended, or gone wrong:
        self.unstable = np.zeros(len(job.items), bool)
        self.lengths = np.zeros(len(job.items), np.int64)  # steps that count
        self.steps: list[tuple[Array, Array, Array]] = []  # scores, truth, asked; (rows, N, N + 1)

    def add(self, scores: Array, obs: Obs, info: Mapping[str, Array]) -> None:
        """One step of all episodes; of those that are over, nothing more."""
        self.unstable |= ~self.over & np.asarray(info.get("unstable", False), bool)
        self.over |= self.unstable
        self.lengths += ~self.over
        truth = info["interactions"]
        present = obs.get("mask", np.ones(truth.shape[:2], bool))
        self.steps.append((scores, truth, asked(present) & ~self.over[:, None, None]))
        self.over |= np.asarray(info.get("terminated", False), bool)

    def stacked(self) -> tuple[Array, Array, Array]:
        """Scores, truth and what is asked, each (rows, steps, N, N + 1)."""
        no = np.zeros((len(self.job.items), 1, 2), bool)
        steps = self.steps or [(no, no, no)]  # of an infrastructure that failed before the first
        scores, truth, open_ = (np.stack(x, axis=1) for x in zip(*steps, strict=True))
        return scores, truth, open_

    def rows(self, scores: Array | None = None) -> list[Row]:
        """One an episode; of other scores (rows, steps, N, N + 1) than its own, if there are."""
        own, truth, open_ = self.stacked()
        scores = own if scores is None else scores
        errors = [self.error or (WENT_WRONG if bad else None) for bad in self.unstable]
        return [
            Row(
                training_seed=self.job.entrant.source.training_seed,
                item=item,
                values=measured(
                    scores[i], truth[i], open_[i], certain=self.certain, structure=self.structure
                ),
                digest="" if errors[i] is not None else _digest(scores[i] > 0.5),
                error=errors[i],
            )
            for i, item in enumerate(self.job.items)
        ]


def _digest(named: Array) -> str:
    return hashlib.sha256(np.packbits(named).tobytes()).hexdigest()[:DIGEST]
