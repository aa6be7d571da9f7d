"""`bench list`: what the registries hold. Loads neither torch nor mujoco."""

from __future__ import annotations

import dataclasses
import fnmatch
from collections.abc import Mapping
from typing import Any

from entitybench import registry
from entitybench.errors import unknown
from entitybench.leaderboard.cli.args import Tags
from entitybench.leaderboard.cli.output import columns, print_json, put
from entitybench.leaderboard.suites.protocol import kind_of, title_of
from entitybench.types import DatasetSpec, SuiteSpec, TaskSpec

KINDS = ("tasks", "agents", "datasets", "suites")
POLICIES = ("random", "oracle")  # the policies whose scores a dataset comes with


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
    """List tasks, agents, datasets or suites.

    Args:
        what: tasks, agents, datasets or suites. Default: all four.
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
        if scores and kind != "suites":
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
    rows = [{**plain(spec), **about(what, spec)} for spec in specs]
    if not scores or what == "suites":
        return rows
    found = _scores(what)
    return [{**row, "scores": found.get(row["id"], {})} for row in rows]


def _tags(spec: Any) -> frozenset[str]:
    """Those of a task, or of a dataset's task; agents have none."""
    if isinstance(spec, DatasetSpec):
        spec = registry.tasks()[spec.task]
    return spec.tags if isinstance(spec, TaskSpec) else frozenset()  # suites have none either


def _kinds(spec: Any) -> set[str]:
    """The kinds of task that a spec has to do with."""
    if isinstance(spec, DatasetSpec):
        spec = registry.tasks()[spec.task]
    if isinstance(spec, TaskSpec):
        return {spec.kind, *spec.also}
    if isinstance(spec, SuiteSpec):
        return {kind_of(spec).id}
    if spec.kind == "any":  # acts wherever actions are asked for
        return {"any", *(kind.id for kind in registry.kinds() if kind.does == "policy")}
    return {spec.kind}


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
    "suites": ("SUITE", "TASKS", "SEEDS", "EPISODES", "SCORE", ""),
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
    if what == "suites":
        sizes = len(row["data"]), len(row["training_seeds"]), row["episodes"]
        return row["id"], *map(str, sizes), row["score"], row["summary"]
    scores = [row["returns"].get(who) for who in POLICIES]
    return (
        row["id"],
        f"{'' if row['measured'] else '~'}{row['transitions']:,}",
        "–" if row["bytes"] is None else _megabytes(row["bytes"]),
        row["behaviour"].rpartition(":")[2],
        "–" if None in scores else ", ".join(f"{score:.4g}" for score in scores),
        (row["hash"] or "–")[:8],
        row["summary"],
    )


def about(what: str, spec: Any) -> dict[str, Any]:
    """What else is known: of a task, success of random and oracle; of a dataset, its size, ….

    Of a suite, the kind of its tasks and what a score is.
    """
    if what == "tasks":
        return {"success": _success(spec)}
    if what == "suites":
        return {"kind": kind_of(spec).id, "score": title_of(spec)}
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
        "returns": {who: known[who]["return"] for who in POLICIES if known.get(who)},
        "hash": pins().get(spec.id),
    }


def _success(task: TaskSpec) -> dict[str, float | None]:
    """Success at the last step of random and oracle, by who; None where nobody measured it."""
    from entitybench.datasets.catalogue.scores import reference_of

    found = reference_of(task) or {}
    return {who: (found.get(who) or {}).get("success") for who in POLICIES}


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f} %"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB" if size >= 1e7 else f"{size / 1e6:.1f} MB"


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
    shares = {who: found[who]["success"] for who in POLICIES if found.get(who)}
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
    lines = [(row["id"], *(row["scores"].get(who, "–") for who in POLICIES)) for row in rows]
    title = "\nSuccess at the last step in the dataset's task, public starts, 95 % interval"
    return f"{title}\n\n{columns([('', *POLICIES), *lines])}"
