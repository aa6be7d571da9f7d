"""The tasks whose true interactions are known: random graphs, and discs that bounce."""

from __future__ import annotations

from typing import Any

from entitybench.types import TaskSpec

DAG_NODES = (4, 10, 30)


def _dag(nodes: int) -> TaskSpec:
    return TaskSpec(
        id=f"dag-{nodes}",
        version=1,
        kind="graph",
        world="entitybench.envs.causal.dag:DagWorld",
        kwargs={"nodes": nodes},
        horizon=50,
        tags=frozenset({"causal", "state"}),
        summary=f"{nodes} nodes of a random graph: which edges act in which step?",
    )


def _sprites(id: str, tag: str, summary: str, **kwargs: Any) -> TaskSpec:
    return TaskSpec(
        id=id,
        version=1,
        kind="goal-control",
        world="entitybench.envs.causal.sprites:SpritesWorld",
        kwargs=kwargs,
        horizon=50,
        oracle="entitybench.envs.causal.oracle:SpritesOracle",
        tags=frozenset({"causal", tag}),
        summary=summary,
    )


TASKS: tuple[TaskSpec, ...] = (
    *(_dag(nodes) for nodes in DAG_NODES),
    _sprites("sprites", "state", "knock a disc to its place among others that bounce"),
    _sprites(
        "sprites-pixels",
        "pixels",
        "knock a disc to its place among others that bounce, seen from a camera",
        pixels=64,
    ),
)
