"""`scene`: a cube, a drawer, a window, and two buttons that lock and unlock them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.core.world import GoalWorld, Start
from entitybench.envs.pick import furniture as f
from entitybench.envs.pick.hand import OPEN
from entitybench.envs.pick.scene import HALF
from entitybench.envs.pick.world import HAND_FEATURES, HEIGHTS, TOLERANCE, PickTable
from entitybench.envs.push.sizes import COLORS
from entitybench.envs.push.world import IDS
from entitybench.errors import unknown
from entitybench.seeding import generator

if TYPE_CHECKING:
    import mujoco

    from entitybench.types import Array

NAMES = ("cube0", "button0", "button1", "drawer", "window")
CUBE, BUTTON0, BUTTON1, DRAWER, WINDOW = range(1, 6)  # rows
VALUE = len(HAND_FEATURES)  # column
SLIDE_TOLERANCE = 0.04  # m
JITTER = 0.01  # m, at most, of the cube's x and y and of what is open


@dataclass(frozen=True, slots=True)
class Arrangement:
    """How things are: at a start or at a goal."""

    cube: tuple[float, float] | None  # m; None: in the drawer
    unlocked: tuple[float, float]  # 1 or 0: drawer, window
    drawer: float  # share that is open
    window: float


_LEFT, _RIGHT = (-0.12, -0.15), (0.12, -0.15)
# From what to what; five kinds, after the five tasks of OGBench's scene (Park et al., ICLR 2025).
KINDS: dict[str, tuple[Arrangement, Arrangement]] = {
    "open": (
        Arrangement(_LEFT, (1, 1), 0, 0),
        Arrangement(_LEFT, (1, 1), 1, 1),
    ),
    "unlock-and-lock": (
        Arrangement(_RIGHT, (0, 0), 1, 0),
        Arrangement(_RIGHT, (0, 0), 0, 1),
    ),
    "rearrange-medium": (
        Arrangement(_RIGHT, (0, 1), 0, 1),
        Arrangement(_LEFT, (1, 1), 1, 0),
    ),
    "put-in-drawer": (
        Arrangement(_LEFT, (1, 1), 0, 0),
        Arrangement(None, (1, 1), 0, 0),
    ),
    "rearrange-hard": (
        Arrangement(None, (0, 0), 0, 1),
        Arrangement(_RIGHT, (0, 0), 0, 0),
    ),
}


class SceneWorld(PickTable, GoalWorld):
    """Entities: hand, cube, two buttons, drawer, window; ids are theirs for good.

    Features beside those of `PickTable`: `value`, of a button 1 when what it locks is unlocked, of
    drawer and window how far they are open (m). Their places are those of their handles. Goals
    ask for the cube's place and for values.
    """

    feature_names = (*HAND_FEATURES, "value", *(f"id{i}" for i in range(IDS)))
    first_id = len(HAND_FEATURES) + 1
    memory = 4  # of each button whether it unlocks, then of each whether it is held down

    def __init__(
        self,
        kind: str | None = None,
        *,
        pixels: int | None = None,
        view: str = "top",
        sleep: bool = False,
    ) -> None:
        """Make it.

        Args:
            kind: of the task; None: one of all, drawn for each episode.
        """
        super().__init__(1, pixels=pixels, view=view, sleep=sleep)
        if kind is not None and kind not in KINDS:
            raise unknown("kind of scene", kind, KINDS, see="docs/pick.md")
        self.kind = kind
        self.entities = 1 + len(NAMES)

    def spec(self) -> mujoco.MjSpec:
        spec = super().spec()
        f.add_furniture(spec)
        return spec

    @property
    def bodies(self) -> tuple[str, ...]:
        return ("hand", *NAMES)

    @property
    def movable(self) -> tuple[str, ...]:
        return ("cube0",)

    @cached_property
    def _slides(self) -> Array:
        """Where drawer and window are in the state."""
        return np.array([self.at("drawer"), self.at("window")])

    @cached_property
    def _buttons(self) -> Array:
        return np.array([self.at("button0"), self.at("button1")])

    def start(self, seed: int) -> Start:
        rng = generator(seed, "scene-start")
        kinds = tuple(KINDS)
        drawn = kinds[int(rng.integers(len(kinds)))]
        begin, end = KINDS[self.kind or drawn]
        constants = np.zeros((self.entities, self.features), np.float32)
        constants[np.arange(self.entities), self.first_id + np.arange(self.entities)] = 1
        constants[[BUTTON0, BUTTON1], :2] = f.BUTTONS
        constants[[BUTTON0, BUTTON1], 2] = f.BUTTON_TOP
        qpos, cube, memory = self._arrange(begin, rng)
        goal = constants.copy()
        goal[:, : self.first_id] = 0
        goal[0] = 0
        wanted, place, unlocked = self._arrange(end, rng)
        if begin.cube == end.cube and begin.cube is not None:
            place = cube
        goal[CUBE, :3] = place
        goal[[BUTTON0, BUTTON1], VALUE] = unlocked[:2]
        goal[[DRAWER, WINDOW], VALUE] = wanted[self._slides]
        qpos[self.robot] = self.draw_hand(rng)
        return Start(qpos, constants, goal, memory=memory)

    def _arrange(self, how: Arrangement, rng: np.random.Generator) -> tuple[Array, Array, Array]:
        """Positions (nq,), the cube's place (3,), memory (4,)."""
        shares = np.array([how.drawer, how.window])
        ways = np.array([f.DRAWER_WAY, f.WINDOW_WAY])
        # What is open is so by up to 1 cm less, what is closed by up to 1 cm more.
        jitter = rng.uniform(0, JITTER, 2)
        slides = np.where(shares > 0.5, ways - jitter, jitter)
        aside = rng.uniform(-JITTER, JITTER, 2)
        if how.cube is None:
            cube = np.array(f.tray_middle(slides[0])) + np.append(0.5 * aside, 0)
        else:
            cube = np.array([*(np.array(how.cube) + aside), HALF])
        yaw = rng.uniform(0, np.pi / 2, 1)
        hand = np.array([0, 0, HEIGHTS[1], 0, OPEN / 2, OPEN / 2])
        qpos = self.lay(hand, cube[None], yaw)
        qpos[self._slides] = slides
        locked = 1 - np.array(how.unlocked)
        for i in range(2):
            qpos[self.at(f"flag{i}")] = _FLAG * locked[i]
        return qpos, cube, np.array([*how.unlocked, 0, 0], float)

    def control(self, state: Array, action: Array) -> Array:
        hand = super().control(state, action)
        locked = 1 - state[..., self.slot("memory")][..., :2]
        # The order of the actuators: hand, then lock and flag of the drawer, then of the window.
        first, second = locked[..., :1], locked[..., 1:]
        return np.concatenate([hand, first, _FLAG * first, second, _FLAG * second], axis=-1)

    def remember(self, before: Array, action: Array, after: Array) -> Array:
        del before, action
        memory = after[..., self.slot("memory")]
        unlocked, held = memory[..., :2], memory[..., 2:]
        depth = -after.take(self._buttons, axis=-1)
        # Between the two depths a button stays what it was, so that none is pressed twice.
        down = np.where(depth > f.PRESSED, 1.0, np.where(depth < f.LET_GO, 0.0, held))
        toggled = (down > held) * 1.0
        return np.concatenate([np.abs(unlocked - toggled), down], axis=-1)

    def observe(self, state: Array, constants: Array) -> Array:
        observation = super().observe(state, constants)
        slides = np.minimum(np.maximum(state.take(self._slides, axis=-1), -0.1), 0.3)
        observation[..., BUTTON0 : BUTTON1 + 1, VALUE] = state[..., self.slot("memory")][..., :2]
        observation[..., DRAWER:, VALUE] = slides
        observation[..., DRAWER:, :3] = _HANDLES + slides[..., None] * _WAYS
        return observation

    def paint(self, model: mujoco.MjModel, constants: Array) -> None:
        del constants
        model.geom("cube0").rgba[:3] = COLORS[0]

    def colors(self, constants: Array) -> list[tuple[float, float, float]]:
        del constants
        return [COLORS[0]]

    @cached_property
    def asked(self) -> Array:
        """(N, D): 1 for what a goal asks for."""
        asked = np.zeros((self.entities, self.features), np.float32)
        asked[CUBE, :3] = 1
        asked[BUTTON0:, VALUE] = 1
        asked[1:, self.first_id :] = 1
        return asked

    def achieved(self, observation: Array) -> Array:
        return observation * self.asked

    def solved(self, achieved: Array, desired: Array) -> Array:
        gap = achieved[..., 1:, : self.first_id] - desired[..., 1:, : self.first_id]
        gap *= _WEIGHTS
        gap *= gap
        return np.add.reduce(gap, -1) <= 1

    def goal_qpos(self, goal: Array) -> Array:
        hand = np.array([0, 0, HEIGHTS[1], 0, OPEN / 2, OPEN / 2])
        qpos = self.lay(hand, goal[CUBE : CUBE + 1, :3], np.zeros(1))
        qpos[self._slides] = goal[DRAWER:, VALUE]
        for i in range(2):
            qpos[self.at(f"flag{i}")] = _FLAG * (1 - goal[BUTTON0 + i, VALUE])
        return qpos

    def marks(self, goal: Array) -> list[tuple[Array, Array, Array]]:
        """A square for the cube, and bars for the handles."""
        x, y, z = goal[CUBE, :3]
        flat = np.array([HALF, HALF, 0.0005])
        found = [(np.array([x, y, z - HALF + 0.001]), flat, np.array([*COLORS[0], 0.45]))]
        for i, color in enumerate((f.DRAWER_COLOR, f.WINDOW_COLOR)):
            place = _HANDLES[i] + goal[DRAWER + i, VALUE] * _WAYS[i]
            bar = np.array([0.022, 0.003, 0.001] if i == 0 else [0.003, 0.018, 0.001])
            found.append((np.array([*place[:2], 0.001]), bar, np.array([*color, 0.6])))
        return found


_FLAG = 0.035  # m, how far a flag comes out
_HANDLES = np.array([f.DRAWER, f.WINDOW])
_WAYS = np.array([[0.0, -1, 0], [1, 0, 0]])
_WEIGHTS = np.zeros((len(NAMES), SceneWorld.first_id), np.float32)
_WEIGHTS[CUBE - 1, :3] = np.array([1, 1, 2]) / TOLERANCE
_WEIGHTS[[BUTTON0 - 1, BUTTON1 - 1], VALUE] = 2
_WEIGHTS[[DRAWER - 1, WINDOW - 1], VALUE] = 1 / SLIDE_TOLERANCE
