"""The agents that a record tells of, with the weights that it names by hash."""

from __future__ import annotations

from typing import TYPE_CHECKING

from entitybench.errors import BadValue
from entitybench.leaderboard.evaluation import api
from entitybench.registry import agent as agent_spec

if TYPE_CHECKING:
    from pathlib import Path

    from entitybench.leaderboard.evaluation.api import Loaded
    from entitybench.records import Record


def agents_of(record: Record, weights: str | Path | None, device: str) -> dict[int, Loaded]:
    """What acted, by training seed.

    Args:
        record: whose agent is registered, or a file of one's own: that is run.
        weights: as `bench eval --weights` takes them; None: shipped or downloaded.
        device: where they act.

    Raises:
        BadValue: the weights are others than those of the record.
        CheckpointError: there are none.
    """
    spec = agent_spec(record.agent.id)
    found = api.load_agents(
        spec.id,
        task=record.task.id,
        seeds=record.training_seeds,
        weights=weights,
        weights_from=record.agent.weights_from,
        preset=record.agent.preset,
        dataset=record.data[0].dataset if record.data else None,
        device=device,
    )
    for seed, agent in found.items():
        ours, theirs = agent.source.weights_sha256, record.hashes.weights.get(str(seed))
        if ours != theirs:
            raise BadValue(
                f"the weights of training seed {seed} are others (sha256 {str(ours)[:12]}) than "
                f"those of the record ({str(theirs)[:12]}): name their folder with --weights."
            )
    return found
