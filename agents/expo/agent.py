"""ExPO: rewards, and the likelihood of explanations that the model gives itself.

A batch holds, in this order, rollouts (questions × group), other answers to the same questions, and
rehearsed lessons, all padded to one length, so that one pass through the model serves all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import torch

from entitybench.agents.common.bounds import bounded
from entitybench.agents.common.language.learner import Said, packed
from entitybench.agents.common.language.losses import advantages, grpo_loss, sft_loss
from entitybench.agents.common.language.post import (
    FOLDER,
    NOTHING,
    SIZES,
    Items,
    PostConfig,
    PostLearner,
    constant,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from entitybench.agents.common.layers import Params
    from entitybench.envs.reason.problem import Problem
    from entitybench.envs.reason.source import Source
    from entitybench.types import Array, Batch

Tensor = torch.Tensor
Tensors = dict[str, Tensor]
EXPLAINER = "explainer"  # group of parameters


@dataclass(frozen=True, kw_only=True)
class ExPOConfig(PostConfig):
    """Which other answers are made likelier."""

    # self: explanations of the model's own; expert: the planner's log; own: the planner's moves in
    # the style of solutions; answer: the answer alone.
    answers: Literal["self", "expert", "own", "answer"] = "self"
    explainer: Literal["frozen", "online"] = "frozen"  # the base model, or the learner
    refresh_every: int = 0  # updates after which a frozen explainer is the learner; 0: never
    group: int = 8  # answers to each question
    clip_low: float = 0.2  # how far the ratio of policies may fall
    clip_high: float = 0.2  # and rise
    kl_weight: float = 0.0  # of the divergence from the base model
    terms: Literal["both", "rewards", "answers", "answers-first"] = "both"  # of the loss
    first: float = 0.2  # share of the updates in which "answers-first" learns from no rewards
    rounds: int = 1  # of drawing questions anew until groups are mixed; 1: as they come
    explain_on: Literal["all", "dead"] = "all"  # questions, or those whose rollouts teach nothing
    filtered: bool = False  # whether wrong explanations are left out

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, refresh_every="[0, inf)", group="[1, 1000000]", rounds="[1, 1000]")
        bounded(self, first="[0, 1]", kl_weight="[0, inf)")
        bounded(self, clip_low="[0, 1]", clip_high="[0, inf)")


class ExPO(PostLearner):
    """GRPO, and more weight on what explains a right answer that it was told.

    Zhou et al. 2025: J_GRPO + β E log π(c̃, a* | q), where c̃ is sampled with the answer in the
    question, and learned without. β is `extra` of a phase, on the mean over tokens.
    """

    config_class: ClassVar[type[Any]] = ExPOConfig
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {**SIZES["tiny"], "phases": constant(4), "group": 2},
        "small": {**SIZES["small"], "phases": constant(300, 3e-3, last=0.1)},
        "paper": {**FOLDER, "phases": constant(600, 1e-5, extra=0.04), "kl_weight": 1e-3},
    }

    def init(self, rng: torch.Generator) -> None:
        super().init(rng)
        if self.config.refresh_every:
            self.params[EXPLAINER] = {name: p.clone() for name, p in self.params["model"].items()}

    def draw(self, source: Items, rng: np.random.Generator) -> Batch:
        """A batch; its "log <name>" go to the metrics as they are."""
        c = self.config
        rewarded, answered = self.learns_from()
        logs: dict[str, float] = {}
        rolled: list[Said] = []
        chosen = source.some(c.batch_size, rng)
        advantage, live = np.zeros(0, np.float32), np.zeros(c.batch_size, bool)
        if rewarded:
            chosen, rolled, rewards = self.rollouts(source, chosen, rng)
            live = rewards.max(1) > rewards.min(1)
            advantage = advantages(torch.as_tensor(rewards)).flatten().numpy()
            logs |= {"reward": float(rewards.mean()), "live_groups": float(live.mean())}
            logs |= {"tokens": float(np.mean([len(said) for _, said in rolled]))}
        extra: list[Said] = []
        if answered:
            extra, more = self.extra(source, chosen, live, rng)
            extra += [NOTHING] * (c.batch_size - len(extra))
            logs |= more
        rows = [*rolled, *extra, *self.rehearsal(source, rng)]
        tokens, mask = packed(rows, self.room(source, rows))
        shown = {f"log {name}": np.array([value], np.float32) for name, value in logs.items()}
        return {"tokens": tokens[None], "mask": mask[None], "advantage": advantage[None], **shown}

    def learns_from(self) -> tuple[bool, bool]:
        """Whether the present update has verified rollouts, and other answers."""
        terms = self.config.terms
        if terms == "answers-first":
            terms = "answers" if self.step < self.config.first * self.total else "rewards"
        return terms != "answers", terms != "rewards"

    def rollouts(
        self, source: Items, chosen: list[Problem], rng: np.random.Generator
    ) -> tuple[list[Problem], list[Said], Array]:
        """Problems, a group of answers to each, and rewards (questions, group).

        With `rounds` above 1, problems whose answers are all right or all wrong give way to others,
        as long as there are rounds (DAPO, Yu et al. 2025, section 3.2).
        """
        c = self.config
        asked: list[Problem] = []
        pairs: list[Said] = []
        rewards = np.zeros((0, c.group), np.float32)
        for left in reversed(range(c.rounds)):
            repeated = [problem for problem in chosen for _ in range(c.group)]
            prompts = [source.of.question(problem) for problem in repeated]
            said = self.say("model", prompts, rng.random((len(prompts), c.most)))
            earned = [self.reward(source.of, *each) for each in zip(repeated, said, strict=True)]
            each = np.array(earned, np.float32).reshape(-1, c.group)
            mixed = each.max(1) > each.min(1)
            keep = np.flatnonzero(mixed) if left else np.arange(len(chosen))
            keep = keep[: c.batch_size - len(asked)]
            for i in keep.tolist():
                asked.append(chosen[i])
                part = slice(c.group * i, c.group * (i + 1))
                pairs += zip(prompts[part], said[part], strict=True)
            rewards = np.concatenate([rewards, each[keep]])
            if len(asked) == c.batch_size:
                break
            chosen = source.some(c.batch_size - len(asked), rng)
        return asked, pairs, rewards

    def reward(self, source: Source, problem: Problem, said: list[int]) -> float:
        """1 for a right answer."""
        return float(source.verify(problem, said).right)

    def losses(
        self, params: Mapping[str, Params], batch: Tensors, constants: Tensors
    ) -> tuple[Tensor, Tensors]:
        c = self.config
        log_p = self.decoder.log_likelihood(params["model"], batch["tokens"])
        rolled = batch["advantage"].shape[-1]  # none where nothing is rewarded
        parts = (rolled, log_p.shape[-2] - rolled - c.rehearsed, c.rehearsed)
        rollouts, extra, rehearsed = log_p.split(parts, -2)
        of_rollouts, of_extra, of_rehearsed = batch["mask"].split(parts, -2)
        reference = None
        if c.kl_weight and rolled:
            with torch.no_grad():
                tokens = batch["tokens"][..., :rolled, :]
                reference = self.decoder.log_likelihood(params["base"], tokens)
        terms = {
            "extra_nll": sft_loss(extra, of_extra),
            "rehearsal_nll": sft_loss(rehearsed, of_rehearsed),
        }
        if rolled:
            # Sampled by the very policy that learns: there is one update a batch.
            terms["policy_loss"] = grpo_loss(
                rollouts,
                rollouts,
                batch["advantage"],
                of_rollouts,
                low=c.clip_low,
                high=c.clip_high,
                reference=reference,
                kl_weight=c.kl_weight,
            )
        terms = {name: term.sum(-1) for name, term in terms.items()}  # over members: there is one
        loss = constants["extra"] * terms["extra_nll"]
        loss = loss + constants["rehearsal"] * terms["rehearsal_nll"]
        if rolled:
            loss = loss + terms["policy_loss"]
        shown = {name[4:]: x[..., 0] for name, x in batch.items() if name.startswith("log ")}
        return loss, {**{name: term.detach() for name, term in terms.items()}, **shown}

    def extra(
        self, source: Items, problems: Sequence[Problem], live: Array, rng: np.random.Generator
    ) -> tuple[list[Said], dict[str, float]]:
        """Other answers to the questions of an update, and what to log of them.

        Args:
            source: of problems.
            problems: that were asked.
            live: (questions,) bool, whose rollouts are not all right or all wrong.
            rng: all randomness.
        """
        of, c = source.of, self.config
        if c.explain_on == "dead":
            problems = [problem for problem, alive in zip(problems, live, strict=True) if not alive]
        if c.answers != "self":
            write = {"expert": of.log, "own": of.solution, "answer": of.final}[c.answers]
            return [(of.question(problem), write(problem)) for problem in problems], {}
        prompts = [of.hinted(problem) for problem in problems]
        said = self.say(self.explainer(), prompts, rng.random((len(prompts), c.most)))
        right = [of.verify(*each).right for each in zip(problems, said, strict=True)]
        good = right if c.filtered else [self.ended(words) for words in said]
        kept = zip(problems, said, good, strict=True)
        pairs = [(of.question(problem), words) for problem, words, fits in kept if fits]
        return pairs, {"explain_ok": float(np.mean(right)) if right else 0.0}

    def explainer(self) -> str:
        """The group of parameters that explains."""
        c = self.config
        if c.explainer == "online":
            return "model"
        if not c.refresh_every:
            return "base"
        if self.step and self.step % c.refresh_every == 0:
            for name, p in self.params["model"].items():
                self.params[EXPLAINER][name].data.copy_(p.detach())
        return EXPLAINER
