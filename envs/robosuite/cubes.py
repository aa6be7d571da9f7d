"""Lift and Stack: robosuite's rewards and success tests as functions of states."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.envs.core.starts import spread
from entitybench.envs.core.world import RewardWorld
from entitybench.envs.robosuite import library
from entitybench.envs.robosuite.probe import Entity, Grasp, Pair
from entitybench.envs.robosuite.world import TABLE, SuiteWorld, hands, pads, reach
from entitybench.seeding import generator

if TYPE_CHECKING:
    import xml.etree.ElementTree as ElementTree

    from entitybench.types import Array

LIFTED = TABLE[2] + 0.04  # m, a cube's centre above it is lifted
DROP = 0.01  # m, above the table, where robosuite lets its cubes fall from


class _CubeWorld(SuiteWorld, RewardWorld):
    """An arm and cubes on a table."""

    cubes: tuple[tuple[str, float], ...]  # name and half edge (m)

    def describe(self, env: Any) -> tuple[list[Entity], list[Grasp], list[Pair]]:
        entities, grasps = hands(env), []
        for index, (name, half) in enumerate(self.cubes):
            cube = getattr(env, name)
            entities.append(
                Entity(cube.root_body, free=cube.joints[0], size=(half,) * 3, id=1 + index)
            )
            holds = pads(env.robots[0].gripper["right"])
            grasps.append(Grasp(0, 1 + index, holds, tuple(cube.contact_geoms)))
        return entities, grasps, self.pairs(env)

    def pairs(self, env: Any) -> list[Pair]:
        """Whose contact the reward asks for."""
        del env
        return []

    def scatter(self, seed: int, qpos: Array, half_width: float, apart: float, name: str) -> None:
        """Cubes anywhere in a square about the middle of the table, with any yaw."""
        rng = generator(seed, name)
        places = spread(rng, len(self.cubes), [-half_width] * 2, [half_width] * 2, apart)
        yaws = rng.uniform(0, 2 * np.pi, len(self.cubes))
        joints = [entity.free for entity in self.described[0] if entity.free is not None]
        for joint, (_, half), (x, y), yaw in zip(joints, self.cubes, places, yaws, strict=True):
            self.place(qpos, joint, (x, y, TABLE[2] + half + DROP), yaw)


class LiftWorld(_CubeWorld):
    """robosuite's Lift: one cube, to be lifted 4 cm.

    robosuite draws the cube's edge between 4 and 4.4 cm when it builds the scene; here it is 4.2.
    """

    cubes = (("cube", 0.021),)

    def environment(self) -> tuple[type, dict[str, Any]]:
        library.load()
        from robosuite.environments.manipulation.lift import Lift

        return Lift, {"robots": self.robot, "reward_shaping": True}

    def edit(self, root: ElementTree.Element) -> None:
        super().edit(root)
        for geom in root.iterfind(".//body[@name='cube_main']/geom"):
            geom.set("size", "0.021 0.021 0.021")

    def arrange(self, seed: int, qpos: Array, constants: Array) -> None:
        del constants
        self.scatter(seed, qpos, 0.03, 0.0, "robosuite-lift")

    def status(self, state: Array) -> dict[str, Array]:
        lifted = self.layout.positions(self.numbers(state))[..., 1, 2] > LIFTED
        return {"is_success": lifted, "success_fraction": lifted.astype(np.float32)}

    def reward_terms(self, before: Array, action: Array, after: Array) -> dict[str, Array]:
        del before, action
        numbers = self.numbers(after)
        lifted = self.status(after)["is_success"]
        near = 1 - np.tanh(10.0 * reach(self.layout, numbers, 0, 1))
        held = 0.25 * self.layout.held(numbers)[..., 0]
        return {
            "reach": np.where(lifted, 0.0, near) / 2.25,
            "grasp": np.where(lifted, 0.0, held) / 2.25,
            "lift": np.where(lifted, 1.0, 0.0),
        }


class StackWorld(_CubeWorld):
    """robosuite's Stack: the small cube is to stand on the large one, let go."""

    cubes = (("cubeA", 0.02), ("cubeB", 0.025))

    def environment(self) -> tuple[type, dict[str, Any]]:
        library.load()
        from robosuite.environments.manipulation.stack import Stack

        return Stack, {"robots": self.robot, "reward_shaping": True}

    def pairs(self, env: Any) -> list[Pair]:
        return [(tuple(env.cubeA.contact_geoms), tuple(env.cubeB.contact_geoms))]

    def arrange(self, seed: int, qpos: Array, constants: Array) -> None:
        del constants
        # Half diagonals, so that they cannot overlap at any yaw.
        self.scatter(seed, qpos, 0.08, 2**0.5 * 0.045, "robosuite-stack")

    def stages(self, state: Array) -> tuple[Array, Array, Array]:
        """Robosuite's rewards (...) for reaching and grasping, lifting, and stacking, of 2."""
        numbers = self.numbers(state)
        positions, held = self.layout.positions(numbers), self.layout.held(numbers)[..., 0]
        reaching = 0.25 * (1 - np.tanh(10.0 * reach(self.layout, numbers, 0, 1))) + 0.25 * held
        apart = positions[..., 1, :2] - positions[..., 2, :2]
        apart = np.sqrt(apart[..., 0] * apart[..., 0] + apart[..., 1] * apart[..., 1])
        lifted = positions[..., 1, 2] > LIFTED
        lifting = np.where(lifted, 1.0 + 0.5 * (1 - np.tanh(apart)), 0.0)
        stacked = ~held & lifted & self.layout.touching(numbers)[..., 0]
        return reaching, lifting, 2.0 * stacked

    def status(self, state: Array) -> dict[str, Array]:
        stacked = self.stages(state)[2] > 0
        return {"is_success": stacked, "success_fraction": stacked.astype(np.float32)}

    def reward_terms(self, before: Array, action: Array, after: Array) -> dict[str, Array]:
        del before, action
        reaching, lifting, stacking = self.stages(after)
        # The largest of the three counts: each term is what it adds to those before.
        second = np.maximum(lifting - reaching, 0.0)
        third = np.maximum(stacking - np.maximum(reaching, lifting), 0.0)
        return {"reach": reaching / 2, "lift": second / 2, "stack": third / 2}
