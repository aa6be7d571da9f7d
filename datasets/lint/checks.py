"""The checks of a store, by name: what each is given of it, and what it looks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from entitybench.checks import NotChecked
from entitybench.datasets.catalogue.scores import reference_of
from entitybench.datasets.generate.replay import task_like
from entitybench.datasets.lint import (
    actions,
    boundaries,
    continuity,
    duplicates,
    features,
    references,
    replay,
    scores,
    starts,
)
from entitybench.datasets.lint.subject import PUBLIC, Subject
from entitybench.envs.core.world import GoalWorld

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from entitybench.datasets.lint.finding import Finding
    from entitybench.types import Array

CHANCE = 1e-4  # of a feature being the same in all episodes though it differs between starts


def _boundaries(subject: Subject) -> list[Finding]:
    columns, store = subject.columns, subject.store
    flags = columns.get("terminals"), columns.get("masks")
    passing = store.manifest.get("source") == "ogbench"
    parts: list[Callable[[], list[Finding]]] = [
        lambda: boundaries.check_flags(store.offsets, *flags, passing=passing),
        lambda: boundaries.check_rows(store.episodes, store.lengths, store.manifest["splits"]),
    ]
    if "rewards" in columns:
        parts.append(lambda: boundaries.check_padding(columns["rewards"], store.offsets))
    if subject.task is None:  # ours begin at reset(seed), which is replayed
        parts.append(lambda: boundaries.check_goes_on(subject.observed, store.offsets))
    return subject.parts("boundaries", *parts)


def _continuity(subject: Subject) -> list[Finding]:
    found = subject.jumps
    try:
        explained = frozenset(subject.replay.reached)
    except NotChecked:
        explained = frozenset[int]()
    return continuity.check_jumps(subject.observed, subject.offsets, found, explained)


def _features(subject: Subject) -> list[Finding]:
    columns = {n: c for n, c in subject.columns.items() if isinstance(c, np.ndarray)}
    found = features.check_finite(columns, subject.offsets)
    observations, store = subject.observed, subject.store
    if subject.world is None:
        for name in ("observations", "actions", "rewards"):
            if name in columns and len(store) > 1 and columns[name].dtype != np.uint8:
                found += features.check_constant(name, columns[name])
        return found
    worlds = subject.worlds(PUBLIC)
    shown = worlds.reset(range(PUBLIC))["observation"].reshape(PUBLIC, -1)
    worlds.close()
    if shown.shape[1] != np.prod(observations.shape[1:]):
        return found
    share = np.array([np.unique(column, return_counts=True)[1].max() for column in shown.T])
    varies = (share / PUBLIC) ** len(store) < CHANCE
    names = subject.world.feature_names
    return found + features.check_constant("observations", observations, varies, names)


def _actions(subject: Subject) -> list[Finding]:
    columns, bounds = subject.columns, subject.store.manifest.get("action_bounds")
    if "actions" not in columns:
        raise NotChecked("no column of that name")
    if columns["actions"].dtype.kind not in "f":
        raise NotChecked("actions are choices, not numbers")
    if bounds is None and subject.task is None:
        raise NotChecked("the bounds of foreign actions are not known")
    low, high = bounds or (-1.0, 1.0)
    found, measured = actions.check_actions(columns["actions"], subject.offsets, low, high)
    subject.measured |= measured
    return found


def _duplicates(subject: Subject) -> list[Finding]:
    store = subject.store
    splits = {name: (first, last) for name, (first, last) in store.manifest["splits"].items()}
    if "actions" not in subject.columns:
        raise NotChecked("no actions")
    return duplicates.check_duplicates(
        subject.observed, subject.columns["actions"], store.offsets, splits
    )


def _scores(subject: Subject) -> list[Finding]:
    columns, store, world = subject.columns, subject.store, subject.world
    if isinstance(world, GoalWorld) and "desired_goals" in columns:
        of_rows = len(columns["desired_goals"]) == store.offsets[-1]
        episode = np.repeat(np.arange(len(store)), np.diff(store.offsets))
        rows = np.arange(len(episode)) if of_rows else episode
        rules = scores.Goals(world.achieved, world.success, world.reward)
        found, rewards = scores.check_goals(columns, store.offsets, rows, rules)
        columns = {"rewards": rewards, **columns}
        return found + scores.check_outcomes(store.episodes, columns, store.offsets)
    return subject.parts(
        "scores",
        lambda: scores.check_outcomes(store.episodes, columns, store.offsets),
        lambda: _rewards(subject),
    )


def _rewards(subject: Subject) -> list[Finding]:
    """Rewards against the states beside them; those of our own tasks while replaying."""
    columns, offsets = subject.columns, subject.offsets
    if subject.task is not None:
        _ = subject.replay  # raises NotChecked
        return []
    if "rewards" not in columns:
        raise NotChecked("no rewards")
    rewards = columns["rewards"]
    if "achieved_goals" in columns and "desired_goals" in columns:
        goals = (columns["achieved_goals"], columns["desired_goals"])
        return scores.check_distances(*goals, rewards, offsets)
    return scores.check_regions(subject.observed, rewards, offsets)


def _starts(subject: Subject) -> list[Finding]:
    store = subject.store

    def overlap() -> list[Finding]:
        split = [str(row["split"]) for row in store.episodes]
        seen = subject.observed[store.offsets[:-1]]
        first = _starts_of(seen, subject.columns, store.offsets)
        return starts.check_overlap(first, split, _public_starts(subject, first))

    ours = subject.task is not None
    return subject.parts("starts", lambda: starts.check_seeds(store.episodes, ours=ours), overlap)


def _starts_of(first: Array, columns: Mapping[str, Array], offsets: Array) -> Array:
    """(E, F) what is seen first, and the goal."""
    goals = columns.get("desired_goals")
    parts = [np.asarray(first).reshape(len(first), -1)]
    if goals is not None:
        goals = goals[offsets[:-1]] if len(goals) == offsets[-1] else goals
        parts.append(np.asarray(goals).reshape(len(first), -1))
    return np.concatenate(parts, axis=1)


def _public_starts(subject: Subject, first: Array) -> Array | None:
    if subject.world is None:
        return None
    worlds = subject.worlds(PUBLIC)
    obs = worlds.reset(range(PUBLIC))
    worlds.close()
    goals = {"desired_goals": obs["desired_goal"]} if "desired_goal" in obs else {}
    public = _starts_of(obs["observation"], goals, np.arange(PUBLIC + 1))
    return public if public.shape[1] == first.shape[1] else None


def _references(subject: Subject) -> list[Finding]:
    manifest = subject.store.manifest
    made = manifest.get("reference_scores")
    if not made:
        raise NotChecked("the data come with none")
    if not (made.get("random") and (made.get("expert") or made.get("oracle"))):
        raise NotChecked("there are no scores of an expert")
    if subject.task is not None:  # episodes of data may be shorter than those of the references
        return references.check_references(made, [], reference_of(task_like(manifest)))
    returns = [row["return"] for row in subject.store.episodes]
    numbers = [float(value) for value in returns if isinstance(value, int | float)]
    return references.check_references(made, numbers)


def _replay(subject: Subject) -> list[Finding]:
    found = subject.replay
    subject.measured["replayed_episodes"] = len(subject.chosen)
    subject.measured["replay_error"] = found.error
    if isinstance(subject.world, GoalWorld):  # those of every row were recomputed already
        for name in ("successes", "rewards"):
            found.computed.pop(name, None)
    return replay.check_replay(subject.store, found)


# Name -> the check, and what it looks for. "files" comes before them; see api.py.
CHECKS: dict[str, tuple[Callable[[Subject], list[Finding]], str]] = {
    "boundaries": (_boundaries, "terminals, masks, rows and splits agree with the episodes"),
    "continuity": (_continuity, "no transition joins two motions"),
    "features": (_features, "every number is finite; features that vary in the task vary"),
    "actions": (_actions, "within bounds, zero at padding rows; shares at a bound"),
    "duplicates": (_duplicates, "no episode twice"),
    "scores": (_scores, "rewards, successes and returns recomputed"),
    "starts": (_starts, "training, validation and evaluation begin apart"),
    "references": (_references, "reference scores are in order and those of the task"),
    "replay": (_replay, "actions from the stored states lead to the stored observations"),
}
