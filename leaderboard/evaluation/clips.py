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

from entitybench.envs.api import world_of
from entitybench.errors import BadValue
from entitybench.kinds import KINDS, PREDICTED, VIDEO
from entitybench.leaderboard.evaluation import provenance
from entitybench.leaderboard.evaluation.control import BLOCK, blocks, padding
from entitybench.leaderboard.evaluation.filming import (
    BEGIN,
    PIXELS,
    Shown,
    clips_of,
    source_of,
    worlds_of,
)
from entitybench.leaderboard.evaluation.latents import FITTED, Probes, named
from entitybench.leaderboard.evaluation.pool import Fault, Job, Result, blame, failure
from entitybench.leaderboard.statistics.pictures import (
    edits_apart,
    foreground_ari,
    moved,
    place_errors,
    psnr,
    ssim,
)
from entitybench.records import DIGEST, INFRASTRUCTURE, POLICY, Row
from entitybench.words import class_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from entitybench.leaderboard.evaluation.evaluate import Options
    from entitybench.leaderboard.evaluation.pool import Entrant
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, TaskSpec

_NAMES = tuple(m.name for kind in KINDS if kind.id == VIDEO for m in (*kind.metrics, *kind.extras))
EDITED = 5  # the predicted frame that edits are looked at in


@dataclass(frozen=True, slots=True)
class Said:
    """What an agent makes of clips; None: it has no such thing."""

    predicted: Array  # (rows, T, H, W, 3) uint8
    labels: Array | None  # (rows, T + 1, H, W), the slot of each pixel
    latents: Array | None  # (rows, T, G, d)
    edited: Array | None  # (rows, G, H, W, 3) uint8, the frame EDITED with each factor drawn anew

    def __getitem__(self, rows: Any) -> Said:
        others = (self.labels, self.latents, self.edited)
        return Said(self.predicted[rows], *(None if x is None else x[rows] for x in others))


class Clips:
    """The evaluator of the kind "video"."""

    block = BLOCK

    def __init__(self) -> None:
        self._probes: dict[int, Probes] = {}

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
        error = shown = said = probes = None
        try:
            with blame(INFRASTRUCTURE):
                shown = clips_of(task, job.items, options, tick)
            with blame(POLICY):
                said = self._said(job, shown.frames[rows], shown.actions[rows], rng)[live]
            if said.latents is not None:
                probes = self._probes_of(job, task, options)
            tick(1)
        except Fault as fault:
            error = failure(fault, job.entrant.source.id, options.failures)
        found = []
        for i, item in enumerate(job.items):
            values: dict[str, float | None] = dict.fromkeys(_NAMES)
            digest = ""
            if error is None and shown is not None and said is not None:
                values = measured(shown[i], said[i], probes)
                digest = hashlib.sha256(said.predicted[i].tobytes()).hexdigest()[:DIGEST]
            seed = job.entrant.source.training_seed
            found.append(
                Row(training_seed=seed, item=item, values=values, digest=digest, error=error)
            )
        return Result(found, {})

    def _said(self, job: Job, clips: Array, actions: Array, rng: BatchGenerator) -> Said:
        """What the agent makes of a block. Raises BadValue where that is of another shape."""
        actor, frame = job.entrant.actor, clips.shape[2:]
        made = np.asarray(actor.roll_out(clips.copy(), actions, rng))
        shape = clips[:, 1:].shape
        _check("frames", made, shape, "u1", job, f"{shape[1]} frames for each clip of a block")
        labels = latents = edited = None
        if hasattr(actor, "masks"):
            labels = np.asarray(actor.masks(clips.copy()))
            _check("masks", labels, clips.shape[:-1], "iu", job, "the slot of each pixel")
        if hasattr(actor, "latents"):
            latents = named(actor, clips, actions)
            shape = (*clips[:, 1:].shape[:2], *latents.shape[2:])
            _check("latents", latents, shape, "f", job, "numbers of each factor at each step", 4)
            if labels is not None and labels.max() >= latents.shape[2]:
                raise BadValue(
                    f"{job.entrant.source.id} has a slot {labels.max()} and the latent actions of "
                    f"{latents.shape[2]} factors: slot g has that of factor g."
                )
        if hasattr(actor, "edited"):
            edited = np.asarray(actor.edited(clips.copy(), actions, EDITED, rng))
            shape = (len(clips), *edited.shape[1:2], *frame)
            _check("edits", edited, shape, "u1", job, "a frame for each factor")
        return Said(made, labels, latents, edited)

    def _probes_of(self, job: Job, task: TaskSpec, options: Options) -> Probes:
        """Those of an agent, fitted when they are first asked for; always the same ones."""
        key = id(job.entrant)
        if key not in self._probes:
            with blame(INFRASTRUCTURE):
                of_blocks = [clips_of(task, x, options, lambda _: None) for x in blocks(FITTED)]
            with blame(POLICY):
                driven = world_of(task).driven
                self._probes[key] = Probes.fitted(of_blocks, driven, job.entrant.actor)
        return self._probes[key]

    def model_hash(self, task: TaskSpec, options: Options) -> str | None:
        """Of the scene, the behaviour, and how clips are cut and drawn."""
        worlds, data = worlds_of(task, options, 1), source_of(task)
        scene, view = provenance.model_hash(worlds.world), worlds.world.view
        worlds.close()
        facts = [scene, view, data.behaviour, dict(data.behaviour_kwargs)]
        facts += [PIXELS, BEGIN, PREDICTED, EDITED, FITTED[0], len(FITTED)]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _check(
    what: str, array: Array, shape: tuple[int, ...], kinds: str, job: Job, each: str, axes: int = 0
) -> None:
    """Raises BadValue unless an array of a block has this shape, and a type of these kinds."""
    known = array.dtype.str[1:] == kinds if kinds == "u1" else array.dtype.kind in kinds
    if known and array.shape == shape and axes in (0, array.ndim):
        return
    types = {"u1": "uint8", "iu": "whole numbers", "f": "numbers"}[kinds]
    raise BadValue(
        f"the {what} of {job.entrant.source.id} are {array.dtype} of the shape {array.shape}; "
        f"expected {types} of {shape}: {each}."
    )


def measured(shown: Shown, said: Said, probes: Probes | None) -> dict[str, float | None]:
    """The numbers of one clip."""
    true, predicted = shown.frames, said.predicted
    by_step = psnr(predicted, true[1:])
    found = dict.fromkeys(_NAMES, np.nan)
    found |= {
        "dynamic_psnr": _mean(psnr(predicted, true[1:], moved(true[0], true[1:]))),
        "psnr": _mean(by_step),
        "ssim": _mean(ssim(predicted, true[1:])),
        "mover_error": _mean(place_errors(predicted, true, shown.masks)),
        **{f"psnr_{k}": float(x) for k, x in enumerate(by_step, 1)},
    }
    if said.labels is not None:
        found["fg_ari"] = foreground_ari(said.labels, shown.masks)
    if probes is not None and said.latents is not None:
        found["probe"], found["probe_slot"] = probes.right(
            said.latents, shown.actions, said.labels, shown.masks
        )
    if said.edited is not None:
        found["edit_moves"], found["edit_leaks"] = edits_apart(
            predicted[EDITED - 1], said.edited, true, shown.masks
        )
    return {name: None if np.isnan(x) else round(float(x), 6) for name, x in found.items()}


def _mean(values: Array) -> float:
    """Of the numbers among them; NaN where there are none."""
    usable = values[np.isfinite(values)]
    return float(usable.mean()) if len(usable) else float("nan")
