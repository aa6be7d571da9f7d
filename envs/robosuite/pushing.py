"""Blocks on robosuite's table, pushed to their places by a closed hand that stays upright."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.envs.core.starts import drawn, spread
from entitybench.envs.core.world import GoalWorld
from entitybench.envs.push.sizes import COLORS
from entitybench.envs.robosuite import library
from entitybench.envs.robosuite.moves import action as hand_action
from entitybench.envs.robosuite.moves import heading, upright, wrap
from entitybench.envs.robosuite.probe import Entity, Grasp, Pair
from entitybench.envs.robosuite.world import TABLE, SuiteWorld, hands, pads
from entitybench.errors import BadValue
from entitybench.seeding import generator

if TYPE_CHECKING:
    from entitybench.types import Array

BLOCKS = 3  # at most
HALF_EDGE = 0.03  # m
CENTRE = np.array([-0.04, 0.0])  # m, of the square of starts and goals: nearer to the arm's base
AREA = 0.12  # m, half its edge
SPACING = 0.1  # m, between the centres of two blocks, or of two goals, at the least
FARTHER = 0.1  # m, between a block and its goal at the start, at the least
TOLERANCE = 0.06  # m, as in the push worlds
DENSITY = 460.0  # kg/m^3: 0.1 kg a block, as in the push worlds
# Of table and blocks: robosuite's 1 makes pushed cubes tip over.
FRICTION = (0.3, 0.005, 0.0001)


class BlocksWorld(SuiteWorld, GoalWorld):
    """`blocks` cubes to be pushed to their places.

    The action is the hand's displacement (3,). The rest of robosuite's action is ours: the hand
    stays closed, points down and keeps its yaw.
    """

    action_dim = 3

    def __init__(
        self, blocks: int, robot: str = "Panda", profile: str = "fast", **kwargs: Any
    ) -> None:
        if not isinstance(blocks, int) or not 1 <= blocks <= BLOCKS:
            raise BadValue(f"a robosuite push world has 1 to {BLOCKS} blocks: got {blocks!r}.")
        super().__init__(robot, profile, **kwargs)
        self.blocks = blocks

    def environment(self) -> tuple[type, dict[str, Any]]:
        return blocks_environment(), {"robots": self.robot, "blocks": self.blocks}

    def describe(self, env: Any) -> tuple[list[Entity], list[Grasp], list[Pair]]:
        entities, grasps = hands(env), []
        for index, block in enumerate(env.blocks):
            size = (HALF_EDGE,) * 3
            entities.append(Entity(block.root_body, free=block.joints[0], size=size, id=1 + index))
            holds = pads(env.robots[0].gripper["right"])
            grasps.append(Grasp(0, 1 + index, holds, tuple(block.contact_geoms)))
        return entities, grasps, []

    def arrange(self, seed: int, qpos: Array, constants: Array) -> None:
        del constants
        rng = generator(seed, "robosuite-push")
        places = self._points(rng)
        yaws = rng.uniform(0, np.pi / 2, self.blocks)
        for entity, (x, y), yaw in zip(self.described[0][1:], places, yaws, strict=True):
            assert entity.free is not None
            self.place(qpos, entity.free, (x, y, TABLE[2] + HALF_EDGE), yaw)

    def goal(self, seed: int, qpos: Array, constants: Array) -> Array:
        rng = generator(seed, "robosuite-push-goal")
        joints = [self.at(str(entity.free)) for entity in self.described[0][1:]]
        blocks = np.array([qpos[first : first + 2] for first in joints])
        places = drawn(
            lambda: self._points(rng),
            lambda places: np.all(np.hypot(*(places - blocks).T) >= FARTHER),
            f"{self.blocks} places, {FARTHER:g} m from their blocks",
        )
        goal = np.zeros_like(constants)
        goal[1:, :2] = places
        goal[1:, -8:] = constants[1:, -8:]
        return goal

    def _points(self, rng: np.random.Generator) -> Array:
        return spread(rng, self.blocks, CENTRE - AREA, CENTRE + AREA, SPACING)

    def control(self, state: Array, action: Array) -> Array:
        flat = state.reshape(-1, state.shape[-1])
        hand = np.zeros((len(flat), 9))
        hand[:, 3:] = self.layout.axes(self.numbers(flat))[:, 0]
        turn = wrap(np.pi / 2 - heading(hand), np.pi)
        level = hand_action(np.zeros((len(flat), 3)), upright(hand, turn), np.ones(len(flat)))
        level[:, :3] = action.reshape(-1, 3)
        return level.reshape(*state.shape[:-1], 7)

    def achieved(self, observation: Array) -> Array:
        achieved = np.zeros_like(observation)
        achieved[..., 1:, :2] = observation[..., 1:, :2]
        achieved[..., 1:, -8:] = observation[..., 1:, -8:]
        return achieved

    def solved(self, achieved: Array, desired: Array) -> Array:
        apart = achieved - desired
        apart *= apart
        return apart[..., 1:, 0] + apart[..., 1:, 1] <= np.float32(TOLERANCE**2)

    def goal_qpos(self, goal: Array) -> Array:
        qpos = np.array(self.model.qpos0)
        for entity, place in zip(self.described[0][1:], goal[1:, :2], strict=True):
            assert entity.free is not None
            self.place(qpos, entity.free, (*place, TABLE[2] + HALF_EDGE), 0.0)
        return qpos

    def marks(self, goal: Array) -> list[tuple[Array, Array, Array]]:
        size = np.array([HALF_EDGE, HALF_EDGE, 0.0005])
        return [
            (np.array([x, y, TABLE[2] + 0.001]), size, np.array([*COLORS[index], 0.45]))
            for index, (x, y) in enumerate(goal[1:, :2])
        ]


@cache
def blocks_environment() -> Any:
    """Robosuite's ManipulationEnv with blocks on its table arena."""
    library.load()
    from robosuite.environments.manipulation.manipulation_env import ManipulationEnv
    from robosuite.models.arenas import TableArena
    from robosuite.models.objects import BoxObject
    from robosuite.models.tasks import ManipulationTask
    from robosuite.utils.observables import Observable, sensor

    class Blocks(ManipulationEnv):  # type: ignore[misc]
        """N blocks on a table; where they start and where they should be is the world's affair."""

        def __init__(self, robots: str, blocks: int, **kwargs: Any) -> None:
            self.count = blocks
            super().__init__(robots=robots, initialization_noise="default", **kwargs)

        def _load_model(self) -> None:
            super()._load_model()
            size = (0.8, 0.8, 0.05)
            robot = self.robots[0].robot_model
            robot.set_base_xpos(robot.base_xpos_offset["table"](size[0]))
            arena = TableArena(
                table_full_size=size, table_friction=FRICTION, table_offset=np.array(TABLE)
            )
            arena.set_origin([0, 0, 0])
            edges = [HALF_EDGE] * 3
            self.blocks = [
                BoxObject(
                    name=f"block{index}",
                    size_min=edges,
                    size_max=edges,
                    rgba=[*COLORS[index], 1],
                    density=DENSITY,
                    friction=FRICTION,
                )
                for index in range(self.count)
            ]
            self.model = ManipulationTask(
                mujoco_arena=arena, mujoco_robots=[robot], mujoco_objects=self.blocks
            )

        def _setup_references(self) -> None:
            super()._setup_references()
            self.block_ids = [self.sim.model.body_name2id(b.root_body) for b in self.blocks]

        def _setup_observables(self) -> Any:
            observables = super()._setup_observables()

            @sensor(modality="object")  # type: ignore[untyped-decorator]
            def block_positions(obs_cache: Any) -> Any:
                del obs_cache
                return np.array(self.sim.data.body_xpos[self.block_ids]).ravel()

            observables["block_positions"] = Observable(
                name="block_positions", sensor=block_positions, sampling_rate=self.control_freq
            )
            return observables

        def reward(self, action: Any = None) -> float:
            del action
            return 0.0

        def _check_success(self) -> bool:
            return False

    return Blocks
