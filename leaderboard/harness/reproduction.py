"""What `bench reproduce` found out, and how it is shown."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import BaseModel

from entitybench.leaderboard.harness.judge import Verdict
from entitybench.records import Revision


class Reproduction(BaseModel):
    """The outcome, as it is written to OUT."""

    method: str
    preset: str
    verdicts: list[Verdict]
    trained: list[str]  # in this call
    found: list[str]  # trained by an earlier call, in OUT
    shipped: list[str]  # taken from the package
    records: list[str]  # relative to OUT
    versions: dict[str, str]
    revision: Revision | None
    created: str
    out: str = ""

    @property
    def path(self) -> Path:
        """The record file."""
        return Path(self.out) / f"{self.method}-{self.preset}.json"

    def to_json(self) -> str:
        """The text of the record file."""
        return json.dumps(self.model_dump(mode="json", exclude={"out"}), indent=1) + "\n"

    def text(self) -> str:
        """For a terminal."""
        lines = []
        for verdict in self.verdicts:
            lines += [f"{verdict.claim}: {verdict.word}", f"  claim      {verdict.statement}"]
            lines += [f"  published  {verdict.published}", f"  ours       {verdict.ours}"]
            lines += [
                f"             {verdict.task}, {verdict.training_seeds} training seeds × "
                f"{verdict.episodes} episodes"
            ]
            for finding in verdict.findings:
                word = "yes" if finding.holds else "no"
                word = word if finding.required else f"({word})"
                why = f"; {finding.why}" if finding.why else ""
                lines.append(f"  {word:>9}  {finding.says}: {finding.shown}{why}")
            lines.append("")
        return "\n".join([*lines, self._sources()])

    def markdown(self) -> str:
        """A table, a row for each claim."""
        rows = [
            "| claim | statement | published | ours | checks | verdict |",
            "|---|---|---|---|---|---|",
        ]
        for verdict in self.verdicts:
            checks = "<br>".join(f"{finding.says}: {finding.shown}" for finding in verdict.findings)
            cells = [verdict.claim, verdict.statement, verdict.published, verdict.ours, checks]
            cells.append(f"**{verdict.word}**")
            rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        return "\n".join([*rows, "", self._sources()])

    def _sources(self) -> str:
        parts = [
            f"{len(names)} {words}"
            for names, words in (
                (self.trained, "trained now"),
                (self.found, f"trained earlier, in {self.out}"),
                (self.shipped, "shipped with the package"),
            )
            if names
        ]
        return f"Checkpoints: {', '.join(parts) or 'none'}."
