"""Push worlds with more on the table: fixed posts, regions with a reward, coloured zones."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from entitybench.envs.core.starts import drawn, spread
from entitybench.envs.core.world import RewardWorld, Start
from entitybench.envs.push.sizes import COLORS, HALF_EDGE
from entitybench.envs.push.world import IDS, SPACING, PushTable, PushWorld, free_place
from entitybench.errors import BadValue
from entitybench.seeding import generator

if TYPE_CHECKING:
    import mujoco

    from entitybench.types import Array

POSTS = ((0.0, 0.16), (-0.14, -0.08), (0.14, -0.08))  # m, a triangle about the centre
POST_RADIUS = 0.03  # m
POST_SPACING = 0.11  # m, between a post and a block at the start or a goal
POST_ROOM = 0.07  # m, between a post and the pusher at the start
AWAY = 0.10  # m, between a block's start and its goal, where there are posts
# m, the centre of each block's region; the first is that of the one-block task.
REGIONS = ((0.18, 0.16), (-0.18, 0.16), (0.0, -0.2))
ZONES = 3
ZONE_SPACING = 0.24  # m, between the centres of two zones
ZONE_ROOM = 0.12  # m, between a zone and a block at the start


class PushPostsWorld(PushWorld):
    """`PushWorld` with three fixed posts between starts and goals.

    Entities: pusher, blocks, posts. The feature `post` is one for posts. A goal asks nothing of
    posts, whose rows are zero in it.
    """

    alone_class = "entitybench.envs.push.alone:PushAlone"
    feature_names = (*PushWorld.feature_names, "post")
    fixed_names = feature_names[4:]
    others = tuple(f"post{i}" for i in range(len(POSTS)))

    @property
    def obstacles(self) -> tuple[str, ...]:
        return self.others

    def spec(self) -> mujoco.MjSpec:
        from entitybench.envs.push.scene import add_posts

        spec = super().spec()
        add_posts(spec, POSTS, POST_RADIUS)
        return spec

    def start(self, seed: int) -> Start:
        rng = generator(seed, "push-posts-start")
        ids = 1 + rng.permutation(IDS - 1)[: self.entities - 1]
        yaw = rng.uniform(0, np.pi / 2, self.blocks)
        blocks = self._clear(rng)
        goals = drawn(
            lambda: self._clear(rng),
            lambda goals: np.all(np.hypot(*(blocks - goals).T) >= AWAY),
            f"goals {AWAY:g} m from their blocks",
        )
        pusher = drawn(
            lambda: free_place(rng, blocks, self.area),
            lambda place: _gap(place[None], POSTS) >= POST_ROOM,
            f"a place of the pusher, {POST_ROOM:g} m from the posts",
        )

        constants = np.zeros((self.entities, self.features), np.float32)
        constants[0, 4] = 1
        constants[np.arange(1, self.entities), 4 + ids] = 1
        constants[self.rows.stop :, :2] = POSTS
        constants[self.rows.stop :, 4 + IDS] = 1
        goal = self.achieved(constants)
        goal[self.rows, :2] = goals
        return Start(self.lay(pusher, blocks, yaw), constants, goal)

    def _clear(self, rng: np.random.Generator) -> Array:
        """Places (blocks, 2) apart from one another and from the posts."""
        return drawn(
            lambda: self.scatter(rng),
            lambda places: _gap(places, POSTS) >= POST_SPACING,
            f"{self.blocks} blocks, {POST_SPACING:g} m from the posts",
        )


class PushRegionWorld(PushTable, RewardWorld):
    """1 to 3 blocks, each with a region that is always at the same place, and a reward.

    Entities: pusher, blocks. Block i always has id i + 1 and region `REGIONS[i]`: what is to be
    done shows in the reward alone. Reward -1 a step until every block is in its region, which ends
    the episode.
    """

    terminates = True

    def __init__(
        self, blocks: int, *, pixels: int | None = None, view: str = "top", sleep: bool = False
    ) -> None:
        if isinstance(blocks, int) and blocks > len(REGIONS):
            raise BadValue(f"there are regions for 1 to {len(REGIONS)} blocks: got {blocks}.")
        super().__init__(blocks, pixels=pixels, view=view, sleep=sleep)
        self.regions = np.array(REGIONS)[: self.blocks]

    def start(self, seed: int) -> Start:
        rng = generator(seed, "push-region-start")
        yaw = rng.uniform(0, np.pi / 2, self.blocks)
        blocks = drawn(  # each has a way to go
            lambda: self.scatter(rng),
            lambda blocks: np.all(np.hypot(*(blocks - self.regions).T) >= SPACING),
            f"{self.blocks} blocks, {SPACING:g} m from their regions",
        )
        pusher = free_place(rng, blocks, self.area)
        constants = np.zeros((self.entities, self.features), np.float32)
        constants[np.arange(self.entities), 4 + np.arange(self.entities)] = 1
        goal = np.zeros_like(constants)
        return Start(self.lay(pusher, blocks, yaw), constants, goal)

    def inside(self, state: Array) -> Array:
        """Which blocks are in their regions: bool (..., blocks)."""
        offset = state.take(self.places[1:], axis=-1) - self.regions
        offset *= offset
        return offset[..., 0] + offset[..., 1] <= self.tolerance**2

    def reward_terms(self, before: Array, action: Array, after: Array) -> dict[str, Array]:
        del before, action
        return {"outside": np.where(self.terminated(after), 0.0, -1.0)}

    def status(self, state: Array) -> dict[str, Array]:
        inside = self.inside(state)
        share = np.add.reduce(inside, -1) / self.blocks
        return {
            "is_success": np.logical_and.reduce(inside, -1),
            "success_fraction": share.astype(np.float32),
        }

    def terminated(self, state: Array) -> Array:
        return np.logical_and.reduce(self.inside(state), -1)

    def spec(self) -> mujoco.MjSpec:
        from entitybench.envs.push.scene import add_regions

        spec = super().spec()
        add_regions(spec, REGIONS[: self.blocks], self.tolerance)
        return spec


class PushZonesWorld(PushWorld):
    """Two blocks and three coloured zones: one of the blocks is to be pushed into one of the zones.

    Entities: pusher, blocks, zones. The feature `zone` is one for zones. The goal's row of the
    block that is asked for has the place of the asked zone; the rows of pusher, other block and
    zones are zero. Relabelled goals, which ask for both blocks, are judged by the same rule.
    """

    alone_class = "entitybench.envs.push.alone:ZonesAlone"
    feature_names = (*PushWorld.feature_names, "zone")
    fixed_names = feature_names[4:]
    others = tuple(f"zone{i}" for i in range(ZONES))

    def spec(self) -> mujoco.MjSpec:
        from entitybench.envs.push.scene import add_zones

        spec = super().spec()
        add_zones(spec, ZONES, self.tolerance)
        return spec

    @cached_property
    def zones(self) -> Array:
        """(ZONES, 2): where the zones' x and y are in qpos."""
        return np.array([[self.at(f"{name}_{axis}") for axis in "xy"] for name in self.others])

    def start(self, seed: int) -> Start:
        rng = generator(seed, "push-zones-start")
        ids = 1 + rng.permutation(IDS - 1)[: self.entities - 1]
        yaw = rng.uniform(0, np.pi / 2, self.blocks)
        zones = spread(rng, ZONES, -self.area, self.area, ZONE_SPACING)
        blocks = drawn(
            lambda: self.scatter(rng),
            lambda blocks: _gap(blocks, zones) >= ZONE_ROOM,
            f"{self.blocks} blocks, {ZONE_ROOM:g} m from {ZONES} zones",
        )
        pusher = free_place(rng, blocks, self.area)
        asked, zone = int(rng.integers(self.blocks)), int(rng.integers(ZONES))

        qpos = self.lay(pusher, blocks, yaw)
        qpos[self.zones] = zones
        constants = np.zeros((self.entities, self.features), np.float32)
        constants[0, 4] = 1
        constants[np.arange(1, self.entities), 4 + ids] = 1
        constants[self.rows.stop :, 4 + IDS] = 1
        goal = np.zeros_like(constants)
        goal[1 + asked] = constants[1 + asked]
        goal[1 + asked, :2] = zones[zone]
        return Start(qpos, constants, goal)

    def observe(self, state: Array, constants: Array) -> Array:
        observation = super().observe(state, constants)
        observation[..., self.rows.stop :, :2] = state.take(self.zones, axis=-1)
        return observation

    def solved(self, achieved: Array, desired: Array) -> Array:
        """Whether the blocks that are asked for are in place: bool (..., 1)."""
        asked = desired[..., self.rows, 4 : 4 + IDS].any(axis=-1)
        well = super().solved(achieved, desired) | ~asked
        return np.logical_and.reduce(well, -1, keepdims=True)

    def marks(self, goal: Array) -> list[tuple[Array, ...]]:
        size = np.array([HALF_EDGE / 2, HALF_EDGE / 2, 0.0005])
        return [
            (np.array([*row[:2], 0.003]), size, np.array([*COLORS[_id(row) - 1], 1.0]))
            for row in goal[self.rows]
            if row.any()
        ]

    def paint(self, model: mujoco.MjModel, constants: Array) -> None:
        # What a picture of a goal does not ask for is not seen in it.
        for name, row in zip(self.bodies[1:], constants[1:], strict=True):
            color = model.geom(name).rgba
            color[:3] = COLORS[_id(row) - 1]
            shown = 0.55 if name in self.others else 1.0
            color[3] = shown if row.any() else 0.0


def _id(row: Array) -> int:
    return int(np.argmax(row[4 : 4 + IDS]))


def _gap(points: Array, others: Array | tuple[tuple[float, float], ...]) -> float:
    """The smallest distance between points (n, 2) and others (m, 2)."""
    offset = points[:, None] - np.asarray(others)
    return float(np.hypot(offset[..., 0], offset[..., 1]).min())
