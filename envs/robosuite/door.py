"""Door: robosuite's door with a latch, whose handle is turned before it opens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.envs.core.world import RewardWorld
from entitybench.envs.robosuite import library
from entitybench.envs.robosuite.probe import Entity, Grasp, Pair
from entitybench.envs.robosuite.world import SuiteWorld, hands, pads, reach
from entitybench.seeding import generator

if TYPE_CHECKING:
    import mujoco

    from entitybench.envs.core.world import Start
    from entitybench.envs.robosuite.engine import Patch
    from entitybench.types import Array

OPENED = 0.3  # rad, of the hinge
PLACE = np.array([-0.12, -0.35, 1.1])  # m, the middle of where the door stands
JITTER = 0.01  # m, how far it stands from there in x and y
YAW = (-np.pi / 2 - 0.25, -np.pi / 2)  # rad
FRAME, DOOR, HANDLE = 1, 2, 3  # rows


class DoorWorld(SuiteWorld, RewardWorld):
    """robosuite's Door, with its latch.

    Where the door stands is part of the scene, not of its joints: the frame's row keeps it.
    """

    perturbations = ("colour", "mass", "friction", "latency")  # its parts fit in one size only
    light = 0.8  # the frame's posts are white

    def environment(self) -> tuple[type, dict[str, Any]]:
        library.load()
        from robosuite.environments.manipulation.door import Door

        return Door, {"robots": self.robot, "reward_shaping": True}

    def cameras(self) -> list[tuple[str, tuple[float, ...], tuple[float, ...], float]]:
        half = 0.5**0.5
        return [
            ("top", (-0.2, -0.15, 2.6), (0, -1, 0, 1, 0, 0), 28),
            ("side", (-0.2, 1.0, 1.75), (-1, 0, 0, 0, -half, half), 48),
        ]

    @property
    def varied(self) -> tuple[str, ...]:
        return (self.bodies[DOOR],)

    def loose(self) -> tuple[str, ...]:
        return ("Door_main",)

    def describe(self, env: Any) -> tuple[list[Entity], list[Grasp], list[Pair]]:
        door = env.door
        entities = [
            *hands(env),
            Entity(door.root_body, size=(0.3, 0.03, 0.3), id=1),
            Entity(door.door_body, angle=door.joints[0], size=(0.22, 0.02, 0.29), id=2),
            Entity(
                door.latch_body,
                site=door.important_sites["handle"],
                angle=door.joints[1],
                size=(0.075, 0.015, 0.02),
                id=3,
            ),
        ]
        holds = pads(env.robots[0].gripper["right"])
        latch = env.sim.model.body_name2id(door.latch_body)
        model = env.sim.model
        geoms = tuple(
            g for g in door.contact_geoms if model.geom_bodyid[model.geom_name2id(g)] == latch
        )
        return entities, [Grasp(0, HANDLE, holds, geoms)], []

    def arrange(self, seed: int, qpos: Array, constants: Array) -> None:
        del qpos
        rng = generator(seed, "robosuite-door")
        place = PLACE.copy()
        place[:2] += rng.uniform(-JITTER, JITTER, 2)
        yaw = rng.uniform(*YAW)
        constants[FRAME, :3] = place - np.asarray(self.origin)
        constants[FRAME, 3:5] = np.cos(yaw), np.sin(yaw)

    def patch(self, start: Start) -> Patch:
        place, quat = self._stand(start.constants)
        found = {"body_pos": self.model.body_pos.copy(), "body_quat": self.model.body_quat.copy()}
        body = self.model.body("Door_main").id
        found["body_pos"][body], found["body_quat"][body] = place, quat
        return found

    def paint(self, model: mujoco.MjModel, constants: Array) -> None:
        body = model.body("Door_main")
        body.pos[:], body.quat[:] = self._stand(constants)

    def _stand(self, constants: Array) -> tuple[Array, Array]:
        """Position and quaternion of the door's frame."""
        row = constants[FRAME].astype(np.float64)
        half = np.arctan2(row[4], row[3]) / 2
        return row[:3] + np.asarray(self.origin), np.array([np.cos(half), 0, 0, np.sin(half)])

    def status(self, state: Array) -> dict[str, Array]:
        opened = self.layout.angles(self.numbers(state))[..., DOOR]
        share = np.clip(opened / OPENED, 0, 1).astype(np.float32)
        return {"is_success": opened > OPENED, "success_fraction": share}

    def reward_terms(self, before: Array, action: Array, after: Array) -> dict[str, Array]:
        del before, action
        numbers = self.numbers(after)
        opened = self.status(after)["is_success"]
        near = 0.25 * (1 - np.tanh(10.0 * reach(self.layout, numbers, 0, HANDLE)))
        turned = np.abs(self.layout.angles(numbers)[..., HANDLE] / (0.5 * np.pi))
        return {
            "reach": np.where(opened, 0.0, near),
            "turn": np.where(opened, 0.0, np.minimum(0.25 * turned, 0.25)),
            "open": np.where(opened, 1.0, 0.0),
        }
