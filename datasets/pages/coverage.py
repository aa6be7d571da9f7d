"""Where the states of a dataset lie: counts on a grid, for every kind of data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entitybench.datasets.store.store import EpisodeStore
    from entitybench.envs.core.world import World
    from entitybench.types import Array

BINS = 72  # along an edge
ROWS = 200_000  # looked at, evenly spread
WIDEST = 160  # features in one panel
MOST_NAMES, LONGEST_NAME = 24, 13  # written below it
LONGEST_TITLE = 40
PLANES = (("x", "y"), ("v_x", "z"))  # pairs of features that say where a robot is, the best first


@dataclass(frozen=True, slots=True)
class Panel:
    """Counts (H, W) on a grid; row 0 is the lowest. `extent` is (left, right, bottom, top)."""

    title: str
    counts: Array
    extent: tuple[float, float, float, float]
    across: str  # what the axes are
    up: str
    is_plane: bool = False  # both axes in the same unit
    ticks: tuple[tuple[float, str], ...] | None = None  # names across; None: numbers


def panels(store: EpisodeStore, world: World | None) -> list[Panel]:
    """One or two views of what a dataset covers; none where nothing is observed in numbers.

    In this order: where robots and other entities were (x and y); speed and height of a walker;
    all features, each over its own range. Of episodes of one step, the actions.
    """
    if world is not None and store.lengths.max(initial=0) <= 1:
        return _actions(store, world)
    values, rows = _values(store, world)
    if values is None:
        return []
    found: list[Panel] = []
    if world is not None and values.shape[1:] == (world.entities, world.features):
        there = _there(store, world, rows)
        found = _planes(values, there, _moving(store, values, rows), world)
        values = np.where(there[..., None], values, np.nan)
    if len(found) < 2:
        found += _features(values, world)
    return found


def density(across: Array, up: Array, extent: Sequence[float]) -> Array:
    """Counts (BINS, BINS) of points (n,), (n,) within an extent."""
    left, right, bottom, top = extent
    edges = (np.linspace(bottom, top, BINS + 1), np.linspace(left, right, BINS + 1))
    return np.histogram2d(up, across, bins=edges)[0]


def _values(store: EpisodeStore, world: World | None) -> tuple[Array | None, Array]:
    """Observed numbers (n, ...) of rows (n,) evenly spread; of a team its entities."""
    count = int(store.offsets[-1])
    rows = np.arange(0, count, -(-count // ROWS))
    names = ["entities"] if world is not None and "entities" in store.columns else []
    names = names or [name for name in store.columns if name.split(".")[0] == "observations"]
    columns = [store.columns[name] for name in names if store.columns[name].dtype.kind in "fiu"]
    columns = [column for column in columns if isinstance(column, np.ndarray)]
    columns = [column for column in columns if column.ndim < 4 and len(column) == count]
    if not columns:
        return None, rows
    taken = [np.asarray(column[:: rows[1] if len(rows) > 1 else 1]) for column in columns]
    if len(taken) == 1:
        return taken[0].astype(np.float32), rows
    return np.concatenate(
        [each.reshape(len(rows), -1) for each in taken], 1, dtype=np.float32
    ), rows


def _there(store: EpisodeStore, world: World, rows: Array) -> Array:
    """Which entities (n, N) are there in each row."""
    if "entity_masks" not in store.columns:
        return np.ones((len(rows), world.entities), bool)
    return np.asarray(store.columns["entity_masks"])[_episode(store, rows)]


def _moving(store: EpisodeStore, values: Array, rows: Array) -> Array:
    """Which entities (N,) ever leave the place where their episode began, among those rows."""
    episode = _episode(store, rows)
    first = np.searchsorted(episode, episode)  # the first of the rows of the same episode
    return (np.abs(values - values[first]) > 1e-4).any((0, 2))


def _episode(store: EpisodeStore, rows: Array) -> Array:
    return np.searchsorted(store.offsets, rows, side="right") - 1


def _planes(values: Array, there: Array, moving: Array, world: World) -> list[Panel]:
    """Where the driven entities were, and the others that move."""
    names = world.feature_names
    plane = next((pair for pair in PLANES if set(pair) <= set(names)), None)
    if plane is None:
        return []
    across, up = (values[..., names.index(name)] for name in plane)
    driven = np.isin(np.arange(world.entities), world.driven)
    good = there & np.isfinite(across) & np.isfinite(up)
    seen = good & (moving | driven)
    extent = _extent(across[seen], up[seen])
    found = []
    for group in (driven, moving & ~driven):
        chosen = good & group
        if chosen.any():
            title = _names(
                [body for body, inside in zip(world.bodies, group, strict=True) if inside]
            )
            counts = density(across[chosen], up[chosen], extent)
            is_plane = plane == ("x", "y")
            unit = " (m)" if is_plane else ""
            found.append(Panel(title, counts, extent, plane[0] + unit, plane[1] + unit, is_plane))
    return found


def _extent(across: Array, up: Array) -> tuple[float, float, float, float]:
    """The range of nearly all points, with a margin."""
    ends = []
    for values in (across, up):
        low, high = np.quantile(values, (0.0005, 0.9995)) if len(values) else (0.0, 0.0)
        margin = 0.04 * float(high - low) or 0.5
        ends += [float(low) - margin, float(high) + margin]
    return ends[0], ends[1], ends[2], ends[3]


def _features(values: Array, world: World | None) -> list[Panel]:
    """A column of counts for each number that varies, each over its own range, in order."""
    flat = values.reshape(len(values), -1)
    with np.errstate(invalid="ignore"):
        low, high = np.nanmin(flat, 0, initial=np.inf), np.nanmax(flat, 0, initial=-np.inf)
    varies = np.flatnonzero((high > low) & np.isfinite(high - low))[:WIDEST]
    if not len(varies):
        return []
    counts = np.zeros((BINS, len(varies)))
    for place, column in enumerate(varies):
        number = flat[:, column]
        number = number[np.isfinite(number)]
        share = (number - low[column]) / (high[column] - low[column])
        counts[:, place] = np.bincount((share * BINS).astype(int).clip(0, BINS - 1), minlength=BINS)
    title = f"{len(varies)} of {flat.shape[1]} features vary"
    extent = (0.0, float(len(varies)), 0.0, 1.0)
    ticks = _ticks(varies, flat.shape[1], world)
    return [Panel(title, counts, extent, "", "least … largest value", ticks=ticks)]


def _ticks(columns: Array, count: int, world: World | None) -> tuple[tuple[float, str], ...]:
    """Names of features, or of entities at the middle of theirs, as far as there is room.

    Args:
        columns: (n,) of the `count` features, those that are drawn.
        count: all.
        world: whose they are, if they are its entities.
    """
    places = np.arange(len(columns)) + 0.5
    if world is None or count != world.entities * world.features:
        names = [str(column) for column in columns]
    else:
        bodies, features = world.bodies, world.feature_names
        pairs = [divmod(int(column), len(features)) for column in columns]
        lead = world.entities > 1
        names = [f"{bodies[e]}.{features[f]}" if lead else features[f] for e, f in pairs]
        if len(names) > MOST_NAMES or max(map(len, names)) > LONGEST_NAME:
            entity = np.array([e for e, _ in pairs])
            shown = np.unique(entity)
            places = np.array([places[entity == each].mean() for each in shown])
            names = [bodies[each] for each in shown]
    if len(names) > MOST_NAMES or max(map(len, names)) > LONGEST_NAME:
        return ()
    return tuple((float(place), name) for place, name in zip(places, names, strict=True))


def _actions(store: EpisodeStore, world: World) -> list[Panel]:
    """Two numbers of the actions against one another, or all of them as features."""
    if "actions" not in store.columns:
        return []
    real = np.ones(int(store.offsets[-1]), bool)
    real[store.offsets[1:] - 1] = False
    actions = np.asarray(store.columns["actions"])[real].astype(np.float32)
    flat = actions.reshape(len(actions), -1)
    if flat.shape[1] != 2:
        return _features(flat, None)
    names = [f"action of {agent}" for agent in getattr(world, "agents", ())] or ["0", "1"]
    extent = (-1.05, 1.05, -1.05, 1.05)
    counts = density(flat[:, 0], flat[:, 1], extent)
    return [Panel("actions", counts, extent, names[0], names[-1], is_plane=True)]


def _names(bodies: Sequence[str]) -> str:
    """Names in a line: all of them where there is room, else the first and the last."""
    line = ", ".join(bodies)
    return line if len(line) <= LONGEST_TITLE else f"{bodies[0]} … {bodies[-1]}"
