"""What a bundle is held to: one table, from which checker, report and rules' page are made."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from entitybench.checks import DONE, FAILED, SKIPPED, counted, how
from entitybench.words import squeezed

_ANEW = "pack it anew with `bench submit RECORD --pack FILE.zip`"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule."""

    level: int  # that a bundle does not reach which breaks it
    what: str  # what holds
    advice: str  # what to do where it does not


# In the order in which they are looked at; for the levels see LEVELS.
RULES: dict[str, Rule] = {
    "archive": Rule(
        0, "a zip archive of a bundle's files alone, within the limits", f"{_ANEW}, not by hand"
    ),
    "schema": Rule(0, "manifest and record follow their schemas", _ANEW),
    "files": Rule(
        1, "the files of the manifest, each with its size and SHA-256", f"send it again, or {_ANEW}"
    ),
    "signature": Rule(
        1,
        "the signature, if there is one, is of this manifest",
        "sign it anew: `bench submit RECORD --pack FILE.zip --key KEY`",
    ),
    "record": Rule(1, "the manifest says what its record says", _ANEW),
    "task": Rule(
        1,
        "task, version, scene and metrics are those of this build",
        "evaluate again with this version of entitybench, without changes to its worlds",
    ),
    "data": Rule(
        1,
        "data are called registered where their content is the registered one",
        "train on the registered data, or say that they are your own by evaluating again",
    ),
    "complete": Rule(
        1,
        "all episodes 0, 1, … of all training seeds 0, 1, …, each once",
        "evaluate every episode of every training seed, the bad ones too, in one record",
    ),
    "arrays": Rule(1, "arrays of the task's shapes, numbers finite", _ANEW),
    "starts": Rule(
        2,
        "every episode begins where its seed makes it begin",
        "evaluate from the starts of the task: they are drawn from the seed, not sent",
    ),
    "physics": Rule(
        2,
        "the recorded actions lead from each recorded state to the next one",
        "evaluate again with this build, and send its actions and states as they were recorded",
    ),
    "scores": Rule(
        2,
        "the record's numbers are those of the states simulated again",
        "send the record that `bench eval` wrote, without changes",
    ),
    "actions": Rule(
        3,
        "the agent, with the weights that the record names, chooses the recorded actions",
        "name the folder of its weights with --weights, or evaluate again with this build",
    ),
    "hidden": Rule(
        4,
        "the agent acts from starts that were secret when the bundle was fixed, and what a board "
        "published of them comes out again",
        "register the agent, pack it with --with-weights, and send it while a season is open",
    ),
}
LEVELS = ("claimed", "complete", "re-simulated", "re-run", "hidden starts")
PROVES = "Level 2 proves the physics, and not who chose the actions."
RERUN = "At level 3 the agent chose the actions of the episodes that were drawn."
HIDDEN = "At level 4 it also acted from starts that nobody knew when it was fixed."
MEANS = (PROVES, PROVES, PROVES, RERUN, HIDDEN)  # by level


@dataclass(frozen=True, slots=True)
class Finding:
    """One breach of a rule, or as a "warning" what readers should know."""

    severity: Literal["error", "warning"]
    rule: str
    file: str
    where: str  # training seed, episode and step, or the field
    what: str  # what is wrong, with numbers
    advice: str


# Training seed, item, numbers by name, error: of an episode, from the states simulated again.
Scored = tuple[int, int, dict[str, float | None], str | None]


@dataclass(slots=True)
class Report:
    """What looking at a bundle gave; exit code, text and JSON are made of it."""

    bundle: str
    task: str = ""
    agent: str = ""
    sha256: str = ""  # of the bundle's bytes
    signed_by: str = ""  # public key, hex; empty: unsigned
    findings: list[Finding] = field(default_factory=list)
    measured: dict[str, float] = field(default_factory=dict)
    looked: set[str] = field(default_factory=set)  # rules that were looked at
    absent: dict[str, str] = field(default_factory=dict)  # rules with nothing to look at, and why
    skipped: dict[str, str] = field(default_factory=dict)  # rules that nobody asked for, and why

    scored: list[Scored] = field(default_factory=list)  # where numbers are made anew
    hidden: dict[str, Any] | None = None  # what came of hidden starts; see season.py

    def find(
        self, rule: str, what: str, *, file: str = "", where: str = "", warning: bool = False
    ) -> None:
        """Note a breach of a rule."""
        self.findings.append(
            Finding(
                "warning" if warning else "error",
                rule,
                squeezed(file, 200),
                squeezed(where, 200),
                squeezed(what, 400),
                RULES[rule].advice,
            )
        )

    @property
    def checks(self) -> dict[str, str]:
        """Of each rule whether it is done, skipped and why, or failed."""
        failed = {finding.rule for finding in self.findings if finding.severity == "error"}
        said = {}
        for rule in RULES:
            why = self.skipped.get(rule) or self.absent.get(rule, "what comes before it failed")
            said[rule] = DONE if rule in self.looked else how(SKIPPED, why)
            said[rule] = FAILED if rule in failed else said[rule]
        return said

    @property
    def errors(self) -> int:
        """Findings that are no warnings."""
        return sum(finding.severity == "error" for finding in self.findings)

    @property
    def level(self) -> int | None:
        """What the bundle reaches, a place in LEVELS; None: it is no bundle."""
        reached, checks = None, self.checks
        for level in range(len(LEVELS)):
            of_level = [name for name, rule in RULES.items() if rule.level == level]
            held = (DONE, *(how(SKIPPED, why) for why in self.absent.values()))
            if not all(checks[name] in held for name in of_level):
                break
            reached = level
        return reached

    @property
    def proves(self) -> str:
        """What the level means, and what not."""
        return MEANS[self.level or 0]

    @property
    def counts(self) -> dict[str, int]:
        """How many rules were done, skipped and failed."""
        return counted(self.checks.values())

    def json(self) -> dict[str, Any]:
        """All of it."""
        return {
            "bundle": self.bundle,
            "task": self.task,
            "agent": self.agent,
            "sha256": self.sha256,
            "signed_by": self.signed_by or None,
            "level": self.level,
            "proves": self.proves,
            "checks": self.checks,
            "counts": self.counts,
            "errors": self.errors,
            "findings": [asdict(finding) for finding in self.findings],
            "measured": self.measured,
            "hidden": self.hidden,
        }
