"""A person at the keyboard as a policy, and their episodes on a screen."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.envs.core.play import play
from entitybench.envs.views.screen import pressed
from entitybench.errors import BadValue
from entitybench.seeding import BatchGenerator, generator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from entitybench.envs.core.batch import Worlds
    from entitybench.envs.views.screen import Screen
    from entitybench.types import Array, Obs

# Down and up of each dimension of an action: of planar worlds x and y, of hands then z, ….
PAIRS = (
    ("left", "right"),
    ("down", "up"),
    ("s", "w"),
    ("a", "d"),
    ("q", "e"),
    ("f", "g"),
    ("h", "j"),
    ("k", "l"),
    ("n", "m"),
    ("c", "v"),
    ("u", "i"),
    ("o", "p"),
)
GENTLE = 1 / 3  # of full strength, with shift


class Quit(Exception):  # no error
    """The person has had enough."""


@dataclass(frozen=True)
class Outcome:
    """How an episode went."""

    seed: int
    steps: int
    success: bool
    entities: float  # share at their goals
    reward: float  # the sum; of a team the mean over its agents
    left: bool = False  # for the next start, before its end

    def json(self) -> dict[str, Any]:
        return {("return" if k == "reward" else k): v for k, v in asdict(self).items()}

    @property
    def words(self) -> str:
        """In a line."""
        ended = "success" if self.success else "left" if self.left else "no success"
        parts = f"{100 * self.entities:.0f} % of entities at goals, return {self.reward:.1f}"
        return f"start {self.seed}: {ended} after {self.steps} steps, {parts}"


class Keyboard:
    """The keys that are held as actions (1, A), of a team (1, M, A) for one agent at a time."""

    def __init__(self, screen: Screen, shape: tuple[int, ...]) -> None:
        """`shape` is (A,) or (M, A). Raises BadValue for more dimensions than there are keys."""
        if shape[-1] > len(PAIRS):
            raise BadValue(
                f"an action of {shape[-1]} dimensions is too much for a keyboard: it has "
                f"{len(PAIRS)} pairs of keys."
            )
        self.screen, self.shape = screen, shape
        self.agent = 0  # of a team, the one that is steered

    def initial_state(self, batch: int) -> None:
        del batch

    def act(self, obs: Obs, state: None, rng: BatchGenerator) -> tuple[Array, None]:
        del obs, rng
        held = self.screen.held()
        strength = GENTLE if "shift" in held else 1.0
        wanted = [(high in held) - (low in held) for low, high in PAIRS[: self.shape[-1]]]
        action = np.zeros((1, *self.shape))
        place = action[0] if len(self.shape) == 1 else action[0, self.agent]
        place[:] = strength * np.array(wanted, float)
        return action, state

    def next_agent(self) -> None:
        """Steer the next agent of a team."""
        if len(self.shape) == 2:
            self.agent = (self.agent + 1) % self.shape[0]


def keys_of(shape: tuple[int, ...]) -> str:
    """What the keys do, in a line."""
    pairs = [f"{low}/{high}" for low, high in PAIRS[: shape[-1]]]
    team = "; tab: the next agent" if len(shape) == 2 else ""
    return (
        f"{', '.join(pairs)} (dimensions of the action, in order); shift: gently{team}; space: "
        "pause; enter: the next start; escape: end"
    )


class Clock:
    """Sleeps so that a control step takes as long as in the world."""

    def __init__(self, seconds: float, sleep: Callable[[float], None] = time.sleep) -> None:
        self._seconds, self._sleep, self._next = seconds, sleep, time.monotonic()

    def tick(self) -> None:
        now = time.monotonic()
        self._sleep(max(0.0, self._next - now))
        self._next = max(self._next, now) + self._seconds


def played(
    worlds: Worlds,
    screen: Screen,
    picture: Callable[[], Array],
    seeds: Iterator[int],
    clock: Clock,
) -> Iterator[Outcome]:
    """Let a person play the episodes of these seeds, until they press escape.

    Args:
        worlds: one.
        screen: is shown what `picture()` gives, after every step.
        picture: of the present state.
        seeds: of the starts.
        clock: ticks every control step.
    """
    keyboard = Keyboard(screen, worlds.world.action_shape)
    for seed in seeds:
        try:
            outcome = _episode(worlds, keyboard, picture, seed, clock)
        except Quit:
            return
        if outcome is not None:
            yield outcome


def _episode(
    worlds: Worlds, keyboard: Keyboard, picture: Callable[[], Array], seed: int, clock: Clock
) -> Outcome | None:
    """One episode; None where it was left before a step."""
    screen, total, outcome = keyboard.screen, 0.0, None
    obs = worlds.reset([seed])
    screen.show(picture(), f"start {seed}")
    rng = BatchGenerator([generator(seed, "keyboard")])
    for step in play(worlds, keyboard, obs, rng, worlds.horizon):
        info = step.info
        total += float(np.mean(info["reward"][0]))
        success = bool(info["is_success"][0])
        outcome = Outcome(
            seed, step.index + 1, success, float(info["success_fraction"][0]), round(total, 6)
        )
        screen.show(picture(), _words(outcome, worlds.horizon, keyboard))
        clock.tick()
        ended = "terminated" in info and bool(info["terminated"][0])
        if not ended and _said(screen, keyboard, clock):
            return replace(outcome, left=True)
        if ended:
            break
    return outcome


def _said(screen: Screen, keyboard: Keyboard, clock: Clock) -> bool:
    """Whether the next start is asked for; waits through a pause. Raises Quit."""
    for key in pressed(screen, clock.tick):
        if key == "escape":
            raise Quit
        if key == "enter":
            return True
        if key == "tab":
            keyboard.next_agent()
    return False


def _words(outcome: Outcome, horizon: int, keyboard: Keyboard) -> str:
    who = f", agent {keyboard.agent + 1}" if len(keyboard.shape) == 2 else ""
    done = "  success" if outcome.success else ""
    return f"step {outcome.steps} of {horizon}{who}, return {outcome.reward:.1f}{done}"
