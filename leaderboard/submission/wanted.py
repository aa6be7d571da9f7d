"""What whoever looks at a bundle asks of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from entitybench.leaderboard.submission.archive import LIMITS, Limits

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from entitybench.leaderboard.evaluation.pool import Progress
    from entitybench.leaderboard.submission.season import Season
    from entitybench.leaderboard.submission.simulate import Watch


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked of a bundle beyond itself.

    Attributes:
        episodes: of each training seed; None: as many as there are.
        seeds: training seeds; None: 0, 1, … as many as there are.
        simulate: whether episodes are simulated again.
        rerun: episodes of each training seed that the agent also acts in again.
        weights: the agent's, as `bench eval --weights` takes them; None: shipped or downloaded.
        threads: that step the physics; None: the cores.
        progress: called with (control steps done, all of them).
        watch: sees the episodes while they are simulated again.
        limits: of the archive.
        rescore: whether numbers and metrics of the record are not compared, but made anew from the
            states into the report's `scored`, since a scorer has changed.
        season: the agent also acts from its hidden starts; needs `rerun`.
    """

    episodes: int | None = None
    seeds: Sequence[int] | None = None
    simulate: bool = True
    rerun: int = 0
    weights: Path | None = None
    threads: int | None = None
    progress: Progress | None = None
    watch: Watch | None = None
    limits: Limits = LIMITS
    rescore: bool = False
    season: Season | None = None
