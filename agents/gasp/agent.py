"""GASP: a model that pollutes its own reasoning, and learns to reason on all the same."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import torch

from entitybench.agents.common.bounds import bounded
from entitybench.agents.common.language.learner import Said, packed
from entitybench.agents.common.language.lessons import lessons
from entitybench.agents.common.language.losses import advantages, grpo_loss, sft_loss
from entitybench.agents.common.language.post import (
    NOTHING,
    SIZES,
    Items,
    PostConfig,
    PostLearner,
    PostPhase,
    constant,
)
from entitybench.envs.reason import vocabulary as v
from entitybench.envs.reason.contexts import (
    ALONE,
    CHAINS,
    CONTROL,
    Context,
    context,
    flags,
    learned,
    repaired,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from entitybench.agents.common.layers import Params
    from entitybench.envs.reason.problem import Problem
    from entitybench.envs.reason.source import Source
    from entitybench.types import Array, Batch

Tensor = torch.Tensor
Tensors = dict[str, Tensor]
CHUNK = 24  # the most tokens that a polluter may say: a state, two steps and the end
ROLES = ("polluter", "agent", "clean", "control")  # whose answers are rewarded


@dataclass(frozen=True, kw_only=True)
class GASPConfig(PostConfig):
    """How many contexts there are, who makes them, and what is imitated."""

    batch_size: int = 4  # problems that are polluted
    clean: int = 4  # problems that are not
    controls: int = 3  # problems whose chain of thought is right so far
    chunks: int = 4  # that the polluter writes for a problem
    group: int = 4  # continuations of each
    clip_low: float = 0.2  # how far the ratio of policies may fall
    clip_high: float = 0.2  # and rise
    clean_group: int = 8  # answers to each of the others
    polluter: Literal["learned", "random", "none"] = "learned"
    guidance: Literal["own", "template", "none"] = "own"  # repairs that are imitated
    contextual: bool = True  # whether continuations of polluted contexts are rewarded
    hopeless: float = 1.0  # the largest mean reward of a chunk whose repair is imitated
    tries: int = 4  # repairs of a context, of which the first that is fit is imitated
    named: bool = True  # whether only repairs are imitated whose first `!` names the wrong step
    flag_cost: float = 0.1  # of a reward, for each step that is called wrong and is not
    pollution: float = 1.0  # weight of the polluter's loss
    anchors: float = 0.25  # weight of clean answers that are imitated beside repairs
    probes: int = 4  # problems on which recovery is measured; nobody learns from them
    most: int = 130

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, clean="[0, 1000000]", controls="[0, 1000000]", chunks="[1, 1000]")
        bounded(
            self, tries="[1, 1000]", clip_low="[0, 1]", clip_high="[0, inf)", group="[1, 1000000]"
        )
        bounded(self, clean_group="[1, 1000]", hopeless="[0, 1]", flag_cost="[0, 1]")
        bounded(self, pollution="[0, inf)", anchors="[0, inf)", probes="[0, 1000000]")

    @property
    def alone(self) -> bool:
        """Training seeds learn one after another: what counts differs, and so does its length."""
        return True


class GASP(PostLearner):
    """One model, three roles: a polluter, who agents continue after, and a repairer.

    Li et al. 2026; the shape of rewards and the weights are ours, see docs/methods/gasp.md. The
    polluter earns what share of continuations fails, 0 for what is no valid step; agents earn right
    answers; repairs that end right are imitated after the agent's question. Groups are of one role.
    """

    config_class: ClassVar[type[Any]] = GASPConfig
    worded = False
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {
            **SIZES["tiny"],
            "phases": constant(3),
            "clean": 1,
            "controls": 1,
            "chunks": 2,
            "group": 2,
            "clean_group": 2,
        },
        "small": {
            "phases": (
                PostPhase(name="warm up", updates=10, learning_rate=0.0, final_learning_rate=1e-3),
                PostPhase(
                    name="main",
                    updates=190,
                    learning_rate=1e-3,
                    final_learning_rate=2e-4,
                    extra=0.5,
                ),
            ),
            "rehearsed": 8,
        },
        "paper": {**SIZES["paper"], "phases": constant(300, 1e-4, extra=0.1), "clean": 32},
    }

    def draw(self, source: Any, rng: np.random.Generator) -> Batch:
        """Rows of all roles, one after the other, then repairs, anchors and lessons."""
        c, of = self.config, source.of
        written, contexts = self.polluted(source, rng)
        asked: dict[str, list[Asked | None]] = {
            "agent": [after(one) for one in contexts],
            "clean": [Asked(of.question(p), p) for p in source.some(c.clean, rng)],
            "control": [after(context(of, p, CONTROL, rng)) for p in source.some(c.controls, rng)],
        }
        rows, earned = {"polluter": written}, {}
        for role, these in asked.items():
            group = c.group if role == "agent" else c.clean_group
            rows[role], earned[role] = self.answered(source, these, group, rng)
        there = np.array([one is not None for one in contexts])
        harm = there * (1 - earned["agent"].mean(1))
        gains = {role: _gains(rewards) for role, rewards in earned.items()}
        gains["agent"] = gains["agent"] * np.repeat(there, c.group) * c.contextual
        gains["polluter"] = _gains(harm.reshape(-1, c.chunks)) * (c.polluter == "learned")
        repairs, share = self.repairs(source, contexts, earned["agent"].mean(1), rng)
        right = [row for row, r in zip(rows["clean"], earned["clean"].flat, strict=True) if r > 0]
        anchors = [*right[: c.batch_size], *[NOTHING] * c.batch_size][: c.batch_size]
        rehearsed = lessons(of, c.rehearsed, rng, without=("believe",))
        every = [*(row for role in ROLES for row in rows[role]), *repairs, *anchors, *rehearsed]
        tokens, mask = packed(every, max(2, *(len(shown) + len(said) for shown, said in every)))
        advantage = np.concatenate([gains[role] for role in ROLES]).astype(np.float32)
        logs = {
            "reward": earned["clean"].mean() if c.clean else 0.0,
            "recovered": earned["agent"][there].mean() if there.any() else 0.0,
            "control": earned["control"].mean() if c.controls else 0.0,
            "false_alarms": np.mean([bool(flags(said)) for _, said in rows["control"]] or [False]),
            "valid": there.mean(),
            "harmful": harm.mean(),
            "repaired": share,
            "recovery": self.recovery(of, rng),
        }
        shown = {f"log {name}": np.array([x], np.float32) for name, x in logs.items()}
        return {"tokens": tokens[None], "mask": mask[None], "advantage": advantage[None], **shown}

    def polluted(
        self, source: Items, rng: np.random.Generator
    ) -> tuple[list[Said], list[Context | None]]:
        """What the polluter wrote, and the contexts that come of it, None for what is not valid."""
        c, of = self.config, source.of
        problems = source.some(c.batch_size, rng)
        steps = [int(rng.integers(1, len(problem.actions) + 1)) for problem in problems]
        nothing = [NOTHING] * (c.batch_size * c.chunks)
        if c.polluter == "none":
            return nothing, [None] * len(nothing)
        if c.polluter == "random":
            kinds = rng.choice(CHAINS, (c.batch_size, c.chunks))
            pairs = zip(problems, kinds.tolist(), strict=True)
            return nothing, [context(of, p, kind, rng) for p, each in pairs for kind in each]
        asked = [begun(of, p, k) for p, k in zip(problems, steps, strict=True)]
        prompts = [prompt for prompt in asked for _ in range(c.chunks)]
        said = self.say("model", prompts, rng.random((len(prompts), CHUNK)))
        found = []
        for i, words in enumerate(said):
            chunk = words[:-1] if words[-1:] == [v.EOS] else []
            found.append(learned(of, problems[i // c.chunks], steps[i // c.chunks], chunk, rng))
        return list(zip(prompts, said, strict=True)), found

    def recovery(self, of: Source, rng: np.random.Generator) -> float:
        """Share of sampled answers that are right after errors at random, the same in all arms.

        Of problems that nobody learns from; see docs/reason.md for the types. 0 without probes.
        """
        problems = of.draw(self.config.probes, rng, "validation") if self.config.probes else []
        made = [context(of, problem, kind, rng) for problem in problems for kind in ALONE]
        asked = [one for one in made if one is not None]
        chances = rng.random((len(asked), self.config.most))
        said = self.say("model", [one.shown for one in asked], chances)
        pairs = zip(asked, said, strict=True)
        right = [of.verify(one.problem, [*one.prefix, *words]).right for one, words in pairs]
        return float(np.mean(right or [False]))

    def answered(
        self, source: Items, asked: Sequence[Asked | None], group: int, rng: np.random.Generator
    ) -> tuple[list[Said], Array]:
        """A group of answers to each, and what they earn, (asked, group); nothing to None."""
        rows: list[Said] = []
        rewards, cost = np.zeros((len(asked), group), np.float32), self.config.flag_cost
        prompts = [one.shown for one in asked if one for _ in range(group)]
        chances = rng.random((len(prompts), self.config.most))
        said = iter(self.say("model", prompts, chances))
        for i, one in enumerate(asked):
            for g in range(group):
                if one is None:
                    rows.append(NOTHING)
                    continue
                words = next(said)
                rows.append((one.shown, words))
                right = source.of.verify(one.problem, [*one.prefix, *words]).right
                if right:
                    faults = sum(step != one.wrong for step in flags(words))
                    rewards[i, g] = max(0.0, 1 - cost * faults)
        return rows, rewards

    def repairs(
        self,
        source: Items,
        contexts: Sequence[Context | None],
        earned: Array,
        rng: np.random.Generator,
    ) -> tuple[list[Said], float]:
        """Repairs to imitate, one a context at most, and the share of all tries that are fit.

        They are written after the repairer's question, and imitated after the agent's.
        """
        c, of = self.config, source.of
        tries, named = c.tries, c.named
        wanted = [one for one, r in zip(contexts, earned, strict=True) if one and r <= c.hopeless]
        if c.guidance == "none" or not wanted:
            return [NOTHING] * len(contexts), 0.0
        if c.guidance == "template":
            said = [repaired(of, one) for one in wanted]
        else:
            prompts = [one.role(v.REPAIR) for one in wanted for _ in range(tries)]
            said = self.say("model", prompts, rng.random((len(prompts), c.most)))
        each = len(said) // len(wanted)
        fits = [fit(of, wanted[i // each], words, named=named) for i, words in enumerate(said)]
        rows: list[Said] = []
        for i, one in enumerate(wanted):
            mine = range(i * each, (i + 1) * each)
            rows += [(one.shown, said[at]) for at in mine if fits[at]][:1]
        return [*rows, *[NOTHING] * (len(contexts) - len(rows))], float(np.mean(fits))

    def losses(
        self, params: Mapping[str, Params], batch: Tensors, constants: Tensors
    ) -> tuple[Tensor, Tensors]:
        c = self.config
        many = c.batch_size * c.chunks
        sizes = {
            "polluter": many,
            "agent": many * c.group,
            "clean": c.clean * c.clean_group,
            "control": c.controls * c.clean_group,
            "repairs": many,
            "anchors": c.batch_size,
            "lessons": c.rehearsed,
        }
        # Rows without words of their own, and of groups that earn all the same, teach nothing.
        live = batch["mask"][0].any(-1)
        live[: batch["advantage"].shape[-1]] &= batch["advantage"][0] != 0
        live[-1] = True
        said = self.decoder.log_likelihood(params["model"], batch["tokens"][:, live])
        log_p = said.new_zeros(batch["mask"].shape).index_copy(1, live.nonzero()[:, 0], said)
        each = dict(zip(sizes, log_p.split(list(sizes.values()), -2), strict=True))
        masks = dict(zip(sizes, batch["mask"].split(list(sizes.values()), -2), strict=True))
        roles = [sizes[role] for role in ROLES]
        gains = dict(zip(ROLES, batch["advantage"].split(roles, -1), strict=True))
        bounds = {"low": c.clip_low, "high": c.clip_high}
        # Sampled by the very policy that learns: there is one update a batch.
        terms = {
            f"{role}_loss": grpo_loss(each[role], each[role], gains[role], masks[role], **bounds)
            for role in ROLES
            if sizes[role]
        }
        for name in ("repairs", "anchors", "lessons"):
            terms[f"{name}_nll"] = sft_loss(each[name], masks[name])
        weights = {
            "polluter_loss": c.pollution,
            "repairs_nll": constants["extra"],
            "anchors_nll": constants["extra"] * c.anchors,
            "lessons_nll": constants["rehearsal"],
        }
        terms = {name: term.sum(-1) for name, term in terms.items()}  # over members: there is one
        loss: Any = sum(weights.get(name, 1.0) * term for name, term in terms.items())
        shown = {name[4:]: x[..., 0] for name, x in batch.items() if name.startswith("log ")}
        return loss, {**{name: term.detach() for name, term in terms.items()}, **shown}


@dataclass(frozen=True, slots=True)
class Asked:
    """What is shown, of which problem, and how much of the answer is there already."""

    shown: list[int]
    problem: Problem
    prefix: Sequence[int] = ()
    wrong: int | None = None  # the step that is


def after(found: Context | None) -> Asked | None:
    """The question of whoever goes on after a context."""
    if found is None:
        return None
    wrong = found.step if found.chunk else None
    return Asked(found.shown, found.problem, found.prefix, wrong)


def fit(of: Source, found: Context, words: Sequence[int], *, named: bool) -> bool:
    """Whether a repair is one to imitate: it ends right, and names the wrong step if it has to."""
    right = of.verify(found.problem, [*found.prefix, *words]).right
    return right and (not named or flags(words)[:1] == [found.step])


def begun(of: Source, problem: Problem, step: int) -> list[int]:
    """What a polluter is asked: the chain up to an action, without the state that it leads to."""
    chain = of.chain(replace(problem, actions=problem.actions[:step]))[: -of.width]
    return [v.POLLUTE, *of.question(problem)[1:], *chain]


def _gains(rewards: Array) -> Array:
    """Advantages within groups (groups, G), flat."""
    return advantages(torch.as_tensor(rewards, dtype=torch.float32)).flatten().numpy()
