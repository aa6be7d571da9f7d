"""A small decoder-only language model as pure functions; shapes as in `agents.common.layers`.

Normalisation before each block (Xiong et al. 2020), rotary positions (Su et al. 2021, equation 34).
B sequences, T tokens, D width, H heads, V vocabulary, E members (leading axes of the parameters).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from entitybench.agents.common.layers import Params, dense, normalise

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Attention = Callable[[int, torch.Tensor], torch.Tensor]

Tensor = torch.Tensor
BASE = 10_000.0  # of the wave lengths of rotary positions
EMBEDDED = 0.02  # deviation of fresh embeddings (Radford et al. 2019)


@dataclass(frozen=True, kw_only=True)
class Decoder:
    """The sizes of a model, and what it computes."""

    vocabulary: int
    width: int
    layers: int
    heads: int

    @property
    def per_head(self) -> int:
        return self.width // self.heads

    def init(self, rng: torch.Generator, members: int = 1) -> Params:
        """Fresh parameters; what closes a block begins smaller, as deep as the model is."""
        wide, deep = self.width, (2 * self.layers) ** -0.5
        drawn = torch.randn(members, self.vocabulary, wide, generator=rng)
        params: Params = {"embedding": drawn * EMBEDDED}
        for k in range(self.layers):
            for name, inputs, outputs, gain in (
                ("attention", wide, 3 * wide, 1.0),
                ("joined", wide, wide, deep),
                ("hidden", wide, 4 * wide, 1.0),
                ("closing", 4 * wide, wide, deep),
            ):
                params[f"{name}{k}.weight"] = dense(members, inputs, outputs, rng, gain)
                params[f"{name}{k}.bias"] = torch.zeros(members, 1, outputs)
        params["out.weight"] = dense(members, wide, self.vocabulary, rng, 0.1)
        params["out.bias"] = torch.zeros(members, 1, self.vocabulary)
        return params

    def states(self, params: Mapping[str, Tensor], tokens: Tensor) -> Tensor:
        """The last hidden states (..., B, T, D), each of the tokens up to its own.

        Args:
            params: of `init`, with any leading axes.
            tokens: (..., B, T) int64 with the leading axes of `params`; what pads follows a
                sequence, so that nothing before it hears of it.
        """
        lead = params["embedding"].shape[:-2]
        params = {name: p.flatten(0, -3) for name, p in params.items()}
        tokens = tokens.flatten(0, -3)
        waves = rotations(torch.arange(tokens.shape[-1], device=tokens.device), self.per_head)

        def attend(k: int, heads: Tensor) -> Tensor:
            del k
            q, key, value = heads.unbind(0)  # (E B, H, T, D / H) each
            q, key = rotated(q, *waves), rotated(key, *waves)
            return F.scaled_dot_product_attention(q, key, value, is_causal=True)

        return self.through(params, tokens, attend).unflatten(0, lead)

    def through(self, params: Mapping[str, Tensor], tokens: Tensor, attend: Attention) -> Tensor:
        """All blocks for tokens (E, B, T) -> (E, B, T, D), with parameters of one leading axis.

        `attend(block, (3, E B, H, T, D / H))` gives what the heads hear, (E B, H, T, D / H).
        """
        e, b, t = tokens.shape

        def layer(name: str, x: Tensor) -> Tensor:
            return torch.baddbmm(params[f"{name}.bias"], x, params[f"{name}.weight"])

        if e > 1:
            first = torch.arange(e, device=tokens.device).view(e, 1, 1)
            tokens = tokens + first * self.vocabulary
        x = F.embedding(tokens, params["embedding"].flatten(0, 1)).view(e, b * t, self.width)
        for k in range(self.layers):
            heads = layer(f"attention{k}", normalise(x))
            heads = heads.view(e * b, t, 3, self.heads, self.per_head).permute(2, 0, 3, 1, 4)
            heard = attend(k, heads).transpose(1, 2).reshape(e, b * t, self.width)
            x = x + layer(f"joined{k}", heard)
            x = x + layer(f"closing{k}", F.gelu(layer(f"hidden{k}", normalise(x))))
        return normalise(x).view(e, b, t, self.width)

    def logits(self, params: Mapping[str, Tensor], states: Tensor) -> Tensor:
        """(..., B, T, D) -> (..., B, T, V) of the next token."""
        weight, bias = params["out.weight"].flatten(0, -3), params["out.bias"].flatten(0, -3)
        x = states.flatten(-3, -2).flatten(0, -3)
        return torch.baddbmm(bias, x, weight).view(*states.shape[:-1], self.vocabulary)

    def log_likelihood(self, params: Mapping[str, Tensor], tokens: Tensor) -> Tensor:
        """Log p(token t + 1 | tokens up to t), (..., B, T − 1), of tokens (..., B, T)."""
        logits = self.logits(params, self.states(params, tokens[..., :-1]))
        said = tokens[..., 1:]
        lost = F.cross_entropy(logits.flatten(0, -2), said.flatten(), reduction="none")
        return -lost.view(said.shape)


def rotations(places: Tensor, per_head: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines (..., per_head / 2) of the angles by which places (...) are turned."""
    waves = BASE ** (-torch.arange(0, per_head, 2, device=places.device) / per_head)
    angles = places[..., None] * waves
    return angles.cos(), angles.sin()


def rotated(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Turn x (..., T, F), its first half of features and its second turned as pairs."""
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cosine - b * sine, b * cosine + a * sine], dim=-1)
