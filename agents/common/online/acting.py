"""Trained online learners that only act: read from the checkpoint without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from entitybench.agents.common.offline.acting import Acting as OfflineActing
from entitybench.agents.common.offline.policy import layers_of
from entitybench.agents.common.online.features import Features
from entitybench.agents.common.online.policy import SquashedPolicy

if TYPE_CHECKING:
    from collections.abc import Mapping


class Acting(OfflineActing):
    """What is evaluated of a checkpoint that an `OnlineLearner` saved: tanh of the mean."""

    @classmethod
    def _fitting(
        cls, weights: Mapping[str, Any], world: Any, config: Mapping[str, Any]
    ) -> SquashedPolicy:
        del config
        features, layers = Features.in_world(world), layers_of(weights, "actor/")
        wanted = (features.size, 2 * world.action_dim)
        found = (layers[0][0].shape[0], layers[-1][0].shape[1]) if layers else (0, 0)
        if found != wanted:
            raise ValueError(f"a policy of {found[0]} inputs and {found[1]} outputs, not {wanted}")
        return SquashedPolicy(layers, features)
