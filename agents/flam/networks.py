"""The networks of FLAM: slots out of tokens, and per slot an inverse and a forward model.

Pure functions over dicts of parameters. B clips, T steps, K slots of D numbers, N tokens of C
features a frame, d numbers of a latent action.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from entitybench.agents.common.layers import Params, normalise
from entitybench.agents.common.transformer import affine, init_affine
from entitybench.agents.common.vision.blocks import (
    attention,
    by_slot,
    by_time,
    feed,
    gaussian,
    init_ages,
    init_attention,
    init_feed,
    init_gaussian,
    init_layer,
    init_places,
    layer,
    over_time,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

Tensor = torch.Tensor
LEAST = 1e-8  # beside the attention that a slot gets


@dataclass(frozen=True, kw_only=True)
class Factored:
    """Sizes and variants; what it computes."""

    features: int  # C
    positions: int  # N
    slots: int  # K
    width: int  # D
    heads: int
    blocks: int
    iterations: int
    action_dim: int  # d
    window: int
    temporal: bool  # slots hear their own past; else they begin as those of the frame before
    coupled: bool  # the models see next slots and actions of all slots

    def init(self, rng: torch.Generator) -> Params:
        w, params = self.width, dict[str, Tensor]()
        params |= init_layer("see", self.features, w, rng) | init_affine("see", 1, w)
        params |= init_places("see", self.positions, w, rng)
        params["slots"] = torch.randn(1, self.slots, w, generator=rng)
        for name in ("slot.query", "slot.key", "slot.value"):
            params |= init_layer(name, w, w, rng)
        params |= init_affine("slot.query", 1, w)
        params |= init_layer("slot.input", w, 3 * w, rng) | init_layer("slot.hidden", w, 3 * w, rng)
        params |= init_feed("slot", w, rng)
        if self.temporal:
            params |= init_attention("slot.past", w, rng)
            params |= init_ages("slot.past", self.heads, self.window)
        for k in range(self.blocks):
            for name in (f"now{k}", f"past{k}", f"next{k}"):
                params |= init_attention(name, w, rng)
            for name in (f"past{k}", f"next{k}"):
                params |= init_ages(name, self.heads, self.window) | init_feed(name, w, rng)
            params |= init_attention(f"step{k}", w, rng) | init_feed(f"step{k}", w, rng)
            params |= init_attention(f"read{k}", w, rng)
            params |= init_attention(f"grid{k}", w, rng) | init_feed(f"grid{k}", w, rng)
        params |= init_gaussian("infer", w, self.action_dim, rng)
        params |= init_layer("act", self.action_dim, w, rng)
        params |= init_layer("adapt0", w, w, rng) | init_layer("adapt1", w, w, rng)
        params |= init_layer("paint", self.features, w, rng)
        params |= init_places("paint", self.positions, w, rng)
        return params | init_layer("change", w, self.features, rng, 0.0)

    # Factorizer

    def factorize(self, params: Mapping[str, Tensor], tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Slots (B, T, K, D) and whose each token is, (B, T, K, N), of tokens (B, T, N, C)."""
        batch, length = tokens.shape[:2]
        x = layer(params, "see", tokens.flatten(0, 1)) + params["see.place"]
        x = affine(params, "see", normalise(x[None]))[0]
        keys, values = (layer(params, f"slot.{name}", x) for name in ("key", "value"))
        fresh = params["slots"].expand(batch * length, -1, -1)
        if self.temporal:
            slots = fresh
            for _ in range(self.iterations):
                slots, share = self._compete(params, slots, keys, values)
                slots = self._bind(params, slots.unflatten(0, (batch, length))).flatten(0, 1)
            return slots.unflatten(0, (batch, length)), share.unflatten(0, (batch, length))
        keys, values = (y.unflatten(0, (batch, length)) for y in (keys, values))
        slots, found, shares = fresh[:batch], [], []
        for t in range(length):
            for _ in range(self.iterations):
                slots, share = self._compete(params, slots, keys[:, t], values[:, t])
            found.append(slots)
            shares.append(share)
        return torch.stack(found, 1), torch.stack(shares, 1)

    def _compete(
        self, params: Mapping[str, Tensor], slots: Tensor, keys: Tensor, values: Tensor
    ) -> tuple[Tensor, Tensor]:
        """One round of slot attention (Locatello et al. 2020, algorithm 1): slots and shares."""
        asked = affine(params, "slot.query", normalise(slots[None]))[0]
        query = layer(params, "slot.query", asked)
        share = torch.softmax(query @ keys.mT / self.width**0.5, dim=-2)  # (M, K, N), over slots
        weight = share / (share.sum(-1, keepdim=True) + LEAST)
        slots = self._gru(params, weight @ values, slots)
        return feed(params, "slot", slots), share

    def _gru(self, params: Mapping[str, Tensor], given: Tensor, state: Tensor) -> Tensor:
        """A gated recurrent unit (Cho et al. 2014), its gates as in `torch.nn.GRUCell`."""
        ri, zi, ni = layer(params, "slot.input", given).chunk(3, -1)
        rh, zh, nh = layer(params, "slot.hidden", state).chunk(3, -1)
        keep = torch.sigmoid(zi + zh)
        return (1 - keep) * torch.tanh(ni + torch.sigmoid(ri + rh) * nh) + keep * state

    def _bind(self, params: Mapping[str, Tensor], slots: Tensor) -> Tensor:
        """Each slot hears its own past, (B, T, K, D): it stays with its entity."""
        length = slots.shape[1]
        mask = over_time(params, "slot.past", length, length)
        heard = attention(params, "slot.past", by_slot(slots), None, self.heads, mask)
        return by_time(heard, self.slots)

    # Inverse model

    def inferred(
        self, params: Mapping[str, Tensor], slots: Tensor, following: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Mean and log deviation (B, T, K, d) of latent actions: a_t^i = IDM(s_t^{1:K}, s_{t+1}^i).

        First all that mixes slots, which has seen no next frame; then each slot looks at itself one
        step ahead, and nothing mixes any more.

        Args:
            params: of `init`.
            slots: of the present frames (B, T, K, D).
            following: of the frames one step later.
        """
        batch, length = slots.shape[:2]
        hidden = slots
        for k in range(self.blocks):
            hidden = attention(params, f"now{k}", hidden.flatten(0, 1), None, self.heads)
            hidden = by_slot(hidden.unflatten(0, (batch, length)))
            mask = over_time(params, f"past{k}", length, length)
            hidden = attention(params, f"past{k}", hidden, None, self.heads, mask)
            hidden = by_time(feed(params, f"past{k}", hidden), self.slots)
        ahead = torch.cat([slots[:, :1], following], 1)  # (B, T + 1, K, D)
        query, heard = (self._apart(x) for x in (hidden, ahead))
        for k in range(self.blocks):
            mask = over_time(params, f"next{k}", length, length + 1, ahead=1)
            if self.coupled:
                mask = mask.repeat_interleave(self.slots, 1).repeat_interleave(self.slots, 2)
            query = attention(params, f"next{k}", query, heard, self.heads, mask)
            query = feed(params, f"next{k}", query)
        if self.coupled:
            query = query.unflatten(1, (length, self.slots))
        else:
            query = by_time(query, self.slots)
        return gaussian(params, "infer", query)

    def _apart(self, x: Tensor) -> Tensor:
        """(B, T, K, D) as sequences: one a slot; coupled, one of all slots of all times."""
        return x.flatten(1, 2) if self.coupled else by_slot(x)

    # Forward model

    def step(self, params: Mapping[str, Tensor], slots: Tensor, action: Tensor) -> Tensor:
        """The next slots (B, K, D): s_{t+1}^i = FDM(s_t^{1:K}, a_t^i), of actions (B, K, d).

        Slots that are asked for never hear each other: what they hear carries no action.
        """
        query = slots + layer(params, "act", action)
        for k in range(self.blocks):
            context = None if self.coupled else slots
            query = attention(params, f"step{k}", query, context, self.heads)
            query = feed(params, f"step{k}", query)
        hidden = torch.nn.functional.gelu(layer(params, "adapt0", normalise(query)))
        return layer(params, "adapt1", hidden)

    # Aggregator

    def aggregate(self, params: Mapping[str, Tensor], tokens: Tensor, slots: Tensor) -> Tensor:
        """The next tokens (B, N, C): what is there, and what the next slots change of it."""
        x = layer(params, "paint", tokens) + params["paint.place"]
        for k in range(self.blocks):
            x = attention(params, f"read{k}", x, slots, self.heads)
            x = attention(params, f"grid{k}", x, None, self.heads)
            x = feed(params, f"grid{k}", x)
        return tokens + layer(params, "change", normalise(x))
