"""O-DICE, SQL and ReBRAC as single files of CORL's kind write them: loops to measure beside.

CORL has no PyTorch file of these three. Each class here is what its `iql.py` and `td3_bc.py` are:
modules of `torch.nn`, one optimiser a network, losses one after the other, targets by a loop over
parameters, a buffer of tensors on the device. The losses are those of the agents here
(`agents/baselines/offline/`), so that both sides do the same work.
"""

from __future__ import annotations

import copy
import itertools
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Mapping

Tensor = torch.Tensor
RATE, DISCOUNT, SLOW, MOST_WEIGHT = 3e-4, 0.99, 0.005, 100.0


def perceptron(sizes: tuple[int, ...], *, layer_norm: bool = False) -> nn.Sequential:
    """Rectified layers of these widths, the last one linear."""
    layers: list[nn.Module] = []
    for k, (first, second) in enumerate(itertools.pairwise(sizes)):
        layers.append(nn.Linear(first, second))
        if k < len(sizes) - 2:
            layers.append(nn.ReLU())
            if layer_norm:
                layers.append(nn.LayerNorm(second))
    return nn.Sequential(*layers)


class Buffer:
    """All transitions as tensors; batches are drawn with replacement."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        names = ("observations", "actions", "rewards", "next_observations", "terminals")
        self.parts = [torch.as_tensor(np.asarray(data[name], np.float32)) for name in names]
        # The next action of the data, which the penalty of ReBRAC compares with.
        self.parts.append(torch.roll(self.parts[1], -1, 0))

    def sample(self, size: int) -> list[Tensor]:
        rows = np.random.randint(0, len(self.parts[0]), size=size)  # noqa: NPY002 - as CORL does
        return [part[rows] for part in self.parts]


class Twin(nn.Module):
    """Two networks of the same inputs."""

    def __init__(self, sizes: tuple[int, ...], *, layer_norm: bool = False) -> None:
        super().__init__()
        self.first = perceptron(sizes, layer_norm=layer_norm)
        self.second = perceptron(sizes, layer_norm=layer_norm)

    def both(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.first(x).squeeze(-1), self.second(x).squeeze(-1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.min(*self.both(x))


class Gaussian(nn.Module):
    """A policy with a deviation for each action that does not depend on the state."""

    def __init__(self, sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.net = perceptron(sizes)
        self.log_std = nn.Parameter(torch.zeros(sizes[-1]))

    def log_prob(self, state: Tensor, action: Tensor) -> Tensor:
        mean, std = torch.tanh(self.net(state)), self.log_std.clamp(-5.0, 2.0).exp()
        return torch.distributions.Normal(mean, std).log_prob(action).sum(-1)


def slowly(target: nn.Module, source: nn.Module) -> None:
    """The target moves towards the source."""
    for t, s in zip(target.parameters(), source.parameters(), strict=True):
        t.data.copy_((1 - SLOW) * t.data + SLOW * s.data)


def stepped(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    """One step down a loss."""
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()


class SQL:
    """Xu et al., ICLR 2023."""

    alpha = 1.0

    def __init__(self, states: int, actions: int, hidden: tuple[int, ...], updates: int) -> None:
        self.q = Twin((states + actions, *hidden, 1))
        self.v = perceptron((states, *hidden, 1))
        self.actor = Gaussian((states, *hidden, actions))
        self.q_target = copy.deepcopy(self.q).requires_grad_(False)
        self.q_adam, self.v_adam, self.actor_adam = (
            torch.optim.Adam(each.parameters(), lr=RATE) for each in (self.q, self.v, self.actor)
        )
        self.falling = torch.optim.lr_scheduler.CosineAnnealingLR(self.actor_adam, updates)

    def train(self, batch: list[Tensor]) -> None:
        state, action, reward, after, done, _ = batch
        pair = torch.cat([state, action], -1)
        with torch.no_grad():
            target, following = self.q_target(pair), self.v(after).squeeze(-1)
        value = self.v(state).squeeze(-1)
        advantage = target - value
        z = torch.relu(1.0 + advantage / (2.0 * self.alpha))
        stepped(self.v_adam, (z.square() + value / self.alpha).mean())
        y = reward + (1.0 - done) * DISCOUNT * following
        stepped(self.q_adam, sum(F.mse_loss(q, y) for q in self.q.both(pair)))
        slowly(self.q_target, self.q)
        weight = advantage.detach().clamp(0.0, MOST_WEIGHT)
        stepped(self.actor_adam, -(weight * self.actor.log_prob(state, action)).mean())
        self.falling.step()


class ODICE:
    """Mao et al., ICLR 2024."""

    balance, backward = 0.6, 1.0

    def __init__(self, states: int, actions: int, hidden: tuple[int, ...], updates: int) -> None:
        del updates
        self.v = Twin((states, *hidden, 1))
        self.v_target = copy.deepcopy(self.v).requires_grad_(False)
        self.actor = Gaussian((states, *hidden, actions))
        self.v_adam = torch.optim.Adam(self.v.parameters(), lr=RATE)
        self.actor_adam = torch.optim.Adam(self.actor.parameters(), lr=RATE)

    @staticmethod
    def conjugate(y: Tensor) -> Tensor:
        """f*_p of Pearson's χ²."""
        x = torch.relu(y / 2.0 + 1.0)
        return y * x - (x - 1.0).square()

    def train(self, batch: list[Tensor]) -> None:
        state, action, reward, after, done, _ = batch
        here, there, decay = self.v(state), self.v(after), DISCOUNT * (1.0 - done)
        with torch.no_grad():
            slow, slow_after = self.v_target(state), self.v_target(after)
        forward = reward + decay * slow_after - here
        backward = reward + decay * there - slow
        parameters = list(self.v.parameters())
        plain = (1.0 - self.balance) * here.mean() + self.balance * self.conjugate(forward).mean()
        ahead = torch.autograd.grad(
            self.balance * self.conjugate(forward).mean(), parameters, retain_graph=True
        )
        behind = torch.autograd.grad(
            self.balance * self.conjugate(backward).mean(), parameters, retain_graph=True
        )
        along = sum((a * b).sum() for a, b in zip(ahead, behind, strict=True))
        share = along / (sum(a.square().sum() for a in ahead) + 1e-12)
        self.v_adam.zero_grad()
        plain.backward()
        for p, a, b in zip(parameters, ahead, behind, strict=True):
            p.grad += self.backward * (b - share * a)
        self.v_adam.step()
        slowly(self.v_target, self.v)
        weight = forward.detach().clamp(0.0, MOST_WEIGHT)
        stepped(self.actor_adam, -(weight * self.actor.log_prob(state, action)).mean())


