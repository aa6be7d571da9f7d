"""One-step games of two agents: a table says what each pair of choices pays the team."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.core.world import ArrayMixin, Start, TeamWorld
from entitybench.envs.drawing.edges import check_observed
from entitybench.envs.team.particles import VIEWS
from entitybench.errors import BadValue, unknown

if TYPE_CHECKING:
    import mujoco

    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Obs, TaskSpec

# What choices (of the first agent, of the second) pay. "climbing" and "square": code of
# Lee et al., A Recipe for Stable Offline Multi-agent RL (2026); "xor": their MAC-Flow (ICLR 2026).
GAMES: dict[str, tuple[tuple[float, ...], ...]] = {
    "rare": ((0, 1), (1, 2)),
    "xor": ((0, 1), (1, 0)),
    "climbing": ((5, 0, -50), (0, 0, -50), (-50, -50, 100)),
    "square": ((10, 9), (8, 0)),
}
# Pairs of choices that fit each other: those of the data of several conventions.
FITTING: dict[str, tuple[tuple[int, int], ...]] = {
    "rare": ((0, 1), (1, 0), (1, 1)),
    "xor": ((0, 1), (1, 0)),
    "climbing": ((0, 0), (1, 1), (2, 2)),
    "square": ((0, 1), (1, 0), (0, 0)),
}


class MatrixWorld(ArrayMixin, TeamWorld):
    """Two agents choose at the same time, once; both are paid what the table says.

    A number in [-1, 1] is the choice of one of n equal parts of it, so that methods for continuous
    actions can play; `actions=n` makes the action space discrete instead. There is nothing to see:
    an agent observes a one. The state is the two choices and the steps played; entities: `choice`
    (-1 before the game, then 0 to n - 1) and `played`.
    """

    agents = ("agent_0", "agent_1")
    agent_feature_names = ("one",)
    entities = 2
    feature_names = ("choice", "played")
    action_dim = 1
    control_dt = 1.0
    physics_dt = 1.0
    memory = 3

    def __init__(
        self,
        game: str,
        *,
        actions: int | None = None,
        pixels: int | None = None,
        view: str = "top",
    ) -> None:
        check_observed(pixels, view, VIEWS)
        if game not in GAMES:
            raise unknown("game", game, GAMES, see="docs/team.md")
        self.payoff = np.array(GAMES[game], np.float64)
        self.choices = len(self.payoff)
        if actions not in (None, self.choices):
            raise BadValue(f"{game} has {self.choices} actions: got {actions!r}.")
        self.game = game
        self.conventions = tuple(f"{first} and {second}" for first, second in FITTING[game])
        self.actions = actions
        self.pixels = pixels
        self.view = view

    @property
    def best(self) -> float:
        """The most that can be had."""
        return float(self.payoff.max())

    @property
    def bounds(self) -> Array:
        return np.array([self.choices - 1, 1], np.float32)

    @property
    def agent_bounds(self) -> Array:
        return np.ones(1, np.float32)

    @property
    def bodies(self) -> tuple[str, ...]:
        return self.agents

    @property
    def movable(self) -> tuple[str, ...]:
        return ()

    @property
    def driven(self) -> tuple[int, ...]:
        return (0, 1)

    def start(self, seed: int) -> Start:
        del seed  # all games are alike
        nothing = np.zeros((self.entities, self.features), np.float32)
        return Start(np.empty(0), nothing, nothing, memory=np.array([-1.0, -1.0, 0.0]))

    def choose(self, action: Array) -> Array:
        """The choices (..., 2), 0 to n - 1, that actions (..., 2, 1) are."""
        part = np.floor((action[..., 0] + 1) / 2 * self.choices)
        return np.minimum(part, self.choices - 1)

    def transition(self, state: Array, action: Array) -> Array:
        after = np.empty_like(state)
        after[..., :2] = self.choose(action)
        after[..., 2] = state[..., 2] + 1
        return after

    def observe(self, state: Array, constants: Array) -> Array:
        del constants
        found = np.empty((*state.shape[:-1], 2, 2), np.float32)
        found[..., 0] = state[..., :2]
        found[..., 1] = np.minimum(state[..., 2:], 1)
        return found

    def observe_agents(self, state: Array, constants: Array) -> Array:
        del constants
        return np.ones((*state.shape[:-1], 2, 1), np.float32)

    def reward_terms(self, before: Array, action: Array, after: Array) -> dict[str, Array]:
        del before, action
        paid = self._paid(after)
        return {"payoff": np.stack([paid, paid], axis=-1)}

    def _paid(self, state: Array) -> Array:
        choice = np.maximum(state[..., :2], 0).astype(np.intp)
        return self.payoff[choice[..., 0], choice[..., 1]]

    def status(self, state: Array) -> dict[str, Array]:
        """Success is the best payoff; the share is the payoff between the worst and the best."""
        played = state[..., 2] > 0
        paid = self._paid(state)
        worst = self.payoff.min()
        share = np.where(played, (paid - worst) / (self.best - worst), 0.0)
        return {
            "is_success": played & (paid == self.best),
            "success_fraction": share.astype(np.float32),
        }

    def convention(self, state: Array) -> Array:
        fits = (state[..., None, :2] == np.array(FITTING[self.game])).all(axis=-1)
        return np.where(fits.any(axis=-1), fits.argmax(axis=-1), -1)

    # Pictures: two discs, each beside the column of its choices.

    def spec(self) -> mujoco.MjSpec:
        from entitybench.envs.parts.discs import Disc, disc_scene

        colours = ((0.85, 0.35, 0.35), (0.35, 0.35, 0.85))
        discs = [
            Disc(name, 0.15, colour, robot=True)
            for name, colour in zip(self.agents, colours, strict=True)
        ]
        return disc_scene(f"matrix-{self.game}", discs, 1.2, dt=1.0)

    def pose(self, state: Array) -> Array:
        height = (state[..., :2] + 0.5) / self.choices * 2 - 1
        place = np.full_like(height[..., 0], 0.5)
        return np.stack([-place, height[..., 0], place, height[..., 1]], axis=-1)


class MatrixOracle:
    """Plays a pair of choices that pays the most."""

    def __init__(self, task: TaskSpec | str, *, convention: int = 0) -> None:
        """Make it.

        Args:
            convention: which of the best pairs, where there are several (xor has two).
        """
        from entitybench.envs.api import world_as

        world = world_as(task, MatrixWorld)
        best = np.argwhere(world.payoff == world.best)
        if not 0 <= convention < len(best):
            raise BadValue(f"{world.game} has {len(best)} best pairs: got number {convention}.")
        self._action = ((2 * best[convention] + 1) / world.choices - 1)[:, None]  # middles of parts

    def initial_state(self, batch: int) -> None:
        """It remembers nothing."""

    def act(self, obs: Obs, state: None, rng: BatchGenerator) -> tuple[Array, None]:
        del rng
        return np.tile(self._action, (len(obs["observation"]), 1, 1)), state
