"""Which records make one row, and that row's record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from entitybench.checkpoints import today
from entitybench.datasets.catalogue.shapes import hash_today
from entitybench.errors import RecordError
from entitybench.records import Columns, Costs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.records import DataInfo, Record

Origin = Literal["", "yours", "shipped"]  # "": the table does not tell them apart
Key = tuple[str, str, str | None, str, str]  # agent, it with its data, preset, task, kind


def key_of(record: Record) -> Key:
    """What records of one row have in common."""
    return record.agent.id, record.label, record.agent.preset, record.task.id, record.kind


@dataclass(frozen=True)
class Named:
    """A record and where it is from."""

    record: Record
    source: str = ""  # its file; "" where it has none
    origin: Origin = ""

    @property
    def version(self) -> str:
        """Of the task, and where that stands."""
        number = self.record.task.version
        return f"{number} ({self.source})" if self.source else str(number)


def _learned_from(record: Record) -> set[tuple[str | None, ...]]:
    """Hashes of the data and names of the parts; records of schema 1 name no dataset."""
    return {_content(each) for each in record.data}


def _content(data: DataInfo) -> tuple[str | None, ...]:
    return (hash_today(data.sha256), *sorted(data.parts))


def check_data(each: Named) -> None:
    """Raise RecordError where training seeds of one record learned from different data."""
    record = each.record
    for other in record.data:
        first = record.data[0]
        if _content(first) != _content(other):
            if first.training_seed == other.training_seed:
                raise RecordError(
                    f"the record of {record.label} on {record.task.id}"
                    f"{f' ({each.source})' if each.source else ''} says twice what training seed "
                    f"{first.training_seed} learned from; evaluate it again."
                )
            raise RecordError(
                f"training seeds {first.training_seed} and {other.training_seed} of {record.label} "
                f"on {record.task.id} learned from different data or parts"
                f"{f' ({each.source})' if each.source else ''} and cannot share a row; evaluate "
                "them apart."
            )
    told = {each.training_seed for each in record.data}
    if told and (untold := [seed for seed in record.training_seeds if seed not in told]):
        raise RecordError(
            f"the record of {record.label} on {record.task.id}"
            f"{f' ({each.source})' if each.source else ''} does not say what training seed "
            f"{untold[0]} learned from; evaluate it again."
        )


def _both(a: Named, b: Named) -> str:
    return f" ({a.source} and {b.source})" if a.source and b.source else ""


def check(group: Sequence[Named]) -> None:
    """Raise RecordError where records do not make one row."""
    first, owners = group[0].record, dict[int, Named]()
    for each in group:
        check_data(each)
        other = each.record
        both = _both(group[0], each)
        for what, mine, its in (
            ("tasks", first.hashes.task, other.hashes.task),
            ("configurations", today(first.agent.config), today(other.agent.config)),
            ("MuJoCo versions", first.versions.get("mujoco"), other.versions.get("mujoco")),
            (f"{first.item} seeds", first.items, other.items),
            ("datasets", _learned_from(first), _learned_from(other)),
        ):
            if mine != its:
                raise RecordError(
                    f"two records{both} of {first.label} on {first.task.id} have different {what} "
                    "and cannot share a row."
                )
    for each in group:
        for seed in each.record.training_seeds:
            owner = owners.setdefault(seed, each)
            if owner is not each:
                raise RecordError(
                    f"training seed {seed} of {first.label} on {first.task.id} is in two "
                    f"records{_both(owner, each)}; give one of them, or their folder, of which "
                    "the newest count."
                )


def merge(group: Sequence[Named]) -> Record:
    """One record of all training seeds. Raises RecordError where records do not belong together."""
    check(group)
    records = [each.record for each in group]
    first = records[0]
    if len(records) == 1:
        return first
    return first.model_copy(
        update={
            "columns": Columns.of([row for record in records for row in record.rows]),
            "data": [each for record in records for each in record.data],
            "costs": _costs(records),
            "diagnostics": {k: v for record in records for k, v in record.diagnostics.items()},
            "hashes": first.hashes.model_copy(
                update={"weights": {k: v for r in records for k, v in r.hashes.weights.items()}}
            ),
        }
    )


def _costs(records: Sequence[Record]) -> Costs | None:
    """Of one row; None unless all records tell theirs."""
    known = [record.costs for record in records if record.costs is not None]
    return Costs.together(known) if len(known) == len(records) else None


def newest(
    group: Sequence[Named], fixed: Sequence[Named] = ()
) -> tuple[list[Named], list[tuple[Named, RecordError]]]:
    """Those of a key's records that make one row: what is `fixed`, and the newest that go with it.

    Left out are older ones of the same training seeds, those made otherwise than newer ones (with
    other settings, starts or data), and those that are not sound by themselves.

    Returns:
        The records, and those that are not sound with what is wrong. Where none is kept before
        one of these, that is raised.
    """
    kept, wrong = list(fixed), list[tuple[Named, RecordError]]()
    for each in sorted(group, key=lambda named: named.record.created, reverse=True):
        try:
            check_data(each)
        except RecordError as error:
            if not kept:
                raise
            wrong.append((each, error))
            continue
        try:
            check([*kept, each])
        except RecordError:
            continue
        kept.append(each)
    return kept, wrong
