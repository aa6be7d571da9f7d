"""The tasks of teams of discs, and the one-step coordination games."""

from __future__ import annotations

from entitybench.types import TaskSpec


def _team(
    id: str,
    world: str,
    oracle: str,
    horizon: int,
    data: str,
    summary: str,
    cites: tuple[str, ...] = (),
    **kwargs: object,
) -> TaskSpec:
    return TaskSpec(
        id=id,
        version=1,
        kind="team-control",
        target=f"entitybench.envs.team.{world}",
        kwargs=kwargs,
        horizon=horizon,
        oracle=f"entitybench.envs.team.{oracle}",
        data=f"{id}/{data}-v1",
        tags=frozenset({"team", "state"}),
        cites=cites,
        summary=summary,
    )


TASKS: tuple[TaskSpec, ...] = (
    _team(
        "team-pushbox",
        "pushbox:PushboxWorld",
        "pushbox_oracle:PushboxOracle",
        150,
        "mixed-obs",
        "3 robots bring a box past a pillar that is too heavy for one of them",
    ),
    _team(
        "team-spread",
        "spread:SpreadWorld",
        "spread_oracle:SpreadOracle",
        25,
        "mixed-obs",
        "3 agents cover 3 landmarks without bumping: mpe2's simple_spread_v3",
        ("lowe2017maddpg",),
    ),
    _team(
        "team-spread-omar",
        "spread:OmarSpreadWorld",
        "spread_oracle:SpreadOracle",
        25,
        "medium-replay",
        "the same with the rewards of the OMAR data",
        ("lowe2017maddpg", "pan2022omar"),
    ),
    _team(
        "team-tag",
        "tag:TagWorld",
        "tag_oracle:TagOracle",
        25,
        "medium-replay",
        "3 predators catch a faster, scripted prey: mpe2's simple_tag_v3",
        ("lowe2017maddpg",),
    ),
    *(
        _team(
            f"team-matrix-{game}",
            "matrix:MatrixWorld",
            "matrix:MatrixOracle",
            1,
            "mixed-hidden",
            f"a game of one step for 2 agents: {summary}",
            tuple(cites),
            game=game,
        )
        for game, summary, *cites in (
            ("rare", "a joint choice that is rare pays double"),
            ("xor", "the choices must differ", "lee2026macflow"),
            ("climbing", "a miss of the best choice costs most"),
            ("square", "one pair of choices is bad"),
        )
    ),
)
