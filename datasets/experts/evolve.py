"""The walker's expert: two legs that swing with a clock, half a period apart, found by evolution.

Each joint is a spring and a damper about an angle that swings, with feedback of the torso's tilt
and speed; both legs share these numbers. The cross-entropy method searches them: draw around a
mean, keep the best, and draw around those.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from entitybench.datasets.experts.rollouts import HORIZON, rollouts
from entitybench.envs.locomotion.expert import Linear
from entitybench.seeding import generator

if TYPE_CHECKING:
    from pathlib import Path

    from entitybench.envs.locomotion.world import Locomotion
    from entitybench.types import Array

JOINTS = ("thigh", "leg", "foot")
PERIOD = 100  # control steps
# Of a joint: middle (rad), cosine and sine of the swing (rad), logarithms of stiffness (1/rad) and
# damping (s/rad), then weights of the torso's tilt, its rate, and the speed along x. Where the
# search begins, and how widely it draws.
BEGIN = np.tile([-0.2, 0.0, 0.0, 0.0, -2.3, 0.0, 0.0, 0.0], (len(JOINTS), 1))
WIDTH = np.tile([0.2, 0.3, 0.3, 0.4, 0.4, 0.5, 0.15, 0.1], (len(JOINTS), 1))
NARROWEST = 0.01


@dataclass(frozen=True, slots=True)
class Stage:
    """Generations of one kind."""

    generations: int
    drawn: int  # candidates a generation
    episodes: int  # of each
    width: float  # what widths are multiplied by when it begins
    steady: bool = False  # whether only standing counts, and not how far it goes


# First find out how to walk, then more and more how not to fall.
STAGES = (
    Stage(60, 48, 1, 1.0),
    Stage(25, 24, 6, 0.5),
    Stage(25, 16, 12, 0.7),
    Stage(15, 16, 24, 1.5, steady=True),
)
BEST = 8  # candidates that the next generation is drawn around
_WEIGHTS = np.log(BEST + 0.5) - np.log(np.arange(1, BEST + 1))


def gait(world: Locomotion, numbers: Array) -> Linear:
    """The policy with these numbers (3, 8), or policies (B, 3, 8) as one with a leading axis."""
    names, motors = list(world.feature_names), list(world.motors)
    shape = numbers.shape[:-2]
    weights = np.zeros((*shape, len(motors), len(names) + 2))  # the last two: sine, cosine
    resting = np.zeros((*shape, len(motors)))
    for side, leg in ((1, ""), (-1, "_left")):
        for joint, name in enumerate(JOINTS):
            middle, cosine, sine, stiff, damp, tilt, rate, pace = np.moveaxis(
                numbers[..., joint, :], -1, 0
            )
            stiff, damp = np.exp(stiff), np.exp(damp)
            row = weights[..., motors.index(name + leg), :]
            row[..., names.index(name + leg)] = -stiff
            row[..., names.index(f"v_{name}{leg}")] = -damp
            row[..., -2], row[..., -1] = stiff * side * sine, stiff * side * cosine
            row[..., names.index("pitch")], row[..., names.index("v_pitch")] = tilt, rate
            row[..., names.index("v_x")] = pace
            resting[..., motors.index(name + leg)] = stiff * middle
    # What does not depend on features comes about by what is subtracted from them.
    mean = -(np.linalg.pinv(weights) @ resting[..., None])[..., 0]
    return Linear(weights, mean, np.ones(weights.shape[-1]), float(PERIOD))


def evolve(world: Locomotion, seed: int, checkpoint: Path) -> Linear:
    """Search; a killed run goes on where it was."""
    kinds = [stage for stage in STAGES for _ in range(stage.generations)]
    middle, width, first = BEGIN, WIDTH, 0
    if checkpoint.exists():
        with np.load(checkpoint, allow_pickle=False) as found:
            middle, width, first = found["middle"], found["width"], int(found["generation"])
    for generation in range(first, len(kinds)):
        stage = kinds[generation]
        if generation and kinds[generation - 1] is not stage:
            width = stage.width * width
        rng = generator(seed, "evolution", generation)
        drawn = middle + width * rng.standard_normal((stage.drawn, *middle.shape))
        drawn[0] = middle
        seeds = (2**40 + rng.integers(0, 2**40, stage.drawn * stage.episodes)).tolist()
        policies = gait(world, np.repeat(drawn, stage.episodes, axis=0))
        horizon = min(HORIZON, 200 + 20 * generation)
        returns, lengths = rollouts(world, policies, seeds, horizon=horizon)
        returns = returns.reshape(stage.drawn, stage.episodes)
        standing = (lengths == horizon).reshape(returns.shape).mean(1)
        # Twice the worst beside the mean: one fall in six is too many.
        score = returns.mean(1) + 2 * returns.min(1)
        if stage.steady:
            score = standing + 1e-5 * returns.mean(1)
        best = np.argsort(-score, kind="stable")[:BEST]
        share = (_WEIGHTS / _WEIGHTS.sum())[:, None, None]
        spread = np.sqrt((share * (drawn[best] - middle) ** 2).sum(0))
        middle = (share * drawn[best]).sum(0)
        width = 0.65 * np.maximum(spread, NARROWEST) + 0.35 * width
        if generation % 5 == 4:
            print(  # noqa: T201
                f"walker2d generation {generation + 1} of {len(kinds)}: returns "
                f"{returns.mean():.0f}, of the best {returns[best[0]].mean():.0f}, which stands in "
                f"{standing[best[0]]:.0%}",
                flush=True,
            )
            _save(checkpoint, middle=middle, width=width, generation=generation + 1)
    return gait(world, middle)


def _save(checkpoint: Path, **arrays: Array | int) -> None:
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    part = checkpoint.with_suffix(".part")
    with part.open("wb") as stream:
        np.savez(stream, **arrays)  # type: ignore[arg-type]
    os.replace(part, checkpoint)
