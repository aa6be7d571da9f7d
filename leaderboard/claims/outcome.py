"""What `bench reproduce` found out, and how it is shown."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import BaseModel

from entitybench.leaderboard.claims.verdicts import Verdict
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

    def with_earlier(self) -> Reproduction:
        """This, and the verdicts on other claims that `path` already holds from the same code.

        So claims that are checked one by one end in one record. A record of other code, or one that
        cannot be read, is replaced.
        """
        try:
            earlier = Reproduction.model_validate_json(self.path.read_text())
        except (OSError, ValueError):
            return self
        same = ("method", "preset", "revision")
        if any(getattr(earlier, name) != getattr(self, name) for name in same):
            return self
        # Not every claim needs every library.
        if any(self.versions.get(name, found) != found for name, found in earlier.versions.items()):
            return self
        now = {verdict.claim for verdict in self.verdicts}
        kept = [verdict for verdict in earlier.verdicts if verdict.claim not in now]

        def both(name: str) -> list[str]:
            return list(dict.fromkeys([*getattr(earlier, name), *getattr(self, name)]))

        trained = both("trained")
        return self.model_copy(
            update={
                "versions": {**earlier.versions, **self.versions},
                "verdicts": [*kept, *self.verdicts],
                "trained": trained,
                "found": [name for name in both("found") if name not in trained],
                "shipped": both("shipped"),
                "records": both("records"),
            }
        )

    def text(self) -> str:
        """For a terminal."""
        lines = []
        for verdict in self.verdicts:
            lines += [f"{verdict.claim}: {verdict.word}", f"  claim      {verdict.statement}"]
            lines += [f"  published  {verdict.published}", f"  ours       {verdict.ours}"]
            lines += [
                f"             {verdict.task or 'no task'}, {verdict.training_seeds} training seeds"
                + (f" × {verdict.episodes} {verdict.item}s" if verdict.episodes else "")
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
