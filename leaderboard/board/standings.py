"""Suites on the board: standings and profiles from the records of its rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from entitybench.kinds import Metric
from entitybench.leaderboard.board.entries import score
from entitybench.leaderboard.board.model import Curve, Part, Score, Standing, Suite
from entitybench.leaderboard.statistics import bootstrap
from entitybench.leaderboard.statistics.aggregate import AGGREGATES, padded
from entitybench.leaderboard.statistics.intervals import seed_means
from entitybench.leaderboard.suites import standings as ranking
from entitybench.leaderboard.suites.protocol import kind_of, metric_of, title_of
from entitybench.leaderboard.suites.report import TITLES, SuiteTable

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from entitybench.leaderboard.board.model import Entry, Origin
    from entitybench.leaderboard.statistics.intervals import Interval
    from entitybench.records import Record
    from entitybench.types import SuiteSpec

LEVELS = 101  # points of a profile
_Key = tuple[object, ...]


@dataclass(frozen=True)
class Evidence:
    """A row and the record that it is from."""

    entry: Entry
    record: Record
    text: bytes = b""  # of the record, as it was sent
    bundle: Path | None = None  # its file


def suite_of(suite: SuiteSpec, evidence: Iterable[Evidence]) -> Suite:
    """A suite with what the ranked rows reach in it, complete ones first, best first.

    Rows of the hosts and those of each who signs stand apart: no one's tasks fill another's gaps.
    """
    ranked = [each for each in evidence if each.entry.ranked]
    by_key = {_key(each.record): each.entry for each in ranked}
    owners: dict[tuple[Origin, str], list[Record]] = {}
    for each in ranked:
        owners.setdefault((each.entry.origin, _signer(each.entry)), []).append(each.record)
    found = [
        (origin, standing)
        for (origin, _), records in owners.items()
        for standing in ranking.standings(suite, records)
    ]
    origins = {id(standing): origin for origin, standing in found}
    ordered = ranking.complete_first([standing for _, standing in found])
    table = SuiteTable(suite, tuple(ordered))
    kind = kind_of(suite)
    return Suite(
        id=suite.id,
        kind=kind.id,
        summary=suite.summary,
        title=title_of(suite),
        training_seeds=len(suite.training_seeds),
        episodes=suite.episodes,
        item=kind.item,
        updates=suite.updates,
        standings=tuple(_standing(x, origins[id(x)], table, by_key) for x in ordered),
        profiles=tuple(profile(x) for x in ordered if not x.lacking),
    )


def _signer(entry: Entry) -> str:
    return "" if entry.verification is None else entry.verification.signed_by or entry.id


def _key(record: Record) -> _Key:
    """What tells records of one suite apart, also after rows were left out of them."""
    weights = tuple(sorted(record.hashes.weights.items()))
    who = record.label, record.agent.preset, record.task.id, record.kind
    return (*who, record.created, weights, record.versions.get("entitybench"))


def _standing(
    found: ranking.Standing, origin: Origin, table: SuiteTable, by_key: dict[_Key, Entry]
) -> Standing:
    suite = found.suite
    beaten = table.beaten(found)
    parts = tuple(_part(part, metric_of(suite), by_key) for part in found.parts)
    own = [by_key[_key(record)] for record in found.records]
    levels = [entry.level for entry in own]
    return Standing(
        name=found.name,
        agent=found.agent,
        origin=origin,
        division=found.division,
        level=None if None in levels else min(x for x in levels if x is not None),
        complete=not found.lacking,
        size=found.size,
        aggregates=tuple(_scaled(found.aggregates[x], x, TITLES[x]) for x in AGGREGATES),
        beaten=_scaled(beaten, "beaten", "P(first better)", digits=0) if beaten.count else None,
        parts=parts,
    )


def _part(part: ranking.Part, metric: Metric, by_key: dict[_Key, Entry]) -> Part:
    entry = None if part.record is None else by_key[_key(part.record)]
    return Part(
        id=part.entry.id,
        task=part.entry.task.id,
        score=None if entry is None else _scaled(part.score(metric), "score", "score"),
        entry="" if entry is None else entry.id,
        lacks=part.lacks,
    )


def _scaled(found: Interval, name: str, title: str, *, digits: int = 1) -> Score:
    higher = name != "optimality_gap"
    metric = Metric(
        name=name, title=title, short=title, scale=100.0, digits=digits, higher_is_better=higher
    )
    return score(found, metric)


def profile(standing: ranking.Standing) -> Curve:
    """The share of an agent's runs (training seeds × tasks) above each level from 0 to 100.

    As in Agarwal et al., NeurIPS 2021.
    """
    metric = metric_of(standing.suite)
    runs = [seed_means(ranking.scores(record, metric)) for record in standing.records]
    return curve(standing.name, "", padded(runs), np.linspace(0, 1, LEVELS))


def curve(name: str, entry: str, scores: np.ndarray, levels: np.ndarray) -> Curve:
    """The share of scores (R, T) above each level, tasks alike however many runs they have."""
    share = np.mean(
        [bootstrap.profile(x[~np.isnan(x), None], levels) for x in scores.T if len(x)], axis=0
    )
    return Curve(
        name=name,
        entry=entry,
        levels=tuple(round(float(100 * x), 3) for x in levels),
        share=tuple(round(float(100 * x), 3) for x in share),
    )
