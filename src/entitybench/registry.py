"""One table a kind of thing: frozen specs by id, targets imported only when used.

The tables are plain modules (`entitybench.envs.registry` and so on) that import neither torch nor
mujoco. Other packages add to them through the entry points `entitybench.kinds`,
`entitybench.tasks`, `entitybench.datasets`, `entitybench.agents` and `entitybench.suites`, each
naming specs.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import sys
from dataclasses import replace
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from entitybench.errors import (
    BadValue,
    BenchError,
    MissingExtra,
    UnknownId,
    did_you_mean,
    foreign,
    unknown,
)
from entitybench.forms import form_of
from entitybench.kinds import Kind
from entitybench.notices import warn
from entitybench.types import AgentSpec, DatasetSpec, Learner, SuiteSpec, TaskSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from importlib.metadata import EntryPoint
    from types import ModuleType

    from entitybench.types import Array


class _Spec(Protocol):
    @property
    def id(self) -> str: ...


S = TypeVar("S", bound=_Spec)


class Registry(Generic[S]):
    """Specs by id, in the order they were registered."""

    def __init__(self, what: str, specs: Sequence[S] = ()) -> None:
        self.what = what
        self._specs: dict[str, S] = {}
        for spec in specs:
            self.add(spec)

    def add(self, spec: S) -> None:
        """Register one spec. Raises BadValue when its id is taken."""
        if spec.id in self._specs:
            raise BadValue(f"{self.what} {spec.id!r} is registered twice; choose another id.")
        self._specs[spec.id] = spec

    def __getitem__(self, id: str) -> S:
        """The spec. Raises UnknownId, with the nearest ids."""
        try:
            return self._specs[id]
        except (KeyError, TypeError):
            drawn = str(id).replace("-pixels/", "/")
            if drawn != id and drawn in self._specs:
                raise UnknownId(
                    f"unknown {self.what} {id!r}: frames are drawn into that of the task without "
                    f"pixels. Make them: `bench generate {drawn} --pixels 64`"
                ) from None
            see = None if self.what == "kind" else f"bench list {self.what}s"
            raise unknown(self.what, id, self._specs, see=see) from None

    def __contains__(self, id: str) -> bool:
        return id in self._specs

    def __iter__(self) -> Iterator[S]:
        return iter(self._specs.values())

    def __len__(self) -> int:
        return len(self._specs)

    @property
    def ids(self) -> list[str]:
        return list(self._specs)


def _table(what: str, target: str, made_of: type[S]) -> Registry[S]:
    """Ours and other packages'; a package whose specs cannot be had is told and left out."""
    registry: Registry[S] = Registry(what, resolve(target))
    for point in entry_points(group=f"entitybench.{what}s"):
        try:
            for spec in _offered(point, registry, made_of):
                registry.add(spec)
        except BenchError as error:
            package = point.dist.name if point.dist else point.module
            warn(
                f"the {what}s of the package {package} ({point.group}: {point.name} = "
                f"{point.value}) are left out: {error}",
            )
    return registry


def _offered(point: EntryPoint, registry: Registry[S], made_of: type[S]) -> list[S]:
    """The specs that an entry point names. Raises BadValue, UnknownId."""
    with foreign("it cannot be loaded"):
        specs = list(point.load())
    for k, spec in enumerate(specs):
        if not isinstance(spec, made_of):
            raise BadValue(f"it is of {made_of.__name__}, and {spec!r:.60} is none.")
        if spec.id in registry or any(spec.id == other.id for other in specs[:k]):
            raise BadValue(f"{registry.what} {spec.id!r} is there already: choose another id.")
        if isinstance(spec, TaskSpec | AgentSpec):
            known = kinds().ids if isinstance(spec, TaskSpec) else [*kinds().ids, "any", "part"]
            if spec.kind not in known:
                raise unknown(f"kind of {registry.what} {spec.id!r},", spec.kind, known)
        if isinstance(spec, SuiteSpec):
            resolve("entitybench.leaderboard.suites.protocol:check")(spec)
    return specs


