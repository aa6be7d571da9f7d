"""What a suite asks: its entries, the kind of evaluation, and what a score is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from entitybench import registry
from entitybench.errors import BadValue, training_seeds, whole
from entitybench.kinds import NORMALISED

if TYPE_CHECKING:
    from entitybench.kinds import Kind, Metric
    from entitybench.types import SuiteSpec, TaskSpec


@dataclass(frozen=True)
class Entry:
    """A task, and the dataset to learn it from."""

    id: str  # of the dataset, or of a task that nothing is learned for
    task: TaskSpec
    dataset: str | None

    @property
    def name(self) -> str:
        """The dataset within its task; "" without one."""
        return "" if self.dataset is None else self.dataset.rpartition("/")[2]


def entries(suite: SuiteSpec) -> list[Entry]:
    """Those of a suite. Raises UnknownId for one that is neither a dataset nor a task."""
    found = []
    for id in suite.data:
        if id in registry.datasets():
            found.append(Entry(id, registry.tasks()[registry.datasets()[id].task], id))
        else:
            table = registry.datasets() if "/" in id else registry.tasks()
            table[id]  # raises UnknownId, with the nearest
            found.append(Entry(id, registry.tasks()[id], None))
    return found


def kind_of(suite: SuiteSpec) -> Kind:
    """How all its tasks can be scored, by a kind that has its metric. Raises BadValue."""
    shared = [{entry.task.kind, *entry.task.also} for entry in entries(suite)]
    fit = [
        kind
        for kind in registry.kinds()
        if all(kind.id in each for each in shared)
        and any(metric.name == suite.metric for metric in kind.metrics)
    ]
    if len(fit) != 1:
        many = " and ".join(kind.id for kind in fit) or "none"
        raise BadValue(
            f"the tasks of the suite {suite.id} share one kind with the metric {suite.metric}: "
            f"there is {many}."
        )
    return fit[0]


def metric_of(suite: SuiteSpec) -> Metric:
    """What its scores are made of. Raises BadValue for what is no share and not normalised."""
    metric = next(m for m in kind_of(suite).metrics if m.name == suite.metric)
    if not metric.share and metric.name != NORMALISED.name:
        raise BadValue(
            f"scores of the suite {suite.id} are shares or {NORMALISED.name}: {metric.name} is "
            "neither."
        )
    return metric


def check(suite: SuiteSpec) -> None:
    """Raise BadValue or UnknownId unless it can be evaluated and scored."""
    if not suite.data:
        raise BadValue(f"the suite {suite.id} has no data: name datasets, or tasks.")
    if twice := [id for id in suite.data if suite.data.count(id) > 1]:
        raise BadValue(f"the suite {suite.id} names {twice[0]} twice.")
    metric_of(suite)
    training_seeds(suite.training_seeds)
    whole("episodes", suite.episodes)
    whole("updates", suite.updates, 0)


def title_of(suite: SuiteSpec) -> str:
    """What a score is, in words."""
    metric = metric_of(suite)
    words = metric.title.removesuffix(" (%)")
    return words if metric.higher_is_better else f"100 − {words}"
