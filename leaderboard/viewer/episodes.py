"""What the viewer shows of episodes, kept while a bundle's actions are simulated again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.leaderboard.submission.arrays import packed as npy
from entitybench.leaderboard.viewer.coding import coded, packed
from entitybench.leaderboard.viewer.geometry import changed, marked

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from entitybench.envs.core.batch import Worlds
    from entitybench.envs.core.play import Step
    from entitybench.leaderboard.viewer.scene import Scene
    from entitybench.types import Array

JERKS, APART = 8, 5  # how many steps an episode lists, and how many lie between two of them
_LEVELS = 255  # of a share or a change of action, in a byte


@dataclass(frozen=True, slots=True)
class Episode:
    """One episode as it was simulated again.

    Attributes:
        training_seed: of the agent.
        item: seed of the start.
        poses: (T + 1, K, 7), where the scene's frames are at the start and after each step.
        changes: what it shows otherwise than the geometry file; see `geometry.changed`.
        marks: its goal; see `geometry.marked`.
        shares: (T + 1,), of what is to be done that is done.
        jumps: (T,), the largest change of a number of the action; 0 at the first.
        states: (T + 1, S) integration states, float64.
    """

    training_seed: int
    item: int
    poses: Array
    changes: list[list[Any]]
    marks: list[list[list[float]]]
    shares: Array
    jumps: Array
    states: Array


class Recorder:
    """Hands every episode to `keep` once it is simulated: a `Watch` of `verify`."""

    def __init__(self, scene: Scene, keep: Callable[[Episode], None]) -> None:
        self._scene, self._keep = scene, keep

    def begin(self, worlds: Worlds, training_seed: int, items: Sequence[int]) -> None:
        """The episodes of these seeds are at their starts."""
        self._worlds, self._seed, self._items = worlds, training_seed, list(items)
        rows = range(len(items))
        self._drawn = [[worlds.state[row].copy()] for row in rows]
        self._states = [[worlds.integration_state(row)] for row in rows]
        self._shares = [[float(share)] for share in worlds.judge()["success_fraction"]]
        self._actions: list[list[Array]] = [[] for _ in rows]

    def step(self, step: Step, running: Array) -> None:
        """One control step. What went wrong is no number: such an episode stays where it was."""
        for row in np.flatnonzero(running).tolist():
            sound = not step.info["unstable"][row]
            drawn, states = self._drawn[row], self._states[row]
            drawn.append(self._worlds.state[row].copy() if sound else drawn[-1])
            states.append(self._worlds.integration_state(row) if sound else states[-1])
            self._shares[row].append(float(step.info["success_fraction"][row]) if sound else 0.0)
            self._actions[row].append(np.clip(step.action[row].ravel(), -1.0, 1.0))

    def end(self) -> None:
        """The batch is over."""
        worlds, scene = self._worlds, self._scene
        for row, item in enumerate(self._items):
            lacks = worlds.absent[row] if worlds.absent[row].any() else None
            look = scene.look(worlds.constants[row], worlds.variations[row], lacks)
            actions = np.stack(self._actions[row])
            self._keep(
                Episode(
                    self._seed,
                    item,
                    scene.poses(scene.world.pose(np.stack(self._drawn[row]))),
                    changed(look, scene.base),
                    marked(scene.world, worlds.goals[row]),
                    np.array(self._shares[row]),
                    np.abs(np.diff(actions, axis=0, prepend=actions[:1])).max(axis=1),
                    np.stack(self._states[row]),
                )
            )


def data_file(episode: Episode, about: dict[str, Any]) -> bytes:
    """The viewer's file of an episode; `about` is put into its header."""
    shares = np.round(np.clip(episode.shares, 0, 1) * _LEVELS).astype(np.uint8)
    jumps = np.round(np.clip(episode.jumps / 2, 0, 1) * _LEVELS).astype(np.uint8)
    header = {
        "item": episode.item,
        "steps": len(episode.jumps),
        "changes": episode.changes,
        "marks": episode.marks,
        "jerks": jerks(episode.jumps),
        **about,
    }
    return packed(header, {**coded(episode.poses), "shares": shares, "jumps": jumps})


def states_file(episode: Episode) -> tuple[bytes, dict[str, Any]]:
    """The exact states as a float64 .npy file, and what an episode's header says of it."""
    data = npy(episode.states.astype("<f8"))
    return data, {"sha256": hashlib.sha256(data).hexdigest(), "shape": list(episode.states.shape)}


def jerks(jumps: Array) -> list[int]:
    """The steps at which the action changes most, the largest changes first, apart in time."""
    found: list[int] = []
    for step in np.argsort(-jumps, kind="stable").tolist():
        if jumps[step] <= 0 or len(found) == JERKS:
            break
        if all(abs(step - other) >= APART for other in found):
            found.append(step)
    return found
