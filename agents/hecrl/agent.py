"""HECRL (Haramati et al., ICLR 2026): an entity-centric IQL agent and a subgoal model.

They are trained on the same data, independently, and meet at test time.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from entitybench.agents.common.diffusion import Schedule, sample
from entitybench.agents.common.goal.agent import GoalIQL, GoalPolicy, settled
from entitybench.agents.common.goal.config import FAR
from entitybench.agents.common.goal.iql import awr_loss
from entitybench.agents.common.goal.subgoals import Proposal, SubgoalPolicy, settle
from entitybench.agents.common.standard import Standardised, restore, standardise
from entitybench.agents.hecrl.config import PRESETS, HECRLConfig
from entitybench.agents.hecrl.losses import diffusion_loss
from entitybench.agents.hecrl.networks import SubgoalNet
from entitybench.agents.hecrl.transformer import (
    RegressorTransformer,
    SubgoalTransformer,
    in_order,
)
from entitybench.errors import BadValue
from entitybench.seeding import BatchGenerator, generator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from entitybench.agents.common.goal.layout import Layout
    from entitybench.agents.common.layers import Params
    from entitybench.datasets.sampling.goals import GoalSampler
    from entitybench.types import Batch, Policy

Tensor = torch.Tensor
Tensors = dict[str, Tensor]
LEAST = 1e-3  # of a unit of displacement
MEASURED = 4096  # transitions from which a statistic of the data is taken


def make_subgoal_networks(config: HECRLConfig, layout: Layout) -> tuple[Any, Any]:
    """The diffuser and the regressor that `config.subgoal_network` names."""
    precision = settled(config.precision)
    sizes = (config.subgoal_width, config.subgoal_hidden)
    if config.subgoal_network == "pooled":
        rest = (*sizes, config.subgoal_layers, precision)
        return SubgoalNet(layout, config.diffusion_steps, *rest), SubgoalNet(layout, 0, *rest)
    more = (config.heads, precision)
    diffuser = SubgoalTransformer(
        layout, config.diffusion_steps, *sizes, config.subgoal_layers, *more
    )
    regressor = RegressorTransformer(layout, *sizes, *more)
    return Standardised(diffuser, layout.features), Standardised(regressor, layout.features)


class HECRL(GoalIQL):
    """EC-SGIQL. One training run serves every ablation too: they differ at inference alone."""

    config_class: ClassVar[type[Any]] = HECRLConfig
    presets = PRESETS
    shipped = ("value", "actor", "diffuser", "regressor")

    def __init__(self, config: HECRLConfig, task: Any, *, seed: int, device: str = "cpu") -> None:
        super().__init__(config, task, seed=seed, device=device)
        config = self.config
        if config.subgoal_network == "transformer" and not self.layout.identity:
            raise BadValue(
                f"the subgoal transformer tells entities by their ids, and those of {task.id} have "
                "none: choose subgoal_network=pooled."
            )
        self.diffuser, self.regressor = make_subgoal_networks(config, self.layout)
        exact = replace(config, precision="float32")
        self.exact_diffuser, self.exact_regressor = make_subgoal_networks(exact, self.layout)
        self.schedule = Schedule.cosine(config.diffusion_steps, device=self.device)

    def init(self, rng: torch.Generator) -> None:
        super().init(rng)
        self.params["diffuser"] = self.diffuser.init(rng)
        self.params["regressor"] = self.regressor.init(rng)

    # Training

    def measure(self, source: GoalSampler) -> None:
        """How far the actor and the others move within K steps: the unit of the subgoal model."""
        super().measure(source)
        batch = self._subgoals(source, generator(self.seed, "measure"), self.config.subgoal_steps)
        physical = self.layout.physical
        moved = (batch["subgoals"] - batch["observations"])[..., physical]
        scale = [moved[:, :1].std((0, 1)), moved[:, 1:].std((0, 1))]
        found = torch.as_tensor(np.stack(scale), dtype=torch.float32)
        # What never changes, such as a shape, has no unit: its displacements are nothing.
        self.buffers["scale"] = torch.where(found > 0, found.clamp(min=LEAST), found)

    def finish(self, source: GoalSampler) -> None:
        """R̂, and the curve of V(s, s_{t+k}) over k by which one sees whether V is calibrated."""
        steps = (5, 10, 15, 25, 40, 50, 60, self.config.radius_steps)
        means = [self._value_after(source, k) for k in steps]
        self.buffers["value_after_steps"] = torch.tensor([steps, means], dtype=torch.float32)
        self.buffers["radius"] = torch.tensor(means[-1], dtype=torch.float32)
        self.buffers = {k: v.to(self.device) for k, v in self.buffers.items()}

    def _subgoals(self, sampler: GoalSampler, rng: np.random.Generator, steps: int) -> Batch:
        return sampler.sample(MEASURED, rng, value=None, policy=FAR, subgoal_steps=steps)

    @torch.no_grad()
    def _value_after(self, sampler: GoalSampler, steps: int) -> float:
        batch = self._subgoals(sampler, generator(self.seed, "radius", steps), steps)
        state, later = (
            torch.as_tensor(batch[k], device=self.device) for k in ("observations", "subgoals")
        )
        return float(self.value_of(state, self.layout.achieved(later)).mean())

    def draw(self, source: GoalSampler, rng: np.random.Generator) -> Batch:
        batch = super().draw(source, rng)
        if self.step >= self.config.high_level_from:
            high = source.sample(
                self.config.batch_size,
                rng,
                value=None,
                policy=self.config.subgoal_goals,
                subgoal_steps=self.config.subgoal_steps,
            )
            for name in ("observations", "policy_goals", "subgoals"):
                batch[f"high_{name}"] = high[name]
            shape = (*high["observations"].shape[:2], self.diffuser.outputs)
            batch["noise"] = rng.standard_normal(shape, dtype=np.float32)
            batch["noise_step"] = rng.integers(
                self.config.diffusion_steps, size=len(batch["noise"])
            )
        return batch

    def losses(
        self, params: Mapping[str, Params], batch: Tensors, constants: Tensors
    ) -> tuple[Tensor, Tensors]:
        loss, logs = super().losses(params, batch, constants)
        if "noise" in batch:
            high, high_logs = self.high_level_losses(params, batch)
            loss, logs = loss + high, {**logs, **high_logs}
        return loss, logs

    def high_level_losses(
        self, params: Mapping[str, Params], batch: dict[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The diffuser's and the regressor's; V gets no gradient from either."""
        state, goal = batch["high_observations"], batch["high_policy_goals"]
        subgoal = batch["high_subgoals"]
        wanted = self.encode(params["diffuser"], state, subgoal)
        diffusion = diffusion_loss(
            self.diffuser, params["diffuser"], state, goal, wanted,
            batch["noise"], batch["noise_step"], self.schedule, self.config.predict,
        )  # fmt: skip
        with torch.no_grad():
            both = self.networks.value.apply(
                params["value"], torch.cat([subgoal, state]), goal.repeat(2, 1, 1)
            )[0, :, 0]
            after, before = both.chunk(2)
        regressed = self.regressor.apply(params["regressor"], state, goal)
        awr = awr_loss(regressed, wanted, after - before, self.config.awr_beta)
        return diffusion + awr, {"diffusion_loss": diffusion.detach(), "awr_loss": awr.detach()}

    # Acting

    def scale(self, like: Tensor) -> Tensor:
        """(N, P): the unit of displacements, the actor's first."""
        scale = self.buffers["scale"]
        return torch.cat([scale[:1], scale[1:].expand(like.shape[-2] - 1, -1)])

    @property
    def radius(self) -> Tensor:
        """R̂: below this V(s, x) a subgoal x is out of reach."""
        fixed = self.config.radius
        return self.buffers["radius"] if fixed is None else torch.tensor(fixed, device=self.device)

    def encode(self, params: Params, state: Tensor, subgoal: Tensor) -> Tensor:
        """(B, N, F): what the subgoal models predict for a subgoal (B, N, D).

        A displacement in units of `scale`, or the standardised subgoal itself.
        """
        if self.config.subgoal_network == "transformer":
            return standardise(params, subgoal)
        return (subgoal - state)[..., self.layout.physical] / self.scale(state).clamp(min=LEAST)

    def decode(self, params: Params, state: Tensor, predicted: Tensor) -> Tensor:
        """The inverse of `encode`; all but positions and poses is the present state's."""
        physical, after = self.layout.physical, state.clone()
        if self.config.subgoal_network == "transformer":
            after[..., physical] = restore(params, predicted)[..., physical]
        else:
            after[..., physical] += predicted * self.scale(state)
        return after

    def sample_subgoals(self, state: Tensor, goal: Tensor, noise: Tensor) -> Tensor:
        """(B, samples, N, D) subgoals for states and goals (B, N, D).

        Args:
            state: Present observations.
            goal: Goals.
            noise: (B, samples, S + 1, N, F) standard normal.
        """
        batch, samples = noise.shape[:2]
        state = state.repeat_interleave(samples, 0)
        goal = goal.repeat_interleave(samples, 0)

        params = self.params["diffuser"]
        denoise = self.exact_diffuser.denoiser(params, state, goal)
        flat = noise.flatten(0, 1).transpose(0, 1)
        found = sample(denoise, flat, self.schedule, self.config.predict)
        if self.config.subgoal_network == "transformer":
            found = in_order(self.layout, found, standardise(params, state))
        return self.decode(params, state, found).unflatten(0, (batch, samples))

    def regress_subgoal(self, state: Tensor, goal: Tensor) -> Tensor:
        """(B, N, D): the one subgoal of the AWR ablation."""
        params = self.params["regressor"]
        return self.decode(params, state, self.exact_regressor.apply(params, state, goal))

    def propose(self, now: Tensor, goal: Tensor, rng: BatchGenerator) -> Proposal:
        """The chosen subgoals, and where to go straight for the goal instead."""
        config, batch = self.config, len(now)
        if config.high_level == "awr":
            found = self.regress_subgoal(now, goal)
            never = torch.zeros(batch, dtype=torch.bool, device=now.device)
            return Proposal(settle(self.layout, now, found, config.resolution), found, never)
        samples = 1 if config.choice == "random" else config.samples
        shape = (samples, config.diffusion_steps + 1, now.shape[1], self.diffuser.outputs)
        noise = rng.standard_normal((batch, *shape)).astype(np.float32)
        sampled = self.sample_subgoals(now, goal, torch.as_tensor(noise, device=self.device))
        settled = settle(self.layout, now[:, None], sampled, config.resolution)
        index, best = self.choose(now, goal, settled)
        direct = self.value_of(now, goal)
        fallback = direct > best
        if config.fallback == "near":
            fallback &= direct >= self.radius
        rows = torch.arange(batch, device=now.device)
        return Proposal(settled[rows, index], sampled[rows, index], fallback)

    def choose(self, now: Tensor, goal: Tensor, subgoals: Tensor) -> tuple[Tensor, Tensor]:
        """Which of the subgoals (B, samples, N, D) is best, and its score, (B,) each.

        The score is V(x, g), or -inf beyond the competence radius, V(s, x) < R̂.
        """
        batch, samples = subgoals.shape[:2]
        flat = subgoals.flatten(0, 1)
        score = self.value_of(flat, goal.repeat_interleave(samples, 0)).view(batch, samples)
        if self.config.choice != "filtered":
            best, index = score.max(-1)
            return index, best
        reach = self.value_of(now.repeat_interleave(samples, 0), self.layout.achieved(flat))
        reach = reach.view(batch, samples)
        outside = reach < self.radius
        score = score.masked_fill(outside, -torch.inf)
        # Where all are outside, the nearest is kept in case the goal is farther still.
        index = torch.where(outside.all(-1), reach.argmax(-1), score.argmax(-1))
        return index, score.amax(-1)

    def policy(self, *, greedy: bool = True) -> Policy[Any]:
        del greedy  # subgoals are sampled either way; the low level is deterministic
        return GoalPolicy(self) if self.config.high_level == "none" else SubgoalPolicy(self)
