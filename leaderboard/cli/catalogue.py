"""`bench list` and `bench info`: what the registries hold. Loads neither torch nor mujoco."""

from __future__ import annotations

import dataclasses
import fnmatch
import json as json_
from collections.abc import Mapping
from typing import Any

from entitybench import citations, registry
from entitybench.envs import pettingzoo
from entitybench.errors import MissingExtra, foreign, unknown
from entitybench.leaderboard.claims.registered import all_claims
from entitybench.leaderboard.cli.args import Tags
from entitybench.leaderboard.cli.output import columns, note, print_json, put
from entitybench.leaderboard.evaluation.weights import REFERENCE
from entitybench.types import DatasetSpec, TaskSpec

KINDS = ("tasks", "agents", "datasets")
_REFERENCE = ("random", "oracle")  # the policies whose scores a dataset comes with


def list_(
    what: str | None = None,
    matching: str = "",
    /,
    *,
    kind: str | None = None,
    tag: Tags | None = None,
    scores: bool = False,
    json: bool = False,
) -> None:
    """List tasks, agents or datasets.

    Args:
        what: tasks, agents or datasets. Default: all three.
        matching: Only those whose id has this in it, or fits it with * and ?, e.g. push, team-*.
        kind: Only those of one kind of task, e.g. reward-control.
        tag: Only tasks (and datasets of tasks) with all of these tags, e.g. push state.
        scores: Show success too, of the shipped records or a dataset's reference policies.
        json: Print JSON.
    """
    if what is not None and what not in KINDS:
        raise unknown("list", what, KINDS, see="bench list --help")
    if kind is not None:
        known = [*registry.kinds().ids, *(spec.kind for spec in registry.agents())]
        if kind not in known:
            raise unknown("kind", kind, dict.fromkeys(known))
    tags = frozenset(tag or ())
    known_tags = sorted({each for task in registry.tasks() for each in task.tags})
    for each in tags - set(known_tags):
        raise unknown("tag", each, known_tags)
    lists = {
        name: [row for row in _rows(name, scores, kind, tags) if _matches(row["id"], matching)]
        for name in ([what] if what else KINDS)
    }
    if matching and not any(lists.values()):
        ids = [row["id"] for name in lists for row in _rows(name, False, kind, tags)]
        raise unknown("id or part of one", matching, ids, see=f"bench list {what or ''}".strip())
    if json:
        print_json(lists[what] if what else lists)
        return
    for kind, rows in lists.items():
        put(columns([_HEADINGS[kind], *(_line(kind, row) for row in rows)]))
        if scores:
            put(_reference_table(rows) if kind == "datasets" else _scores_table(rows))
        if kind != list(lists)[-1]:
            put("")


def _matches(id: str, pattern: str) -> bool:
    """Whether an id has the pattern in it, or fits it where that has * or ?."""
    wild = any(sign in pattern for sign in "*?")
    return fnmatch.fnmatchcase(id, pattern) if wild else pattern in id


def _rows(
    what: str, scores: bool, kind: str | None = None, tags: frozenset[str] = frozenset()
) -> list[dict[str, Any]]:
    specs = [
        spec
        for spec in getattr(registry, what)()
        if (kind is None or kind in _kinds(spec)) and tags <= _tags(spec)
    ]
    rows = [{**plain(spec), **_about(what, spec)} for spec in specs]
    if not scores:
        return rows
    found = _scores(what)
    return [{**row, "scores": found.get(row["id"], {})} for row in rows]


def _tags(spec: Any) -> frozenset[str]:
    """Those of a task, or of a dataset's task; agents have none."""
    if isinstance(spec, DatasetSpec):
        spec = registry.tasks()[spec.task]
    return spec.tags if isinstance(spec, TaskSpec) else frozenset()


def _kinds(spec: Any) -> set[str]:
    """The kinds of task that a spec has to do with."""
    if isinstance(spec, DatasetSpec):
        spec = registry.tasks()[spec.task]
    if isinstance(spec, TaskSpec):
        return {spec.kind, *spec.also}
    if spec.kind == "any":  # acts wherever actions are asked for
        return {"any", *(kind.id for kind in registry.kinds() if kind.does == "policy")}
    return {spec.kind}


