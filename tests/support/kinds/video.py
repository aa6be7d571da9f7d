"""Clips of a small team, for the conformance tests; see goal_control.py."""

from __future__ import annotations

from entitybench.datasets.api import load_dataset
from entitybench.datasets.generate.api import generate
from entitybench.datasets.generate.draw import draw
from entitybench.leaderboard.evaluation.evaluate import Options
from entitybench.leaderboard.evaluation.filming import PIXELS, clips_of
from entitybench.registry import tasks
from entitybench.seeding import BatchGenerator, generator

TASK, DATASET = "hockey-mallets-2", "hockey-mallets-2/random-v1"
LARGEST = 255


def data(folder):
    made = generate(DATASET, episodes=6, workers=1, out=folder / "data", say=lambda _: None)
    draw(made, PIXELS, workers=1)
    return load_dataset(folder / "data").split("train")


def items(count):
    shown = clips_of(tasks()[TASK], range(count), Options(), lambda _: None)
    return {"clips": shown.frames[:, :6], "actions": shown.actions[:, :5]}


def made(agent, items, first=0):
    """Frames; row b draws as clip `first + b`."""
    rng = BatchGenerator([generator(0, "clip", first + b) for b in range(len(items["clips"]))])
    return agent.roll_out(items["clips"], items["actions"], rng)
