"""Episodes simulated again, from their seeds and their stored states."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from entitybench.datasets.generate.replay import replay
from entitybench.datasets.lint.finding import Finding, flat, place
from entitybench.datasets.lint.scores import check_recomputed
from entitybench.datasets.store.schema import OF_STEPS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.datasets.store.store import EpisodeStore
    from entitybench.types import Array

CHECK = "replay"
# What may differ: another processor's libraries round differently, by less than 1e-14 over the 20
# steps between stored states.
TOLERANCE = 1e-5
OF_START = ("desired_goals", "entity_masks")
OF_MOTION = ("observations", "poses", "states")


@dataclass(slots=True)
class Replayed:
    """What simulating again gave.

    Attributes:
        starts: episodes that do not begin where `reset(seed)` does.
        error: the largest difference of a state.
        apart: (row, error, column) of states that differ by more than the tolerance.
        reached: rows whose transition leads to the observation that is stored.
        computed: column -> rows and what their entries should be.
    """

    starts: list[int] = field(default_factory=list)
    error: float = 0.0
    apart: list[tuple[int, float, str]] = field(default_factory=list)
    reached: set[int] = field(default_factory=set)
    computed: dict[str, tuple[list[Array], list[Array]]] = field(default_factory=dict)


def replayed(store: EpisodeStore, episodes: Sequence[int]) -> Replayed:
    """Simulate some episodes again. They have seeds, and their task is ours."""
    found = Replayed()
    for episode in episodes:
        part, given = store.entries(episode), replay(store, episode)
        first, every = int(store.offsets[episode]), store.manifest["state_every"]
        errors = {name: _errors(given[name], part[name]) for name in given}
        start = [errors[name] for name in OF_START if name in errors]
        start += [errors.get("states", errors["observations"])[:1]]
        if max(error.max(initial=0) for error in start) > TOLERANCE:
            found.starts.append(episode)
            continue
        apart: list[tuple[int, float, str]] = []
        for name in OF_MOTION:
            step = every if name == "states" else 1
            error = errors.get(name, np.zeros(0))
            wrong = np.flatnonzero(error > TOLERANCE).tolist()
            apart += [(first + step * at, float(error[at]), name) for at in wrong]
            found.error = max(found.error, float(error.max(initial=0)))
        right = np.flatnonzero(errors["observations"][1:] <= TOLERANCE) + first
        found.reached |= set(right.tolist())
        if apart:  # what follows from wrong states is wrong as well
            found.apart += apart
            continue
        for name in given.keys() - {*OF_START, *OF_MOTION}:
            count = len(given[name]) - (name in OF_STEPS)  # without padding
            rows, values = found.computed.setdefault(name, ([], []))
            rows.append(np.arange(first, first + count))
            values.append(given[name][:count])
    return found


def check_replay(store: EpisodeStore, found: Replayed) -> list[Finding]:
    """What `replayed` found, as findings."""
    findings = []
    if found.starts:
        findings.append(
            Finding(
                "error",
                CHECK,
                f"episode {found.starts[0]}",
                f"{len(found.starts)} episodes do not begin where reset(seed) does, or have "
                "another goal",
                "store the seed that the episode was reset with",
            )
        )
    if found.apart:
        row, error, name = min(found.apart)
        findings.append(
            Finding(
                "error",
                CHECK,
                f"{name}, {place(store.offsets, row)}",
                f"{len(found.apart)} states are not what the stored actions lead to from the "
                f"stored state before; the first differs by {error:.3g}, the worst by "
                f"{max(error for _, error, _ in found.apart):.3g}",
                "store the actions as they were applied and the whole integration state; generate "
                "the data anew",
            )
        )
    for name, (rows, values) in sorted(found.computed.items()):
        at, computed = np.concatenate(rows), np.concatenate(values)
        findings += check_recomputed(name, store.columns[name], computed, store.offsets, at)
    return findings


def _errors(given: Array, stored: Array) -> Array:
    """(count,) by how much each entry differs; infinite where one of the two is no number."""
    apart = np.abs(flat(given) - flat(stored)).max(axis=1, initial=0)
    return np.where(np.isfinite(apart), apart, np.inf)
