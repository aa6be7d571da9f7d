"""Evaluates predictors of videos: clips of episodes, simulated afresh and drawn.

Items are episodes from the bank's starts, driven by the behaviour of the dataset that videos of the
task are learned from. An agent is given a whole block of clips, padded as in control.py: so no row
depends on which items are evaluated beside it. Masks of entities are for scores alone.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.datasets.generate.block import Stored
from entitybench.envs.core.play import play
from entitybench.errors import BadValue
from entitybench.kinds import KINDS, PREDICTED
from entitybench.leaderboard.evaluation import provenance
from entitybench.leaderboard.evaluation.control import BLOCK, blocks, padding
from entitybench.leaderboard.evaluation.pool import Fault, Job, Result, blame, failure
from entitybench.leaderboard.statistics.pictures import (
    foreground_ari,
    moved,
    place_errors,
    psnr,
    ssim,
)
from entitybench.records import DIGEST, INFRASTRUCTURE, POLICY, Row
from entitybench.registry import dataset_for, datasets, resolve
from entitybench.seeding import BatchGenerator, generator
from entitybench.words import class_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from entitybench.leaderboard.evaluation.evaluate import Options
    from entitybench.leaderboard.evaluation.pool import Entrant
    from entitybench.types import Array, DatasetSpec, TaskSpec

KIND = "video"
PIXELS = 64  # along an edge
_NAMES = tuple(m.name for kind in KINDS if kind.id == KIND for m in (*kind.metrics, *kind.extras))
BEGIN = 3  # control steps before a clip: things have begun to move


@dataclass(frozen=True, slots=True)
class Shown:
    """Clips of some episodes."""

    frames: Array  # (rows, T + 1, H, W, 3) uint8
    masks: Array  # (rows, T + 1, H, W) int16: the entity of each pixel, or -1
    actions: Array  # (rows, T, A) float32, those of a team in a row


class Clips:
    """The evaluator of the kind "video"."""

    block = BLOCK

    def actor(self, agent: Any) -> Any:
        """The agent itself. Raises BadValue when it cannot predict."""
        if not hasattr(agent, "roll_out"):
            name = class_name(getattr(agent, "agent", agent))
            raise BadValue(f"{name} cannot predict: it lacks roll_out(clips, actions, rng).")
        return agent

    def jobs(self, entrants: Sequence[Entrant], items: Sequence[int]) -> list[Job]:
        """Blocks of every training seed."""
        return [Job(entrant, block) for entrant in entrants for block in blocks(items)]

    def steps(self, task: TaskSpec) -> int:
        """What a job ticks: frames that are shown, and the prediction."""
        del task
        return BEGIN + PREDICTED + 1

    def run(
        self, job: Job, task: TaskSpec, options: Options, tick: Callable[[int], None]
    ) -> Result:
        """One block."""
        live, rows, rng = padding(job)
        error = shown = predicted = labels = None
        try:
            with blame(INFRASTRUCTURE):
                shown = clips_of(task, job.items, options, tick)
            with blame(POLICY):
                given, actions = shown.frames[rows], shown.actions[rows]
                made = job.entrant.actor.roll_out(given.copy(), actions, rng)
                predicted = _checked(made, given[:, 1:].shape, job)[live]
                if hasattr(job.entrant.actor, "masks"):
                    labels = _labels(job.entrant.actor.masks(given.copy()), given, job)[live]
            tick(1)
        except Fault as fault:
            error = failure(fault, job.entrant.source.id, options.failures)
        found = []
        for i, item in enumerate(job.items):
            values: dict[str, float | None] = dict.fromkeys(_NAMES)
            digest = ""
            if error is None and shown is not None and predicted is not None:
                values = measured(
                    predicted[i],
                    shown.frames[i],
                    shown.masks[i],
                    None if labels is None else labels[i],
                )
                digest = hashlib.sha256(predicted[i].tobytes()).hexdigest()[:DIGEST]
            seed = job.entrant.source.training_seed
            found.append(
                Row(training_seed=seed, item=item, values=values, digest=digest, error=error)
            )
        return Result(found, {})

    def model_hash(self, task: TaskSpec, options: Options) -> str | None:
        """Of the scene, the behaviour, and how clips are cut and drawn."""
        worlds, data = _worlds(task, options, 1), source_of(task)
        scene, view = provenance.model_hash(worlds.world), worlds.world.view
        worlds.close()
        facts = [scene, view, data.behaviour, dict(data.behaviour_kwargs)]
        facts += [PIXELS, BEGIN, PREDICTED]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def source_of(task: TaskSpec) -> DatasetSpec:
    """Whose behaviour is filmed. Raises BadValue for a task without videos."""
    found = dataset_for(task, KIND)
    if found is None:
        raise BadValue(f"{task.id} has no dataset that videos are made of.")
    return datasets()[found]


def _worlds(task: TaskSpec, options: Options, batch: int) -> Any:
    from entitybench.envs.api import make_worlds

    if options.worlds is not None:
        return options.worlds(task, batch, 1)
    return make_worlds(task, batch, 1, bank=options.bank)


def clips_of(
    task: TaskSpec, items: Sequence[int], options: Options, tick: Callable[[int], None]
) -> Shown:
    """The clips of some episodes, from the frame BEGIN on. Raises RenderError."""
    from entitybench.envs.drawing.render import Renderer

    data = source_of(task)
    behaviour = Stored(resolve(data.behaviour)(task, **data.behaviour_kwargs))
    rng = BatchGenerator([generator(item, "behaviour") for item in items])
    frames, masks, actions = [], [], []
    worlds = _worlds(task, options, len(items))
    try:
        renderer = Renderer(worlds.world, PIXELS, PIXELS, worlds.world.view)
        try:

            def shoot() -> None:
                frames.append(np.stack([renderer.row(worlds, k) for k in range(len(items))]))
                owners = [renderer.row_entities(worlds, k) for k in range(len(items))]
                masks.append(np.stack(owners))

            obs = worlds.reset(list(items))
            for step in play(worlds, behaviour, obs, rng, BEGIN + PREDICTED):
                if step.index >= BEGIN:
                    actions.append(step.action.reshape(len(items), -1))
                if step.index + 1 >= BEGIN:
                    shoot()
                tick(1)
        finally:
            renderer.close()
    finally:
        worlds.close()
    tick(0)
    parts = (np.stack(part, axis=1) for part in (frames, masks, actions))
    return Shown(*parts)


def _checked(made: Any, shape: tuple[int, ...], job: Job) -> Array:
    """The frames of a block, or BadValue when they are none."""
    who, array = job.entrant.source.id, np.asarray(made)
    if array.shape != shape or array.dtype != np.uint8:
        raise BadValue(
            f"the frames of {who} are {array.dtype} of the shape {array.shape}; expected uint8 of "
            f"{shape}: {shape[1]} frames for each of the {BLOCK} clips of a block."
        )
    return array


def _labels(made: Any, given: Array, job: Job) -> Array:
    """The slots of all pixels of a block, or BadValue when they are none."""
    who, array = job.entrant.source.id, np.asarray(made)
    if array.shape != given.shape[:-1] or array.dtype.kind not in "iu":
        raise BadValue(
            f"the masks of {who} are {array.dtype} of the shape {array.shape}; expected whole "
            f"numbers of {given.shape[:-1]}: the slot of each pixel."
        )
    return array


def measured(
    predicted: Array, true: Array, masks: Array, labels: Array | None
) -> dict[str, float | None]:
    """The numbers of one clip.

    Args:
        predicted: (T, H, W, 3) uint8.
        true: (T + 1, H, W, 3) uint8, the first frame too.
        masks: (T + 1, H, W), the entity of each pixel, or -1.
        labels: (T + 1, H, W), the slot of each pixel; None: the agent has no slots.
    """
    by_step = psnr(predicted, true[1:])
    there = moved(true[0], true[1:])
    dynamic = psnr(predicted, true[1:], there)
    found = {
        "dynamic_psnr": _mean(dynamic),
        "psnr": _mean(by_step),
        "ssim": _mean(ssim(predicted, true[1:])),
        "mover_error": _mean(place_errors(predicted, true, masks)),
        "fg_ari": np.nan if labels is None else foreground_ari(labels, masks),
        **{f"psnr_{k}": float(x) for k, x in enumerate(by_step, 1)},
    }
    return {name: None if np.isnan(x) else round(float(x), 6) for name, x in found.items()}


def _mean(values: Array) -> float:
    """Of the numbers among them; NaN where there are none."""
    usable = values[np.isfinite(values)]
    return float(usable.mean()) if len(usable) else float("nan")
