"""Results against claims: each check with its number and interval, then the verdict."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict

from entitybench.claims import Some
from entitybench.errors import BenchError
from entitybench.leaderboard.claims import pairing
from entitybench.leaderboard.claims.quantities import find
from entitybench.leaderboard.statistics.intervals import NONE
from entitybench.quantities import Mean

if TYPE_CHECKING:
    from entitybench.claims import Check, Claim
    from entitybench.leaderboard.claims.pairing import Found
    from entitybench.leaderboard.claims.quantities import Results
    from entitybench.quantities import Quantity


class Finding(BaseModel):
    """One check and how it came out."""

    model_config = ConfigDict(frozen=True)

    says: str  # the inequality in words
    value: float | None
    low: float | None
    high: float | None
    shown: str
    holds: bool
    required: bool
    why: str = ""


class Verdict(BaseModel):
    """A claim and whether it holds. `holds` None: the claim sets no bound, it is a report."""

    model_config = ConfigDict(frozen=True)

    claim: str
    task: str  # of several, with commas
    statement: str
    published: str
    ours: str
    training_seeds: int
    episodes: int  # items of each training seed
    item: str = "episode"  # what they are
    findings: list[Finding]
    holds: bool | None

    @property
    def word(self) -> str:
        """The verdict in words."""
        return {True: "holds", False: "does not hold", None: "reported"}[self.holds]


def judge(claim: Claim, results: Results) -> Verdict:
    """The verdict on a claim from the results of its arms.

    What the results do not hold, or what is no number, does not hold either: its finding says why.
    """
    findings = [_finding(check, results) for check in claim.checks]
    required = [finding.holds for finding in findings if finding.required]
    first = results.record(claim.arms[0].name) if claim.arms else None
    return Verdict(
        claim=claim.name,
        task=", ".join(claim.tasks),
        statement=claim.statement,
        published=claim.published,
        ours=_ours(claim, results),
        training_seeds=len(first.training_seeds) if first else claim.training_seeds,
        episodes=len(first.items) if first else 0,
        item=first.item if first else "episode",
        findings=findings,
        holds=all(required) if required else None,
    )


def _finding(check: Check | Some, results: Results) -> Finding:
    if isinstance(check, Some):
        return _some(check, results)
    try:
        found = find(check.quantity, results)
    except BenchError as error:
        nothing = {"value": None, "low": None, "high": None, "holds": False}
        shown = f"undefined: {str(error).rstrip('.')}"
        words = {"says": check.says(), "shown": shown, "required": check.required}
        return Finding.model_validate({**nothing, **words, "why": check.why})
    notes = list(found.notes)
    if check.by == "every seed":
        notes.insert(0, f"by training seed {pairing.by_seed(found)}")
    if found.interval.method.startswith(NONE) and not found.word:
        notes.append(found.interval.method)
    return Finding(
        says=check.says(found.unit.scale),
        value=_number(found.interval.mean),
        low=_number(found.interval.low),
        high=_number(found.interval.high),
        shown=pairing.text(found) + (f" ({'; '.join(notes)})" if notes else ""),
        holds=_holds(check, found),
        required=check.required,
        why=check.why,
    )


def _holds(check: Check, found: Found) -> bool:
    """Whether it is within its bounds. What is no number is not."""
    low = -math.inf if check.at_least is None else check.at_least
    high = math.inf if check.at_most is None else check.at_most
    if check.by == "interval":
        ends = (found.interval.low, found.interval.high)
        above = check.at_least is None or ends[0] > low
        return (
            above and (check.at_most is None or ends[1] < high) and not any(map(math.isnan, ends))
        )
    values = found.values if check.by == "every seed" else np.array([found.interval.mean])
    return bool(((low <= values) & (values <= high)).all())


def _some(some: Some, results: Results) -> Finding:
    findings = [_finding(check, results) for check in some.of]
    held = sum(finding.holds for finding in findings)
    each = "; ".join(f"{'yes' if finding.holds else 'no'}, {finding.shown}" for finding in findings)
    return Finding(
        says=f"at least {some.n} of {len(some.of)}: {'; '.join(x.says for x in findings)}",
        value=float(held),
        low=None,
        high=None,
        shown=f"{held} of {len(some.of)}: {each}",
        holds=held >= some.n,
        required=some.required,
        why=some.why,
    )


def _ours(claim: Claim, results: Results) -> str:
    """What the first check is about, of every arm: the primary metric with its interval, mostly."""
    leaf = next((x for x in claim.quantities() if getattr(x, "arm", None) is not None), None)
    if leaf is None:
        return ", ".join(_unit_claim(quantity, results) for quantity in claim.quantities())
    cells, unit = [], ""
    for arm in claim.arms:
        try:
            found = find(replace(leaf, arm=arm.name), results)  # type: ignore[type-var]
        except BenchError:
            continue  # its finding says so where a check is about it
        unit = " %" if found.unit.share else ""
        if isinstance(leaf, Mean):
            cells.append(f"{arm.name} {pairing.text(found)}{unit}")
        else:
            cells.append(f"{arm.name} {pairing.number(found)}{unit}")
    if isinstance(leaf, Mean) and leaf.metric == results.record(leaf.arm).metrics[0].name:
        return ", ".join(cells)
    return f"{leaf.title}: {', '.join(cells)}"


def _unit_claim(quantity: Quantity, results: Results) -> str:
    try:
        return f"{quantity} {pairing.text(find(quantity, results))}"
    except BenchError:
        return f"{quantity} undefined"


def _number(x: float) -> float | None:
    return x if math.isfinite(x) else None
