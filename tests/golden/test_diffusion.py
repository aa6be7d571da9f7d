"""Schedule, loss and sampler of the subgoal diffuser against closed forms."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from entitybench.agents.common.diffusion import Schedule, sample
from entitybench.agents.hecrl.losses import diffusion_loss

SCHEDULE = Schedule.cosine(10)


def signal_to(t, steps=10, s=0.008):
    """ᾱ of Nichol & Dhariwal: f(t) / f(0), before the clip of β."""
    return (
        math.cos((t / steps + s) / (1 + s) * math.pi / 2) / math.cos(s / (1 + s) * math.pi / 2)
    ) ** 2


def test_schedule():
    # Up to the last step nothing is clipped, so the product telescopes.
    expected = [signal_to(t + 1) for t in range(9)]
    np.testing.assert_allclose(SCHEDULE.signal[:9].numpy(), expected, rtol=1e-5)
    assert float(SCHEDULE.beta[9]) == pytest.approx(0.999)
    assert float(SCHEDULE.signal[9]) == pytest.approx(expected[8] * 0.001, rel=1e-3)
    assert SCHEDULE.steps == 10
    # by hand: f(1)/f(0) with f(t) = cos²((t/10 + 0.008)/1.008 · π/2)
    assert float(SCHEDULE.beta[0]) == pytest.approx(0.027913, abs=1e-5)


def test_corrupt():
    clean, noise = torch.full((2, 1, 1), 2.0), torch.full((2, 1, 1), -1.0)
    x = SCHEDULE.corrupt(clean, noise, torch.tensor([0, 8]))
    for row, t in enumerate((0, 8)):
        a = signal_to(t + 1)
        assert float(x[row]) == pytest.approx(2 * math.sqrt(a) - math.sqrt(1 - a), rel=1e-4)


@dataclass(frozen=True)
class Affine:
    """w · noisy + step; keeps what it was asked."""

    seen: list

    def apply(self, params, state, goal, noisy=None, step=None):
        self.seen.append(noisy)
        return params["w"] * noisy + step[:, None, None]


@pytest.mark.parametrize("predict", ["noise", "displacement"])
def test_diffusion_loss(predict):
    net = Affine([])
    params = {"w": torch.tensor(0.5, requires_grad=True)}
    displacement = torch.tensor([[[1.0, -2.0]], [[3.0, 0.0]]])
    noise = torch.tensor([[[0.5, 0.5]], [[-1.0, 2.0]]])
    step = torch.tensor([0, 5])
    loss = diffusion_loss(net, params, None, None, displacement, noise, step, SCHEDULE, predict)
    total = 0.0
    for row, t in enumerate(step.tolist()):
        a = signal_to(t + 1)
        for k in range(2):
            x0, e = float(displacement[row, 0, k]), float(noise[row, 0, k])
            x = math.sqrt(a) * x0 + math.sqrt(1 - a) * e
            total += abs(0.5 * x + t - (e if predict == "noise" else x0))
    assert float(loss.detach()) == pytest.approx(total / 4, rel=1e-5)
    loss.backward()
    assert params["w"].grad is not None
    torch.testing.assert_close(net.seen[0], SCHEDULE.corrupt(displacement, noise, step))


def by_hand(denoise, noise, steps=10):
    """Ancestral sampling from its textbook form, one number at a time."""
    beta = [min(1 - signal_to(t + 1, steps) / signal_to(t, steps), 0.999) for t in range(steps)]
    signal = np.cumprod([1 - b for b in beta])
    x = noise[0]
    for k, t in enumerate(reversed(range(steps))):
        a, before = signal[t], signal[t - 1] if t else 1.0
        clean = (x - math.sqrt(1 - a) * denoise(x, t)) / math.sqrt(a)
        x = (
            math.sqrt(before) * beta[t] / (1 - a) * clean
            + math.sqrt(1 - beta[t]) * (1 - before) / (1 - a) * x
        )
        if t:
            x += math.sqrt(beta[t] * (1 - before) / (1 - a)) * noise[k + 1]
    return x


def test_sampling_of_noise_predictions():
    noise = np.random.default_rng(0).normal(size=(11, 6))
    expected = by_hand(lambda x, t: 0.3 * x + 0.01 * t, noise)
    got = sample(
        lambda x, t: 0.3 * x + 0.01 * t[:, None, None],
        torch.tensor(noise)[:, :, None, None],
        Schedule.cosine(10),
        "noise",
    )
    np.testing.assert_allclose(got.flatten().numpy(), expected, rtol=1e-4)


def test_both_kinds_of_prediction_sample_alike():
    schedule = Schedule(*(x.double() for x in (SCHEDULE.beta, SCHEDULE.signal)))
    noise = torch.randn(
        11, 5, 3, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
    )

    def clean(x, t):
        return torch.tanh(x) + 0.1

    def as_noise(x, t):
        a = schedule.signal[t][:, None, None]
        return (x - a.sqrt() * clean(x, t)) / (1 - a).sqrt()

    torch.testing.assert_close(
        sample(as_noise, noise, schedule, "noise"), sample(clean, noise, schedule, "displacement")
    )


def test_an_exact_denoiser_is_believed_at_the_last_step():
    target = torch.tensor([1.0, -2.0])[None, None].expand(4, 3, 2)
    got = sample(lambda x, t: target, torch.randn(11, 4, 3, 2), SCHEDULE, "displacement")
    torch.testing.assert_close(got, target)


@pytest.mark.parametrize("deviation", [0.3, 1.0])
def test_the_optimal_denoiser_of_a_gaussian(deviation):
    mean, rows = 0.7, 20_000
    signal = [float(a) for a in SCHEDULE.signal]
    gains = [math.sqrt(a) * deviation**2 / (a * deviation**2 + 1 - a) for a in signal]

    def optimal(x, t):
        return mean + torch.tensor(gains)[t][:, None, None] * (
            x - SCHEDULE.signal[t].sqrt()[:, None, None] * mean
        )

    # All is linear, so the variance has a recursion: ten steps keep most of it, not all.
    variance = 1.0
    for t in reversed(range(10)):
        beta, before = float(SCHEDULE.beta[t]), signal[t - 1] if t else 1.0
        slope = math.sqrt(before) * beta * gains[t] + math.sqrt(1 - beta) * (1 - before)
        added = beta * (1 - before) / (1 - signal[t])
        variance = (slope / (1 - signal[t])) ** 2 * variance + added
    noise = torch.randn(11, rows, 1, 1, generator=torch.Generator().manual_seed(1))
    got = sample(optimal, noise, SCHEDULE, "displacement")
    assert float(got.mean()) == pytest.approx(mean, abs=0.03)
    assert float(got.std()) == pytest.approx(math.sqrt(variance), rel=0.02)
    assert 0.7 * deviation < float(got.std()) < 1.02 * deviation
