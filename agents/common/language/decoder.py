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
        params = self.paired({name: p.flatten(0, -3) for name, p in params.items()})
        tokens = tokens.flatten(0, -3)
        waves = rotations(torch.arange(tokens.shape[-1], device=tokens.device), self.per_head)

        def attend(k: int, heads: Tensor) -> Tensor:
            del k
            turning, (value,) = heads.split((2, 1))
            q, key = rotated(turning, waves)  # (E B, H, T, D / H) each
            return F.scaled_dot_product_attention(q, key, value, is_causal=True)

        return self.through(params, tokens, attend).unflatten(0, lead)

    def paired(self, params: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Parameters whose queries and keys have the features that turn together side by side.

        In those of `init` they are half of a head's features apart. Attention does not depend on
        the order, and pairs side by side turn in one product of complex numbers.
        """
        where = torch.arange(3 * self.width, device=params["embedding"].device)
        where = where.view(3, self.heads, 2, self.per_head // 2)
        order = torch.cat([where[:2].mT.flatten(), where[2].flatten()])
        return {
            name: p.index_select(-1, order) if name.startswith("attention") else p
            for name, p in params.items()
        }

    def through(self, params: Mapping[str, Tensor], tokens: Tensor, attend: Attention) -> Tensor:
        """All blocks for tokens (E, B, T) -> (E, B, T, D), with `paired` parameters of one axis E.

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


def rotations(places: Tensor, per_head: int) -> Tensor:
    """e^(i angle), (..., per_head / 2), of the angles by which places (...) are turned."""
    waves = BASE ** (-torch.arange(0, per_head, 2, device=places.device) / per_head)
    angles = places[..., None] * waves
    return torch.polar(torch.ones_like(angles), angles)


def rotated(x: Tensor, waves: Tensor) -> Tensor:
    """Turn each two features of x (..., T, F) side by side, by waves (..., T, F / 2)."""
    pairs = torch.view_as_complex(x.unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs * waves).flatten(-2)
