"""The index of pages: every registered dataset by family, those without a page too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from entitybench.datasets.catalogue.shapes import disk_bytes, transitions
from entitybench.datasets.pages.markup import code, megabytes, number, percent
from entitybench.datasets.pages.markup import table as tabulate
from entitybench.datasets.pages.text import family, normalised
from entitybench.registry import datasets

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from entitybench.datasets.pages.facts import Facts
    from entitybench.types import DatasetSpec

HEAD = ("dataset", "transitions", "on disk", "return", "normalised", "success", "behaviour")


# Of each family of worlds the dataset whose page and picture stay in a checkout.
SHOWN = {
    "causal": "sprites/random-absent-v1",
    "hockey": "hockey-2v2/mixed-obs-v1",
    "kitchen": "kitchen-4tasks/partial-v1",
    "locomotion": "hopper/medium-replay-v1",
    "pick": "scene/play-v1",
    "push": "push-3blocks/play-v1",
    "robosuite": "robosuite-stack/noisy-v1",
    "team": "team-pushbox/mixed-obs-v1",
    "tetris": "tetris-3pieces/random-v1",
}


def families() -> dict[str, list[DatasetSpec]]:
    """The registered datasets by the family of worlds of their task."""
    found: dict[str, list[DatasetSpec]] = {}
    for spec in datasets():
        found.setdefault(family(spec.task) or "others", []).append(spec)
    return found


def index(drawn: Mapping[str, Facts], *, pages: Collection[str], pictures: Collection[str]) -> str:
    """The index as Markdown.

    Args:
        drawn: the facts of those that were measured, by id.
        pages: ids of those that have a page beside it.
        pictures: ids of those that have a picture beside it.
    """
    groups = families()
    known = [spec.id for specs in groups.values() for spec in specs]
    measured, here = (sum(id in some for id in known) for some in (drawn, pages))
    others = "" if here == measured else f"{here} of them have a page here, one a family of worlds"
    parts = [
        "# The datasets, one by one",
        f"{len(known)} datasets are registered; the numbers of {measured} are those of the data "
        f"that their seed makes. {others and others + '; `make docs` writes a page of each. '}"
        "A page has a picture (coverage, returns, moments of episodes), scores, labels, columns "
        "and hashes. `bench page` makes one of any dataset, yours too.",
        "Transitions: of training and validation episodes together. "
        "Return: the mean over episodes. Normalised: random actions are 0, the script is 100; "
        "– where the data's episodes have another length than those of the reference scores. "
        "Success: in the last state, for the goal that the reset drew.",
    ]
    for name, specs in groups.items():
        parts.append(f"## {name.capitalize()}")
        first = next((id for id in _best_first(name, specs) if id in pictures), None)
        if first is not None:
            parts.append(f"![Coverage, returns and moments]({first}.webp)\n\n*{code(first)}*")
        rows = [_row(spec, drawn.get(spec.id), spec.id in pages) for spec in specs]
        parts.append(tabulate([HEAD, *rows]))
    return "\n\n".join(parts) + "\n"


def _best_first(name: str, specs: Sequence[DatasetSpec]) -> list[str]:
    return [*([SHOWN[name]] if name in SHOWN else []), *(spec.id for spec in specs)]


def _row(spec: DatasetSpec, facts: Facts | None, is_page: bool) -> tuple[str, ...]:
    if facts is None:
        size = disk_bytes(spec)
        disk = "–" if size is None else f"about {size / 1e6:,.0f} MB"
        about = f"about {transitions(spec):,}"
        return code(spec.id), about, disk, "not drawn yet", "", "", spec.summary
    measured, score = facts["measured"], normalised(facts)
    mean = measured["return"]
    return (
        f"[{code(spec.id)}]({spec.id}.md)" if is_page else code(spec.id),
        f"{facts['manifest']['transitions']:,}",
        megabytes(facts["manifest"]),
        "–" if mean is None else number(mean["mean"]),
        "–" if score is None else f"{score:.1f}",
        percent(measured["success"]),
        spec.summary,
    )
