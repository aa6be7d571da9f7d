"""Trains the expert of a robot: `python -m entitybench.datasets.experts.train hopper --seed 0`.

Augmented random search, version V2-t (Mania, Guy and Recht, 2018): try small random changes of a
linear policy in both directions, and step along the best of them in proportion to what they bring.
The observation is normalised by what was seen so far. All episodes of an update run side by side.
A killed run goes on where it was; the best policy so far is kept. The ant, for which that takes
hours, has a gait instead, the best of some that are drawn at random, and the walker's legs learn to
swing by evolution (evolve.py).
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from entitybench.datasets.experts.evolve import evolve
from entitybench.datasets.experts.rollouts import Seen, rollouts
from entitybench.envs.api import world_of
from entitybench.envs.locomotion.expert import Linear
from entitybench.envs.locomotion.world import Ant, Locomotion
from entitybench.seeding import generator

if TYPE_CHECKING:
    from entitybench.types import Array

TRIALS = 12  # episodes that the best policy is chosen by
EVERY = 10  # updates between two choices


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """How a robot's expert is searched for."""

    directions: int
    best: int  # of the directions, that count
    step: float
    noise: float
    updates: int
    survival: float = 1.0  # reward of standing, which the search does not see
    features: int | None = None  # of those observed, that the policy sees; None: all
    period: float = 0.0  # control steps, of the policy's clock; 0: none


SEARCHES = {
    "hopper": Search(directions=16, best=8, step=0.02, noise=0.03, updates=600),
    "halfcheetah": Search(directions=16, best=8, step=0.02, noise=0.03, updates=400, survival=0.0),
}


# What the ant's gait is drawn from: torque of hips and of ankles, by how much the ankles are ahead
# (rad), the period (control steps), and the torque against the hips' speed (s).
GAITS = ((0.2, 0.7), (0.1, 0.35), (4.5, 6.5), (18.0, 34.0), (0.02, 0.12))
GAITS_TRIED = 40


@dataclass(slots=True)
class Progress:
    """Where a search is."""

    weights: Array  # (A, F)
    seen: Seen
    update: int = 0
    steps: int = 0
    best: float = -np.inf  # mean return of the best policy in TRIALS episodes
    policy: Linear = field(default_factory=lambda: Linear(*(np.zeros(1),) * 3))


def improve(world: Locomotion, search: Search, progress: Progress, seed: int) -> float:
    """One update. Returns the mean return of the changed policies."""
    rng = generator(seed, "ars", world.file, progress.update)
    changes = rng.standard_normal((search.directions, *progress.weights.shape))
    starts = (2**40 + rng.integers(0, 2**40, search.directions)).tolist()
    both = np.concatenate([changes, -changes]) * search.noise
    policy = Linear(progress.weights + both, *progress.seen.normal(), search.period)
    # What was seen in this update counts from the next one on.
    returns, lengths = rollouts(world, policy, starts * 2, progress.seen)
    scores = (returns - search.survival * lengths).reshape(2, search.directions)
    top = np.argsort(-scores.max(axis=0), kind="stable")[: search.best]
    gain = (scores[0, top] - scores[1, top])[:, None, None] * changes[top]
    progress.weights += search.step * gain.mean(axis=0) / (scores[:, top].std() + 1e-6)
    progress.update += 1
    progress.steps += int(lengths.sum())
    return float(returns.mean())


def choose(world: Locomotion, search: Search, progress: Progress, seed: int) -> float:
    """Try the present policy, and keep it if it is the best so far. Returns its mean return."""
    policy = Linear(progress.weights.copy(), *progress.seen.normal(), search.period)
    starts = (2**41 + generator(seed, "ars-trials").integers(0, 2**40, TRIALS)).tolist()
    score = float(rollouts(world, policy, starts)[0].mean())
    if score > progress.best:
        progress.best, progress.policy = score, policy
    return score


