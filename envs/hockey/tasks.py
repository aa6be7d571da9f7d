"""The tasks of the air-hockey worlds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from entitybench.envs.parts.seen import seen
from entitybench.types import TaskSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

_HERE = "entitybench.envs.hockey"


def _solo(
    name: str,
    kind: str,
    world: str,
    horizon: int,
    data: str,
    summary: str,
    kwargs: Mapping[str, Any] = {},
    *,
    version: int = 1,
    returns: tuple[float, float] | None = None,
) -> tuple[TaskSpec, TaskSpec]:
    """A task for one mallet, and the same from pixels."""
    task = TaskSpec(
        id=f"hockey-{name}",
        version=version,
        kind=kind,
        target=f"{_HERE}.{world}",
        kwargs=kwargs,
        horizon=horizon,
        returns=returns,
        oracle=f"{_HERE}.oracle:HockeyOracle",
        data=f"hockey-{name}/{data}-v{version}",
        tags=frozenset({"hockey", "state"}),
        summary=summary,
    )
    return task, seen(task)


def _game(players: int) -> TaskSpec:
    return TaskSpec(
        id=f"hockey-{players}v{players}",
        version=1,
        kind="team-control",
        target=f"{_HERE}.game:HockeyGame",
        kwargs={"players": players, "opponents": "scripted-v1"},
        horizon=400,
        oracle=f"{_HERE}.game_oracle:HockeySide",
        data=f"hockey-{players}v{players}/{'mixed-obs' if players > 1 else 'medium-replay'}-v1",
        tags=frozenset({"hockey", "team", "state"}),
        summary=f"air hockey, {players} against {players} scripted",
    )


def _mallets(count: int, sync: bool = False) -> TaskSpec:
    id = f"hockey-mallets-{count}{'-sync' if sync else ''}"
    return TaskSpec(
        id=id,
        version=1,
        kind="team-control",
        target=f"{_HERE}.mallets:HockeyMallets",
        kwargs={"mallets": count, "sync": sync},
        horizon=40,
        oracle=f"{_HERE}.mallets_oracle:MalletsOracle",
        data=f"{id}/expert-v1",
        tags=frozenset({"hockey", "team", "state"}),
        summary=f"{count} commanded mallets and a puck, each mallet to its spot"
        + (", two as one" if sync else ""),
    )


TASKS: tuple[TaskSpec, ...] = (
    *_solo(
        "goal", "goal-control", "goal:HockeyGoal", 80, "noisy", "strike a falling puck to a place"
    ),
    *_solo(
        "goal-obstacles",
        "goal-control",
        "goal:HockeyGoal",
        80,
        "noisy",
        "strike a falling puck to a place between obstacles",
        {"blocks": 3},
    ),
    *_solo(
        "strike",
        "reward-control",
        "strike:HockeyStrike",
        80,
        "corrupt-10",
        "strike the puck into the goal",
        returns=(-80.0, 0.0),
    ),
    *_solo(
        "defend",
        "reward-control",
        "strike:HockeyDefend",
        60,
        "noisy",
        "keep a shot out of the goal",
        version=2,  # 2: no start that a held action saves
        returns=(-1.0, 1.0),
    ),
    *(_game(players) for players in (1, 2)),
    *(_mallets(count) for count in (2, 4, 8)),
    _mallets(4, sync=True),
)
