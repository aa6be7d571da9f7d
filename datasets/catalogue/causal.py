"""Datasets with the truth about who acted on whom, hockey and its videos.

Episodes with absent entities: null data as in NCII (Chuck et al., ICLR 2025).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from entitybench.datasets.catalogue.build import HOLD, NOISY, RANDOM, dataset, noisy

if TYPE_CHECKING:
    from entitybench.types import DatasetSpec

ABSENT = 0.3  # the chance that an entity is not there


def _graphs(
    task: str, length: int, hold: int, transitions: int = 100_000
) -> tuple[DatasetSpec, ...]:
    """Random actions, with everything there, and with random subsets of it absent."""
    return tuple(
        dataset(
            task,
            name,
            RANDOM,
            {"hold": hold},
            length=length,
            transitions=transitions,
            interactions=True,
            absent=absent,
            summary=f"random actions, {what}; who acted on whom is stored",
        )
        for name, absent, what in (
            ("random", 0.0, "everything there"),
            ("random-absent", ABSENT, "each entity absent in 30 % of episodes"),
        )
    )


def _hockey(name: str) -> DatasetSpec:
    summary = "the script with noise; who acted on whom is stored"
    return noisy(f"hockey-{name}", summary, sigma=0.5, interactions=True)


def _mallets(name: str) -> tuple[DatasetSpec, DatasetSpec]:
    """Videos to learn latent actions from, as FLAM does (Wang et al., ICML 2026)."""
    task = f"hockey-mallets-{name}"
    return (
        dataset(
            task,
            "random",
            "entitybench.envs.hockey.mallets_oracle:RandomCommands",
            length=40,
            transitions=16_000,
            interactions=True,
            summary="a command of its own for each mallet, held for 1 to 3 steps",
        ),
        dataset(
            task,
            "expert",
            NOISY,
            length=40,
            transitions=20_000,
            summary="each mallet drives to its spot",
        ),
    )


CAUSAL: tuple[DatasetSpec, ...] = (
    *(spec for nodes in (4, 10, 30) for spec in _graphs(f"dag-{nodes}", 50, 1, 200_000)),
    # Of the rare variants only what graphs are learned from.
    *(_graphs(f"dag-{nodes}-rare", 50, 1, 200_000)[1] for nodes in (4, 10, 30)),
    *_graphs("sprites", 50, HOLD),
    *_graphs("push-3blocks", 150, HOLD),
    # The puck of hockey-goal is the only thing that could be absent, and something always stays.
    _graphs("hockey-goal", 80, HOLD)[0],
    *_graphs("hockey-goal-obstacles", 80, HOLD),
    *(_hockey(name) for name in ("goal", "goal-obstacles", "strike", "defend")),
    *(spec for name in ("2", "4", "8", "4-sync") for spec in _mallets(name)),
)
