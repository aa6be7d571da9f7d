"""Checks of what can be asked of any task: graphs of interactions, banks of starts, absences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from entitybench.checks import must
from entitybench.envs.conformance.rollouts import busy, differing, short
from entitybench.envs.core.world import TeamWorld
from entitybench.envs.worlds import make_worlds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.types import Obs, TaskSpec


def graphs(task: TaskSpec) -> None:
    """`interactions=True` gives a graph (B, N, N + 1) of who acted on whom, and changes nothing."""
    worlds = make_worlds(task, 2, interactions=True)
    plain = make_worlds(task, 2)
    worlds.reset([0, 1])
    plain.reset([0, 1])
    count = worlds.world.entities
    for action in busy(task, short(task, 20, 5), 2):
        obs, info = worlds.step(action)
        graph = info["interactions"]
        must(
            graph.shape == (2, count, count + 1) and graph.dtype == np.bool_,
            f"interactions are {graph.dtype} of shape {graph.shape}, not bool of "
            f"{(2, count, count + 1)}",
        )
        itself = graph[:, np.arange(count), np.arange(count)]
        must(itself.all(), "an entity does not act on itself in the graph")
        names = differing(obs, plain.step(action)[0])
        must(not names, f"{', '.join(names)} differ when interactions are watched")
    worlds.close()
    plain.close()


def banks(task: TaskSpec, names: Sequence[str] = ("perturbed",)) -> None:
    """Episodes of other banks of starts have the same shapes, stay finite and repeat exactly."""
    public = make_worlds(task, 2)
    start = public.reset([0, 1])
    public.close()
    for name in names:
        worlds, again = (make_worlds(task, 2, bank=name) for _ in range(2))
        first = worlds.reset([0, 1])
        must(first.keys() == start.keys(), f"bank {name}: other things are observed")
        must(not differing(first, again.reset([0, 1])), f"bank {name}: starts do not repeat")
        for action in busy(task, short(task, 10, 3), 2):
            obs, _ = worlds.step(action)
            must(not differing(obs, again.step(action)[0]), f"bank {name}: steps do not repeat")
            _finite(obs, f"bank {name}")
        worlds.close()
        again.close()


def absences(task: TaskSpec) -> None:
    """Episodes can lack entities: `mask` tells which, and their rows are zero."""
    worlds = make_worlds(task, 4, absent=0.5)
    movable, bodies = worlds.world.movable, worlds.world.bodies
    obs = worlds.reset(range(4))
    must(obs["mask"].shape == (4, len(bodies)), f"the mask has the shape {obs['mask'].shape}")
    there = obs["mask"][:, [name not in movable for name in bodies]]
    must(there.all(), "the mask lacks an entity that cannot be absent")
    key = "state" if isinstance(worlds.world, TeamWorld) else "observation"
    for action in busy(task, short(task, 10, 3), 4):
        obs, _ = worlds.step(action)
        entities = worlds.states()[key]
        must((entities[~obs["mask"]] == 0).all(), "features of an absent entity are not zero")
        _finite(obs, "with entities absent")
    worlds.close()
    if movable:
        worlds = make_worlds(task, 1, absent=movable[-1:])
        mask = worlds.reset([0])["mask"][0].tolist()
        worlds.close()
        wanted = [name != movable[-1] for name in bodies]
        must(mask == wanted, f"absent={movable[-1:]} leaves out others too, or none")


def _finite(obs: Obs, where: str) -> None:
    for name, value in obs.items():
        must(np.isfinite(value).all(), f"{where}: {name} is not finite")
