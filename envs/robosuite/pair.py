"""TwoArmLift: two arms and a pot with two handles, to be lifted level."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.envs.core.world import TeamWorld
from entitybench.envs.robosuite import library
from entitybench.envs.robosuite.probe import Entity, Grasp, Pair
from entitybench.envs.robosuite.world import FEATURES, TABLE, SuiteWorld, hands, pads, reach
from entitybench.seeding import generator

if TYPE_CHECKING:
    import xml.etree.ElementTree as ElementTree

    import mujoco

    from entitybench.envs.core.world import Variation
    from entitybench.types import Array

BOTTOM = 0.07  # m, of the pot under its middle
RAISED = 0.10  # m, of the pot's bottom above the table
POT, HANDLE0, HANDLE1 = 2, 3, 4  # rows
LEVEL = np.cos(np.pi / 6)  # cosine of the tilt that the reward allows


class LiftTeam(SuiteWorld, TeamWorld):
    """robosuite's TwoArmLift: each arm grips its handle, both lift.

    Both agents get the one reward. An agent sees all entities, itself first: its own hand, the
    other's, the pot, its own handle, the other's.
    """

    agents = ("arm0", "arm1")
    action_dim = 7
    light = 0.8  # the tables are white

    def environment(self) -> tuple[type, dict[str, Any]]:
        library.load()
        from robosuite.environments.manipulation.two_arm_lift import TwoArmLift

        robots = [self.robot, self.robot]
        return TwoArmLift, {
            "robots": robots,
            "reward_shaping": True,
            "env_configuration": "opposed",
        }

    def edit(self, root: ElementTree.Element) -> None:
        super().edit(root)
        # Empty bodies where the handles are: each entity has a body of its own.
        pot = root.find(".//body[@name='pot_root']")
        assert pot is not None
        for index in (0, 1):
            site = next(
                site for site in pot.iter("site") if site.get("name") == f"pot_handle{index}"
            )
            frame = {"name": f"pot_handle{index}_frame", "pos": site.get("pos", "0 0 0")}
            pot.append(pot.makeelement("body", frame))

    def cameras(self) -> list[tuple[str, tuple[float, ...], tuple[float, ...], float]]:
        half = 0.5**0.5
        return [
            ("top", (0.0, 0.0, 2.6), (0, -1, 0, 1, 0, 0), 36),
            ("side", (1.3, 0.0, 2.0), (0, 1, 0, -half, 0, half), 48),
        ]

    def describe(self, env: Any) -> tuple[list[Entity], list[Grasp], list[Pair]]:
        pot = env.pot
        body, size = pot.root_body, (0.07, 0.07, 0.07)
        sites = pot.important_sites
        entities = [
            *hands(env),
            Entity(body, site=sites["center"], free=pot.joints[0], size=size, id=2),
            Entity("pot_handle0_frame", size=(0.045, 0.045, 0.01), id=3),
            Entity("pot_handle1_frame", size=(0.045, 0.045, 0.01), id=4),
        ]
        grasps = [
            Grasp(i, HANDLE0 + i, pads(env.robots[i].gripper["right"]), tuple(geoms))
            for i, geoms in enumerate((pot.handle0_geoms, pot.handle1_geoms))
        ]
        return entities, grasps, []

    @property
    def movable(self) -> tuple[str, ...]:
        return (self.bodies[POT],)

    def adapt(self, model: mujoco.MjModel, variation: Variation) -> None:
        for row in (HANDLE0, HANDLE1):  # so that the frames stay in the handles
            model.body(self.bodies[row]).pos[:] *= variation.size[0]

    @property
    def agent_feature_names(self) -> tuple[str, ...]:  # type: ignore[override]
        rows = ("hand", "other_hand", "pot", "handle", "other_handle")
        return tuple(f"{row}.{name}" for row in rows for name in FEATURES)

    @property
    def agent_bounds(self) -> Array:
        return np.tile(self.bounds, 5)

    def arrange(self, seed: int, qpos: Array, constants: Array) -> None:
        del constants
        rng = generator(seed, "team-lift")
        x, y = rng.uniform(-0.03, 0.03, 2)
        yaw = np.pi + rng.uniform(-np.pi / 3, np.pi / 3)
        self.place(qpos, "pot_joint0", (x, y, TABLE[2] + BOTTOM), yaw)

    def observe_agents(self, state: Array, constants: Array) -> Array:
        rows = self.observe(state, constants)
        orders = ([0, 1, POT, HANDLE0, HANDLE1], [1, 0, POT, HANDLE1, HANDLE0])
        seen = np.stack([rows[..., order, :] for order in orders], axis=-3)
        return seen.reshape(*seen.shape[:-2], -1)

    def raised(self, state: Array) -> Array:
        """How high the pot's bottom is above the table, m (...)."""
        return self.layout.positions(self.numbers(state))[..., POT, 2] - BOTTOM - TABLE[2]

    def level(self, state: Array) -> Array:
        """Whether the pot is tilted by less than 30 degrees: bool (...)."""
        axes = self.layout.axes(self.numbers(state))[..., POT, :]
        upward = axes[..., 0] * axes[..., 4] - axes[..., 1] * axes[..., 3]
        return upward >= LEVEL

    def status(self, state: Array) -> dict[str, Array]:
        height = self.raised(state)
        share = np.clip(height / RAISED, 0, 1).astype(np.float32)
        return {"is_success": height > RAISED, "success_fraction": share}

    def reward_terms(self, before: Array, action: Array, after: Array) -> dict[str, Array]:
        del before, action
        numbers, level = self.numbers(after), self.level(after)
        height = self.raised(after)
        done = height > RAISED
        lifting = 10.0 * level * np.clip(height - 0.05, 0.0, 0.15)
        held = 0.25 * self.layout.held(numbers).sum(axis=-1)
        near = sum(
            0.5 * (1 - np.tanh(10.0 * reach(self.layout, numbers, i, HANDLE0 + i))) for i in (0, 1)
        )
        terms = {
            "lift": np.where(done, 3.0 * level, lifting),
            "grasp": np.where(done, 0.0, held),
            "reach": np.where(done, 0.0, near),
        }
        return {name: np.stack([term, term], axis=-1) / 3.0 for name, term in terms.items()}
