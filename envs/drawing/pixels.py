"""Worlds that are seen: the same episodes, observed through a camera."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.envs.core.batch import Worlds
from entitybench.envs.core.threads import Threads
from entitybench.envs.core.world import GoalWorld, TeamWorld
from entitybench.envs.drawing.particles import PARTICLE, drawn_particles
from entitybench.envs.drawing.render import OwnRenderer

if TYPE_CHECKING:
    from collections.abc import Callable

    from entitybench.envs.core.world import Variation
    from entitybench.envs.drawing.render import Renderer
    from entitybench.types import Array, Obs


class PixelWorlds(Worlds):
    """Observations are images (B, H, W, 3) uint8; scores still come from the entities behind them.

    "observation" is what the camera sees (of a team, "pixels", beside what its agents observe). Of
    a goal task "achieved_goal" shows the present state and "desired_goal" the goal, both without
    the robot, which no goal asks for. "state" and "goal_state", (B, N, D) float32, are the entities
    behind the images, for scripted policies and for relabelling; the Gymnasium views move them to
    `info`. On request also "segmentation" (B, H, W) int16, the entity that each pixel shows (-1:
    none), and "depth" (B, H, W) float32 in m; and "particles" (B, N, 9) float32, what the camera
    shows of each entity (`particles.PARTICLE`), of a goal task also "goal_particles", without the
    robot.
    """

    def __init__(
        self,
        *args: Any,
        segmentation: bool = False,
        depth: bool = False,
        particles: bool = False,
        **kwargs: Any,
    ) -> None:
        """As `Worlds`; `threads` draw too, each with a context of its own."""
        super().__init__(*args, **kwargs)
        self._more = {"segmentation": segmentation, "depth": depth, "particles": particles}
        self._advance_alone = self.alone = None  # what is seen is drawn by row
        size = self.world.pixels or 64
        self._own = OwnRenderer(self.world, size, size, self.world.view)
        self._goal_images = np.zeros((self.batch, size, size, 3), np.uint8)
        self._goal_particles = np.zeros(
            (self.batch, self.world.entities, len(PARTICLE)), np.float32
        )
        # What the goal images show: goals, and who is absent and how the world differs.
        self._goals_seen = np.full_like(self.goals, np.nan)
        self._absent_seen = np.zeros_like(self.absent)
        self._variations_seen: list[Variation | None] = [None] * self.batch
        # One thread a renderer, for good: a context belongs to the thread that made it.
        count = self.threads if self.threads > 1 else 0
        self._drawers = [Threads(1) for _ in range(count)]

    def _present(self, states: Obs) -> Obs:
        pictures = self._each(lambda draw, row: draw.row(self, row))
        found: Obs
        if isinstance(self.world, TeamWorld):
            found = {**states, "pixels": pictures}
        else:
            found = {"observation": pictures, "state": states["observation"]}
        if isinstance(self.world, GoalWorld):
            self._see_goals()
            found["achieved_goal"] = self._each(lambda draw, row: draw.row(self, row, robot=False))
            found["desired_goal"] = self._goal_images.copy()
            found["goal_state"] = states["desired_goal"]
        if "mask" in states:
            found["mask"] = states["mask"]
        for name in ("segmentation", "depth"):
            if self._more[name]:
                found[name] = self._each(partial(self._image, name))
        if self._more["particles"]:
            found["particles"] = self._each(self._particles)
            if isinstance(self.world, GoalWorld):
                found["goal_particles"] = self._goal_particles.copy()
        return found

    def _image(self, name: str, draw: Renderer, row: int) -> Array:
        absent = self.absent[row] if self.absent[row].any() else None
        image: Array = getattr(draw, name)(
            self.state[row], self.constants[row], self.variations[row], absent
        )
        return image.astype(np.int16) if name == "segmentation" else image

    def _particles(self, draw: Renderer, row: int) -> Array:
        absent = self.absent[row] if self.absent[row].any() else None
        variation = self.variations[row]
        return drawn_particles(
            draw, self.state[row], self.constants[row], variation=variation, absent=absent
        )

    def _see_goals(self) -> None:
        changed = np.any(self._goals_seen != self.goals, axis=(1, 2))
        changed |= np.any(self._absent_seen != self.absent, axis=1)
        pairs = zip(self.variations, self._variations_seen, strict=True)
        changed |= [now is not before for now, before in pairs]
        for row in np.flatnonzero(changed):
            draw = partial(self._goal_image, int(row))
            drawn = self._drawers[0].submit(draw).result() if self._drawers else draw()
            self._goal_images[row], self._goal_particles[row] = drawn
            self._goals_seen[row] = self.goals[row]
            self._absent_seen[row] = self.absent[row]
            self._variations_seen[row] = self.variations[row]

    def _goal_image(self, row: int) -> tuple[Array, Array]:
        """The picture of a goal, and its particles if they are asked for (else zeros)."""
        draw, goal, variation = self._own.get(), self.goals[row], self.variations[row]
        absent = self.absent[row] if self.absent[row].any() else None
        seen = np.zeros_like(self._goal_particles[row])
        if self._more["particles"] and isinstance(self.world, GoalWorld):
            seen = drawn_particles(
                draw, self.world.goal_qpos(goal), goal,
                robot=False, variation=variation, absent=absent, posed=True,
            )  # fmt: skip
        return draw.goal(goal, absent, variation), seen

    def _each(self, draw: Callable[[Renderer, int], Array]) -> Array:
        """A picture of every row."""

        def some(rows: Array) -> list[Array]:
            return [draw(self._own.get(), int(row)) for row in rows]

        if not self._drawers:
            return np.stack(some(np.arange(self.batch)))
        parts = np.array_split(np.arange(self.batch), len(self._drawers))
        work = [d.submit(some, rows) for d, rows in zip(self._drawers, parts, strict=True)]
        return np.stack([picture for done in work for picture in done.result()])

    def _options(self) -> dict[str, Any]:
        return {**super()._options(), **self._more}

    def close(self) -> None:
        super().close()
        self._own.close()
        for drawer in self._drawers:
            drawer.submit(self._own.close).result()
            drawer.shutdown()
        self._drawers = []
