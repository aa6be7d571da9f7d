"""Two reward tasks on a table with goals: strike a puck into the far one; defend the own one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.core.starts import drawn
from entitybench.envs.core.world import RewardWorld, Start
from entitybench.envs.hockey.table import (
    HALF_LENGTH,
    MALLET_RADIUS,
    MALLET_SPEED,
    MOUTH,
    PUCK_RADIUS,
    Layout,
    Mallet,
)
from entitybench.envs.hockey.world import HockeyWorld, end_of_reach
from entitybench.seeding import generator

if TYPE_CHECKING:
    from entitybench.types import Array

LINE = HALF_LENGTH + PUCK_RADIUS  # m, |x| from which the puck is wholly behind a goal line
KEEP = 0.45  # m, how far from the puck's line the mallet starts when it is to defend
# Headings of a mallet whose action never changes, each of its numbers -1, 0 or 1; and how near to
# the puck (m, centres) such a course may come: they touch at 0.083, and the rest is for slips.
_TURNS = np.pi / 4 * np.arange(8)
HELD = np.stack([np.cos(_TURNS), np.sin(_TURNS)], -1)
MISS = MALLET_RADIUS + PUCK_RADIUS + 0.03
_SECONDS = np.arange(0.0, 1.3, 0.01)  # the slowest shot is in the goal before
DRAWS = 256  # starts that are drawn at once; one in 240 will do
OUTCOME = 4  # column of the feature below
_TIME = np.array([-1, 0], np.float32)  # a step without and with success


class _Goals(HockeyWorld, RewardWorld):
    """One mallet, one puck, a goal at each end. A puck behind a goal line stays there."""

    extra_features = ("outcome",)

    def layout(self) -> Layout:
        return Layout(
            name="hockey-strike",
            mallets=(Mallet("mallet", *end_of_reach()),),
            mouth=MOUTH,
            dt=self.physics_dt,
            sleep=self.sleep,
        )

    def _start(self, mallet: Array, puck: Array, speed: Array) -> Start:
        qpos, qvel = np.zeros(self.model.nq), np.zeros(self.model.nv)
        self.write(qpos, qvel, np.stack([mallet, puck]), np.stack([np.zeros(2), speed]))
        constants = self.kinds()
        return Start(qpos, constants, np.zeros_like(constants), qvel, np.zeros(self.memory))


class HockeyStrike(_Goals):
    """Strike the puck into the far goal.

    `outcome` of the puck: 1 in the far goal, -1 in the own one, else 0. Reward -1 a step until it
    is in the far goal.
    """

    alone_class = "entitybench.envs.hockey.alone:StrikeAlone"

    def start(self, seed: int) -> Start:
        rng = generator(seed, "hockey-strike-start")
        puck = np.array([rng.uniform(-0.55, -0.2), rng.uniform(-0.3, 0.3)])
        heading, pace = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.25)
        speed = pace * np.array([np.cos(heading), np.sin(heading)])
        mallet = np.array([-0.85, rng.uniform(-0.3, 0.3)])
        return self._start(mallet, puck, speed)

    def observe(self, state: Array, constants: Array) -> Array:
        observation = super().observe(state, constants)
        # |x| / LINE is less than 2, for a net is not deep.
        observation[..., self.puck, OUTCOME] = np.trunc(state[..., self.puck_x] / LINE)
        return observation

    def reward_terms(self, before: Array, action: Array, after: Array) -> dict[str, Array]:
        """`time`: -1 in steps after which the puck is not in the far goal."""
        del before, action
        return {"time": _TIME.take(after[..., self.puck_x] >= LINE)}

    def status(self, state: Array) -> dict[str, Array]:
        scored = state[..., self.puck_x] >= LINE
        return {"is_success": scored, "success_fraction": scored.astype(np.float32)}


class HockeyDefend(_Goals):
    """Keep a puck that was shot at the own goal out of it.

    The puck is saved when it moves away from the own end, and lost for good when it is behind the
    own goal line: `outcome` 1 and -1, and 0 before. Reward 1 in the step of a save, -1 in that of a
    goal.
    """

    alone_class = "entitybench.envs.hockey.alone:DefendAlone"
    memory = 1  # the outcome

    def start(self, seed: int) -> Start:
        rng = generator(seed, "hockey-defend-start")
        x, y = end_of_reach()

        def draw() -> Array:
            puck = rng.uniform((0.3, -0.34), (0.85, 0.34), (DRAWS, 2))
            aim = np.full((DRAWS, 2), -HALF_LENGTH - PUCK_RADIUS)
            aim[:, 1] = rng.uniform(-0.6, 0.6, DRAWS) * MOUTH / 2
            way = aim - puck
            speed = way / np.hypot(*way.T)[:, None] * rng.uniform(1.8, 3.2, (DRAWS, 1))
            mallet = rng.uniform((x[0], y[0]), (-0.25, y[1]), (DRAWS, 2))
            starts = np.stack([mallet, puck, speed], 1)
            starts = starts[_aside(*starts.swapaxes(0, 1))]
            return starts[_missed(*starts.swapaxes(0, 1))]

        what = f"a mallet {KEEP:g} m beside the puck's way, which a held action does not meet"
        return self._start(*drawn(draw, len, what)[0])

    def remember(self, before: Array, action: Array, after: Array) -> Array:
        del before, action
        memory = after[..., after.shape[-1] - 1 :].copy()
        x = after[..., self.puck_x : self.puck_x + 1]
        vx = after[..., self.speeds[self.puck, 0], None]
        memory[(vx > 0) & (memory == 0)] = 1
        memory[x <= -LINE] = -1
        return memory

    def observe(self, state: Array, constants: Array) -> Array:
        observation = super().observe(state, constants)
        observation[..., self.puck, OUTCOME] = state[..., -1]
        return observation

    def reward_terms(self, before: Array, action: Array, after: Array) -> dict[str, Array]:
        """`saved`: 1, once; `conceded`: -1, once."""
        del action
        was, now = before[..., -1], after[..., -1]
        new = was != now
        return {
            "saved": (new & (now > 0)).astype(np.float32),
            "conceded": -(new & (now < 0)).astype(np.float32),
        }

    def status(self, state: Array) -> dict[str, Array]:
        saved = state[..., -1] > 0
        return {"is_success": saved, "success_fraction": saved.astype(np.float32)}


def _aside(mallet: Array, puck: Array, speed: Array) -> Array:
    """Whether mallets (n, 2) are off the straight lines of pucks: bool (n,)."""
    gap = mallet - puck
    across = speed[:, 0] * gap[:, 1] - speed[:, 1] * gap[:, 0]
    return np.abs(across) > KEEP * np.hypot(*speed.T)


def _missed(mallet: Array, puck: Array, speed: Array) -> Array:
    """Whether no mallet (n, 2) that goes straight on, or along the rim, meets its puck: (n,)."""
    along = _SECONDS[:, None, None]
    limits = np.transpose(end_of_reach())
    courses = np.clip(mallet[:, None, None] + MALLET_SPEED * along * HELD, *limits)  # (n, T, 8, 2)
    gap = courses - (puck[:, None, None] + along * speed[:, None, None])
    return np.all((gap * gap).sum(-1) > MISS**2, (1, 2))
