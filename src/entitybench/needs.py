"""What an agent can need of a task, and what is said where the task does not offer it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from entitybench.errors import BadValue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.types import AgentSpec, TaskSpec

NEEDS: Mapping[str, str] = {
    "entities": "observations of entities, (N, D)",
    "ids": "entities with one-hot ids",
    "goals": "a goal beside each observation",
    "pixels": "observations that are images",
    "frames": "sequences of images",
    "captions": "images with captions",
    "fixed-number": "the same number of entities in all episodes",
    "tracking": "a chain of thought that goes wrong with a wrong state",
    "team": "several agents that act at once",
}


def check_fit(spec: AgentSpec, task: TaskSpec, offered: frozenset[str]) -> None:
    """Raise BadValue unless an agent is for tasks of this kind and finds there what it needs.

    Args:
        spec: the agent.
        task: where it is to act or to learn.
        offered: what the task offers, of `NEEDS`.
    """
    if spec.scored and spec.kind not in ("any", task.kind, *task.also):
        raise BadValue(f"{spec.id} is for {spec.kind} tasks, and {task.id} is {task.kind}.")
    missing = sorted(spec.needs - offered)
    if not missing:
        return
    unheard = [need for need in missing if need not in NEEDS]
    if unheard:
        raise BadValue(
            f"{spec.id} needs {unheard[0]!r}, which no task offers; there are: {', '.join(NEEDS)}."
        )
    state = task.id.removesuffix("-pixels")
    hint = f" Use {state}." if state != task.id else ""
    what = " and ".join(NEEDS[need] for need in missing)
    raise BadValue(f"{spec.id} needs {what}, and {task.id} has none.{hint}")


def check_dataset(id: str | None, of: str | None, task: TaskSpec) -> None:
    """Raise BadValue unless a dataset is one of the task.

    Args:
        id: of the dataset, for the message.
        of: the id of its task; None where that is not known.
        task: where it is to be used.
    """
    if of == task.id:
        return
    words = "of no task that is known here" if of is None else f"of {of}"
    names = ", ".join(task.datasets) or "none"
    raise BadValue(f"{id} is a dataset {words}, not of {task.id}, whose datasets are: {names}.")
