"""Worlds that are seen: the same episodes, observed through a camera."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.envs.core.batch import Worlds

if TYPE_CHECKING:
    from entitybench.envs.core.render import Renderer
    from entitybench.types import Array, Obs


class PixelWorlds(Worlds):
    """Observations are images (B, H, W, 3) uint8; scores still come from the entities behind them.

    "achieved_goal" shows the present state and "desired_goal" the goal, both without the robot,
    which no goal asks for. "state" and "goal_state", (B, N, D) float32, are the entities behind the
    images, for scripted policies and for relabelling; the Gymnasium views move them to `info`.
    """

    _renderer: Renderer | None = None
    _goal_images: Array

    def _present(self, states: Obs) -> Obs:
        if self._renderer is None:
            from entitybench.envs.core.render import Renderer

            size = self.world.pixels or 64
            self._renderer = Renderer(self.world, size, size, self.world.view)
            self._goal_images = np.zeros((self.batch, size, size, 3), np.uint8)
            self._goals_seen = np.full_like(self.goals, np.nan)
        draw = self._renderer
        for row in np.flatnonzero(np.any(self._goals_seen != self.goals, axis=(1, 2))):
            self._goal_images[row] = draw.goal(self.goals[row])
            self._goals_seen[row] = self.goals[row]
        pairs: list[Any] = list(zip(self.qpos, self.constants, strict=True))
        return {
            "observation": np.stack([draw.render(q, c) for q, c in pairs]),
            "achieved_goal": np.stack([draw.render(q, c, robot=False) for q, c in pairs]),
            "desired_goal": self._goal_images.copy(),
            "state": states["observation"],
            "goal_state": states["desired_goal"],
        }

    def close(self) -> None:
        super().close()
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None
