"""MAC-Flow: a flow of joint actions, critics of the team, one-step students of agents.

Lee, Lee and Zhang, "Multi-agent Coordination via Flow Matching", ICLR 2026.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F

from entitybench.agents.common.mlp import init_mlp, mlp
from entitybench.agents.common.offline.losses import climb_loss, twin_loss
from entitybench.agents.common.offline.networks import Critic
from entitybench.agents.common.team.actions import vector_of
from entitybench.agents.common.team.learner import TeamLearner
from entitybench.agents.common.team.policy import FlowPolicy, StudentPolicy
from entitybench.agents.common.team.seats import Seats
from entitybench.agents.common.team.values import TeamValues
from entitybench.agents.macflow.config import FLOW_PRESETS, PRESETS, FlowConfig, MACFlowConfig
from entitybench.agents.macflow.flow import Velocity, drawn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from entitybench.agents.common.layers import Params
    from entitybench.agents.common.offline.learner import Transitions
    from entitybench.types import Batch, Policy, TaskSpec

Tensor = torch.Tensor
Tensors = dict[str, Tensor]


class JointFlow(TeamLearner):
    """The teacher alone, which acts for all agents from what all see: equation 6."""

    config_class: ClassVar[type[Any]] = FlowConfig
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = FLOW_PRESETS
    shipped: ClassVar[tuple[str, ...]] = ("flow",)
    vectors: ClassVar[bool] = True

    def __init__(self, config: Any, task: TaskSpec, *, seed: int, device: str = "cpu") -> None:
        super().__init__(config, task, seed=seed, device=device)
        self.seats = Seats(self.agents, self.features, self.actions, config.teacher == "joint")
        self.flow = Velocity(self.seats, config.hidden)

    def init(self, rng: torch.Generator) -> None:
        self.params = {"flow": self.flow.init(rng)}

    def beside(
        self,
        batch: Batch,
        source: Transitions,
        rngs: Sequence[np.random.Generator],
        lead: tuple[int, ...],
    ) -> Batch:
        del source
        return {**batch, **drawn(self.seats, self.rows, rngs, lead)}

    def losses(
        self, params: Mapping[str, Params], batch: Tensors, constants: Tensors
    ) -> tuple[Tensor, Tensors]:
        del constants
        given = (batch[name] for name in ("observations", "actions", "flow_noise", "flow_time"))
        loss = self.flow.loss(params["flow"], *given)
        return loss, {"flow_loss": loss.detach()}

    def policy(self, *, greedy: bool = True) -> Policy[Any]:
        del greedy
        config = self.config
        return FlowPolicy(
            self.weights(), self.choices, config.drawn, seats=self.seats, steps=config.flow_steps
        )


class MACFlow(TeamValues):
    """Teacher v, twin critics Q_i of each agent, students μ_i from (o_i, z_i) to a_i.

    L_v = E ‖v(t, o, x_t) − (a − x₀)‖²                                        (equation 6)
    L_Q = E (mean_i Q_i(o_i, a_i) − mean_i (r_i + γ m Q̄_i(o_i', μ_i(o_i', z_i'))))², twice
    L_μ = −E mean_i Q_i(o_i, μ_i) / E |mean_i Q_i| + α E ‖μ_i(o_i, z_i) − teacher_i(o, z)‖²

    One update moves all three. Of choices, a student gives logits: L_μ has the mean of Q_i under
    their softmax, and the cross-entropy with the teacher's choice.
    """

    config_class: ClassVar[type[Any]] = MACFlowConfig
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = PRESETS
    targets: ClassVar[Mapping[str, str]] = {"critic_target": "critic"}

    def __init__(self, config: Any, task: TaskSpec, *, seed: int, device: str = "cpu") -> None:
        super().__init__(config, task, seed=seed, device=device)
        self.seats = Seats(self.agents, self.features, self.actions, config.teacher == "joint")
        self.flow = Velocity(self.seats, config.flow_hidden)
        self.critic = Critic(self.states, self.actions, config.hidden, members=2, layer_norm=True)
        self.judged = config.value != "none"

    def init(self, rng: torch.Generator) -> None:
        noise = self.actions * (self.agents if self.config.noise == "shared" else 1)
        sizes = (self.states + noise, *self.config.hidden, self.actions)
        self.params = {"flow": self.flow.init(rng), "actor": init_mlp(1, sizes, rng)}
        self.params["critic"] = self.critic.init(rng)

    # Batches: which noise is there tells the losses who learns

    def learns(self) -> tuple[bool, bool]:
        """Whether at the present step the flow learns, and whether all others do."""
        if self.config.stages == "one":
            return True, True
        first = 3 * self.step < self.total
        return first, not first

    def follows(self) -> bool:
        return self.learns()[1]

    def beside(
        self,
        batch: Batch,
        source: Transitions,
        rngs: Sequence[np.random.Generator],
        lead: tuple[int, ...],
    ) -> Batch:
        del source
        flow, rest = self.learns()
        if flow:
            batch |= drawn(self.seats, self.rows, rngs, lead)
        if rest:
            size = (2, self.rows, self.actions)
            both = np.stack([rng.standard_normal(size, np.float32) for rng in rngs])
            both = both.reshape(*lead, *size)
            batch["noise"], batch["next_noise"] = both[..., 0, :, :], both[..., 1, :, :]
            if self.judged and self.step >= self.config.warm_up * self.total:
                batch["climb"] = np.ones(lead, np.float32)
        return batch

    # Losses

    def losses(
        self, params: Mapping[str, Params], batch: Tensors, constants: Tensors
    ) -> tuple[Tensor, Tensors]:
        del constants
        found: list[Tensor] = []
        logs: Tensors = {}
        if "flow_time" in batch:
            given = (batch[name] for name in ("observations", "actions", "flow_noise", "flow_time"))
            found.append(self.flow.loss(params["flow"], *given))
            logs["flow_loss"] = found[-1]
        if "noise" in batch:
            if self.judged:
                loss, more = self.of_critics(params, batch)
                found.append(loss)
                logs |= more
            loss, more = self.of_students(params, batch)
            found.append(loss)
            logs |= more
        return sum(found[1:], found[0]), {name: value.detach() for name, value in logs.items()}

    def of_critics(self, params: Mapping[str, Params], batch: Tensors) -> tuple[Tensor, Tensors]:
        """Of the team's value, or with `value` "individual" of each agent's own."""
        with torch.no_grad():
            after = batch["next_observations"]
            output = self.student(params["actor"], after, batch["next_noise"])
            next_q = self.pessimistic(
                self.critic.value(params["critic_target"], after, self.chosen(output))
            )
            y = self.team(batch["rewards"] + self.config.discount * batch["masks"] * next_q)
        q = self.team(self.critic.value(params["critic"], batch["observations"], batch["actions"]))
        loss = twin_loss(q, y)
        return loss, {"critic_loss": loss, "q": q.mean((-2, -1)), "q_most": q.abs().amax((-2, -1))}

    def of_students(self, params: Mapping[str, Params], batch: Tensors) -> tuple[Tensor, Tensors]:
        """Distillation, and when its turn has come the way up the critics, which are held."""
        seen, noise = batch["observations"], batch["noise"]
        with torch.no_grad():
            aim = self.flow.sample(params["flow"], seen, noise, self.config.flow_steps)
        output = self.student(params["actor"], seen, noise)
        away, distill = self.away(output, aim)
        loss = self.config.alpha * distill
        # √E Σ_i ‖μ_i − teacher_i‖² bounds the distance W₂ of students and teacher (Prop. 4.2).
        logs = {"distill_loss": distill, "distance": (self.agents * away.sum(-1).mean(-1)).sqrt()}
        if "climb" in batch:
            held = {name: p.detach() for name, p in params["critic"].items()}
            q = self.team(self.pessimistic(self.expected(held, seen, output)))
            climb = climb_loss(q) if self.config.normalise else -q.mean(-1)
            loss = loss + batch["climb"] * climb
            logs["q_students"] = q.mean(-1)
        return loss, logs

    def away(self, output: Tensor, aim: Tensor) -> tuple[Tensor, Tensor]:
        """Squares of how far actions are from the teacher's (..., B·M, A), and the loss (...)."""
        if self.choices is None:
            away = (output - aim.clamp(-1, 1)).square()
            return away, away.mean((-2, -1))
        chosen = aim.argmax(-1)
        away = (self.chosen(output) - vector_of(chosen, self.choices)).square()
        return away, F.cross_entropy(
            output.flatten(0, -2), chosen.flatten(), reduction="none"
        ).unflatten(0, chosen.shape).mean(-1)

    def expected(self, critic: Params, seen: Tensor, output: Tensor) -> Tensor:
        """Q (..., 2, B·M) of what students do; of choices, the mean under the softmax."""
        if self.choices is None:
            return self.critic.value(critic, seen, output.clamp(-1, 1))
        k = self.choices
        every = vector_of(torch.arange(k, device=seen.device), k)  # (K, K)
        action = every.repeat(seen.shape[-2], 1).expand(*seen.shape[:-2], -1, -1)
        q = self.critic.value(critic, seen.repeat_interleave(k, -2), action).unflatten(-1, (-1, k))
        return (output.softmax(-1).unsqueeze(-3) * q).sum(-1)

    # Networks

    def student(self, params: Mapping[str, Tensor], seen: Tensor, noise: Tensor) -> Tensor:
        """What students give (..., B·M, A), of the noise of the team (..., B·M, A)."""
        if self.config.noise == "shared":
            noise = self.seats.together(noise).repeat_interleave(self.agents, -2)
        given = torch.cat([seen, noise], -1)
        return mlp(params, given.unsqueeze(-3), len(self.config.hidden) + 1)[..., 0, :, :]

    def chosen(self, output: Tensor) -> Tensor:
        """The actions that outputs stand for, without a gradient where they are choices."""
        if self.choices is None:
            return output.clamp(-1, 1)
        return vector_of(output.argmax(-1), self.choices)

    def pessimistic(self, q: Tensor) -> Tensor:
        """(..., B·M) of both critics (..., 2, B·M)."""
        return q.mean(-2) if self.config.pessimism == "mean" else q.amin(-2)

    def team(self, q: Tensor) -> Tensor:
        """Numbers of the team, or of each agent where it has a value of its own."""
        return self.mixed(q) if self.config.value == "factorised" else q

    def policy(self, *, greedy: bool = True) -> Policy[Any]:
        del greedy
        shared = self.config.noise == "shared"
        return StudentPolicy(self.weights(), self.choices, self.config.drawn, shared=shared)
