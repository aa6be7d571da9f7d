"""Clips of episodes, simulated afresh and drawn, with what is known of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.datasets.generate.block import Stored
from entitybench.envs.core.play import play
from entitybench.errors import BadValue
from entitybench.kinds import PREDICTED, VIDEO
from entitybench.registry import dataset_for, datasets, resolve
from entitybench.seeding import BatchGenerator, generator

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from entitybench.leaderboard.evaluation.evaluate import Options
    from entitybench.types import Array, DatasetSpec, TaskSpec

PIXELS = 64  # along an edge
BEGIN = 3  # control steps before a clip: things have begun to move


@dataclass(frozen=True, slots=True)
class Shown:
    """Clips of some episodes."""

    frames: Array  # (rows, T + 1, H, W, 3) uint8
    masks: Array  # (rows, T + 1, H, W) int16: the entity of each pixel, or -1
    actions: Array  # (rows, T, A) float32, those of a team in a row

    def __getitem__(self, rows: Any) -> Shown:
        return Shown(self.frames[rows], self.masks[rows], self.actions[rows])


def source_of(task: TaskSpec) -> DatasetSpec:
    """Whose behaviour is filmed. Raises BadValue for a task without videos."""
    found = dataset_for(task, VIDEO)
    if found is None:
        raise BadValue(f"{task.id} has no dataset that videos are made of.")
    return datasets()[found]


def worlds_of(task: TaskSpec, options: Options, batch: int) -> Any:
    """The simulation of some episodes."""
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
    worlds = worlds_of(task, options, len(items))
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
