"""The tasks of the locomotion worlds, and of the teams that drive one robot together."""

from __future__ import annotations

from entitybench.envs.parts.seen import seen
from entitybench.types import TaskSpec

ROBOTS = {
    "hopper": ("Hopper", "one leg hops along x: Gymnasium's Hopper-v5"),
    "halfcheetah": ("HalfCheetah", "a planar cheetah runs along x: Gymnasium's HalfCheetah-v5"),
    "walker2d": ("Walker2d", "two planar legs walk along x: Gymnasium's Walker2d-v5"),
    "ant": ("Ant", "four legs walk along x: Gymnasium's Ant-v5"),
}
# Name: robot, and how many agents with how many motors each.
TEAMS = {
    "cheetah-2x3": ("halfcheetah", "hind and front leg of the half-cheetah, an agent each"),
    "cheetah-6x1": ("halfcheetah", "six joints of the half-cheetah, an agent each"),
    "hopper-3x1": ("hopper", "three joints of the hopper, an agent each"),
    "ant-2x4": ("ant", "front and hind legs of the ant, an agent each"),
}
_EXPERT = "entitybench.envs.locomotion.expert:LocomotionExpert"


def _robot(id: str, world: str, summary: str) -> TaskSpec:
    return TaskSpec(
        id=id,
        version=1,
        kind="reward-control",
        target=f"entitybench.envs.locomotion.world:{world}",
        horizon=1000,
        oracle=_EXPERT,
        oracle_kwargs={"robot": id},
        data=f"{id}/medium-replay-v1",
        tags=frozenset({"locomotion", "state"}),
        cites=("towers2024gymnasium",),
        summary=summary,
    )


def _maze(name: str, horizon: int, summary: str) -> TaskSpec:
    return TaskSpec(
        id=f"point-maze-{name}",
        version=1,
        kind="reward-control",
        target="entitybench.envs.locomotion.maze:PointMaze",
        kwargs={"maze": name},
        horizon=horizon,
        returns=(0.0, 1.0),
        oracle="entitybench.envs.locomotion.maze_oracle:MazeOracle",
        data=f"point-maze-{name}/corrupt-10-v1",
        tags=frozenset({"locomotion", "state"}),
        cites=("fu2020d4rl",),
        summary=summary,
    )


def _team(name: str, robot: str, summary: str) -> TaskSpec:
    return TaskSpec(
        id=f"team-{name}",
        version=1,
        kind="team-control",
        target="entitybench.envs.locomotion.team:LocomotionTeam",
        kwargs={"parts": name},
        horizon=1000,
        oracle=_EXPERT,
        oracle_kwargs={"robot": robot},
        data=f"team-{name}/medium-replay-v1",
        tags=frozenset({"team", "locomotion", "state"}),
        cites=("peng2021facmac", "towers2024gymnasium"),
        summary=f"{summary}: MaMuJoCo",
    )


_ALONE = (
    *(_robot(id, world, summary) for id, (world, summary) in ROBOTS.items()),
    _maze("u", 300, "a point mass finds its way round a wall"),
    _maze("medium", 600, "a point mass finds its way through a maze"),
)
TASKS: tuple[TaskSpec, ...] = (
    *_ALONE,
    *(seen(task) for task in _ALONE),
    *(_team(name, robot, summary) for name, (robot, summary) in TEAMS.items()),
)
