"""Whose episodes a viewer has: what its index file, its table and its page are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from entitybench.words import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.records import Row
    from entitybench.types import TaskSpec

INDEX, GEOMETRY, TABLE = "index.js", "geometry.js", "episodes.csv"  # files of a viewer's folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The episodes of one agent, of one training seed.

    Attributes:
        folder: where the viewer's files of its episodes are.
        label: the agent, as tables name it.
        training_seed: of the agent.
        level: that its bundle reached when it was looked at.
        sha256: of the bundle.
        rows: what the record says of its episodes, by start.
        jumps: the largest change of action by episode.
    """

    folder: str
    label: str
    training_seed: int
    level: int
    sha256: str
    rows: Sequence[Row]
    jumps: dict[str, float]

    @property
    def name(self) -> str:
        """Who acts, in words."""
        return f"{visible(self.label)}, training seed {self.training_seed}"


@dataclass(frozen=True, slots=True)
class Entry:
    """One episode in the list."""

    item: int
    success: bool
    steps: int
    total: float  # return
    jump: float  # the largest change of an action's number

    @property
    def outcome(self) -> str:
        """In a word."""
        return "success" if self.success else "failed"


@dataclass(frozen=True, slots=True)
class Index:
    """Everything that one viewer shows."""

    task: TaskSpec
    name: str  # of the task, with its version
    sources: list[Source]

    def json(self) -> dict[str, Any]:
        """What the viewer reads; episodes as columns."""
        return {
            "task": self.name,
            "sources": [
                {
                    "folder": source.folder,
                    "name": source.name,
                    "level": source.level,
                    "sha256": source.sha256,
                    "item": [entry.item for entry in entries(source)],
                    "success": [int(entry.success) for entry in entries(source)],
                    "steps": [entry.steps for entry in entries(source)],
                    "return": [round(entry.total, 3) for entry in entries(source)],
                    "jump": [round(entry.jump, 3) for entry in entries(source)],
                }
                for source in self.sources
            ],
        }

    def csv(self) -> str:
        """All episodes as a table of text."""
        lines = ["agent,training_seed,start,outcome,steps,return,largest_change_of_action,states"]
        for source in self.sources:
            label = source.label.replace('"', "'")
            lines += [
                f'"{label}",{source.training_seed},{entry.item},{entry.outcome},{entry.steps},'
                f"{entry.total:.6g},{entry.jump:.3f},{source.folder}/{entry.item}.npy"
                for entry in entries(source)
            ]
        return "\n".join(lines) + "\n"


def entries(source: Source) -> list[Entry]:
    """The list of a source, by start."""
    return [
        Entry(
            row.item,
            bool(row.values.get("success")),
            int(row.values.get("length") or 0),
            float(row.values.get("return") or 0.0),
            source.jumps.get(str(row.item), 0.0),
        )
        for row in sorted(source.rows, key=lambda row: row.item)
    ]
