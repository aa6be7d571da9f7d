"""What the package itself says: tasks, agents, datasets, claims with their committed verdicts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from entitybench import registry
from entitybench.datasets.catalogue.shapes import disk_bytes, measured, transitions
from entitybench.datasets.pages.text import family
from entitybench.errors import RecordError
from entitybench.leaderboard.board.model import Agent, Claim, Dataset, Inequality, Task, Verdict
from entitybench.leaderboard.claims.outcome import Reproduction
from entitybench.leaderboard.claims.registered import all_claims

if TYPE_CHECKING:
    from pathlib import Path

    from entitybench.leaderboard.claims import verdicts
    from entitybench.types import DatasetSpec


def tasks() -> tuple[Task, ...]:
    """Every registered task."""
    return tuple(
        Task(
            id=spec.id,
            version=spec.version,
            kind=spec.kind,
            family=family(spec.id) or "others",
            horizon=spec.horizon,
            summary=spec.summary,
            datasets=spec.datasets,
            tags=tuple(sorted(spec.tags)),
        )
        for spec in registry.tasks()
    )


def agents() -> tuple[Agent, ...]:
    """Every registered agent that acts by itself."""
    return tuple(
        Agent(
            id=spec.id,
            kind=spec.kind,
            summary=spec.summary,
            paper=spec.paper,
            learns_from=spec.learns_from,
        )
        for spec in registry.agents()
        if spec.scored
    )


def datasets() -> tuple[Dataset, ...]:
    """Every registered dataset."""
    return tuple(_dataset(spec) for spec in registry.datasets())


def _dataset(spec: DatasetSpec) -> Dataset:
    known = measured().get(spec.id)
    return Dataset(
        id=spec.id,
        task=spec.task,
        summary=spec.summary,
        episodes=spec.episodes,
        length=spec.length,
        transitions=transitions(spec),
        size=disk_bytes(spec) if known is None else known.bytes,
        sha256="" if known is None else known.sha256,
    )


def claims(folder: Path) -> tuple[Claim, ...]:
    """Every claim, with the verdicts that a folder of `bench reproduce`'s records holds.

    Raises RecordError for a file there that is none.
    """
    found = [reproduction(path) for path in sorted(folder.glob("*.json"))]
    return tuple(
        Claim(
            method=claim.method,
            name=claim.name,
            statement=claim.statement,
            published=claim.published,
            tasks=tuple(claim.tasks),
            presets=tuple(claim.presets),
            verdicts=tuple(
                _verdict(each, made)
                for made in found
                if made.method == claim.method
                for each in made.verdicts
                if each.claim == claim.name
            ),
        )
        for claim in all_claims()
    )


def reproduction(path: Path) -> Reproduction:
    """The outcome of `bench reproduce` in a file. Raises RecordError."""
    try:
        return Reproduction.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RecordError(f"{path} is no outcome of `bench reproduce`.") from error


def _verdict(found: verdicts.Verdict, made: Reproduction) -> Verdict:
    preset = "" if made.preset == "small" else f" --preset {made.preset}"
    revision = made.revision
    return Verdict(
        preset=made.preset,
        ours=found.ours,
        word=found.word,
        training_seeds=found.training_seeds,
        episodes=found.episodes,
        item=found.item,
        checks=tuple(
            Inequality(says=x.says, shown=x.shown, holds=x.holds, required=x.required, why=x.why)
            for x in found.findings
        ),
        created=made.created,
        revision="" if revision is None else revision.commit + "+" * revision.dirty,
        command=f"bench reproduce {made.method} --claim {found.claim}{preset}",
    )
