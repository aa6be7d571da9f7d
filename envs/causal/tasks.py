"""The tasks whose true interactions are known: random graphs, and discs that bounce."""

from __future__ import annotations

from entitybench.envs.parts.seen import seen
from entitybench.types import TaskSpec

DAG_NODES = (4, 10, 30)


def _dag(nodes: int) -> TaskSpec:
    return TaskSpec(
        id=f"dag-{nodes}",
        version=1,
        kind="graph",
        target="entitybench.envs.causal.dag:DagWorld",
        kwargs={"nodes": nodes},
        horizon=50,
        data=f"dag-{nodes}/random-absent-v1",
        tags=frozenset({"causal", "state"}),
        summary=f"{nodes} nodes of a random graph: which edges act in which step?",
    )


_SPRITES = TaskSpec(
    id="sprites",
    version=1,
    kind="goal-control",
    target="entitybench.envs.causal.sprites:SpritesWorld",
    horizon=50,
    oracle="entitybench.envs.causal.oracle:SpritesOracle",
    data="sprites/random-v1",
    tags=frozenset({"causal", "state"}),
    summary="knock a disc to its place among others that bounce",
)

TASKS: tuple[TaskSpec, ...] = (*(_dag(nodes) for nodes in DAG_NODES), _SPRITES, seen(_SPRITES))
