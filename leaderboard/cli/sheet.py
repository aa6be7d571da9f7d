"""`bench info`: one task, agent, dataset or suite.

Loads mujoco only for a task that no table knows.
"""

from __future__ import annotations

import json as json_
from typing import TYPE_CHECKING, Any

from entitybench import citations, registry
from entitybench.envs import pettingzoo
from entitybench.errors import MissingExtra, foreign, unknown
from entitybench.leaderboard.claims.registered import all_claims
from entitybench.leaderboard.cli.args import AnyId
from entitybench.leaderboard.cli.catalogue import KINDS, POLICIES, about, plain
from entitybench.leaderboard.cli.output import columns, note, print_json, put
from entitybench.leaderboard.evaluation.weights import REFERENCE
from entitybench.leaderboard.suites.protocol import metric_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.types import SuiteSpec, TaskSpec


def info(id: AnyId, /, *, bibtex: bool = False, json: bool = False) -> None:
    """Everything known about one task, agent, dataset or suite.

    Args:
        id: What `bench list` shows in its first column; or module:NAME or path/to/file.py:NAME of a
            TaskSpec.
        bibtex: Print what to cite instead: ours, the method's papers, what a task descends from.
        json: Print JSON.
    """
    bare, _, size = id.partition("@")
    if bare in registry.datasets() and size in ("small", *registry.datasets()[bare].sizes):
        id = bare  # all sizes are on one page
    what, spec = _found(id)
    if bibtex:
        text = citations.bibtex(citations.cited(spec))
        print_json({"id": spec.id, "bibtex": text}) if json else put(text)
        return
    description = {"what": what.removesuffix("s"), **plain(spec), **about(what, spec)}
    if what == "tasks":
        description["data"] = spec.default_dataset or ""
        description |= _shapes(spec)
        description |= _others(spec) if spec.id in registry.tasks() else {}
    if what == "agents":
        claims = [claim for claim in all_claims() if claim.method == id]
        description["claims"] = {claim.name: claim.statement for claim in claims}
        description["trained"] = _trained(spec.weights_of or id)
    if what == "suites":
        description["resolves"] = _resolved(spec)
    print_json(description) if json else put(_sheet(description))


def _found(id: str) -> tuple[str, Any]:
    """What an id is, of `KINDS`, and its spec; that of a task may be named by its place.

    Raises UnknownId for what there is not, BadValue for a place that holds no task.
    """
    for what in KINDS:
        table = getattr(registry, what)()
        if id in table:
            return what, table[id]
    if ":" in id or id.endswith(".py"):
        return "tasks", registry.task(id)
    known = [known for what in KINDS for known in getattr(registry, what)().ids]
    raise unknown("id", id, known, see="bench list tasks|agents|datasets|suites")


def _others(task: TaskSpec) -> dict[str, str]:
    """By what name other packages make a registered task."""
    kind = registry.kinds()[task.kind]
    if kind.views is not None:
        return {"gymnasium": task.gym_id}
    if kind.parallel is not None:
        module = f"{pettingzoo.__name__}.{pettingzoo.name_of(task)}"
        return {"pettingzoo": f"{module}.parallel_env()"}
    return {}


def _shapes(task: TaskSpec) -> dict[str, Any]:
    """Shapes and names of observations and actions, reference scores, the page of its family."""
    from entitybench.datasets.catalogue.scores import reference_of

    found: dict[str, Any] = {}
    try:
        seen = _observed(task)
    except MissingExtra as error:
        note(f"its shapes are not known here: {error}")
        seen = None
    if seen is not None:
        found["observation"], found["action"], names = seen
        images = "pixels" in task.kwargs
        kept = ("entities", "agents") if images else tuple(names)  # images have no features
        found |= {key: names[key] for key in kept if names[key]}
    known = reference_of(task) or {}
    found["scores"] = {who: known[who] for who in POLICIES if known.get(who)}
    ours = "entitybench.envs."
    if task.target.startswith(ours):
        found["page"] = f"docs/{task.target.removeprefix(ours).partition('.')[0]}.md"
    return found


def _observed(task: TaskSpec) -> tuple[list[int], list[int], dict[str, list[str]]] | None:
    """Shapes of observation and action, and the names in them: of the table, or of the world.

    None where there is nothing to step. Raises MissingExtra for a world that cannot be had here.
    """
    from entitybench.datasets.catalogue.shapes import names_of, seen, shapes

    size = seen(task)
    if size is not None:
        return *size, shapes()[task.id.removesuffix("-pixels")]["names"]
    kind = registry.kinds()[task.kind]
    if kind.views is None and kind.parallel is None:
        return None
    from entitybench.envs.views.spaces import view_shapes
    from entitybench.envs.worlds import world_of

    with foreign(f"{task.target} cannot be made"):
        world = world_of(task)
        shape = view_shapes(world)["observation"]
        return list(shape), list(world.action_shape), names_of(world)


def _resolved(suite: SuiteSpec) -> dict[str, float] | None:
    """The smallest difference of two agents' scores that is found; None where scores are no shares.

    Where training seeds do not differ: where they do it is larger.
    """
    from entitybench.leaderboard.statistics.resolution import smallest_difference

    if not metric_of(suite).share:
        return None
    seeds, episodes = len(suite.training_seeds), suite.episodes
    over = {"task": 1, "mean": len(suite.data)}
    return {
        name: round(smallest_difference(seeds, episodes, tasks=tasks), 3)
        for name, tasks in over.items()
    }


def _trained(agent: str) -> list[str]:
    """The shipped weights of an agent: what they were trained on, and their training seeds."""
    found: dict[str, list[int]] = {}
    for file in sorted((REFERENCE / "weights" / agent).rglob("agent.json")):
        meta = json_.loads(file.read_text())
        name = meta["dataset"].get("id") or meta["task"]
        found.setdefault(name, []).append(meta["seed"])
    return [f"{name} (seeds {' '.join(map(str, seeds))})" for name, seeds in found.items()]


def _sheet(description: Mapping[str, Any]) -> str:
    def text(value: Any) -> str:
        if isinstance(value, dict):
            return ", ".join(
                f"{key}={'–' if item is None else item}" for key, item in value.items()
            )
        return ", ".join(map(str, value)) if isinstance(value, list) else str(value)

    rows = [(key, text(value)) for key, value in description.items() if key != "claims"]
    lines = [row for row in rows if row[1] not in ("", "None")]
    claims = [(f"claim {name}", said) for name, said in description.get("claims", {}).items()]
    return columns([*lines, *claims])
