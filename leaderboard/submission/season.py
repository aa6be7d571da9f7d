"""Level 4: the agent of a bundle acts from starts that were secret when the bundle was fixed.

A board does it while a season is open; when the secret is revealed, anybody does it again, and
compares what comes out with what the board published. For the arithmetic see hidden.py.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field, ValidationError

from entitybench.checkpoints import today
from entitybench.errors import BadValue
from entitybench.leaderboard.evaluation import provenance
from entitybench.leaderboard.evaluation.control import blocks, default_worlds, run_block
from entitybench.leaderboard.evaluation.pool import Entrant, Job
from entitybench.leaderboard.evaluation.threads import torch_threads
from entitybench.leaderboard.submission.hidden import drawn_seeds, is_of
from entitybench.leaderboard.submission.simulate import close
from entitybench.record_rows import RecordModel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from entitybench.leaderboard.evaluation.api import Loaded
    from entitybench.leaderboard.evaluation.control import Simulation
    from entitybench.leaderboard.submission.models import Manifest
    from entitybench.leaderboard.submission.rules import Report
    from entitybench.types import Obs, TaskSpec

RULE = "hidden"
PLATFORM = ("platform", "cpu", "mujoco", "numpy")  # that decide how arithmetic rounds
_CLAIMED = "latency_ms"  # which nobody can measure again
_LARGEST = 64 << 20  # bytes of a file of results

_Hex = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class HiddenRow(RecordModel):
    """An episode from a hidden start."""

    training_seed: int
    index: int = Field(ge=0, description="k of the k-th hidden start of the agent in the task")
    values: dict[str, float | None]
    error: str | None = None


class Results(RecordModel):
    """What a board found, as it publishes it; with the secret once the season is over."""

    season: str
    commitment: _Hex = Field(description="SHA-256 of the secret, published before")
    secret: _Hex | None = Field(None, description="hex, of 32 bytes; null until it is revealed")
    episodes: int = Field(ge=1, le=1000, description="of each training seed")
    digest: _Hex = Field(description="of the agent, which seeds follow from")
    machine: dict[str, str] = Field(description="where the board ran it")
    rows: list[HiddenRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class Season:
    """A secret, and what came of it before, where that is to be checked."""

    name: str
    secret: bytes
    episodes: int
    found: Results | None = None


def read_results(path: Path) -> Season:
    """The season of a file of results, whose secret is revealed. Raises BadValue."""
    try:
        with path.open("rb") as file:
            results = Results.model_validate_json(file.read(_LARGEST))
    except OSError as error:
        raise BadValue(f"cannot read {path}: {error.strerror or error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "it"
        raise BadValue(
            f"{path} holds no results of a season ({where}: {first['msg']}): take "
            "/api/v1/submissions/SHA256/season of a board."
        ) from error
    if results.secret is None:
        raise BadValue(
            f"the secret of season {results.season!r} is not revealed yet: take the file again "
            "when the season is over."
        )
    secret = bytes.fromhex(results.secret)
    if not is_of(secret, results.commitment):
        raise BadValue(
            f"the secret in {path} is not the one of the commitment {results.commitment[:16]}…: "
            "the board committed itself to another."
        )
    name, episodes = results.season, results.episodes
    return Season(name=name, secret=secret, episodes=episodes, found=results)


def digest_of(manifest: Manifest) -> str:
    """What fixes an agent: the SHA-256 of its id, settings and the hashes of its weights.

    Of settings that act alike it is one: old names of theirs, and 1 written as 1.0, draw no other
    starts.
    """
    agent = manifest.agent
    fixed = [agent.id, _alike(today(agent.config)), agent.weights]
    return hashlib.sha256(json.dumps(fixed, sort_keys=True).encode()).hexdigest()


def _alike(value: Any) -> Any:
    """Equal for what compares as equal."""
    if isinstance(value, dict):
        return {name: _alike(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_alike(inner) for inner in value]
    return int(value) if isinstance(value, bool | float) and value == value // 1 else value


def run_season(
    season: Season,
    digest: str,
    task: TaskSpec,
    agents: Mapping[int, Loaded],
    threads: int,
    report: Report,
) -> None:
    """Let agents (by training seed) act from the hidden starts; the report has what comes out.

    Where the task has no starts to hide nothing is done. Raises BenchError where an agent raises.
    """
    try:
        seeds = drawn_seeds(season.secret, digest, task, season.episodes)
    except BadValue as error:
        report.skipped[RULE] = str(error)
        return
    rows: list[HiddenRow] = []
    for agent in agents.values():
        for block in blocks(range(season.episodes)):
            worlds = _Seeded(default_worlds(task, len(block), threads), seeds)
            try:
                with torch_threads(1):
                    job = Job(Entrant(agent.policy(), agent.source), block)
                    found = run_block(job, task, worlds, "raise", lambda _: None)
            finally:
                worlds.close()
            for row in found.rows:
                values = {name: x for name, x in row.values.items() if name != _CLAIMED}
                rows.append(
                    HiddenRow(
                        training_seed=row.training_seed,
                        index=row.item,
                        values=values,
                        error=row.error,
                    )
                )
    here = provenance.versions()
    report.hidden = {
        "season": season.name,
        "episodes": season.episodes,
        "digest": digest,
        "machine": {name: here[name] for name in PLATFORM},
        "rows": [row.model_dump() for row in rows],
    }
    success = [row.values["success"] for row in rows]
    report.measured["hidden success"] = float(np.mean([x for x in success if x is not None]))
    report.looked.add(RULE)
    if season.found is not None:
        _compare(season.found, digest, rows, report)


def _compare(theirs: Results, digest: str, ours: Sequence[HiddenRow], report: Report) -> None:
    """What a board published is what comes out."""
    if theirs.digest != digest:
        what = f"the results are of the agent {theirs.digest[:16]}, and the bundle of {digest[:16]}"
        report.find(RULE, what, where="digest")
        return
    here = provenance.versions()
    elsewhere = any(theirs.machine.get(name) != here[name] for name in PLATFORM)
    published = {(row.training_seed, row.index): row for row in theirs.rows}
    if len(published) != len(theirs.rows) or len(theirs.rows) != len(ours):
        what = f"{len(theirs.rows)} episodes were published, and {len(ours)} come out"
        report.find(RULE, what, where="rows")
    for row in ours:
        given = published.get((row.training_seed, row.index))
        where = f"training seed {row.training_seed}, hidden start {row.index}"
        if given is None:
            report.find(RULE, "its results were not published", where=where)
            continue
        names = sorted(
            name
            for name in row.values.keys() | given.values.keys()
            if not close(given.values.get(name), row.values.get(name))
        )
        if names or given.error != row.error:
            name = names[0] if names else "error"
            said = given.values.get(name) if names else given.error
            comes = row.values.get(name) if names else row.error
            # An agent that goes on from its own actions can end elsewhere on another platform.
            what = f"{name} was published as {said!r}, and comes out as {comes!r}"
            report.find(RULE, what, where=where, warning=elsewhere)


class _Seeded:
    """A simulation whose episode k begins from the k-th of some seeds."""

    def __init__(self, worlds: Simulation, seeds: Sequence[int]) -> None:
        self._worlds, self._seeds, self.world = worlds, seeds, worlds.world
        self.step, self.rest, self.close = worlds.step, worlds.rest, worlds.close
        self.state_digest, self.bumped = worlds.state_digest, worlds.bumped
        self.convention = worlds.convention

    def reset(self, seeds: Sequence[int]) -> Obs:
        return self._worlds.reset([self._seeds[k] for k in seeds])


def results_of(hidden: Mapping[str, Any], commitment: str, secret: str | None) -> Results:
    """What a board publishes of a report."""
    return Results.model_validate({**hidden, "commitment": commitment, "secret": secret})
