"""Latent action models: an inverse model names what happened, a forward model repeats it.

B clips, T steps (T + 1 frames), N tokens of C features a frame, G latent actions of d numbers a
step. Frames are tokens of a tokenizer that no longer learns, each feature standardised.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch

from entitybench.agents.common import checkpoint
from entitybench.agents.common.bounds import LAYERS, WIDTH, bounded
from entitybench.agents.common.config import Phase
from entitybench.agents.common.optimiser import unflatten
from entitybench.agents.common.standard import FIXED
from entitybench.agents.common.vision.learner import (
    TOKENIZER,
    VideoConfig,
    VideoLearner,
    as_frames,
    as_numbers,
)
from entitybench.envs.api import world_of
from entitybench.errors import BadValue
from entitybench.seeding import generator

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from entitybench.agents.common.layers import Params
    from entitybench.agents.common.vision.learner import Film
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Batch

Tensor = torch.Tensor
Tensors = dict[str, Tensor]
MODEL = "model"  # the group of parameters of all but the tokenizer, which is a part's
MEASURED = 256  # frames whose tokens are standardised to mean 0 and deviation 1


@dataclass(frozen=True, kw_only=True)
class LatentConfig(VideoConfig):
    """Sizes of the model, its bottleneck, and how it is unrolled."""

    width: int = 96
    blocks: int = 2
    heads: int = 4
    factors: int = 0  # G, latent actions of a step; 0: as many as the task has entities
    action_dim: int = 8  # d, of each
    beta: float = 2e-4  # nats of the bottleneck, against squared deviations of tokens
    window: int = 6  # frames of a clip to learn from, and as far back as it looks
    unroll: int = 3  # frames that are predicted one from the other

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded(self, width=WIDTH, blocks=LAYERS, heads=WIDTH, factors="[0, 256]")
        bounded(self, action_dim="[1, 4096]", beta="[0, inf)", window="[2, 1000]")
        bounded(self, unroll="[1, 1000]")
        if self.width % self.heads:
            raise BadValue(
                f"width is a multiple of the heads: got {self.width} and {self.heads} heads."
            )
        if self.unroll >= self.window:
            raise BadValue(
                f"unroll is below window, the frames of a clip: got {self.unroll} of {self.window}."
            )


class LatentLearner(VideoLearner):
    """Rolls a clip out from its first frame with the latent actions of the true ones.

    A method gives `init_model`, the states that its actions are inferred from, the inverse model
    and one step of the forward model.
    """

    shipped: ClassVar[tuple[str, ...]] = (MODEL, TOKENIZER)

    # What a method defines

    @abstractmethod
    def init_model(self, rng: torch.Generator) -> Params:
        """Parameters of all but the tokenizer."""

    @abstractmethod
    def states(self, model: Mapping[str, Tensor], tokens: Tensor) -> Tensor:
        """What is known of each frame, (B, T + 1, ...), of tokens (B, T + 1, N, C)."""

    @abstractmethod
    def inferred(self, model: Mapping[str, Tensor], states: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log deviation of the latent actions, each (B, T, G, d)."""

    @abstractmethod
    def ahead(
        self, model: Mapping[str, Tensor], tokens: Tensor, state: Tensor, action: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Tokens (B, N, C) and state (B, ...) a step later, after actions (B, G, d)."""

    def bottleneck(
        self, model: Mapping[str, Tensor], states: Tensor, batch: Tensors
    ) -> tuple[Tensor, Tensor, Tensors]:
        """Latent actions (B, T, G, d), what they cost, and what to log.

        `batch` has "noise" (B, T, G, d) where they are drawn; without it they are the means.
        """
        mean, log_deviation = self.inferred(model, states)
        nats = kl(mean, log_deviation).sum((-2, -1)).mean()
        if "noise" in batch:
            mean = mean + log_deviation.exp() * batch["noise"]
        return mean, self.config.beta * nats, {"nats": nats}

    # Parameters

    @property
    def factors(self) -> int:
        """G."""
        return self.config.factors or world_of(self.task).entities

    @property
    def positions(self) -> int:
        """N, tokens of a frame."""
        return int((self.config.pixels // self.tokenizer.stride) ** 2)

    def init(self, rng: torch.Generator) -> None:
        self.params[TOKENIZER] = self.tokenizer.init(rng)
        features = self.tokenizer.features
        fixed = {
            f"{FIXED}mean": torch.zeros(1, 1, features),
            f"{FIXED}deviation": torch.ones(1, 1, features),
        }
        self.params[MODEL] = {**self.init_model(rng), **fixed}

    def adopt(self, parts: Mapping[str, Path]) -> None:
        """Take the tokenizer. Raises CheckpointError for one of other sizes."""
        found, weights, _ = checkpoint.read(parts[TOKENIZER])
        edge, own = found.meta["config"].get("pixels"), self.config.pixels
        if edge != own:
            raise BadValue(
                f"the tokenizer in {parts[TOKENIZER]} sees frames of {edge} pixels, and "
                f"{self.config.agent} of {own}."
            )
        shaped = {f"{TOKENIZER}/{name}": p for name, p in self.params[TOKENIZER].items()}
        given = {k: p for k, p in weights.items() if k.startswith(f"{TOKENIZER}/")}
        whose = f"{self.config.agent} with the channels and levels that it was given"
        fitting = unflatten(checkpoint.fitting(parts[TOKENIZER], shaped, given, whose))
        self.params[TOKENIZER] = {name: p.clone() for name, p in fitting[TOKENIZER].items()}

    @torch.no_grad()
    def measure(self, source: Film) -> None:
        """Mean and deviation of each feature of a token."""
        frames = source.stills(MEASURED, generator(self.seed, "statistics"))
        seen = as_numbers(torch.as_tensor(frames))
        tokens = self.tokenizer.encode(self.params[TOKENIZER], seen).flatten(0, 1)
        model = self.params[MODEL]
        model[f"{FIXED}mean"] = tokens.mean(0)[None, None]
        model[f"{FIXED}deviation"] = tokens.std(0).clamp(min=1e-3)[None, None]

    # Learning

    def draw(self, source: Film, rng: np.random.Generator) -> Batch:
        c = self.config
        batch = source.clips(c.batch_size, c.window - 1, rng)
        shape = (c.batch_size, c.window - 1, self.factors, c.action_dim)
        return {**batch, "noise": rng.standard_normal(shape, np.float32)}

    def losses(
        self, params: Mapping[str, Params], batch: Tensors, constants: Tensors
    ) -> tuple[Tensor, Tensors]:
        """Squared error of tokens that are predicted one from the other, and the bottleneck's cost.

        From every frame that is followed by as many as are unrolled; the actions stay those that
        were inferred from the true frames.
        """
        del constants
        model, frames = params[MODEL], batch["frames"]
        count, length = frames.shape[:2]
        with torch.no_grad():
            seen = as_numbers(frames).flatten(0, 1)
            tokens = standardised(model, self.tokenizer.encode(params[TOKENIZER], seen))
        tokens = tokens.unflatten(0, (count, length))
        states = self.states(model, tokens)
        actions, cost, logs = self.bottleneck(model, states, batch)
        starts, unroll = length - self.config.unroll, self.config.unroll

        def later(x: Tensor, steps: int) -> Tensor:  # (B starts, ...)
            return x[:, steps : steps + starts].flatten(0, 1)

        now, state = later(tokens, 0), later(states, 0)
        errors = []
        for h in range(unroll):
            now, state = self.ahead(model, now, state, later(actions, h))
            errors.append((now - later(tokens, h + 1)).square().mean())
        error = torch.stack(errors).mean()
        loss = error + cost
        logs = {"loss": loss, "error": error, "error_first": errors[0], **logs}
        return loss, {name: x.detach() for name, x in logs.items()}

    # Acting

    @torch.inference_mode()
    def roll_out(self, clips: Array, actions: Array, rng: BatchGenerator) -> Array:
        """Frames (B, T, H, W, 3); see `entitybench.types.Predictor`. Raises BadValue."""
        del rng  # the means of the latent actions
        now, state, latent = self.seen(clips, actions)
        made = []
        for t in range(latent.shape[1]):
            now, state = self.ahead(self.params[MODEL], now, state, latent[:, t])
            made.append(self.shown(now))
        return np.stack(made, axis=1)

    @torch.inference_mode()
    def latents(self, clips: Array, actions: Array) -> Array:
        """Means of the latent actions, (B, T, G, d); see `entitybench.types.Predictor`."""
        found: Array = self.seen(clips, actions)[2].cpu().numpy()
        return found

    @torch.inference_mode()
    def edited(self, clips: Array, actions: Array, steps: int, rng: BatchGenerator) -> Array:
        """Frames (B, G, H, W, 3) after edits of a factor; see `entitybench.types.Predictor`."""
        model, (now, state, latent) = self.params[MODEL], self.seen(clips, actions)
        latent = latent[:, :steps]
        factors = latent.shape[2]
        anew = self.drawn(model, latent, rng)
        which = torch.eye(factors, dtype=torch.bool, device=self.device)[:, None, :, None]
        latent = torch.where(which, anew[:, None], latent[:, None]).flatten(0, 1)  # (B G, T, G, d)
        now, state = (x.repeat_interleave(factors, 0) for x in (now, state))
        for t in range(steps):
            now, state = self.ahead(model, now, state, latent[:, t])
        return self.shown(now).reshape(-1, factors, *np.shape(clips)[2:])

    def drawn(self, model: Mapping[str, Tensor], like: Tensor, rng: BatchGenerator) -> Tensor:
        """Latent actions (B, T, G, d) as the prior has them."""
        del model
        noise = rng.standard_normal(tuple(like.shape)).astype(np.float32)
        return torch.as_tensor(noise, device=self.device)

    def seen(self, clips: Array, actions: Array) -> tuple[Tensor, Tensor, Tensor]:
        """Tokens and state of the first frames, and the means of all latent actions."""
        model, tokens = self.params[MODEL], self.tokens(clips)
        states = self.states(model, tokens)
        known = torch.as_tensor(actions, dtype=torch.float32, device=self.device)
        return tokens[:, 0], states[:, 0], self.bottleneck(model, states, {"actions": known})[0]

    def tokens(self, clips: Array) -> Tensor:
        """Standardised tokens (B, T + 1, N, C) of clips. Raises BadValue."""
        plain = self.tokenizer.encode(self.params[TOKENIZER], self.looked_at(clips))
        return standardised(self.params[MODEL], plain).unflatten(0, np.shape(clips)[:2])

    def shown(self, tokens: Tensor) -> Array:
        """Frames (B, H, W, 3) uint8 of standardised tokens (B, N, C)."""
        model = self.params[MODEL]
        plain = tokens * model[f"{FIXED}deviation"][0] + model[f"{FIXED}mean"][0]
        return as_frames(self.tokenizer.decode(self.params[TOKENIZER], plain))


def standardised(model: Mapping[str, Tensor], tokens: Tensor) -> Tensor:
    """Features (..., C) with mean 0 and deviation 1 in the data."""
    return (tokens - model[f"{FIXED}mean"][0]) / model[f"{FIXED}deviation"][0]


def kl(mean: Tensor, log_deviation: Tensor) -> Tensor:
    """Nats of N(mean, deviation²) against N(0, 1), number by number."""
    return 0.5 * (mean.square() + (2 * log_deviation).exp() - 1) - log_deviation


def warmed(updates: int, rate: float, warm_up: int) -> tuple[Phase, ...]:
    """The learning rate rises from nothing, then falls to nothing; the tokenizer stays."""
    warm_up = min(warm_up, updates // 2)
    return (
        Phase(
            name="warm up",
            updates=warm_up,
            learning_rate=0.0,
            final_learning_rate=rate,
            learns=(MODEL,),
        ),
        Phase(
            name="main",
            updates=updates - warm_up,
            learning_rate=rate,
            final_learning_rate=0.0,
            learns=(MODEL,),
        ),
    )