class ReBRAC:
    """Tarasov et al., NeurIPS 2023."""

    actor_penalty, critic_penalty, noise, clip = 0.01, 0.01, 0.2, 0.5

    def __init__(self, states: int, actions: int, hidden: tuple[int, ...], updates: int) -> None:
        del updates
        self.q = Twin((states + actions, *hidden, 1), layer_norm=True)
        self.actor = nn.Sequential(perceptron((states, *hidden, actions)), nn.Tanh())
        self.q_target, self.actor_target = (
            copy.deepcopy(each).requires_grad_(False) for each in (self.q, self.actor)
        )
        self.q_adam = torch.optim.Adam(self.q.parameters(), lr=RATE)
        self.actor_adam = torch.optim.Adam(self.actor.parameters(), lr=RATE)
        self.done = 0

    def train(self, batch: list[Tensor]) -> None:
        state, action, reward, after, done, data_action = batch
        with torch.no_grad():
            noise = (torch.randn_like(action) * self.noise).clamp(-self.clip, self.clip)
            next_action = (self.actor_target(after) + noise).clamp(-1.0, 1.0)
            away = (next_action - data_action).square().sum(-1)
            next_q = self.q_target(torch.cat([after, next_action], -1))
            y = reward + DISCOUNT * (1.0 - done) * (next_q - self.critic_penalty * away)
        pair = torch.cat([state, action], -1)
        stepped(self.q_adam, sum(F.mse_loss(q, y) for q in self.q.both(pair)))
        self.done += 1
        if self.done % 2:
            return
        predicted = self.actor(state)
        q = self.q(torch.cat([state, predicted], -1))
        away = (predicted - action).square().sum(-1).mean()
        stepped(self.actor_adam, self.actor_penalty * away - q.mean() / q.abs().mean().detach())
        slowly(self.q_target, self.q)
        slowly(self.actor_target, self.actor)


TRAINERS = {"odice": ODICE, "sql": SQL, "rebrac": ReBRAC}


class Plain:
    """A trainer and its buffer in this process."""

    def __init__(
        self, method: str, data: Mapping[str, Any], hidden: tuple[int, ...], batch: int
    ) -> None:
        self.buffer, self.batch = Buffer(data), batch
        states, actions = (data[name].shape[1] for name in ("observations", "actions"))
        self.trainer: Any = TRAINERS[method](states, actions, hidden, 1_000_000)
        self.seconds(20)

    def seconds(self, updates: int) -> tuple[float, float]:
        """Of the wall and of the processor, for so many updates."""
        start, cpu = time.perf_counter(), time.process_time()
        for _ in range(updates):
            self.trainer.train(self.buffer.sample(self.batch))
        return time.perf_counter() - start, time.process_time() - cpu
