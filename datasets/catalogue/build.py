"""How the specs of the catalogue are made. Imports no simulator."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from entitybench.envs.registry import TASKS
from entitybench.types import DatasetSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SMALL, PAPER = 100_000, 1_000_000  # transitions
HOLD = 5  # control steps of a random action where single steps move nothing
HORIZONS = {task.id: task.horizon for task in TASKS}
VERSIONS = {task.id: task.version for task in TASKS}
_HERE = "entitybench.datasets.behaviours."
RANDOM, NOISY = _HERE + "basic:Random", _HERE + "basic:Noisy"
MIXTURE, EMBEDDED = _HERE + "mixtures:Mixture", _HERE + "mixtures:Embedded"
FIXED, ACTOR = _HERE + "basic:Fixed", _HERE + "actor:Actor"
PICK_PLAY, SCENE_PLAY = _HERE + "play:PickPlay", _HERE + "play:ScenePlay"
DEMONSTRATIONS, AROUND_PIECE = _HERE + "kitchen:Demonstrations", _HERE + "tetris:AroundPiece"

TRANSITIONS: dict[str, int] = {}  # about how many the registered episodes have, by id


def dataset(
    task: str,
    name: str,
    behaviour: str,
    kwargs: Mapping[str, Any] | None = None,
    *,
    length: int | None = None,
    mean_length: float | None = None,
    transitions: int = SMALL,
    paper: int = PAPER,
    summary: str,
    **more: Any,
) -> DatasetSpec:
    """One dataset, `task`/`name`-vVERSION of the task, with a tenth as many validation episodes.

    Args:
        length: control steps of an episode, at most; None: the task's horizon.
        mean_length: and on average, where episodes can end before.
        transitions: of the training episodes, about.
        paper: the same of the size "paper".
        more: other fields of the spec.
    """
    length = length or HORIZONS[task]
    mean = mean_length or length
    episodes = max(1, round(transitions / mean))
    id = f"{task}/{name}-v{VERSIONS[task]}"
    TRANSITIONS[id] = round(episodes * mean)
    return DatasetSpec(
        id=id,
        task=task,
        behaviour=behaviour,
        behaviour_kwargs=kwargs or {},
        episodes=episodes,
        validation_episodes=max(1, round(episodes / 10)),
        length=length,
        sizes={"paper": math.ceil(paper / mean)},
        summary=summary,
        **more,
    )


def noisy(
    task: str, summary: str, *, sigma: float, uniform: float = 0.1, **more: Any
) -> DatasetSpec:
    """The task's script: noise of 0 to `sigma` by episode, a share of its actions uniform."""
    kwargs = {"sigma": [0.0, sigma], "uniform": uniform}
    return dataset(task, "noisy", NOISY, kwargs, summary=summary, **more)


def part(share: float, behaviour: str, /, **kwargs: Any) -> dict[str, Any]:
    """A part of a mixture."""
    return {"share": share, "base": behaviour, "kwargs": kwargs}


def equally(parts: Sequence[Mapping[str, Any]], whole: float = 1.0) -> list[dict[str, Any]]:
    """Parts with equal shares that sum to `whole`."""
    return [{**one, "share": whole / len(parts)} for one in parts]