def save(progress: Progress, file: Path) -> None:
    """Write where a search is."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    with part.open("wb") as stream:
        np.savez(
            stream,
            weights=progress.weights,
            seen=np.stack([progress.seen.total, progress.seen.square]),
            numbers=[progress.seen.count, progress.update, progress.steps, progress.best],
            period=progress.policy.period,
            policy=progress.policy.weights,
            normal=np.stack([progress.policy.mean, progress.policy.deviation]),
        )
    os.replace(part, file)


def load(file: Path) -> Progress:
    """Read what `save` wrote."""
    with np.load(file, allow_pickle=False) as found:
        count, update, steps, best = found["numbers"].tolist()
        seen = Seen(count, *found["seen"])
        mean, deviation = found["normal"]
        policy = Linear(found["policy"], mean, deviation, float(found["period"]))
        return Progress(found["weights"], seen, int(update), int(steps), best, policy)


def gait(world: Ant, hip: float, ankle: float, ahead: float, period: float, damp: float) -> Linear:
    """Legs that swing with a clock, front and hind ones in turn; hips are damped."""
    seen = 27  # features without the contact forces
    weights = np.zeros((world.action_dim, seen + 2))
    # By leg: which way the hip pushes back and the ankle down, and when in the period.
    for leg, (push, down, when) in enumerate(
        ((1, 1, 0.0), (1, -1, np.pi), (-1, -1, np.pi), (-1, 1, 0.0)), start=1
    ):
        for joint, torque, angle in (
            (f"hip_{leg}", hip * push, when),
            (f"ankle_{leg}", ankle * down, when + ahead),
        ):
            row = world.motors.index(joint)
            weights[row, -2:] = torque * np.array([np.cos(angle), np.sin(angle)])
        row = world.motors.index(f"hip_{leg}")
        weights[row, world.feature_names.index(f"v_hip_{leg}")] = -damp
    return Linear(weights, np.zeros(seen + 2), np.ones(seen + 2), period)


def train_gait(seed: int, folder: Path) -> Linear:
    """Try gaits, and write the best to folder/ant.json."""
    world = world_of("ant")
    assert isinstance(world, Ant)
    rng = generator(seed, "gait")
    starts = (2**41 + generator(seed, "ars-trials").integers(0, 2**40, 3)).tolist()
    low, high = np.transpose(GAITS)
    best, chosen = -np.inf, None
    for attempt in range(GAITS_TRIED):
        policy = gait(world, *rng.uniform(low, high).tolist())
        score = float(rollouts(world, policy, starts)[0].mean())
        if score > best:
            best, chosen = score, policy
            print(f"ant gait {attempt}: {score:.0f}", flush=True)  # noqa: T201
    assert chosen is not None
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ant.json").write_text(chosen.to_json(robot="ant", seed=seed))
    return chosen


def train(robot: str, seed: int, folder: Path, updates: int | None = None) -> Linear:
    """Search, and write the best policy to folder/robot.json."""
    world: Locomotion = world_of(robot)  # type: ignore[assignment]
    search = SEARCHES[robot]
    features = (search.features or world.features) + 2 * (search.period > 0)
    checkpoint = folder / f"{robot}-{seed}.npz"
    if checkpoint.exists():
        progress = load(checkpoint)
    else:
        nothing = np.zeros(features)
        progress = Progress(
            np.zeros((world.action_dim, features)), Seen(0.0, nothing, nothing.copy())
        )
    while progress.update < (updates or search.updates):
        mean = improve(world, search, progress, seed)
        if progress.update % EVERY == 0:
            score = choose(world, search, progress, seed)
            print(  # noqa: T201
                f"{robot} update {progress.update}: {progress.steps} steps, changed {mean:.0f}, "
                f"policy {score:.0f}, best {progress.best:.0f}",
                flush=True,
            )
            save(progress, checkpoint)
            notes = {"robot": robot, "seed": seed, "steps": progress.steps}
            (folder / f"{robot}.json").write_text(progress.policy.to_json(**notes))
    return progress.policy


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("robot", choices=sorted([*SEARCHES, "ant", "walker2d"]))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--updates", type=int, help="how many; the robot's own by default")
    parser.add_argument("--out", type=Path, default=Path("runs/locomotion"))
    given = parser.parse_args()
    if given.robot == "ant":
        train_gait(given.seed, given.out)
    elif given.robot == "walker2d":
        walk: Locomotion = world_of("walker2d")  # type: ignore[assignment]
        policy = evolve(walk, given.seed, given.out / f"walker2d-{given.seed}.npz")
        text = policy.to_json(robot="walker2d", seed=given.seed)
        (given.out / "walker2d.json").write_text(text)
    else:
        train(given.robot, given.seed, given.out, given.updates)
