"""What the subgoal diffuser minimises; displacements are of physical features, scaled to one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.agents.common.diffusion import Predict, Schedule
    from entitybench.agents.hecrl.networks import SubgoalNet

Tensor = torch.Tensor


def diffusion_loss(
    net: SubgoalNet,
    params: Mapping[str, Tensor],
    state: Tensor,
    goal: Tensor,
    displacement: Tensor,
    noise: Tensor,
    step: Tensor,
    schedule: Schedule,
    predict: Predict,
) -> Tensor:
    """E |target − prediction| with t ~ U{0..S−1}: L1, as in HECRL's released code."""
    noisy = schedule.corrupt(displacement, noise, step)
    output = net.apply(params, state, goal, noisy, step)
    return (output - (noise if predict == "noise" else displacement)).abs().mean()