@cache
def tasks() -> Registry[TaskSpec]:
    """Every task; its `datasets` are those that it names, then all that are registered for it.

    Its other kinds are those that its datasets allow.
    """
    named: dict[str, list[str]] = {}
    also: dict[str, set[str]] = {}
    for data in datasets():
        named.setdefault(data.task, []).append(data.id)
        offered = {
            kind.id for kind in kinds() if kind.offered_by and getattr(data, kind.offered_by)
        }
        also.setdefault(data.task, set()).update(offered)
    table = _table("task", "entitybench.envs.registry:TASKS", TaskSpec)
    return Registry(
        "task",
        [
            replace(
                task,
                datasets=tuple(dict.fromkeys([*task.datasets, *named.get(task.id, ())])),
                also=frozenset(task.also | also.get(task.id, set())) - {task.kind},
            )
            for task in table
        ],
    )


@cache
def kinds() -> Registry[Kind]:
    """Every kind of task."""
    return _table("kind", "entitybench.kinds:KINDS", Kind)


@cache
def datasets() -> Registry[DatasetSpec]:
    """Every dataset."""
    return _table("dataset", "entitybench.datasets.registry:DATASETS", DatasetSpec)


@cache
def agents() -> Registry[AgentSpec]:
    """Every agent."""
    return _table("agent", "entitybench.agents.registry:AGENTS", AgentSpec)


@cache
def suites() -> Registry[SuiteSpec]:
    """Every suite."""
    return _table("suite", "entitybench.leaderboard.suites.registry:SUITES", SuiteSpec)


def kind_for(own: str | None, task: TaskSpec) -> Kind:
    """The kind that an agent is scored as in a task: its own where it has one, else the task's.

    Args:
        own: that of the agent (`AgentSpec.kind`); None where nothing tells it.
        task: where it acts.
    """
    return kinds()[task.kind if own in (None, "any", "part") else own]


def dataset_for(task: TaskSpec, kind: str) -> str | None:
    """The id of the dataset to train on in a task for agents of a kind; None where there is none.

    The task's default, unless that is not of the kind (see `Kind.offered_by`): then the first that
    is.
    """
    needed = kinds()[kind].offered_by if kind in kinds() else ""
    named = [task.default_dataset, *task.datasets]
    fit = (id for id in named if id and (not needed or getattr(datasets()[id], needed)))
    return next(fit, None)


def dataset_of(task: TaskSpec, named: Any) -> Any:
    """The id of a task's dataset that a short name means; whatever else is given, as it is.

    "mixed-obs" and "mixed-obs-v1" are `TASK/mixed-obs-v1`, the newest version without one; a size
    stays. A folder of that name is that folder.
    """
    if not isinstance(named, str) or "/" in named or Path(named).is_dir():
        return named
    name, at, size = named.partition("@")
    short = {id.rpartition("/")[2]: id for id in task.datasets}
    short |= {own.rpartition("-v")[0]: id for own, id in short.items()}
    return f"{short[name]}{at}{size}" if name in short else named


def agent(id: str) -> AgentSpec:
    """The spec of a registered agent, of `module:Class` or `path/to/file.py:Class`, or of a form.

    Raises UnknownId for what there is not, BadValue for a file or address of no form.
    """
    if not isinstance(id, str) or id in agents():
        return agents()[id]  # raises UnknownId
    if (form := form_of(id)) is not None:
        return AgentSpec(
            id=id,
            kind="any",
            target=form.target,
            presets=(),
            learns_from="nothing",
            extra=form.extra,
            source=id,
            summary=form.summary,
        )
    module, colon, name = id.rpartition(":")
    if colon and (module.endswith(".py") or (name.isidentifier() and _importable(module))):
        return AgentSpec(id=id, kind="any", target=id, presets=("small",), learns_from="nothing")
    if id.endswith(".py"):
        raise BadValue(f"{id} names a file but no class in it: write {id}:Class.")
    return agents()[id]


