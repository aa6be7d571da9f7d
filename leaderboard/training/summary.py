"""What a finished run came to: one line of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from entitybench.leaderboard.training.metrics import METRICS, read_metrics
from entitybench.leaderboard.training.runs import RunFolder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from entitybench.kinds import Kind

_RATES = ("step", "learning_rate", "updates_per_s")  # numbers that say nothing about the result


@dataclass(frozen=True)
class Summary:
    """The last numbers of a run."""

    seed: int
    folder: Path
    step: int
    unit: str
    metrics: Mapping[str, float]
    evaluation: Mapping[str, float] | None  # the last one on validation seeds

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "seed": self.seed,
            "folder": str(self.folder),
            "step": self.step,
            "metrics": dict(self.metrics),
            "evaluation": self.evaluation,
        }

    def text(self, kind: Kind) -> str:
        """A line: steps, speed, what was minimised, and what an evaluation listed."""
        parts = [f"{self.step:,} {self.unit}"]
        if self.metrics.get("updates_per_s", 0) >= 1:
            parts.append(f"{self.metrics['updates_per_s']:.0f}/s")
        shown = [(name, x) for name, x in self.metrics.items() if name not in _RATES]
        parts += [f"{name} {x:.4g}" for name, x in shown[:2]]
        known = {metric.name: metric for metric in kind.metrics}
        for name in kind.listed or (kind.primary.name,):
            if self.evaluation and name in self.evaluation:
                value = known[name].scale * self.evaluation[name]
                parts.append(f"{known[name].title} {value:.{known[name].digits}f}")
        return f"seed {self.seed}: {', '.join(parts)}"


def summary_of(seed: int, folder: Path) -> Summary:
    """Of a finished run, from its metrics.jsonl."""
    step, metrics, evaluation = 0, {}, None
    for row in read_metrics(folder / METRICS):
        step = max(step, row["step"])
        if "evaluation" in row:
            evaluation = row["evaluation"]
        else:
            metrics = {name: value for name, value in row.items() if name != "step"}
    asked = RunFolder(folder.parent, seed).finished() or {}
    unit = str(asked.get("unit", "updates"))
    return Summary(seed, folder, step, unit, metrics, evaluation)
