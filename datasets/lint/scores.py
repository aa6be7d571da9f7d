"""Rewards and successes, recomputed from states, or held against the states beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.checks import NotChecked
from entitybench.datasets.lint.finding import Finding, chunks, flat, place, steps_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from entitybench.types import Array

CHECK = "scores"
TOLERANCE = 1e-5  # of float32 rewards of order one
FEW = 20  # rewarded transitions to see a region by
CLEAR = 0.1  # an alignment explains rewards when the other one leaves ten times as much unexplained


def check_recomputed(
    name: str, stored: Array, computed: Array, offsets: Array, rows: Array
) -> list[Finding]:
    """A stored column equals what was computed anew; a shift by one step is named.

    Args:
        name: of the column, "rewards" or "successes".
        stored: (rows, ...) the column.
        computed: (R, ...) what the entries of `rows` should be.
        offsets: (E + 1,).
        rows: (R,).
    """
    wrong = _differ(stored[rows], computed)
    if not wrong.any():
        return []
    first = int(rows[np.argmax(wrong)])
    got, wanted = stored[first], computed[int(np.argmax(wrong))]
    episode, shifted = np.searchsorted(offsets, rows, side="right"), ""
    for step, whose in ((1, "the state before the action"), (-1, "the state after the next one")):
        neighbour = (rows - np.roll(rows, step) == step) & (episode == np.roll(episode, step))
        there = np.roll(computed, step, axis=0)[neighbour]
        # Rewards that hardly ever change fit any shift: wrong ones must be mended by it.
        if wrong[neighbour].any() and not _differ(stored[rows[neighbour]], there).any():
            shifted = f": they are off by one step, those of {whose}"
    return [
        Finding(
            "error",
            CHECK,
            f"{name}, {place(offsets, first)}",
            f"{int(wrong.sum())} of {len(rows)} {name} are not what the task gives for the states "
            f"beside them{shifted}; the first is {_short(got)}, the task gives {_short(wanted)}",
            f"recompute `{name}` from the states",
        )
    ]


@dataclass(frozen=True, slots=True)
class Goals:
    """The rules of a goal task, which need nothing but observations and goals.

    Attributes:
        achieved: of observations, the goal they fulfil.
        success: of achieved and desired goals.
        reward: of achieved and desired goals.
    """

    achieved: Callable[[Array], Array]
    success: Callable[[Array, Array], Array]
    reward: Callable[[Array, Array], Array]


def check_goals(
    columns: Mapping[str, Array], offsets: Array, goal_rows: Array, rules: Goals
) -> tuple[list[Finding], Array]:
    """Rewards and successes of a goal task, of every row.

    Args:
        columns: "observations" (rows, N, D), "desired_goals" (G, N, D), and "rewards" or
            "successes" (rows,), where they are there.
        offsets: (E + 1,).
        goal_rows: (rows,) which of the G goals is a row's.
        rules: of the task.

    Returns:
        Findings, and the rewards (rows,) float32, stored or not; padding is zero.
    """
    observations, goals = columns["observations"], columns["desired_goals"]
    steps, count = steps_of(offsets), int(offsets[-1])
    successes, rewards = np.zeros(count, bool), np.zeros(count, np.float32)
    for rows in chunks(np.arange(count), observations):
        achieved = rules.achieved(np.asarray(observations[rows]))
        successes[rows] = rules.success(achieved, goals[goal_rows[rows]])
    for rows in chunks(steps, observations):
        achieved = rules.achieved(np.asarray(observations[rows + 1]))
        rewards[rows] = rules.reward(achieved, goals[goal_rows[rows]])
    found = []
    for name, computed, rows in (
        ("successes", successes, np.arange(count)),
        ("rewards", rewards, steps),
    ):
        if name in columns:
            found += check_recomputed(name, columns[name], computed[rows], offsets, rows)
    return found, rewards


def check_outcomes(
    episodes: Sequence[Mapping[str, Any]], columns: Mapping[str, Array], offsets: Array
) -> list[Finding]:
    """Return and success in `episodes.jsonl` are those of the columns.

    Args:
        episodes: the rows of `episodes.jsonl`.
        columns: "rewards" (rows,) or (rows, M), whose mean over agents counts, and "successes"
            (rows,); those that are there.
        offsets: (E + 1,).

    Raises:
        NotChecked: the rows hold nothing that the columns do.
    """
    pairs = (("rewards", "return"), ("successes", "success"))
    if not any(a in columns and row.get(b) is not None for row in episodes for a, b in pairs):
        raise NotChecked("no returns or successes of episodes beside the columns")
    found = []
    for index, row in enumerate(episodes):
        first, last = int(offsets[index]), int(offsets[index + 1]) - 1
        wrong = ""
        if "rewards" in columns and row.get("return") is not None:
            rewards = np.asarray(columns["rewards"][first:last], np.float64)
            said = np.asarray(row["return"], np.float64)
            total = rewards.sum(axis=0) if said.ndim else rewards.reshape(last - first, -1)
            total = total if said.ndim else total.mean(axis=1).sum()
            if not np.allclose(total, said, rtol=1e-4, atol=1e-3, equal_nan=True):
                wrong = f"return {_short(said)}, the rewards sum to {_short(total)}"
        if "successes" in columns and row.get("success") is not None and not wrong:
            success = bool(columns["successes"][last])
            if success != bool(row["success"]):
                wrong = f"success {row['success']}, the last state has {success}"
        if wrong:
            found.append((index, wrong))
    if not found:
        return []
    index, wrong = found[0]
    return [
        Finding(
            "error",
            CHECK,
            f"episodes.jsonl, episode {index}",
            f"{len(found)} rows do not say what the columns say; the first says {wrong}",
            "write the rows from the columns",
        )
    ]


def check_distances(
    achieved: Array, desired: Array, rewards: Array, offsets: Array
) -> list[Finding]:
    """Sparse rewards of foreign goal data depend on the distance between the goals of a row.

    Which distance counts is found from the data: the one that tells rewarded rows from others best.

    Args:
        achieved: (rows, G).
        desired: (rows, G).
        rewards: (rows,).
        offsets: (E + 1,).

    Raises:
        NotChecked: the rewards are not sparse.
    """
    steps = steps_of(offsets)
    high = _rewarded(rewards[steps])
    distance = np.linalg.norm(flat(achieved) - flat(desired), axis=1)
    here, after = (_misplaced(distance[steps + ahead], high) for ahead in (0, 1))
    if here <= CLEAR * after:
        return [_off_by_one(offsets, steps, distance, high)]
    if after:
        limit = np.quantile(distance[steps + 1][high], 0.99)
        missed = steps[~high & (distance[steps + 1] <= limit)]
        if len(missed) > 0.01 * high.sum():
            return [
                Finding(
                    "warning",
                    CHECK,
                    f"rewards, {place(offsets, int(missed[0]))}",
                    f"{len(missed)} transitions end as near to the goal as rewarded ones "
                    f"({high.sum()}, within {limit:.3g}) and have no reward: is it given only once "
                    "an episode?",
                    "recompute the rewards from the goals with one rule",
                )
            ]
    return []


def check_regions(observations: Array, rewards: Array, offsets: Array) -> list[Finding]:
    """Sparse rewards of foreign data without goals: given for a region of states, whose is it?

    D4RL's maze2d rewards the state before the action where its environment rewards the one after
    it. The region is taken for a ball: its middle and its radii are those of the rewarded states.

    Args:
        observations: (rows, F).
        rewards: (rows,).
        offsets: (E + 1,).

    Raises:
        NotChecked: the rewards are not sparse, or no region shows.
    """
    if observations.dtype.kind != "f":
        raise NotChecked(f"observations of type {observations.dtype} show no region of rewards")
    steps = steps_of(offsets)
    high = _rewarded(rewards[steps])
    if high.sum() < FEW:
        raise NotChecked(f"{high.sum()} rewarded transitions show no region")
    states = flat(observations)
    here, after = (_outside_ball(states[steps + ahead], high) for ahead in (0, 1))
    # A bound that is crossed by few steps shows nothing.
    if after < 5 or here > CLEAR * after:
        return []
    return [_off_by_one(offsets, steps, None, high)]


def _off_by_one(offsets: Array, steps: Array, distance: Array | None, high: Array) -> Finding:
    first = int(steps[np.argmax(high)])
    example = ""
    if distance is not None:
        example = f" (there the goal is {distance[first]:.3g} away, after it "
        example += f"{distance[first + 1]:.3g})"
    return Finding(
        "error",
        CHECK,
        f"rewards, {place(offsets, first)}",
        f"rewards[t] follow the state before action t, not the one after it{example}: they are off "
        "by one step",
        "shift the rewards by one step, or recompute them from the states",
    )


def _rewarded(rewards: Array) -> Array:
    """Which rewards are the higher of two values. Raises NotChecked for other numbers of them."""
    if rewards.ndim != 1:
        raise NotChecked("rewards of several agents follow no known rule")
    values = np.unique(rewards)
    if len(values) != 2:
        raise NotChecked("rewards that are not one of two values follow no known rule")
    high: Array = rewards == values[1]
    return high


def _misplaced(distance: Array, high: Array) -> int:
    """Rows on the wrong side of the distance that tells rewarded ones from others best."""
    order = np.argsort(distance, kind="stable")
    rewarded = high[order]
    # With the first k rows inside: others among them, and rewarded ones beyond.
    wrong = np.concatenate([[0], np.cumsum(~rewarded)]) + rewarded.sum()
    wrong -= np.concatenate([[0], np.cumsum(rewarded)])
    between = np.append(True, np.append(np.diff(distance[order]) > 0, True))
    return int(wrong[between].min())


def _outside_ball(states: Array, high: Array) -> int:
    """States without a reward inside the smallest upright ellipsoid of those with one."""
    inside = states[high]
    low, top = inside.min(axis=0), inside.max(axis=0)
    radius = (top - low) / 2
    # Features that the reward does not look at take all their values in the region as well.
    span = np.ptp(states, axis=0)
    matters = (radius < 0.3 * span) & (span > 0)
    if not matters.any():
        raise NotChecked("rewarded states lie in no region")
    radius = np.maximum(radius, 1e-9)
    far = (((states - (low + top) / 2) / radius)[:, matters] ** 2).sum(axis=1)
    return int((~high & (far <= 1)).sum())


def _differ(stored: Array, computed: Array) -> Array:
    """Which entries differ: bool (R,)."""
    stored, computed = flat(stored), flat(computed)
    return ~np.isclose(stored, computed, rtol=TOLERANCE, atol=TOLERANCE).all(axis=1)


def _short(value: Any) -> str:
    return np.array2string(np.asarray(value, np.float64), precision=4, threshold=6)
