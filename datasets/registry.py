"""The table of datasets. Specs only: importing it loads no simulator."""

from __future__ import annotations

from entitybench.types import DatasetSpec


def _push_play(blocks: int) -> DatasetSpec:
    task = f"push-{blocks}block{'s' if blocks > 1 else ''}"
    return DatasetSpec(
        id=f"{task}/play-v1",
        task=task,
        behaviour="entitybench.envs.push.play:PushPlay",
        episodes=2000,
        validation_episodes=200,
        length=150,
        summary="noisy pushing of random blocks to random places; no goal in mind",
    )


DATASETS: tuple[DatasetSpec, ...] = tuple(_push_play(n) for n in range(1, 11))
