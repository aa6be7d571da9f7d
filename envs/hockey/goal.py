"""Strike a puck that slides down a tilted table so that it passes a place in the far half.

A moving puck is nowhere at the last step, so what counts is a shot. When the puck, moving away
from the agent, comes within reach of the goal, the place where it does so is noted, once and for
all, in the world's memory. The observation shows the note, and `achieved` takes the place from the
note where there is one, else from the puck. A shot begins in the agent's half: a puck that bounces
off an obstacle on its way down was not struck. Success is a function of `achieved` and `desired`
alone, so steps, relabelled goals and the last step are judged by one rule.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.core.starts import drawn
from entitybench.envs.core.world import GoalWorld, Start
from entitybench.envs.hockey.table import (
    BLOCK_HALF_EDGE,
    HALF_LENGTH,
    HALF_WIDTH,
    MALLET_RADIUS,
    PUCK_RADIUS,
    SMALL_MALLET_RADIUS,
    SMALL_PUCK_RADIUS,
    TILT,
    Layout,
    Mallet,
)
from entitybench.envs.hockey.world import HockeyWorld, clear_of_blocks, end_of_reach
from entitybench.errors import BadValue
from entitybench.seeding import generator

if TYPE_CHECKING:
    from entitybench.types import Array

RADIUS = 0.15  # m, of a goal
FALL = 1.0  # m/s, towards the agent, of the puck at the start
FIELD = (0.15, 0.75)  # m, where the centres of goals and obstacles are along x
GAP = 0.2  # m, between the edges of obstacles, and between an obstacle's edge and a goal's centre
NEAR, HIT, AT_X, AT_Y = 4, 5, 6, 7  # columns of the features below


class HockeyGoal(HockeyWorld, GoalWorld):
    """The puck is to pass within 0.15 m of a place in the far half, moving away from the agent.

    Features beside those of all hockey worlds, of the puck: `near` (1 once it has been in the
    agent's half), `hit` (1 once it has then passed the goal, moving away), `hit_x`, `hit_y` (m,
    where; zero before). A goal is the puck's row: x and y the place, `hit` 1, all else zero. What
    is achieved has `hit` 1 where the puck is on its way from the agent; as a goal of its own, one
    with `hit` 0 asks for the place alone. A puck that gets past the mallet falls into a tray and
    is lost.
    """

    alone_class = "entitybench.envs.hockey.alone:StruckAlone"
    extra_features = ("near", "hit", "hit_x", "hit_y")
    memory = 6  # the goal's x and y; near, hit, hit_x, hit_y

    def __init__(
        self,
        blocks: int = 0,
        *,
        pixels: int | None = None,
        view: str = "top",
        sleep: bool = False,
    ) -> None:
        if not isinstance(blocks, int) or not 0 <= blocks <= 3:
            raise BadValue(f"a hockey table has 0 to 3 obstacles: got {blocks!r}.")
        self.blocks = tuple(f"block{i}" for i in range(blocks))
        self.puck_radius = SMALL_PUCK_RADIUS if blocks else PUCK_RADIUS
        self.mallet_radius = SMALL_MALLET_RADIUS if blocks else MALLET_RADIUS
        super().__init__(pixels=pixels, view=view, sleep=sleep)
        self._near = np.full(1, RADIUS**2, np.float32)

    def layout(self) -> Layout:
        return Layout(
            name="hockey-goal",
            mallets=(Mallet("mallet", *end_of_reach(self.mallet_radius)),),
            mallet_radius=self.mallet_radius,
            puck_radius=self.puck_radius,
            tray=True,
            tilt=TILT,
            blocks=len(self.blocks),
            dt=self.physics_dt,
            sleep=self.sleep,
        )

    def extra_bounds(self, layout: Layout) -> tuple[float, ...]:
        return (1.0, 1.0, layout.half_length, layout.half_width)

    def start(self, seed: int) -> Start:
        rng = generator(seed, "hockey-goal-start")
        radius = self.puck_radius
        puck = np.array([HALF_LENGTH - radius - 0.01, rng.uniform(-1, 1) * 2 * HALF_WIDTH / 3])
        mallet = np.array([-0.7, rng.uniform(-0.2, 0.2)])
        blocks, goal_place = self._field(rng, puck[1])
        qpos, qvel = np.zeros(self.model.nq), np.zeros(self.model.nv)
        places, speeds = np.zeros((self.entities, 2)), np.zeros((self.entities, 2))
        places[0], places[self.puck], places[self.puck + 1 :] = mallet, puck, blocks
        speeds[self.puck, 0] = -FALL
        self.write(qpos, qvel, places, speeds)
        goal = np.zeros((self.entities, self.features), np.float32)
        goal[self.puck, :2] = goal_place
        goal[self.puck, HIT] = 1
        memory = np.array([*goal[self.puck, :2], 0, 0, 0, 0], np.float64)
        return Start(qpos, self.kinds(), goal, qvel, memory)

    def _field(self, rng: np.random.Generator, fall: float) -> tuple[Array, Array]:
        """Obstacles (n, 2) and the goal's place (2,), not too near each other.

        Args:
            fall: m, y along which the puck falls: no obstacle is there.
        """
        lane = BLOCK_HALF_EDGE + self.puck_radius + 0.01
        half = HALF_WIDTH - 0.5 * RADIUS
        count = len(self.blocks)

        def draw() -> tuple[Array, Array]:
            blocks = np.empty((0, 2))
            for _ in range(60):
                if len(blocks) == count:
                    break
                point = np.array([rng.uniform(*FIELD), rng.uniform(-1, 1) * (HALF_WIDTH - 0.1)])
                if clear_of_blocks(point, blocks, GAP) and abs(point[1] - fall) > lane:
                    blocks = np.vstack([blocks, point])
            return blocks, np.array([rng.uniform(*FIELD), rng.uniform(-half, half)])

        return drawn(
            draw,
            lambda field: len(field[0]) == count and clear_of_blocks(field[1], field[0], 0.5 * GAP),
            f"a field of {count} obstacles, {GAP:g} m apart, with room for the goal",
        )

    @cached_property
    def _puck_places(self) -> tuple[int, int]:
        x, y = self.places[self.puck]
        return int(x), int(y)

    @cached_property
    def _puck_vx(self) -> int:
        return int(self.speeds[self.puck, 0])

    def remember(self, before: Array, action: Array, after: Array) -> Array:
        # Component by component: of one episode these are plain numbers, which numpy is quick at.
        del action
        memory = after[..., after.shape[-1] - self.memory :].copy()
        x, y = self._puck_places
        x0, y0, x1, y1 = before[..., x], before[..., y], after[..., x], after[..., y]
        # The nearest that the puck came to the goal in this step, on the straight line.
        dx, dy = x1 - x0, y1 - y0
        to_x, to_y = memory[..., 0] - x0, memory[..., 1] - y0
        share = (to_x * dx + to_y * dy) / (dx * dx + dy * dy + 1e-12)
        share = np.minimum(np.maximum(share, 0.0), 1.0)
        miss_x, miss_y = share * dx - to_x, share * dy - to_y
        hit = miss_x * miss_x + miss_y * miss_y <= RADIUS**2
        hit &= (after[..., self._puck_vx] > 0) & (memory[..., 2] > 0) & (memory[..., 3] == 0)
        memory[..., 2] += (x1 < 0) & (memory[..., 2] == 0)
        memory[..., 3] += hit
        memory[..., 4] += hit * (x0 + share * dx)
        memory[..., 5] += hit * (y0 + share * dy)
        return memory

    def observe(self, state: Array, constants: Array) -> Array:
        observation = super().observe(state, constants)
        observation[..., self.puck, NEAR : AT_Y + 1] = state[..., -4:]
        return observation

    def achieved(self, observation: Array) -> Array:
        achieved = np.zeros_like(observation)
        puck = self.puck
        hit = observation[..., puck, HIT] > 0
        for column, noted in ((0, AT_X), (1, AT_Y)):
            now = observation[..., puck, column]
            achieved[..., puck, column] = np.where(hit, observation[..., puck, noted], now)
        struck = (observation[..., puck, 2] > 0) & (observation[..., puck, NEAR] > 0)
        achieved[..., puck, HIT] = hit | struck
        return achieved

    @property
    def told_names(self) -> tuple[str, ...]:
        return ("hit", "hit_x", "hit_y")

    def as_asked(self, achieved: Array) -> Array:
        goal = achieved.copy()
        goal[..., self.puck, HIT] = 1  # a shot, wherever the puck came from
        return goal

    def solved(self, achieved: Array, desired: Array) -> Array:
        square = achieved[..., self.puck, :2] - desired[..., self.puck, :2]
        square *= square
        near = square[..., :1] + square[..., 1:] <= self._near
        rows = np.s_[..., self.puck, HIT : HIT + 1]
        # A goal of zeros is that of an absent puck: it asks for nothing that could be reached.
        asked = (desired[..., self.puck, :2] != 0).any(-1)[..., None]
        return near & (achieved[rows] >= desired[rows]) & asked

    def goal_qpos(self, goal: Array) -> Array:
        qpos = np.zeros(self.model.nq)
        qpos[self.places[self.puck]] = goal[self.puck, :2]
        for index in range(len(self.blocks)):  # goals do not say where obstacles are: out of sight
            qpos[self.places[self.puck + 1 + index]] = [0, 5]
        return qpos

    def marks(self, goal: Array) -> list[tuple[Array, Array, Array]]:
        side = RADIUS * 0.5**0.5  # the square in the circle
        x, y = goal[self.puck, :2]
        return [
            (
                np.array([x, y, 0.001]),
                np.array([side, side, 0.0005]),
                np.array([0.2, 0.75, 0.3, 0.45]),
            )
        ]