def _importable(module: str) -> bool:
    """Whether there is a package to import a module from; nothing is imported."""
    package = module.partition(".")[0]
    return package.isidentifier() and importlib.util.find_spec(package) is not None


def task(id: str) -> TaskSpec:
    """The spec of a registered task, or of `module:NAME` or `path/to/file.py:NAME`.

    Raises UnknownId for what there is not, BadValue for what is no task.
    """
    if not isinstance(id, str):
        return tasks()[id]  # raises UnknownId
    if id.endswith(".py"):
        raise BadValue(f"{id} names a file but no task in it: write {id}:NAME.")
    module, colon, name = id.rpartition(":")
    if not colon:
        return tasks()[id]
    if not module.endswith(".py") and not _importable(module):
        raise UnknownId(f"no module {module!r} to take {name!r} from; a file is FILE.py:{name}.")
    found = resolve(id)
    if not isinstance(found, TaskSpec):
        what = "a class" if isinstance(found, type) else f"of the type {type(found).__name__}"
        raise BadValue(f"{id} is {what}: name a variable that holds a TaskSpec.")
    return found


def lacking(spec: AgentSpec, target: Any) -> list[str]:
    """What `target` has not of all that the harness asks of the agent's class."""
    asked = [name for name in vars(Learner) if not name.startswith("_")]
    asked += [name for name, hint in Learner.__annotations__.items() if "ClassVar" in hint]
    if not spec.trains:
        asked = ["configure", "create"]
    if spec.scored:
        asked.append("policy" if spec.kind == "any" else kinds()[spec.kind].does)
    return [name for name in asked if not hasattr(target, name)]


def resolve_agent(spec: AgentSpec) -> Any:
    """The class of an agent. Raises BadValue when it lacks what the harness asks."""
    target = resolve(spec.target)
    missing = lacking(spec, target)
    if missing:
        raise BadValue(
            f"{spec.target} is no agent for {spec.kind} tasks: it lacks {', '.join(missing)} "
            "(entitybench.types.Learner says what each must do)."
        )
    return target


def reduction(target: str) -> Callable[[Mapping[str, Array]], float]:
    """The function of rows that a metric of a record is reduced by (see `Metric.reduce`).

    Records come from anywhere: code that they name is run only where a kind of tasks names it too.
    Raises UnknownId, and what it gives BadValue for rows without the values that it is made of.
    """
    if target not in {metric.reduce for kind in kinds() for metric in kind.metrics}:
        raise UnknownId(
            f"no kind of tasks here has a metric that is reduced by {target!r:.80}: install the "
            "package that the kind of the record comes from."
        )
    reduce = resolve(target)

    def guarded(rows: Mapping[str, Array]) -> float:
        try:
            return float(reduce(rows))
        except KeyError as error:
            raise BadValue(f"the rows have no values of {error}, which {target} needs.") from error

    return guarded


def resolve(target: str) -> Any:
    """The object that "module:attribute" or "path/to/file.py:attribute" names.

    Raises MissingExtra when an optional dependency is absent, UnknownId when there is no such
    thing.
    """
    module_name, _, attribute = target.rpartition(":")
    if module_name.endswith(".py"):
        path = Path(module_name)
        if not path.is_file():
            raise UnknownId(f"no file {module_name!r} to take {attribute!r} from.")
        with foreign(f"{module_name} cannot be imported"):
            module = _executed(path)
    else:
        try:
            module = importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            if error.name is not None and error.name.startswith("entitybench"):
                raise
            raise MissingExtra(
                f"{error.name} is not installed, and {target} needs it: pip install -e '.[all]'"
            ) from error
    if not hasattr(module, attribute):
        hint = did_you_mean(attribute, vars(module))
        raise UnknownId(f"{module_name} has no {attribute!r}.{hint}")
    return getattr(module, attribute)


def _executed(path: Path) -> ModuleType:
    """The module that a file is now, under a name of its own: another file's has another."""
    where = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()
    name = f"entitybench_user_{path.stem}_{where[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # before it runs: dataclasses look there, and pickle later
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
