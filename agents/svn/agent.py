"""SVN and the grid it is a corner of: decomposition × value learning × policy extraction.

Lee, Lee and Zhang, "A Recipe for Stable Offline Multi-agent Reinforcement Learning", 2026.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from entitybench.agents.common.offline.losses import climb_loss, expectile_loss, weighted
from entitybench.agents.common.offline.networks import Actor, Critic
from entitybench.agents.common.offline.statistics import returns_to_go
from entitybench.agents.common.team.central import CentralValues
from entitybench.agents.common.team.mixers import MonotoneMixer
from entitybench.agents.common.team.seats import Seats
from entitybench.agents.svn.config import PRESETS, RecipeConfig
from entitybench.agents.svn.losses import (
    advantage_weight,
    prediction_scaled_loss,
    residual_loss,
    spread,
    target_scaled_loss,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.agents.common.layers import Params
    from entitybench.agents.common.offline.learner import Transitions
    from entitybench.agents.common.team.mixers import Weights
    from entitybench.types import TaskSpec

Tensor = torch.Tensor
Tensors = dict[str, Tensor]
BEYOND = 5.0  # times the largest value that rewards of the data allow: such a value has diverged


class Recipe(CentralValues):
    """Twin critics Q_i, what makes them the team's, and a policy of each agent.

    f is the mean, the sum or a monotone mixer of the team's state; `central` has one Q of the team,
    `individual` none. The team's reward is the mean over agents, whatever f is.

    y = r + γ m min f̄(Q̄(s', a')), a' of the policies ("td") or of the data ("sarsa"), or
        f̄(r_i + γ m V_i(s')) ("iql")
    L_Q = ½ E ((f(Q) − y) / σ)², σ = 1 or a spread of values (`svn_stat`)
    L_V = E |τ − 1(u < 0)| u², u = (min f̄(Q̄) − f(V)) / σ                            ("iql")
    L_π = α E (π − a)² − E Q(s, π) / E |Q|                                          ("brac")
    L_π = E w ½ ‖π − a‖², w of the advantage over π, or over V with "iql"            ("awr")
    """

    config_class: ClassVar[type[Any]] = RecipeConfig
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = PRESETS
    following: ClassVar[tuple[str, ...]] = ("actions",)
    targets: ClassVar[Mapping[str, str]] = {"critic_target": "critic", "mixer_target": "mixer"}
    passing: ClassVar[tuple[str, ...]] = ("return_spread", "most_reward")

    def __init__(self, config: Any, task: TaskSpec, *, seed: int, device: str = "cpu") -> None:
        super().__init__(config, task, seed=seed, device=device)
        self.joint, self.by_state = (config.decomposition == x for x in ("central", "mixer"))
        seats = self.agents if self.joint else 1
        self.actor = Actor(self.states, self.actions, config.hidden, "deterministic")
        states, norm = seats * self.states, config.layer_norm
        self.critic = Critic(states, seats * self.actions, config.hidden, 2, layer_norm=norm)
        self.value = Critic(states, 0, config.hidden, layer_norm=norm)
        self.mixer = MonotoneMixer(self.agents, self.central, config.embedding, config.mixer_hidden)
        self.implicit = config.value == "iql"
        self.seats = Seats(self.agents, self.features, self.actions, joint=True)
        self.buffers["return_spread"] = torch.ones(())
        self.buffers["most_reward"] = torch.ones(())

    def init(self, rng: torch.Generator) -> None:
        """All groups, also those that a recipe does not use: they stay as they began."""
        self.params = {
            "critic": self.critic.init(rng),
            "actor": self.actor.init(rng),
            "mixer": self.mixer.init(rng),
            "value": self.value.init(rng),
        }

    def measure(self, source: Transitions) -> None:
        """Also the deviation of returns to go, and the largest reward, as they are learned."""
        super().measure(source)
        store, scale = source.store, float(self.buffers["reward_scale"])
        kept = np.ones(len(store.columns["rewards"]), bool)
        kept[store.offsets[1:] - 1] = False
        reward = np.asarray(store.columns["rewards"], np.float64)[kept].mean(-1)
        togo = returns_to_go(store, self.config.discount)[kept].mean(-1)
        most = np.abs(reward + self.config.reward_shift).max(initial=0.0)
        self.buffers["return_spread"] = torch.tensor(scale * togo.std()).float()
        self.buffers["most_reward"] = torch.tensor(scale * most).float()

    # Values

    def q(self, params: Params, seen: Tensor, action: Tensor) -> Tensor:
        """(..., 2, B·M) of agents; (..., 2, B) of a central critic."""
        if self.joint:
            seen, action = self.seats.together(seen), self.seats.together(action)
        return self.critic.value(params, seen, action)

    def v(self, params: Params, seen: Tensor) -> Tensor:
        """(..., 1, B·M), or (..., 1, B)."""
        return self.value.value(params, self.seats.together(seen) if self.joint else seen)

    def weighed(self, mixer: Params, state: Tensor) -> Weights | None:
        """What the mixer makes of states (..., B, S); None without one."""
        return self.mixer.weights(mixer, state) if self.by_state else None

    def team(self, weights: Weights | None, values: Tensor) -> Tensor:
        """What f makes of values (..., E, B·M): (..., E, B) of the team, or each agent's own."""
        if weights is not None:
            return self.mixer.mixed(weights, values)
        if self.config.decomposition == "mean":
            return self.mixed(values)
        if self.config.decomposition == "vdn":
            return self.agents * self.mixed(values)
        return values

    def least(self, weights: Weights | None, values: Tensor) -> Tensor:
        """The smaller of two members: after the mixer, but before means and sums."""
        if weights is not None:
            return self.team(weights, values).amin(-2)
        return self.team(None, values.amin(-2, keepdim=True))[..., 0, :]

    def paid(self, x: Tensor) -> Tensor:
        """Rewards or masks of the team (..., B), or of each agent (..., B·M)."""
        return x if self.config.decomposition == "individual" else self.mixed(x)

    def target(self, params: Mapping[str, Params], batch: Mapping[str, Tensor]) -> Tensor:
        """Y (..., B), or of each agent."""
        after, gamma = batch["next_observations"], self.config.discount
        slow = params["mixer_target"]
        reward, mask = batch["rewards"], batch["masks"]
        if self.implicit:
            following = self.v(params["value"], after)
            if self.by_state:
                backed = reward.unsqueeze(-2) + gamma * mask.unsqueeze(-2) * following
                return self.team(self.weighed(slow, batch["state"]), backed)[..., 0, :]
            next_q = self.team(None, following)[..., 0, :]
        else:
            action = self.actor.act(params["actor"], after)
            if self.config.value == "sarsa":  # after an episode's last step there is none
                last = batch["terminals"].repeat_interleave(self.agents, -1).unsqueeze(-1) > 0
                action = torch.where(last, action, batch["next_actions"])
            found = self.q(params["critic_target"], after, action)
            next_q = self.least(self.weighed(slow, batch["next_state"]), found)
        return self.paid(reward) + gamma * self.paid(mask) * next_q

    # Losses

    def losses(
        self, params: Mapping[str, Params], batch: Tensors, constants: Tensors
    ) -> tuple[Tensor, Tensors]:
        del constants
        seen, action = batch["observations"], batch["actions"]
        mixer = params["mixer"] if self.config.train_mixer else _held(params["mixer"])
        with torch.no_grad():
            y = self.target(params, batch)
        own = self.q(params["critic"], seen, action)
        weights = self.weighed(mixer, batch["state"])
        q = self.team(weights, own)
        loss = self.critic_loss(q, y)
        logs = {"critic_loss": loss, **self.looked_at(weights, q, y)}
        advantage = None
        if self.implicit:
            value = self.team(weights, self.v(params["value"], seen))[..., 0, :]
            value_loss = self.value_loss(params, batch, value)
            loss = loss + value_loss
            logs["value_loss"] = value_loss
            advantage = self.least(weights, own).detach() - value.detach()
        actor_loss, more = self.of_actor(params, batch, own.detach(), weights, advantage)
        logs |= {"actor_loss": actor_loss, **more}
        return loss + actor_loss, {name: number.detach() for name, number in logs.items()}

    def critic_loss(self, q: Tensor, y: Tensor) -> Tensor:
        """(...) of the team's values (..., 2, B)."""
        if self.config.svn_stat == "none":
            return residual_loss(q, y)
        if self.config.svn_stat == "targets":
            return target_scaled_loss(q, y, self.config.floor)
        return prediction_scaled_loss(q, y, self.config.floor)

    def value_loss(
        self, params: Mapping[str, Params], batch: Mapping[str, Tensor], value: Tensor
    ) -> Tensor:
        """(...) of the team's V (..., B), in the spread of the slow values that it learns from."""
        with torch.no_grad():
            slow = self.q(params["critic_target"], batch["observations"], batch["actions"])
            q = self.least(self.weighed(params["mixer_target"], batch["state"]), slow)
        away = q - value
        if self.config.svn_stat != "none":
            away = away / spread(q, self.config.floor).unsqueeze(-1)
        return expectile_loss(away, self.config.expectile)

    def of_actor(
        self,
        params: Mapping[str, Params],
        batch: Mapping[str, Tensor],
        own: Tensor,
        weights: Weights | None,
        advantage: Tensor | None,
    ) -> tuple[Tensor, Tensors]:
        """The policies' loss, and logs.

        Args:
            params: by group.
            batch: of `draw`.
            own: Q of the data's actions as `q` gives them, held.
            weights: `weighed` at the batch's states.
            advantage: with "iql" that of the team's value over V, held.
        """
        seen, action = batch["observations"], batch["actions"]
        predicted = self.actor.act(params["actor"], seen)
        away = (predicted - action).square()
        held = self.q(_held(params["critic"]), seen, predicted)  # a gradient through actions alone
        ahead = held.amin(-2)
        logs = {"bc_error": away.mean((-2, -1)), "ood_gap": (ahead - own.amin(-2)).mean(-1)}
        if self.config.extraction == "awr":
            if advantage is None:
                advantage = own.amin(-2) - ahead
            weight = advantage_weight(advantage, self.config.alpha)
            if weight.shape[-1] != away.shape[-2]:  # of the team: every agent has it
                weight = weight.repeat_interleave(self.agents, -1)
            logs["weight"] = weight.amax(-1)
            return weighted(weight, 0.5 * away.sum(-1)), logs
        if self.config.actor_mixer:
            ahead = self.least(None if weights is None else _fixed(weights), held)
        climb = climb_loss(ahead) if self.config.normalise_actor else -ahead.mean(-1)
        return climb + self.config.alpha * away.mean((-2, -1)), logs

    def looked_at(self, weights: Weights | None, q: Tensor, y: Tensor) -> Tensors:
        """What tells whether values grow for a reason."""
        with torch.no_grad():
            least = q.amin(-2)
            deviation = spread(least, self.config.floor)
            most = q.abs().amax((-2, -1))
            bound = self.buffers["most_reward"] / (1.0 - self.config.discount)
            logs = {
                "q_size": q.abs().mean((-2, -1)),
                "q_most": most,
                "y_size": y.abs().mean(-1),
                "spread": deviation,
                "td_error": (least - y).abs().mean(-1) / deviation,
                "amplification": least.std(-1, correction=0)
                / self.buffers["return_spread"].clamp(min=1e-6),
                "beyond": most / (BEYOND * bound).clamp(min=1e-6),  # above 1: diverged
            }
            if weights is not None:
                logs["gain"] = self.mixer.gains_of(weights).mean((-2, -1))
        return logs


def _held(params: Params) -> Params:
    """Parameters that a loss does not move."""
    return {name: p.detach() for name, p in params.items()}


def _fixed(weights: Weights) -> Weights:
    """Weights that a loss does not move."""
    w1, b1, w2, b2 = weights
    return w1.detach(), b1.detach(), w2.detach(), b2.detach()
