"""Datasets of goal tasks: play, noisy play, random pushing.

The recipes follow the data of HECRL (Haramati et al., ICLR 2026); sizes are ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from entitybench.datasets.catalogue.build import (
    AROUND_PIECE,
    NOISY,
    PICK_PLAY,
    SCENE_PLAY,
    dataset,
)
from entitybench.envs.push.tasks import PUSH_BLOCKS

if TYPE_CHECKING:
    from entitybench.types import DatasetSpec

PICK_CUBES, STACK_CUBES = range(1, 11), range(2, 6)
PIECES = range(1, 8)
SLOW = {"transitions": 60_000, "paper": 1_000_000}  # where physics takes long
# Noise of play: small, and going on for some steps; of noisy play: HECRL's, new each step.
_SLOW = {"sigma": 0.1, "correlation": 0.8}
_QUICK = {"sigma": [0.0, 0.1], "scale": [1, 1, 1, 3, 5]}


def _s(count: int) -> str:
    return "s" if count > 1 else ""


def _push(task: str) -> DatasetSpec:
    return dataset(
        task,
        "play",
        "entitybench.envs.push.play:PushPlay",
        length=150,
        transitions=300_000,
        paper=3_000_000,
        summary="noisy pushing of random blocks to random places; no goal in mind",
    )


def _hand(
    task: str,
    base: str,
    play: dict[str, float],
    noisy: dict[str, float],
    *,
    uniform: float,
    steps: int,
    transitions: int = 300_000,
    paper: int = 3_000_000,
) -> tuple[DatasetSpec, DatasetSpec]:
    """Play and noisy play, whose scripts `base` have the arguments `play` and `noisy`."""
    return (
        dataset(
            task,
            "play",
            NOISY,
            {"base": base, "base_kwargs": play, **_SLOW},
            length=steps,
            transitions=transitions,
            paper=paper,
            summary="a script with random goals of its own, one after the other; slow noise",
        ),
        dataset(
            task,
            "noisy",
            NOISY,
            {"base": base, "base_kwargs": noisy, "uniform": uniform, **_QUICK},
            length=steps,
            transitions=transitions,
            paper=paper,
            summary="the same with pushes, random actions and noise that is new each step"
            if noisy.get("push")
            else "the same with random actions and noise that is new each step",
        ),
    )


def _tetris(pieces: int) -> DatasetSpec:
    return dataset(
        f"tetris-{pieces}piece{_s(pieces)}",
        "random",
        AROUND_PIECE,
        length=400,
        transitions=300_000,
        paper=1_000_000,
        summary="random pushing about a piece, another one every 100 steps",
    )


GOALS: tuple[DatasetSpec, ...] = (
    *(_push(f"push-{blocks}block{_s(blocks)}") for blocks in PUSH_BLOCKS),
    _push("push-1block-obstacles"),
    _push("push-2blocks-zones"),
    *(
        spec
        for cubes in PICK_CUBES
        for spec in _hand(
            f"pick-{cubes}cube{_s(cubes)}",
            PICK_PLAY,
            {"stack": 0.3},
            {"stack": 0.5, "push": 0.7},
            uniform=0.1,
            steps=400,
            **(SLOW if cubes > 5 else {}),
        )
    ),
    *(
        spec
        for cubes in STACK_CUBES
        for spec in _hand(
            f"stack-{cubes}cubes",
            PICK_PLAY,
            {"stack": 0.9},
            {"stack": 0.9},
            uniform=0.02,
            steps=1000,
            **(SLOW if cubes > 4 else {}),
        )
    ),
    *_hand("pick-2cubes-bins", PICK_PLAY, {}, {"push": 0.7}, uniform=0.1, steps=400, **SLOW),
    *_hand("scene", SCENE_PLAY, {}, {}, uniform=0.1, steps=1000, paper=1_000_000),
    *(_tetris(pieces) for pieces in PIECES),
)
