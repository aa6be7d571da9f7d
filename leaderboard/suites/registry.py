"""The table of suites. Specs only.

Each entry is a dataset, which names its task. Suites have what a few cores train in hours, beside
data of several qualities where these tell methods apart; tasks that need an extra are left out.
"""

from __future__ import annotations

from entitybench.types import SuiteSpec

_RUNNERS = tuple(
    f"{task}/{data}-v1"
    for task in ("halfcheetah", "hopper", "walker2d")
    for data in ("medium", "medium-replay", "medium-expert")
)

SUITES: tuple[SuiteSpec, ...] = (
    SuiteSpec(
        id="control-small",
        metric="success",
        data=("push-1block/play-v1", "push-2blocks/play-v1", "push-3blocks/play-v1"),
        training_seeds=(0, 1, 2, 3, 4),
        updates=20_000,
        summary="goals of one to three pushed blocks: minutes on two cores",
    ),
    SuiteSpec(
        id="control",
        metric="success",
        data=(
            "push-1block/play-v1",
            "push-2blocks/play-v1",
            "push-3blocks/play-v1",
            "push-1block-obstacles/play-v1",
            "push-2blocks-zones/play-v1",
            "pick-1cube/play-v1",
            "pick-2cubes/play-v1",
            "pick-2cubes-bins/play-v1",
            "stack-2cubes/play-v1",
            "scene/play-v1",
            "tetris-1piece/random-v1",
            "tetris-2pieces/random-v1",
            "hockey-goal/noisy-v1",
            "hockey-goal-obstacles/noisy-v1",
            "kitchen-microwave/noisy-v1",
            "kitchen-gripper-slide-cabinet/noisy-v2",
            "sprites/random-v1",
        ),
        updates=20_000,
        summary="goals in every family of worlds",
    ),
    SuiteSpec(
        id="rewards",
        metric="normalised_return",
        data=(
            *_RUNNERS,
            "point-maze-u/mixed-v1",
            "point-maze-medium/mixed-v1",
            "push-1block-region/mixed-v1",
            "push-2blocks-region/noisy-v1",
            "push-3blocks-region/noisy-v1",
            "hockey-strike/noisy-v1",
            "hockey-defend/noisy-v2",
            "kitchen-4tasks/partial-v1",
            "kitchen-gripper-4tasks/partial-v1",
        ),
        updates=20_000,
        summary="offline reinforcement learning by rewards, runners with data of three qualities",
    ),
    SuiteSpec(
        id="teams",
        metric="normalised_return",
        data=(
            "team-matrix-rare/mixed-hidden-v1",
            "team-matrix-xor/mixed-hidden-v1",
            "team-matrix-climbing/mixed-hidden-v1",
            "team-matrix-square/mixed-hidden-v1",
            "team-spread/mixed-obs-v1",
            "team-spread-omar/medium-replay-v1",
            "team-tag/medium-replay-v1",
            "team-pushbox/mixed-obs-v1",
            "team-hopper-3x1/medium-replay-v1",
            "team-cheetah-2x3/medium-replay-v1",
            "team-cheetah-6x1/medium-replay-v1",
            "team-ant-2x4/medium-replay-v1",
            "hockey-1v1/medium-replay-v1",
            "hockey-2v2/mixed-obs-v1",
            "hockey-mallets-2/expert-v1",
            "hockey-mallets-4/expert-v1",
            "hockey-mallets-8/expert-v1",
            "hockey-mallets-4-sync/expert-v1",
        ),
        updates=20_000,
        summary="offline learning of teams, many with data of several conventions",
    ),
    SuiteSpec(
        id="graphs",
        metric="misprediction",
        data=(
            "dag-4/random-absent-v1",
            "dag-10/random-absent-v1",
            "dag-30/random-absent-v1",
            "sprites/random-absent-v1",
            "push-3blocks/random-absent-v1",
            "hockey-goal/random-v1",
            "hockey-goal-obstacles/random-absent-v1",
            "hockey-strike/noisy-v1",
            "hockey-defend/noisy-v2",
            "hockey-mallets-4/random-v1",
        ),
        updates=20_000,
        summary="who acted on whom, looking back",
    ),
)
