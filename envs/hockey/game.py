"""Air hockey between two sides: learners against scripted opponents. One or two mallets a side.

Observation, action, reward and length are our choice; docs/hockey.md gives them.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.core.world import Start, TeamWorld
from entitybench.envs.hockey.opponents import SCRIPTS
from entitybench.envs.hockey.strike import LINE
from entitybench.envs.hockey.table import (
    HALF_LENGTH,
    MALLET_COLORS,
    MALLET_RADIUS,
    OPPONENT_COLOR,
    PUCK_RADIUS,
    Layout,
    Mallet,
)
from entitybench.envs.hockey.world import MOTION, HockeyWorld, end_of_reach
from entitybench.errors import BadValue, unknown
from entitybench.seeding import generator

if TYPE_CHECKING:
    import mujoco

    from entitybench.types import Array

WIDE_MOUTH = 0.36  # m, width of the goals: one mallet before the middle does not close them
FACE_OFF = 0.25  # m, |x| of a puck after a goal, in the half of the side that conceded it
SPOTS = (0.0, 0.12, -0.12, 0.24, -0.24, 0.36, -0.36)  # m, its y: the first that is free
FREE = MALLET_RADIUS + PUCK_RADIUS + 0.01  # m, between a free spot and the centre of a mallet
MOST_GOALS = 99  # where the observed numbers of goals are cut off
FORWARD = 0.01  # s/m, reward for the puck's forward velocity
CROWDED = -0.05  # reward while both own mallets are in one half-lane


class HockeyGame(HockeyWorld, TeamWorld):
    """`players` mallets a side (1 or 2); the agents' goal is at negative x.

    An agent observes x, y, vx, vy of itself, its mate, the opponents and the puck. Rewards are
    shared. After a goal the puck lies at rest in the half of the side that conceded it. The state
    holds MuJoCo's userdata: goals scored, goals conceded.

    The central state's `goals` are those that a mallet's side has scored.
    """

    alone_class = "entitybench.envs.hockey.game_alone:GameAlone"
    match_class: str | None = "entitybench.envs.hockey.match:HockeyMatch"
    extra_features = ("goals",)
    control_dt = 0.02
    reads = ("qpos", "qvel", "userdata")

    def __init__(
        self,
        players: int,
        opponents: str = "scripted-v1",
        *,
        pixels: int | None = None,
        view: str = "top",
        sleep: bool = False,
    ) -> None:
        if players not in (1, 2):
            raise BadValue(f"a side has 1 or 2 mallets: got {players!r}.")
        if opponents not in SCRIPTS:
            raise unknown("script of opponents", opponents, list(SCRIPTS), see="docs/hockey.md")
        self.opponents_script = opponents
        self._script = SCRIPTS[opponents]
        self.players = players
        self.agents = tuple(f"mallet{i}" for i in range(players))
        self.mallets = self.agents
        self.opponents = tuple(f"opponent{i}" for i in range(players))
        super().__init__(pixels=pixels, view=view, sleep=sleep)
        ids = "0", "1"
        names = ["own", "mate"][:players]
        names += [f"opponent{i}" if players > 1 else "opponent" for i in ids[:players]] + ["puck"]
        self.agent_feature_names = tuple(f"{n}_{f}" for n in names for f in MOTION)

    def layout(self) -> Layout:
        x, y = end_of_reach()
        far = (-x[1], -x[0])
        own = [Mallet(n, x, y, MALLET_COLORS[i]) for i, n in enumerate(self.mallets)]
        return Layout(
            name="hockey-game",
            mallets=(*own, *(Mallet(n, far, y, OPPONENT_COLOR) for n in self.opponents)),
            mouth=WIDE_MOUTH,
            dt=self.physics_dt,
            sleep=self.sleep,
        )

    def spec(self) -> mujoco.MjSpec:
        spec = super().spec()
        spec.nuserdata = 2
        return spec

    def extra_bounds(self, layout: Layout) -> tuple[float, ...]:
        del layout
        return (MOST_GOALS,)

    @property
    def agent_bounds(self) -> Array:
        return np.tile(self.bounds[: len(MOTION)], 2 * self.players + 1)

    def start(self, seed: int) -> Start:
        rng = generator(seed, "hockey-game-start")
        n = self.players
        home = np.array([[-0.7, 0.0]]) if n == 1 else np.array([[-0.7, 0.2], [-0.7, -0.2]])
        places, speeds = np.zeros((self.entities, 2)), np.zeros((self.entities, 2))
        places[:n] = home + rng.uniform(-0.08, 0.08, (n, 2))
        places[n : 2 * n] = -home + rng.uniform(-0.08, 0.08, (n, 2))
        places[self.puck] = [0, rng.uniform(-0.25, 0.25)]
        heading, pace = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 0.6)
        speeds[self.puck] = pace * np.array([np.cos(heading), np.sin(heading)])
        qpos, qvel = np.zeros(self.model.nq), np.zeros(self.model.nv)
        self.write(qpos, qvel, places, speeds)
        constants = self.kinds()
        return Start(qpos, constants, np.zeros_like(constants), qvel)

    @cached_property
    def views(self) -> Array:
        """(M, features of an agent): where each agent's observation is in the state."""
        motion = np.concatenate([self.places, self.speeds], axis=1)
        own = range(self.players)
        order = [[i, *(j for j in own if j != i)] for i in own]
        rest = list(range(self.players, self.puck + 1))
        return np.array([motion[[*first, *rest]].ravel() for first in order])

    @cached_property
    def looked_at(self) -> Array:
        """(opponents + 1, 4): where what the opponents' script looks at is in the state."""
        motion = np.concatenate([self.places, self.speeds], axis=1)
        return motion[self.players : self.puck + 1]

    @cached_property
    def score(self) -> slice:
        """Where goals scored and goals conceded are in the state."""
        return self.slot("userdata")

    @cached_property
    def _agent_limits(self) -> tuple[Array, Array]:
        high = self.agent_bounds.astype(np.float64)
        return -high, high

    def control(self, state: Array, action: Array) -> Array:
        own = self.velocity(action)
        seen = -state.take(self.looked_at, axis=-1)  # the table turned round
        rivals = -self._script(seen[..., :-1, :], seen[..., -1, :])
        both = np.concatenate([own, rivals], axis=-2)
        return both.reshape(*both.shape[:-2], -1)

    def due(self, state: Array) -> Array:
        """When the puck is behind a goal line."""
        x = state[..., self.puck_x]
        return ~((x > -LINE) & (x < LINE))

    def refresh(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        """Count a goal, and put the puck back."""
        del model
        qpos = data.qpos
        x = qpos[self.puck_x]
        if -LINE < x < LINE:
            return
        data.userdata[0 if x > 0 else 1] += 1
        place = np.array([FACE_OFF if x > 0 else -FACE_OFF, 0.0])
        others = qpos[self.places[: self.puck]]
        for y in SPOTS:
            gap = others - np.array([place[0], y])
            if np.all(gap[:, 0] ** 2 + gap[:, 1] ** 2 >= FREE**2):
                place[1] = y
                break
        qpos[self.places[self.puck]] = place
        data.qvel[self.speeds[self.puck] - len(qpos)] = 0

    def observe(self, state: Array, constants: Array) -> Array:
        observation = super().observe(state, constants)
        column = len(MOTION)
        goals = np.minimum(state[..., self.score], MOST_GOALS)
        observation[..., : self.players, column] = goals[..., :1]
        observation[..., self.players : self.puck, column] = goals[..., 1:]
        return observation

    def observe_agents(self, state: Array, constants: Array) -> Array:
        del constants
        low, high = self._agent_limits
        seen = state.take(self.views, axis=-1)
        np.maximum(seen, low, out=seen)
        np.minimum(seen, high, out=seen)
        return seen.astype(np.float32)

    def reward_terms(self, before: Array, action: Array, after: Array) -> dict[str, Array]:
        """`goal` 1, `conceded` -1, `forward` 0.01 vx of the puck, `crowded` -0.05; all shared."""
        del action
        goals = self.score
        new = (after[..., goals] - before[..., goals])[..., None]
        terms = {
            "goal": new[..., 0, :],
            "conceded": -new[..., 1, :],
            "forward": FORWARD * after[..., self.speeds[self.puck, 0], None],
        }
        if self.players > 1:
            y = after.take(self.places[: self.players, 1], axis=-1) > 0
            terms["crowded"] = CROWDED * (y[..., :1] == y[..., 1:])
        everyone = np.ones(self.players)
        return {name: term * everyone for name, term in terms.items()}

    def status(self, state: Array) -> dict[str, Array]:
        """Success: more goals than the opponents. The fraction: the share of all goals."""
        goals = state[..., self.score]
        scored, conceded = goals[..., 0], goals[..., 1]
        share = (scored + 0.5 * (scored + conceded == 0)) / np.maximum(scored + conceded, 1)
        return {
            "is_success": scored > conceded,
            "success_fraction": share.astype(np.float32),
        }


assert FACE_OFF + PUCK_RADIUS < HALF_LENGTH
