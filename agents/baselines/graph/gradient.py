"""graph-gradient: what the likelihood of an outcome is sensitive to, acted on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from entitybench.agents.common.graph.learner import GraphLearner, whole
from entitybench.agents.common.graph.networks import Inputs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.agents.common.layers import Params

Tensor = torch.Tensor
Tensors = dict[str, Tensor]


class Gradient(GraphLearner):
    """The 1-norm of d log f_j[s'_j] / d s_i, of standardised inputs, of an unmasked model.

    A baseline of Chuck et al. (ICLR 2025).
    """

    def losses(
        self, params: Mapping[str, Params], batch: Tensors, constants: Tensors
    ) -> tuple[Tensor, Tensors]:
        del constants
        loss = self.fit(params, batch, whole(batch))
        return loss, {"loss": loss.detach()}

    def scores(self, batch: Tensors) -> Tensor:
        """One backward pass a target."""
        model = {name: p.detach() for name, p in self.params["model"].items()}
        plain, mask, found = self.inputs(model, batch), whole(batch), []
        causes = plain.causes.detach().requires_grad_()
        fit = self.likelihoods(
            model, batch, self.network.predict(model, Inputs(plain.targets, causes), mask)
        )
        for target in range(self.network.entities):
            (slope,) = torch.autograd.grad(fit[target].sum(), causes, retain_graph=True)
            found.append(slope.abs().sum(-1).T)  # (B, N + 1)
        return torch.stack(found, dim=1) * mask
