"""The baselines of videos. Strings only: importing it loads no framework."""

from __future__ import annotations

from entitybench.types import AgentSpec

AGENTS: tuple[AgentSpec, ...] = (
    AgentSpec(
        id="copy-frame",
        kind="video",
        target="entitybench.agents.baselines.video.copying:CopyFrame",
        presets=(),
        learns_from="nothing",
        summary="repeats the first frame",
    ),
)
