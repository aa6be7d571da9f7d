"""Random actions, one action for ever, and any other policy with noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.envs.api import oracle_of, task_of, world_of
from entitybench.errors import BadValue
from entitybench.registry import resolve

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Obs, Policy, TaskSpec

    Range = float | Sequence[float]  # a number, or two between which each episode draws its own


def policy_of(
    task: TaskSpec | str, base: str | None = None, kwargs: Mapping[str, Any] | None = None
) -> Policy[Any]:
    """The policy "module:Class" for a task, or the task's oracle; `kwargs` are its arguments."""
    spec = task_of(task)
    if base is not None:
        policy: Policy[Any] = resolve(base)(spec, **(kwargs or {}))
        return policy
    if not kwargs or spec.oracle is None:
        return oracle_of(spec)
    oracle: Policy[Any] = resolve(spec.oracle)(spec, **{**spec.oracle_kwargs, **kwargs})
    return oracle


@dataclass(slots=True)
class Held:
    """The actions of B episodes, and the control step they are at."""

    action: Array  # (B, *action_shape)
    step: int


class Random:
    """Uniform actions, each held for `hold` control steps."""

    def __init__(self, task: TaskSpec | str, *, hold: int = 1) -> None:
        if not isinstance(hold, int) or hold < 1:
            raise BadValue(f"random actions are held for 1 control step or more: got {hold!r}.")
        self._shape = world_of(task_of(task)).action_shape
        self._hold = hold

    def initial_state(self, batch: int) -> Held:
        return Held(np.zeros((batch, *self._shape)), 0)

    def act(self, obs: Obs, state: Held, rng: BatchGenerator) -> tuple[Array, Held]:
        del obs
        action = state.action
        if state.step % self._hold == 0:
            action = rng.uniform(-1.0, 1.0, action.shape)
        return action, Held(action, state.step + 1)


class Fixed:
    """One action for ever: what a player of a one-step game has settled on."""

    def __init__(self, task: TaskSpec | str, *, action: Sequence[Any]) -> None:
        self._action = np.array(action, np.float64)
        shape = world_of(task_of(task)).action_shape
        if self._action.shape != shape:
            raise BadValue(f"an action has the shape {shape}: got {self._action.shape}.")

    def initial_state(self, batch: int) -> None:
        """Nothing to remember."""

    def act(self, obs: Obs, state: None, rng: BatchGenerator) -> tuple[Array, None]:
        del obs
        return np.tile(self._action, (len(rng), *(1 for _ in self._action.shape))), state


@dataclass(slots=True)
class NoisyState:
    """What B episodes have drawn; None before their first step."""

    base: Any
    sigma: Array | None  # (B,)
    uniform: Array | None  # (B,)
    noise: Array  # (B, *action_shape), the noise of the last step over sigma


class Noisy:
    """Another policy, its actions disturbed: by Gaussian noise, or replaced by uniform ones."""

    def __init__(
        self,
        task: TaskSpec | str,
        *,
        base: str | None = None,
        base_kwargs: Mapping[str, Any] | None = None,
        sigma: Range = 0.0,
        uniform: Range = 0.0,
        scale: Sequence[float] | None = None,
        correlation: float = 0.0,
    ) -> None:
        """Make it.

        Args:
            base: "module:Class" of the policy; the task's oracle by default.
            base_kwargs: its arguments.
            sigma: deviation of the noise; two numbers: of each episode, drawn between them.
            uniform: share of the actions that are uniform instead; or two numbers, likewise.
            scale: (A,) factors of the noise of each component of an action; ones by default.
            correlation: of the noise of one step with that of the step before, 0 to below 1.
        """
        self._base = policy_of(task, base, base_kwargs)
        self._shape = world_of(task_of(task)).action_shape
        self._sigma = _range("sigma", sigma, 10.0)
        self._uniform = _range("uniform", uniform, 1.0)
        if not 0 <= correlation < 1:
            raise BadValue(f"a correlation is 0 to below 1: got {correlation!r}.")
        self._keep = correlation
        self._scale = np.ones(self._shape[-1]) if scale is None else np.array(scale, np.float64)
        if self._scale.shape != self._shape[-1:]:
            raise BadValue(f"scale has {self._shape[-1]} numbers: got {scale!r}.")

    def initial_state(self, batch: int) -> NoisyState:
        base = self._base.initial_state(batch)
        return NoisyState(base, None, None, np.zeros((batch, *self._shape)))

    def act(self, obs: Obs, state: NoisyState, rng: BatchGenerator) -> tuple[Array, NoisyState]:
        batch = len(state.noise)
        each = (-1, *(1 for _ in self._shape))
        sigma, uniform, noise = state.sigma, state.uniform, rng.normal(size=state.noise.shape)
        if sigma is None or uniform is None:
            sigma = rng.uniform(*self._sigma, batch)
            uniform = rng.uniform(*self._uniform, batch)
        else:
            noise = self._keep * state.noise + np.sqrt(1 - self._keep**2) * noise
        action, base = self._base.act(obs, state.base, rng)
        action = action + sigma.reshape(each) * self._scale * noise
        replaced = rng.random(batch) < uniform
        other = rng.uniform(-1.0, 1.0, noise.shape)
        action = np.where(replaced.reshape(each), other, np.clip(action, -1.0, 1.0))
        return action, NoisyState(base, sigma, uniform, noise)

    def labels(self, state: NoisyState) -> dict[str, Array]:
        """What each episode has drawn, where it draws."""
        drawn = {"sigma": (self._sigma, state.sigma), "uniform": (self._uniform, state.uniform)}
        return {
            name: value
            for name, ((low, high), value) in drawn.items()
            if value is not None and low < high
        }


def _range(name: str, value: Range, most: float) -> tuple[float, float]:
    pair = (value, value) if isinstance(value, int | float) else tuple(value)
    if len(pair) != 2 or not 0 <= pair[0] <= pair[1] <= most:
        raise BadValue(f"{name} is a number, or two in order, from 0 to {most:g}: got {value!r}.")
    return float(pair[0]), float(pair[1])
