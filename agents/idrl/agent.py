"""IDRL: values and ratios of densities, a filter, and the same again on what is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from entitybench.agents.common.config import place
from entitybench.agents.common.offline.dual import dual_value_loss
from entitybench.agents.common.offline.losses import twin_loss, weighted
from entitybench.agents.common.offline.networks import Actor, Critic
from entitybench.agents.common.offline.rewards import RewardLearner
from entitybench.agents.common.offline.statistics import returns_to_go
from entitybench.agents.idrl.config import PRESETS, STAGES, IDRLConfig
from entitybench.agents.idrl.losses import (
    MOST_WEIGHT,
    flow,
    normalised_ratio,
    potential_loss,
    ratio_loss,
    weight,
)
from entitybench.agents.idrl.sift import PIECE, Scores, Sift, sift
from entitybench.seeding import generator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.agents.common.config import Phase
    from entitybench.agents.common.layers import Params
    from entitybench.agents.common.offline.learner import Transitions
    from entitybench.types import Batch, TaskSpec

Tensor = torch.Tensor
Tensors = dict[str, Tensor]
VALUES, RATIO, POLICY = STAGES
_LOGGED = "log."  # begins the names of buffers that are passed on to the log, through batches


class IDRL(RewardLearner):
    """Per iteration stage A (V and twin Q), stage B (U and W) and the filter, then cloning.

    Networks: V(s), Q(s, a) twice, W(s) for the ratio of state densities, U(s) the multiplier of
    the flow, and a Gaussian policy. What an iteration keeps is in `buffers["kept"]`, its
    diagnostics in `buffers["log.<name>_<iteration>"]`.
    """

    config_class: ClassVar[type[Any]] = IDRLConfig
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = PRESETS
    targets: ClassVar[Mapping[str, str]] = {"critic_target": "critic", "ratio_target": "ratio"}
    apart: ClassVar[tuple[str, ...]] = ("potential",)
    passing: ClassVar[tuple[str, ...]] = ("kept",)

    def __init__(self, config: Any, task: TaskSpec, *, seed: int, device: str = "cpu") -> None:
        super().__init__(config, task, seed=seed, device=device)
        state, layer_norm = (self.states, 0, config.hidden), config.layer_norm
        self.value, self.potential, self.ratio = (
            Critic(*state, layer_norm=layer_norm) for _ in range(3)
        )
        self.critic = Critic(self.states, self.actions, config.hidden, members=2)
        self.actor = Actor(self.states, self.actions, config.policy_hidden, "gaussian")
        both = STAGES[:2] if config.ratio == "state-action" else STAGES[:1]
        phases = dict(zip(STAGES, config.phases, strict=True))
        line = [(stage, k) for k in range(1, config.iterations + 1) for stage in both]
        self.line = [(*at, phases[at[0]]) for at in (*line, (POLICY, config.iterations))]
        self.fresh, self.scale = config.restart == "fresh", config.potential_scale
        self._sifted: tuple[int, Sift] | None = None
        self._filtered: tuple[Tensor, Any] | None = None

    def init(self, rng: torch.Generator) -> None:
        self.params = {**self.judges(rng), "actor": self.actor.init(rng)}

    def judges(self, rng: torch.Generator) -> dict[str, Params]:
        """Fresh parameters of all that judges transitions; W begins at 1."""
        networks = {
            "value": self.value.init(rng),
            "critic": self.critic.init(rng),
            "potential": self.potential.init(rng),
            "ratio": self.ratio.init(rng),
        }
        networks["ratio"][f"layer{len(self.config.hidden)}.bias"].fill_(1.0)
        return networks

    # Stages

    @property
    def total(self) -> int:
        return sum(phase.updates for *_, phase in self.line)

    def _place(self) -> tuple[Any, int, float]:
        return place([phase for *_, phase in self.line], self.step)

    def at(self) -> tuple[str, int]:
        """The stage of the present step, and the iteration."""
        done = self.step
        for stage, k, phase in self.line:
            if done < phase.updates:
                return stage, k
            done -= phase.updates
        return POLICY, self.config.iterations

    def follows(self) -> bool:
        """Not while the policy learns."""
        return self.at()[0] != POLICY

    def rates(self) -> Mapping[str, float]:
        """U moves more slowly than W, which has to be near the best answer to U."""
        return {"potential": self._place()[2] * self.config.potential_rate}

    def anew(self) -> tuple[str, ...]:
        stage, k = self.at()
        return ("value", "critic", "potential", "ratio") if stage == VALUES and k > 1 else ()

    def unfit(self, source: Transitions) -> str | None:
        """Too little would be kept."""
        stage, k = self.at()
        least = self.config.least_share, self.config.least_transitions
        if (stage, k) == (VALUES, 1) or stage == RATIO:
            return None
        found = self.sifted(source)
        if not found.collapsed(*least):
            return None
        done = k if stage == POLICY else k - 1
        return (
            f"iteration {done} keeps {found.count:,} of {found.every:,} transitions, and "
            f"least_share is {least[0]:g}, least_transitions {least[1]}: take a smaller balance, "
            "or smaller ones of these"
        )

    def begin(self, phase: Phase, source: Transitions) -> None:
        """Filter by the weights of the iteration that ended; judge anew."""
        del phase
        stage, k = self.at()
        if stage == RATIO:  # from here on Q is its slow average
            for name, p in self.params["critic_target"].items():
                self.params["critic"][name].data.copy_(p)
        if (stage, k) == (VALUES, 1) or stage == RATIO:
            return
        found, done = self.sifted(source), k if stage == POLICY else k - 1
        self.buffers["kept"] = torch.as_tensor(found.kept, device=self.device)
        self.buffers["weight_mean"] = torch.tensor(found.mean, device=self.device)
        for name, number in found.numbers.items():
            self.buffers[f"{_LOGGED}{name}_{done}"] = torch.tensor(number, device=self.device)
        if stage == VALUES and self.fresh:
            seed = int(generator(self.seed, "init", k).integers(2**62))
            fresh = self.judges(torch.Generator().manual_seed(seed))
            slow = {target: fresh[live] for target, live in self.targets.items()}
            for group, params in {**fresh, **slow}.items():
                for name, p in params.items():
                    self.params[group][name].data.copy_(p)

    def sifted(self, source: Transitions) -> Sift:
        """What is kept of the present data by the present networks."""
        if self._sifted is None or self._sifted[0] != self.step:
            rows = self.sampler(source).rows
            togo = returns_to_go(source.store, self.config.discount)
            found = sift(
                self.scores(source, rows),
                rows,
                source.store,
                togo,
                of=source.sampler.transitions,
                most=MOST_WEIGHT,
                first="kept" not in self.buffers,
            )
            self._sifted = (self.step, found)
        return self._sifted[1]

    @torch.no_grad()
    def scores(self, source: Transitions, rows: Any) -> Scores:
        """Of the transitions that begin at `rows`."""
        pieces = []
        for first in range(0, len(rows), PIECE):
            batch = self.prepared(source.sampler.at(rows[first : first + PIECE]))
            tensors = {k: torch.as_tensor(v, device=self.device) for k, v in batch.items()}
            advantage, ratio = self.judged(self.params, tensors)
            action = normalised_ratio(advantage, self.config.balance)
            state = torch.ones_like(advantage) if ratio is None else torch.relu(ratio)
            found = weight(advantage, ratio, self.config.weight)
            decay = 1.0 - self.config.discount * tensors["masks"]
            pieces.append(torch.stack([found, action, state, decay]).cpu().numpy())
        return Scores(*np.concatenate(pieces, 1))

    # Batches and losses

    def sampler(self, source: Transitions) -> Any:
        """Draws from what is kept."""
        kept = self.buffers.get("kept")
        if kept is None:
            return source.sampler
        if self._filtered is None or self._filtered[0] is not kept:
            self._filtered = (kept, source.sampler.only(kept.cpu().numpy()))
        return self._filtered[1]

    def draw(self, source: Transitions, rng: np.random.Generator) -> Batch:
        """Transitions of D_k; which numbers are beside them tells the losses the stage."""
        batch = self.prepared(self.sampler(source).sample(self.config.batch_size, rng))
        stage, _ = self.at()
        if stage != VALUES:
            del batch["rewards"]
        if stage == POLICY:
            batch["scale"] = np.asarray(1.0 / float(self.buffers["weight_mean"]), np.float32)
        found = {k: float(v) for k, v in self.buffers.items() if k.startswith(_LOGGED)}
        logged = {name: np.asarray(number, np.float32) for name, number in found.items()}
        return {**batch, **logged}

    def losses(
        self, params: Mapping[str, Params], batch: Tensors, constants: Tensors
    ) -> tuple[Tensor, Tensors]:
        del constants
        if "rewards" in batch:
            loss, logs = self.of_values(params, batch)
        elif "scale" in batch:
            loss, logs = self.of_policy(params, batch)
        else:
            loss, logs = self.of_ratio(params, batch)
        passed = {k[len(_LOGGED) :]: v for k, v in batch.items() if k.startswith(_LOGGED)}
        return loss, {**{k: v.detach() for k, v in logs.items()}, **passed}

    def judged(self, params: Mapping[str, Params], batch: Tensors) -> tuple[Tensor, Tensor | None]:
        """A = min Q̄ − V, and W where it is used, of transitions (..., B), both."""
        state = batch["observations"]
        q = self.critic.value(params["critic_target"], state, batch["actions"]).amin(-2)
        advantage = q - self.value.value(params["value"], state)[..., 0, :]
        if self.config.ratio == "action":
            return advantage, None
        return advantage, self.ratio.value(params["ratio_target"], state)[..., 0, :]

    def of_values(self, params: Mapping[str, Params], batch: Tensors) -> tuple[Tensor, Tensors]:
        """Stage A."""
        state, action = batch["observations"], batch["actions"]
        target_q = self.critic.value(params["critic_target"], state, action).amin(-2)
        value = self.value.value(params["value"], state)[..., 0, :]
        advantage = target_q - value
        value_loss = dual_value_loss(advantage, value, self.config.balance)
        frozen = {name: p.detach() for name, p in params["value"].items()}
        following = self.value.value(frozen, batch["next_observations"])[..., 0, :]
        y = batch["rewards"] + self.config.discount * batch["masks"] * following
        critic_loss = twin_loss(self.critic.value(params["critic"], state, action), y)
        ratio = normalised_ratio(advantage, self.config.balance)
        found = weight(advantage, None, self.config.weight)
        logs = {
            "value_loss": value_loss,
            "critic_loss": critic_loss,
            "value": value.mean(-1),
            "action_mean": ratio.mean(-1),  # 1 where V is at its minimum
            "positive": (found > 0).float().mean(-1),
        }
        return value_loss + critic_loss, logs

    def of_ratio(self, params: Mapping[str, Params], batch: Tensors) -> tuple[Tensor, Tensors]:
        """Stage B."""
        state, scale = batch["observations"], self.scale
        advantage, slow = self.judged(params, batch)
        state_ratio = self.ratio.value(params["ratio"], state)[..., 0, :]
        ratio = normalised_ratio(advantage, self.config.balance)
        here, there = (
            scale * self.potential.value(params["potential"], s)[..., 0, :]
            for s in (state, batch["next_observations"])
        )
        moved = flow(here, there, batch["masks"], self.config.discount)
        loss_w = ratio_loss(state_ratio, ratio, moved)
        loss_u = potential_loss(state_ratio, ratio, moved)
        held = torch.relu(state_ratio if slow is None else slow) * ratio
        decay = 1.0 - self.config.discount * batch["masks"]
        logs = {
            "ratio_loss": loss_w,
            "potential_loss": loss_u,
            "potential": here.mean(-1),
            "mass": held.mean(-1),
            "flow": (held * decay).mean(-1) / decay.mean(-1).clamp(min=1e-6),  # 1 at the saddle
        }
        return loss_w + loss_u / scale, logs

    def of_policy(self, params: Mapping[str, Params], batch: Tensors) -> tuple[Tensor, Tensors]:
        """Weighted cloning."""
        with torch.no_grad():
            found = weight(*self.judged(params, batch), self.config.weight).clamp(max=MOST_WEIGHT)
        mean = self.actor.act(params["actor"], batch["observations"])
        error = self.actor.error(params["actor"], mean, batch["actions"])
        actor_loss = weighted(found * batch["scale"].unsqueeze(-1), error)
        logs = {
            "actor_loss": actor_loss,
            "weight": found.mean(-1),
            "bc_error": (mean - batch["actions"]).square().mean((-2, -1)),
        }
        return actor_loss, logs
