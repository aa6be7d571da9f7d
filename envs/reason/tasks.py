"""The tasks of reasoning about the worlds. Strings only: importing it loads no array library."""

from __future__ import annotations

from entitybench.types import TaskSpec

_SUMMARIES = {
    "rearrange": (
        "one or two pushes to a goal",
        "three pushes to a goal",
        "four or five pushes, each block straight to its place",
        "pushes to a goal, one block must be parked first",
        "pushes to a goal, two cycles of five blocks and one hole",
    ),
    "track": tuple(
        f"where is everything after {pushes} pushes?"
        for pushes in ("1 or 2", "3 or 4", "5 or 6", "7 to 9", "10 to 12")
    ),
    "kitchen": (
        "one or two things to do, in any order",
        "three things to do, some need others",
        "four or five things to do, in a chain",
        "things to do, one first that nobody asks for, one undoes another",
        "things to do, two first that nobody asks for, two undo others",
    ),
}
# Since steps have names in chains of thought; since questions say how many actions are allowed.
_VERSIONS = {"track": 2, "kitchen": 2}
_CLASSES = {
    "rearrange": "rearrange:Rearrange",
    "track": "rearrange:Track",
    "kitchen": "kitchen:Kitchen",
}

TASKS: tuple[TaskSpec, ...] = tuple(
    TaskSpec(
        id=f"reason-{domain}-{level}",
        version=_VERSIONS.get(domain, 1),
        kind="reasoner",
        target=f"entitybench.envs.reason.{_CLASSES[domain]}",
        kwargs={"level": level},
        oracle="entitybench.envs.reason.oracle:PlannerOracle",
        tags=frozenset({"reason", domain}),
        summary=summary,
    )
    for domain, summaries in _SUMMARIES.items()
    for level, summary in enumerate(summaries, 1)
)
