"""Denoising diffusion, cosine schedule.

DDPM (Ho et al., NeurIPS 2020) with the variances of Nichol and Dhariwal (ICML 2021, equation 17),
as in HECRL (Haramati et al., ICLR 2026).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch

Tensor = torch.Tensor
Denoiser = Callable[[Tensor, Tensor], Tensor]  # (x_t (B, N, P), step (B,)) -> prediction (B, N, P)
Predict = Literal["noise", "displacement"]


@dataclass(frozen=True)
class Schedule:
    """Variances by step; `signal` is the product of 1 − β up to and with a step."""

    beta: Tensor  # (S,)
    signal: Tensor  # (S,)

    @classmethod
    def cosine(
        cls, steps: int, offset: float = 0.008, device: torch.device | str = "cpu"
    ) -> Schedule:
        """β_t = 1 − f(t+1)/f(t), at most 0.999, with f(t) = cos²((t/S + s)/(1 + s) · π/2)."""

        def f(t: float) -> float:
            return math.cos((t / steps + offset) / (1 + offset) * math.pi / 2) ** 2

        beta = torch.tensor([min(1 - f(t + 1) / f(t), 0.999) for t in range(steps)])
        return cls(beta.to(device), torch.cumprod(1 - beta, 0).to(device))

    @property
    def steps(self) -> int:
        return len(self.beta)

    def corrupt(self, clean: Tensor, noise: Tensor, step: Tensor) -> Tensor:
        """x_t = √ᾱ_t x_0 + √(1 − ᾱ_t) ε for clean, noise (..., B, N, P) and step (..., B)."""
        signal = self.signal[step][..., None, None]
        return signal.sqrt() * clean + (1 - signal).sqrt() * noise


def sample(denoise: Denoiser, noise: Tensor, schedule: Schedule, predict: Predict) -> Tensor:
    """Ancestral sampling, without noise at the last step.

    Args:
        denoise: (x_t (B, N, P), step (B,)) -> predicted noise or clean displacement (B, N, P).
        noise: (S + 1, B, N, P) standard normal: the start, then what each step adds.
        schedule: Variances.
        predict: What `denoise` returns.
    """
    x = noise[0]
    for t in reversed(range(schedule.steps)):
        signal, beta = schedule.signal[t], schedule.beta[t]
        before = schedule.signal[t - 1] if t else torch.ones_like(signal)
        output = denoise(x, torch.full((len(x),), t, dtype=torch.int64, device=x.device))
        clean = (x - (1 - signal).sqrt() * output) / signal.sqrt() if predict == "noise" else output
        mean = (before.sqrt() * beta * clean + (1 - beta).sqrt() * (1 - before) * x) / (1 - signal)
        x = mean
        if t:
            x = mean + (beta * (1 - before) / (1 - signal)).sqrt() * noise[schedule.steps - t]
    return x
