"""Goal-conditioned IQL that acts straight towards the goal; other agents build on it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch

from entitybench.agents.common.bounds import bounded
from entitybench.agents.common.goal.config import FAR, NEAR, GoalConfig, GoalPhase
from entitybench.agents.common.goal.iql import IQLNetworks, iql_losses
from entitybench.agents.common.goal.learner import GoalLearner
from entitybench.agents.common.goal.networks import EntityNet, FlatNet, Network
from entitybench.agents.common.goal.transformer import EntityTransformer
from entitybench.agents.common.layers import Params, Precision, native_precision
from entitybench.agents.common.standard import Standardised, set_statistics
from entitybench.datasets.sampling.goals import GoalMix, GoalSampler
from entitybench.seeding import generator

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from entitybench.agents.common.goal.layout import Layout
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Batch, Obs, Policy

Tensor = torch.Tensor
Tensors = dict[str, Tensor]


STANDARD = 65_536  # observations from which means and deviations are taken
VALUE_GOALS = GoalMix(next=0.2, geometric=0.6, random=0.2, mean_steps=25)


@dataclass(frozen=True, kw_only=True)
class IQLConfig(GoalConfig):
    """Settings of goal-conditioned IQL."""

    phases: tuple[GoalPhase, ...]
    discount: float = 0.98  # γ
    expectile: float = 0.9  # τ_e
    target_rate: float = 0.005  # τ of the target critics
    value_goals: GoalMix = VALUE_GOALS

    def __post_init__(self) -> None:
        super().__post_init__()
        # Below 1: values of a −1/0 reward end at −1 / (1 − γ).
        bounded(self, discount="[0, 1)", expectile="(0, 1)", target_rate="(0, 1]")


# What they share where a seed may take an hour of one core: near goals and a strong cloning term
# first, far goals and a weak one after (docs/methods/hecrl.md, "Preset medium").
MEDIUM: Mapping[str, Any] = {
    "phases": (
        GoalPhase(
            updates=30_000, alpha=0.3, learning_rate=1e-3, final_learning_rate=1e-3, mix=NEAR
        ),
        GoalPhase(
            updates=15_000, alpha=0.05, learning_rate=5e-4, final_learning_rate=5e-5, mix=FAR
        ),
    ),
    "batch_size": 256,
}
# What HECRL's agents share at the published size (Haramati et al., ICLR 2026, released settings).
PAPER: Mapping[str, Any] = {
    "phases": (
        GoalPhase(
            updates=2_500_000,
            alpha=0.1,
            learning_rate=3e-4,
            final_learning_rate=3e-4,
            mix=FAR,
        ),
    ),
    "batch_size": 512,
    "discount": 0.99,
    "value_goals": GoalMix(next=0.2, uniform=0.8),
    "standardise": True,
    "precision": "float32",
}
PAPER_ENTITIES: Mapping[str, Any] = {
    **PAPER, "network": "transformer", "width": 64, "hidden": 256, "heads": 8,
}  # fmt: skip
PAPER_FLAT: Mapping[str, Any] = {
    **PAPER, "network": "flat", "hidden": 512, "blocks": 4, "actor_layer_norm": False,
}  # fmt: skip


def settled(precision: Precision | Literal["auto"]) -> Precision:
    """A precision; "auto" is that of the processor at hand."""
    return native_precision("cpu") if precision == "auto" else precision


def make_network(
    config: GoalConfig,
    layout: Layout,
    outputs: int,
    *,
    members: int = 1,
    with_action: bool = False,
    layer_norm: bool = True,
) -> Network:
    """The network that `config.network` names; `layer_norm` concerns flat ones."""
    net = _bare_network(config, (layout, outputs, members, with_action), layer_norm)
    return Standardised(net, layout.features, members) if config.standardise else net


def _bare_network(
    config: GoalConfig, sort: tuple[Layout, int, int, bool], layer_norm: bool
) -> Network:
    precision = settled(config.precision)
    if config.network == "flat":
        return FlatNet(
            *sort,
            hidden=(config.hidden,) * config.blocks,
            precision=precision,
            layer_norm=layer_norm,
            scale=1.0 if config.standardise else FlatNet.scale,
        )
    if config.network == "transformer":
        attention = (config.width, config.hidden, config.heads)
        return EntityTransformer(*sort, *attention, precision)
    sizes = (config.width, config.hidden, config.blocks, config.head)
    return EntityNet(*sort, *sizes, precision)


def make_iql_networks(config: GoalConfig, layout: Layout) -> IQLNetworks:
    """V, twin Q and π."""
    return IQLNetworks(
        value=make_network(config, layout, 1),
        critic=make_network(config, layout, 1, members=2, with_action=True),
        actor=make_network(config, layout, layout.action_dim, layer_norm=config.actor_layer_norm),
    )


class GoalIQL(GoalLearner):
    """V and Q of IQL, π by DDPG+BC; the policy is conditioned on the task's goal."""

    config_class: ClassVar[type[Any]] = IQLConfig
    shipped: ClassVar[tuple[str, ...]] = ("value", "actor")
    targets: ClassVar[Mapping[str, str]] = {"critic_target": "critic"}

    def __init__(self, config: Any, task: Any, *, seed: int, device: str = "cpu") -> None:
        if config.precision == "auto":
            config = replace(config, precision=native_precision(device))
        super().__init__(config, task, seed=seed, device=device)
        self.networks = make_iql_networks(config, self.layout)
        self.exact = make_iql_networks(replace(config, precision="float32"), self.layout)

    def init(self, rng: torch.Generator) -> None:
        self.params = self.networks.init(rng)

    def measure(self, source: GoalSampler) -> None:
        """The statistics of standardised networks; the same for every training seed."""
        if not self.config.standardise:
            return
        drawn = source.sample(STANDARD, generator(0, "standardise"))["observations"]
        for params in self.params.values():
            set_statistics(params, torch.as_tensor(drawn))

    def draw(self, source: GoalSampler, rng: np.random.Generator) -> Batch:
        return source.sample(
            self.config.batch_size, rng, value=self.config.value_goals, policy=self.phase.mix
        )

    def losses(
        self, params: Mapping[str, Params], batch: Tensors, constants: Tensors
    ) -> tuple[Tensor, Tensors]:
        return iql_losses(
            self.networks,
            params,
            batch,
            constants["alpha"],
            discount=self.config.discount,
            expectile=self.config.expectile,
        )

    def value_of(self, state: Tensor, goal: Tensor) -> Tensor:
        """V(s, g): (B,)."""
        return self.exact.value.apply(self.params["value"], state, goal)[0, :, 0]

    def act(self, state: Tensor, goal: Tensor) -> Tensor:
        """π(s, g): (B, A)."""
        return self.exact.act(self.params["actor"], state, goal)

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
