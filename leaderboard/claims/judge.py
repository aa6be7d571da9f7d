"""Records against claims: each check with its number and interval, then the verdict."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict

from entitybench.errors import RecordError
from entitybench.leaderboard.statistics import bootstrap
from entitybench.leaderboard.statistics.intervals import NO_DATA, Interval, student
from entitybench.leaderboard.tables.compare import compare
from entitybench.leaderboard.tables.data import aligned, cell, metric_of, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.leaderboard.reference.claims import Check, Claim
    from entitybench.records import Record


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
    task: str
    statement: str
    published: str
    ours: str
    training_seeds: int
    episodes: int
    findings: list[Finding]
    holds: bool | None

    @property
    def word(self) -> str:
        """The verdict in words."""
        return {True: "holds", False: "does not hold", None: "reported"}[self.holds]


def judge(claim: Claim, records: Mapping[str, Record]) -> Verdict:
    """The verdict on a claim from the records of its arms, by agent id."""
    findings = [_finding(check, records) for check in claim.checks]
    required = [finding.holds for finding in findings if finding.required]
    first = records[claim.arms[0].agent]
    return Verdict(
        claim=claim.name,
        task=claim.task,
        statement=claim.statement,
        published=claim.published,
        ours=_ours(claim, records),
        training_seeds=len(first.training_seeds),
        episodes=len(first.items),
        findings=findings,
        holds=all(required) if required else None,
    )


def _ours(claim: Claim, records: Mapping[str, Record]) -> str:
    """What each arm scored; in a claim about a diagnostic, the diagnostic."""
    for check in claim.checks:
        if check.kind == "diagnostic":
            cells = (f"{a.agent} {_mean_of(records[a.agent], check.metric)}" for a in claim.arms)
            return f"{check.metric.replace('_', ' ')}: {', '.join(cells)}"
    success = metric_of(records[claim.arms[0].agent], "success")
    cells = (f"{a.agent} {shown(cell(records[a.agent], 'success'), success)} %" for a in claim.arms)
    return ", ".join(cells)


def _mean_of(record: Record, name: str) -> str:
    return f"{np.mean(list(diagnostic(record, name).values())):.2f}"


def _finding(check: Check, records: Mapping[str, Record]) -> Finding:
    a = records[check.a]
    b = records[check.b] if check.b is not None else None
    if check.kind == "ratio" and b is not None:
        found = ratio(a, b, check.metric)
        says = f"{check.metric}({check.a}) / {check.metric}({check.b}) ≥ {check.bound:g}"
        holds = found.mean >= check.bound
        words = _plain(found)
    elif check.kind == "diagnostic" and b is not None:
        found = diagnostic_ratio(a, b, check.metric)
        says = f"{check.metric}({check.a}) / {check.metric}({check.b}) ≤ {check.bound:g}"
        holds = found.mean <= check.bound
        words = f"{_plain(found)} ({_mean_of(a, check.metric)} against {_mean_of(b, check.metric)})"
    elif b is not None:
        found = compare(a, b).metrics[check.metric].difference
        metric = metric_of(a, check.metric)
        says, holds = _of_difference(check, found, metric.scale)
        words = shown(found, metric, sign=True)
    else:
        found = cell(a, check.metric)
        metric = metric_of(a, check.metric)
        says, holds = _of_level(check, found, metric.scale)
        words = shown(found, metric)
    return Finding(
        says=says,
        value=_number(found.mean),
        low=_number(found.low),
        high=_number(found.high),
        shown=words,
        holds=bool(holds),
        required=check.required,
        why=check.why,
    )


def _of_difference(check: Check, found: Interval, scale: float) -> tuple[str, bool]:
    name = f"{check.metric}({check.a}) − {check.metric}({check.b})"
    if check.kind == "within":
        return f"|{name}| ≤ {scale * check.bound:g}", abs(found.mean) <= check.bound
    return f"95 % interval of {name} above {scale * check.bound:g}", found.low > check.bound


def _of_level(check: Check, found: Interval, scale: float) -> tuple[str, bool]:
    name = f"{check.metric}({check.a})"
    if check.kind == "between":
        says = f"{scale * check.bound:g} ≤ {name} ≤ {scale * check.upper:g}"
        return says, check.bound <= found.mean <= check.upper
    return f"{name} ≥ {scale * check.bound:g}", found.mean >= check.bound


def ratio(a: Record, b: Record, metric: str) -> Interval:
    """mean(a) / mean(b), with a hierarchical bootstrap in which both share their draws."""
    seeds = sorted(set(a.training_seeds) & set(b.training_seeds))
    starts = sorted(set(a.items) & set(b.items))
    if not seeds or not starts:
        raise RecordError(f"{a.label} and {b.label} have no seeds in common.")
    # The bootstrap draws by position, so equal shapes are drawn alike: the ratio is paired.
    drawn = [bootstrap.hierarchical(aligned(x, metric, seeds, starts)) for x in (a, b)]
    means = [float(np.nanmean(aligned(x, metric, seeds, starts))) for x in (a, b)]
    if means[1] == 0:
        return Interval(math.inf if means[0] > 0 else math.nan, math.nan, math.nan, "", len(seeds))
    with np.errstate(divide="ignore", invalid="ignore"):
        samples = drawn[0] / drawn[1]
    samples = samples[~np.isnan(samples)]
    low, high = np.quantile(samples, [0.025, 0.975], method="nearest")
    return Interval(
        means[0] / means[1], float(low), float(high), "hierarchical bootstrap", len(seeds)
    )


def diagnostic(record: Record, name: str) -> dict[int, float]:
    """A policy diagnostic by training seed. Raises RecordError where the policy gave none."""
    found = {int(s): values[name] for s, values in record.diagnostics.items() if name in values}
    if not found:
        raise RecordError(f"the record of {record.label} has no diagnostic {name!r}.")
    return found


def diagnostic_ratio(a: Record, b: Record, name: str) -> Interval:
    """diagnostic(a) / diagnostic(b), geometric mean over training seeds, t on logarithms."""
    ours, theirs = diagnostic(a, name), diagnostic(b, name)
    seeds = [s for s in sorted(set(ours) & set(theirs)) if ours[s] > 0 and theirs[s] > 0]
    if not seeds:
        return NO_DATA
    logs = np.log([ours[s] / theirs[s] for s in seeds])
    if len(seeds) == 1:
        return Interval(float(np.exp(logs[0])), math.nan, math.nan, "one training seed", 1)
    found = student(logs)
    mean, low, high = (float(np.exp(x)) for x in (found.mean, found.low, found.high))
    return Interval(mean, low, high, "student-t over training seeds, of logarithms", len(seeds))


def _plain(found: Interval) -> str:
    if math.isnan(found.mean):
        return "undefined, 0 / 0"
    if math.isinf(found.mean):
        return "infinite, the divisor is 0"
    if math.isnan(found.low):
        return f"{found.mean:.2f}"
    return f"{found.mean:.2f} [{found.low:.2f}, {found.high:.2f}]"


def _number(x: float) -> float | None:
    return x if math.isfinite(x) else None
