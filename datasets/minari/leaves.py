"""Columns as Minari's leaves, and back.

Minari knows one agent. A team's episode is stored as one of the joint environment
(envs/views/joint.py): dicts by agent, a central state, the mean of the agents' rewards, and each
agent's own in the infos. HDF5 gives the keys of a dict in alphabetical order, so the order of the
agents stands in the metadata.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.envs.views.gym import AGENT_REWARDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from entitybench.types import Array


def padded(array: Array, length: int) -> Array:
    """T or T+1 entries -> T+1; the added one is zero."""
    if len(array) == length + 1:
        return array
    return np.concatenate([array, np.zeros((1, *array.shape[1:]), array.dtype)])


def later(array: Array) -> Array:
    """What belongs to steps (T+1, ...), as infos have it: those of step t at t + 1, none at 0."""
    return np.concatenate([np.zeros_like(array[:1]), array[:-1]])


def sooner(array: Array) -> Array:
    """The inverse of `later`: (T+1, ...), the last one zero."""
    return np.concatenate([array[1:], np.zeros_like(array[:1])])


def shared_columns(
    group: Any, names: Iterable[str], agents: Sequence[str] | None
) -> dict[str, Array]:
    """Columns of an episode from what Minari itself stores.

    Args:
        group: an episode's HDF5 group.
        names: the columns that are asked for: those that `export` did not put beside.
        agents: of a team, in order.
    """
    length, wanted = len(group["rewards"]), set(names)
    if not agents:
        leaves = {name: group[name] for name in wanted}
        if hasattr(leaves.get("observations"), "keys"):
            leaves["observations"] = leaves["observations"]["observation"]
        return {name: padded(leaf[()], length) for name, leaf in leaves.items()}
    leaves = {f"actions.{agent}": group["actions"][agent] for agent in agents}
    leaves |= {f"observations.{name}": leaf for name, leaf in group["observations"].items()}
    leaves[f"infos.{AGENT_REWARDS}"] = group["infos"][AGENT_REWARDS]
    team = as_team({name: padded(leaf[()], length) for name, leaf in leaves.items()}, agents)
    return {name: team[name] for name in wanted}


def as_team(leaves: Mapping[str, Array], agents: Sequence[str]) -> dict[str, Array]:
    """Leaves by agent -> the columns of a team: "observations", "entities", "actions", "rewards".

    Leaves of other names stay as they are.
    """
    mine = {f"{kind}.{agent}" for kind in ("observations", "actions") for agent in agents}
    gone = mine | {"observations.state", f"infos.{AGENT_REWARDS}", "rewards"}
    return {
        **{name: leaf for name, leaf in leaves.items() if name not in gone},
        **{
            kind: np.stack([leaves[f"{kind}.{agent}"] for agent in agents], axis=1)
            for kind in ("observations", "actions")
        },
        "entities": leaves["observations.state"],
        "rewards": sooner(leaves[f"infos.{AGENT_REWARDS}"]),
    }


def is_plain(value: Any) -> bool:
    """Whether HDF5 can hold it as an attribute: a number, a text, or some of one kind."""
    kinds = (str, int, float)
    some = value if isinstance(value, list) else [value]
    if any(isinstance(item, str) and not is_text(item) for item in some):
        return False
    if any(isinstance(item, int) and not -(2**63) <= item < 2**63 for item in some):
        return False
    return bool(some) and any(all(isinstance(item, kind) for item in some) for kind in kinds)


def is_text(value: str) -> bool:
    """Whether HDF5 can hold it: no NUL, no half of a character."""
    return "\0" not in value and not any("\ud800" <= sign <= "\udfff" for sign in value)
