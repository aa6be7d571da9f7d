"""The index of pages: every registered dataset by family, those without a page too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from entitybench.datasets.catalogue.shapes import disk_bytes, transitions
from entitybench.datasets.pages.text import code, family, megabytes, normalised, number, percent
from entitybench.datasets.pages.text import table as tabulate
from entitybench.registry import datasets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.datasets.pages.facts import Facts
    from entitybench.types import DatasetSpec

HEAD = ("dataset", "transitions", "on disk", "return", "normalised", "success", "behaviour")


def index(drawn: Mapping[str, Facts]) -> str:
    """The index as Markdown.

    Args:
        drawn: the facts of those that have a page beside it, by id.
    """
    families: dict[str, list[DatasetSpec]] = {}
    for spec in datasets():
        families.setdefault(family(spec.task) or "others", []).append(spec)
    known = [spec for specs in families.values() for spec in specs]
    count = sum(spec.id in drawn for spec in known)
    parts = [
        "# The datasets, one by one",
        f"{len(known)} datasets are registered; {count} are drawn here, from the data that their "
        "seed makes. A page has a picture (coverage, returns, moments of episodes), scores, "
        "labels, columns and hashes. `bench page` makes one of any dataset, yours too; "
        "`make dataset-pages` makes these.",
        "Return: the mean over episodes. Normalised: random actions are 0, the script is 100; "
        "– where the data's episodes have another length than those of the reference scores. "
        "Success: in the last state, for the goal that the reset drew.",
    ]
    for name, specs in families.items():
        parts.append(f"## {name.capitalize()}")
        first = next((spec.id for spec in specs if spec.id in drawn), None)
        if first is not None:
            parts.append(f"![Coverage, returns and moments]({first}.webp)\n\n*{code(first)}*")
        parts.append(tabulate([HEAD, *(_row(spec, drawn.get(spec.id)) for spec in specs)]))
    return "\n\n".join(parts) + "\n"


def _row(spec: DatasetSpec, facts: Facts | None) -> tuple[str, ...]:
    if facts is None:
        size = disk_bytes(spec)
        disk = "–" if size is None else f"about {size / 1e6:,.0f} MB"
        about = f"about {transitions(spec):,}"
        return code(spec.id), about, disk, "not drawn yet", "", "", spec.summary
    measured, score = facts["measured"], normalised(facts)
    mean = measured["return"]
    return (
        f"[{code(spec.id)}]({spec.id}.md)",
        f"{facts['manifest']['transitions']:,}",
        megabytes(facts["manifest"]),
        "–" if mean is None else number(mean["mean"]),
        "–" if score is None else f"{score:.1f}",
        percent(measured["success"]),
        spec.summary,
    )
