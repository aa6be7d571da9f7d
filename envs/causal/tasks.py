"""The tasks whose true interactions are known: random graphs, and discs that bounce."""

from __future__ import annotations

from entitybench.envs.parts.seen import seen
from entitybench.types import TaskSpec

DAG_NODES = (4, 10, 30)
RARE = 0.23  # the threshold of edges that seldom fire


def _dag(nodes: int, name: str = "", **kwargs: float) -> TaskSpec:
    seldom = ", each seldom" if kwargs else ""
    return TaskSpec(
        id=f"dag-{nodes}{name}",
        version=1,
        kind="graph",
        target="entitybench.envs.causal.dag:DagWorld",
        kwargs={"nodes": nodes, **kwargs},
        horizon=50,
        data=f"dag-{nodes}{name}/random-absent-v1",
        tags=frozenset({"causal", "state"}),
        summary=f"{nodes} nodes of a random graph: which edges act in which step{seldom}?",
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

TASKS: tuple[TaskSpec, ...] = (
    *(_dag(nodes) for nodes in DAG_NODES),
    *(_dag(nodes, "-rare", threshold=RARE) for nodes in DAG_NODES),
    _SPRITES,
    seen(_SPRITES),
)
