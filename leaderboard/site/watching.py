"""Episodes in 3-D on the site: a page for each task that has bundles, all its agents in one viewer.

episodes/TASK.html    the page
episodes/TASK/…       what the viewer loads: geometry once, an episode a file, exact states
static/viewer.js …    the viewer, once
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from entitybench.errors import BenchError
from entitybench.kinds import CONTROL
from entitybench.leaderboard.board.model import best_first
from entitybench.leaderboard.evaluation.weights import owner, reference_weights
from entitybench.leaderboard.site import links
from entitybench.leaderboard.submission.pack import pack
from entitybench.leaderboard.viewer.export import (
    bundle,
    geometry_file,
    index_file,
    scene_of,
    show,
)
from entitybench.leaderboard.viewer.models import GEOMETRY, INDEX, TABLE, Index, Source
from entitybench.leaderboard.viewer.page import part
from entitybench.records import Columns
from entitybench.registry import agents, kinds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from entitybench.leaderboard.board.standings import Evidence
    from entitybench.records import Record

    Put = Callable[[str, bytes], object]


RANDOM = "random"  # the agent that everybody is seen beside


@dataclass(frozen=True)
class Watched:
    """The viewer of a task.

    Attributes:
        task: its id.
        index: whose episodes there are.
        sources: of each row's training seeds the place in the index, by the row's id.
    """

    task: str
    index: Index
    sources: dict[str, dict[int, int]]

    @property
    def part(self) -> str:
        """Its HTML, for a page at `links.episodes`."""
        return part(self.index, root=f"{links.named(self.task)}/")


def watched(
    task: str,
    evidence: Sequence[Evidence],
    put: Put,
    told: Callable[[str], None],
    *,
    starts: int = 0,
) -> Watched | None:
    """Put the files of all bundles of a task; None where it has none that can be shown.

    Their actions are simulated again, and what comes out is shown.

    Args:
        task: its id.
        evidence: its rows; those with a bundle that was not rejected are shown.
        put: called with the path and content of each file.
        told: called with a line for each bundle that cannot be shown.
        starts: in how many of them hosts' rows act again, to be shown too: see `act_again`.
    """
    found, sources = list[Source](), dict[str, dict[int, int]]()
    scene, again = None, act_again(evidence, starts) if starts else {}
    folder = links.episodes(task)

    def keep(name: str, data: bytes) -> None:
        put(f"{folder}/{name}", data)

    for each in evidence:
        source = each.bundle or again.get(each.entry.id)
        if source is None or each.entry.state == "rejected":
            continue
        try:
            opened = bundle(source, "" if isinstance(source, Path) else each.entry.id)
            if scene is None:
                scene = scene_of([opened])
                keep(GEOMETRY, geometry_file(scene))
            own = show(opened, scene, f"{len(sources)}-", keep)
        except BenchError as error:
            told(f"{each.entry.id} is not shown in 3-D: {error}")
            continue
        sources[each.entry.id] = {x.training_seed: len(found) + k for k, x in enumerate(own)}
        found += own
    if scene is None or not found:
        return None
    index = Index(scene.task, f"{scene.task.id}-v{scene.task.version}", found)
    keep(INDEX, index_file(index))
    keep(TABLE, index.csv().encode())
    return Watched(task, index, sources)


def act_again(evidence: Sequence[Evidence], starts: int) -> dict[str, bytes]:
    """Bundles of the first starts, by row: of the best, the median and the random agent of a task.

    Of hosts' rows without a bundle that can act here, since nothing was trained or their weights
    come with the package. Their first training seed acts, and must come out as its record says.
    """
    able = [each for each in evidence if each.bundle is None and _can_act(each)]
    ranked = best_first(each.entry for each in able if each.entry.agent != RANDOM)
    chosen = {entry.id for entry in (ranked[:1] + ranked[len(ranked) // 2 :][:1])}
    chosen |= {each.entry.id for each in able if each.entry.agent == RANDOM}
    return {
        each.entry.id: pack(_first(each.record, starts)) for each in able if each.entry.id in chosen
    }


def _can_act(each: Evidence) -> bool:
    record = each.record
    if each.entry.origin != "host" or kinds()[record.kind].evaluator != CONTROL:
        return False
    if not record.hashes.weights:
        return True
    known = {data.dataset for data in record.data}
    dataset = known.pop() if len(known) == 1 else None
    source = record.agent.weights_from or record.task.id
    there = reference_weights(owner(agents()[record.agent.id]), source, dataset)
    return record.training_seeds[0] in there


def _first(record: Record, starts: int) -> Record:
    """The record of its first training seed and starts alone."""
    seed, items = record.training_seeds[0], set(record.items[:starts])
    rows = [row for row in record.rows if row.training_seed == seed and row.item in items]
    weights = {k: v for k, v in record.hashes.weights.items() if k == str(seed)}
    return record.model_copy(
        update={
            "columns": Columns.of(rows),
            "data": [data for data in record.data if data.training_seed == seed],
            "hashes": record.hashes.model_copy(update={"weights": weights}),
            "diagnostics": {},
        }
    )
