"""What random actions and the scripted oracle reach in each task, as `scores.json` says.

The table is made from the stored records by `make results`; generating a dataset, and normalising
a return, measure nothing again.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypedDict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FILE = Path(__file__).with_name("scores.json")


class Scores(TypedDict):
    """Of a task."""

    version: int
    horizon: int  # control steps
    kwargs: dict[str, Any]
    episodes: int  # public starts 0, 1, ...
    random: dict[str, float]  # means "success", "success_fraction", "return"
    oracle: dict[str, float] | None  # None for a task without a scripted policy


class Played(Protocol):
    """What is asked of a task: of a spec, or as a record has it."""

    @property
    def id(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def horizon(self) -> int: ...
    @property
    def kwargs(self) -> Mapping[str, Any]: ...


@cache
def scores() -> dict[str, Scores]:
    """By task."""
    found: dict[str, Scores] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def reference_of(task: Played) -> dict[str, Any] | None:
    """The scores of this version of a task, with these arguments; None where none are known.

    "random" and "oracle" hold the means "success", "success_fraction" and "return"; a task without
    a scripted policy has None for "oracle".
    """
    found = scores().get(task.id)
    asked = (task.version, task.horizon, json.loads(json.dumps(dict(task.kwargs))))
    if found is None or (found["version"], found["horizon"], found["kwargs"]) != asked:
        return None
    return {
        "random": dict(found["random"]),
        "oracle": None if found["oracle"] is None else dict(found["oracle"]),
        "episodes": found["episodes"],
        "how": f"means over the public starts 0 to {found['episodes'] - 1}, {task.horizon} "
        "steps, success at the last one; random: uniform actions; oracle: the scripted policy, "
        "given the goal",
    }


def normaliser(task: Played) -> Callable[[float], float | None]:
    """Returns -> 100 (return − random) / (oracle − random), by the reference scores of the task.

    As in D4RL (Fu et al., 2020, appendix A), with the scripted oracle as the expert. None where a
    task has no such scores, or where both are the same.
    """
    known = reference_of(task) or {}
    if not (known.get("random") and known.get("oracle")):
        return lambda _: None
    low, high = known["random"]["return"], known["oracle"]["return"]
    if low == high:
        return lambda _: None
    return lambda total: round(100 * (total - low) / (high - low), 6)
