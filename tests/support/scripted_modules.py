"""Modules for TorchScript, which reads their source."""

import torch


class Parts(torch.nn.Module):
    def forward(self, observation: torch.Tensor, desired_goal: torch.Tensor) -> torch.Tensor:
        return desired_goal[:, 1, :2] - observation[:, 0, :2]


class Dicts(torch.nn.Module):
    def forward(self, obs: dict[str, torch.Tensor]) -> torch.Tensor:
        return obs["desired_goal"][:, 1, :2] - obs["observation"][:, 0, :2]


class Flat(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, :2]