def info(id: str, /, *, bibtex: bool = False, json: bool = False) -> None:
    """Everything known about one task, agent or dataset.

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
    description = {"what": what.removesuffix("s"), **plain(spec), **_about(what, spec)}
    if what == "tasks":
        description["data"] = spec.default_dataset or ""
        description |= _shapes(spec)
        description |= _others(spec) if spec.id in registry.tasks() else {}
    if what == "agents":
        claims = [claim for claim in all_claims() if claim.method == id]
        description["claims"] = {claim.name: claim.statement for claim in claims}
        description["trained"] = _trained(spec.weights_of or id)
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
    raise unknown("id", id, known, see="bench list tasks|agents|datasets")


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
    found["scores"] = {who: known[who] for who in _REFERENCE if known.get(who)}
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


def plain(spec: Any) -> dict[str, Any]:
    """A spec as JSON values."""
    return {field.name: _plain(getattr(spec, field.name)) for field in dataclasses.fields(spec)}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


_HEADINGS = {
    "tasks": ("TASK", "HORIZON", "RANDOM", "ORACLE", ""),
    "agents": ("AGENT", "WEIGHTS", ""),
    "datasets": ("DATASET", "TRANSITIONS", "DISK", "BEHAVIOUR", "RANDOM, ORACLE", "HASH", ""),
}


def _line(what: str, row: Mapping[str, Any]) -> tuple[str, ...]:
    """A line of the list."""
    if what == "tasks":
        length = f"{row['horizon']} steps" if row["horizon"] else ""
        extra = f"[{row['extra']}]" if row["extra"] else ""
        length = ", ".join(filter(None, (length, extra)))
        return row["id"], length, *map(_percent, row["success"].values()), row["summary"]
    if what == "agents":
        weights = f"of {row['weights_of']}" if row["weights_of"] else "own"
        own = row["learns_from"] != "nothing"
        return row["id"], weights if own else "none", row["summary"]
    scores = [row["returns"].get(who) for who in _REFERENCE]
    return (
        row["id"],
        f"{'' if row['measured'] else '~'}{row['transitions']:,}",
        "–" if row["bytes"] is None else _megabytes(row["bytes"]),
        row["behaviour"].rpartition(":")[2],
        "–" if None in scores else ", ".join(f"{score:.4g}" for score in scores),
        (row["hash"] or "–")[:8],
        row["summary"],
    )


def _about(what: str, spec: Any) -> dict[str, Any]:
    """What else is known: of a task, success of random and oracle; of a dataset, its size, …."""
    if what == "tasks":
        return {"success": _success(spec)}
    if what != "datasets":
        return {}
    from entitybench.datasets.catalogue.pinned import pins
    from entitybench.datasets.catalogue.scores import reference_of
    from entitybench.datasets.catalogue.shapes import disk_bytes, measured, transitions

    known = reference_of(registry.tasks()[spec.task]) or {}
    return {
        "transitions": transitions(spec),
        "measured": spec.id in measured(),
        "bytes": disk_bytes(spec),
        "returns": {who: known[who]["return"] for who in _REFERENCE if known.get(who)},
        "hash": pins().get(spec.id),
    }


def _success(task: TaskSpec) -> dict[str, float | None]:
    """Success at the last step of random and oracle, by who; None where nobody measured it."""
    from entitybench.datasets.catalogue.scores import reference_of

    found = reference_of(task) or {}
    return {who: (found.get(who) or {}).get("success") for who in _REFERENCE}


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f} %"


def _trained(agent: str) -> list[str]:
    """The shipped weights of an agent: what they were trained on, and their training seeds."""
    found: dict[str, list[int]] = {}
    for file in sorted((REFERENCE / "weights" / agent).rglob("agent.json")):
        meta = json_.loads(file.read_text())
        name = meta["dataset"].get("id") or meta["task"]
        found.setdefault(name, []).append(meta["seed"])
    return [f"{name} (seeds {' '.join(map(str, seeds))})" for name, seeds in found.items()]


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB" if size >= 1e7 else f"{size / 1e6:.1f} MB"


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


def _scores(what: str) -> dict[str, dict[str, str]]:
    """Success by id: {"hecrl": "81.4 % [76.0, 86.8]"} of a task, {"push-3blocks": ...} of an agent.

    Both are of the shipped records; a dataset has {"random": ..., "oracle": ...}, which its
    manifest holds as well.
    """
    if what == "datasets":
        return {spec.id: _reference(registry.tasks()[spec.task]) for spec in registry.datasets()}
    from entitybench.leaderboard.evaluation.stored import scores, stored_records

    if what == "tasks":
        return {task: scores(task) for task in registry.tasks().ids}
    found: dict[str, dict[str, str]] = {}
    for task in registry.tasks().ids:
        for record, score in zip(stored_records(task), scores(task).values(), strict=True):
            origin = record.agent.weights_from
            key = f"{task} (trained on {origin})" if origin else task
            found.setdefault(record.agent.id, {})[key] = score
    return found


def _reference(task: TaskSpec) -> dict[str, str]:
    """Success of what a dataset is measured by; empty where nobody has measured the task."""
    from entitybench.datasets.catalogue.scores import reference_of
    from entitybench.leaderboard.statistics.intervals import share as interval_of
    from entitybench.leaderboard.tables.data import shown

    found = reference_of(task) or {}
    shares = {who: found[who]["success"] for who in _REFERENCE if found.get(who)}
    metric = registry.kinds()[task.kind].primary
    intervals = {
        who: interval_of(round(share * found["episodes"]), found["episodes"])
        for who, share in shares.items()
    }
    return {who: shown(x, metric).replace(" ", " % ", 1) for who, x in intervals.items()}


def _scores_table(rows: list[dict[str, Any]]) -> str:
    lines = [(row["id"], other, score) for row in rows for other, score in row["scores"].items()]
    title = (
        "\nSuccess at the last step if nothing else is named, shipped records, 95 % interval over "
        "training\nseeds; over episodes for what has one seed only, such as oracle and random\n\n"
    )
    return title + (columns(lines) if lines else "no shipped records")


def _reference_table(rows: list[dict[str, Any]]) -> str:
    lines = [(row["id"], *(row["scores"].get(who, "–") for who in _REFERENCE)) for row in rows]
    title = "\nSuccess at the last step in the dataset's task, public starts, 95 % interval"
    return f"{title}\n\n{columns([('', *_REFERENCE), *lines])}"
