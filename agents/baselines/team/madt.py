"""MADT: a decision transformer of each agent, which share parameters.

Meng et al., "Offline Pre-trained Multi-agent Decision Transformer", Machine Intelligence Research
2023; Chen et al., "Decision Transformer", NeurIPS 2021.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
import torch.nn.functional as F

from entitybench.agents.baselines.team.madt_acting import MADTPolicy
from entitybench.agents.baselines.team.windows import TO_GO, WindowLearner
from entitybench.agents.common.bounds import WIDTH, bounded
from entitybench.agents.common.offline.config import OfflineConfig, constant
from entitybench.agents.common.team.actions import choice_of, vector_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.agents.common.layers import Params
    from entitybench.datasets.sampling.windows import Pad
    from entitybench.types import Batch, Policy, TaskSpec

Tensor = torch.Tensor


@dataclass(frozen=True, kw_only=True)
class MADTConfig(OfflineConfig):
    """Settings of MADT; `hidden` are the widths of the blocks' perceptrons, one a block."""

    context: int = 8  # K, steps that an agent remembers, the present one included
    width: int = 64  # of a token

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, context="[1, 1000]", width=WIDTH)


class MADT(WindowLearner):
    """E ‖π(R_t, o_t, a_{t−1}, …, K steps) − a_t‖²; of choices, their cross-entropy.

    A step is one token of the return to go, what the agent sees and what it did before. The last
    token of a window attends to those before it, so nothing needs to be masked.
    """

    config_class: ClassVar[type[Any]] = MADTConfig
    of_seeds: ClassVar[bool] = False
    pad: ClassVar[Pad] = "start"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {
            "phases": constant(40, 1e-3), "batch_size": 16, "hidden": (16,), "width": 8,
            "context": 3,
        },
        "small": {"phases": constant(20_000, 1e-3), "batch_size": 64, "hidden": (128, 128)},
        "paper": {
            "phases": constant(500_000, 1e-4), "batch_size": 128, "hidden": (256, 256, 256),
            "width": 128, "context": 20,
        },
    }  # fmt: skip

    def __init__(self, config: Any, task: TaskSpec, *, seed: int, device: str = "cpu") -> None:
        super().__init__(config, task, seed=seed, device=device)
        self.outputs = self.actions if self.choices is None else self.choices

    @property
    def steps(self) -> int:
        return int(self.config.context) + 1  # and one before, for the first action

    def init(self, rng: torch.Generator) -> None:
        width, context = self.config.width, self.config.context
        ends = self.states + self.outputs + 1

        def dense(rows: int, columns: int) -> Tensor:
            return torch.randn(rows, columns, generator=rng) * rows**-0.5

        params = {"embed.weight": dense(ends, width), "embed.bias": torch.zeros(width)}
        params["place"] = 0.02 * torch.randn(context, width, generator=rng)
        for k, hidden in enumerate(self.config.hidden):
            for name in ("query", "key", "value", "out"):
                params[f"block{k}.{name}"] = dense(width, width)
            params[f"block{k}.up"] = dense(width, hidden)
            params[f"block{k}.down"] = dense(hidden, width)
        params |= {
            "head.weight": dense(width, self.outputs),
            "head.bias": torch.zeros(self.outputs),
        }
        self.params = {"actor": params}

    def prepared(self, batch: Batch) -> Batch:
        """Tokens (..., B·M, K, I), and the last step's "actions" (..., B·M, A), or choices."""
        seen = torch.as_tensor(self.flat(batch["observations"]))[..., 1:-1, :, :]
        to_go = self.returns(torch.as_tensor(batch[TO_GO]))[..., 1:-1, None, None]
        done = torch.as_tensor(batch["actions"])
        last: Any = done[..., -1, :, :].flatten(-3, -2)
        if self.choices is not None:
            last = choice_of(last[..., 0], self.choices)
            done = vector_of(choice_of(done[..., 0], self.choices), self.choices)
        before = done[..., :-1, :, :]
        tokens = torch.cat([to_go.expand(*seen.shape[:-1], 1), seen, before], -1)
        tokens = tokens.transpose(-3, -2).flatten(-4, -3)
        found: Any = {"tokens": tokens.float(), "actions": last}
        return found

    def losses(
        self, params: Mapping[str, Params], batch: dict[str, Tensor], constants: dict[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        del constants
        found = self.apply(params["actor"], batch["tokens"])
        if self.choices is None:
            loss = (found.tanh() - batch["actions"]).square().mean()
        else:
            loss = F.cross_entropy(found, batch["actions"])
        return loss, {"actor_loss": loss.detach()}

    def apply(self, params: Mapping[str, Tensor], tokens: Tensor) -> Tensor:
        """(..., A) of windows (..., K, I)."""
        x = tokens @ params["embed.weight"] + params["embed.bias"] + params["place"]
        for k in range(len(self.config.hidden)):
            name, y = f"block{k}.", normalised(x)
            q, key, value = (y @ params[name + part] for part in ("query", "key", "value"))
            shares = (q @ key.mT * q.shape[-1] ** -0.5).softmax(-1)
            x = x + shares @ value @ params[name + "out"]
            x = x + torch.relu(normalised(x) @ params[name + "up"]) @ params[name + "down"]
        return normalised(x[..., -1, :]) @ params["head.weight"] + params["head.bias"]

    def policy(self, *, greedy: bool = True) -> Policy[Any]:
        del greedy
        return MADTPolicy(self.weights(), self.choices)


def normalised(x: Tensor) -> Tensor:
    """LayerNorm without scale and shift, over the last axis."""
    return F.layer_norm(x, x.shape[-1:])
