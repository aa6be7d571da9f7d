"""Goal-conditioned IQL that acts straight towards the goal; other agents build on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import torch

from entitybench.agents.common.agent import TorchAgent
from entitybench.agents.common.config import Stage  # noqa: TC001 - read by from_json at run time
from entitybench.agents.common.iql import IQLNetworks, iql_losses
from entitybench.agents.common.networks import EntityNet, FlatNet, Network, Params, Precision
from entitybench.datasets.sampling.goals import GoalMix, GoalSampler

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.agents.common.layout import Layout
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Batch, Obs, Policy

Tensor = torch.Tensor


VALUE_GOALS = GoalMix(next=0.2, geometric=0.6, random=0.2, mean_steps=25)


@dataclass(frozen=True, kw_only=True)
class IQLConfig:
    """Settings of goal-conditioned IQL; the tags are those of the HECRL sheet."""

    agent: str
    preset: str
    stages: tuple[Stage, ...]
    batch_size: int = 256
    discount: float = 0.98  # γ
    expectile: float = 0.9  # τ_e
    target_rate: float = 0.005  # τ of the target critics
    grad_clip: float = 20.0  # global norm, each network by itself
    value_goals: GoalMix = VALUE_GOALS
    network: Literal["entity", "flat", "transformer"] = "entity"
    width: int = 64
    hidden: int = 128  # of the residual blocks, or of each layer when flat
    blocks: int = 2
    head: int = 256
    precision: Precision = "float32"  # of the matrix products in training
    compile: bool = True  # torch.compile the losses where a C++ compiler is at hand


def make_network(
    config: IQLConfig, layout: Layout, outputs: int, *, members: int = 1, with_action: bool = False
) -> Network:
    """The network that `config.network` names."""
    if config.network == "flat":
        return FlatNet(
            layout,
            outputs,
            members,
            with_action,
            hidden=(config.hidden,) * config.blocks,
            precision=config.precision,
        )
    return EntityNet(
        layout,
        outputs,
        members,
        with_action,
        config.width,
        config.hidden,
        config.blocks,
        config.head,
        config.precision,
    )


def make_iql_networks(config: IQLConfig, layout: Layout) -> IQLNetworks:
    """V, twin Q and π."""
    return IQLNetworks(
        value=make_network(config, layout, 1),
        critic=make_network(config, layout, 1, members=2, with_action=True),
        actor=make_network(config, layout, layout.action_dim),
    )


class GoalIQL(TorchAgent):
    """V, Q and π of HECRL sheet §2.2 and §2.3; the policy is conditioned on the task's goal."""

    config_class: ClassVar[type[Any]] = IQLConfig
    shipped = ("value", "actor")

    def __init__(self, config: Any, task: Any, *, seed: int, device: str = "cpu") -> None:
        super().__init__(config, task, seed=seed, device=device)
        self.networks = make_iql_networks(config, self.layout)

    def init(self, rng: torch.Generator) -> None:
        self.params = self.networks.init(rng)
        self.target = {name: p.clone() for name, p in self.params["critic"].items()}

    def draw(self, sampler: GoalSampler, rng: np.random.Generator) -> Batch:
        stage, _ = self.stage()
        batch = sampler.sample(
            self.config.batch_size, rng, value=self.config.value_goals, policy=stage.policy
        )
        batch["alpha"] = np.float32(stage.alpha)
        return batch

    def losses(
        self, params: Mapping[str, Params], target: Params, batch: dict[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        return iql_losses(
            self.networks,
            params,
            target,
            batch,
            batch["alpha"],
            discount=self.config.discount,
            expectile=self.config.expectile,
        )

    def value_of(self, state: Tensor, goal: Tensor) -> Tensor:
        """V(s, g): (B,)."""
        return self.networks.value.apply(self.params["value"], state, goal)[0, :, 0]

    def act(self, state: Tensor, goal: Tensor) -> Tensor:
        """π(s, g): (B, A)."""
        return self.networks.act(self.params["actor"], state, goal)

    def policy(self, *, greedy: bool = True) -> Policy[Any]:
        del greedy  # the policy is deterministic
        return GoalPolicy(self)


class GoalPolicy:
    """Acts towards the task's goal at every step."""

    def __init__(self, agent: GoalIQL) -> None:
        self.agent = agent

    def initial_state(self, batch: int) -> None:
        del batch

    @torch.inference_mode()
    def act(self, obs: Obs, state: None, rng: BatchGenerator) -> tuple[Array, None]:
        del rng
        device = self.agent.device
        observation = torch.as_tensor(obs["observation"], device=device)
        goal = torch.as_tensor(obs["desired_goal"], device=device)
        return self.agent.act(observation, goal).cpu().numpy(), state
