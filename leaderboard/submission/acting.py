"""The agents that a record tells of, with the weights that it names by hash."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from entitybench.checkpoints import META, RUN, TRAINING, WEIGHTS
from entitybench.errors import BadValue
from entitybench.leaderboard.evaluation import api
from entitybench.leaderboard.evaluation import weights as checkpoints
from entitybench.leaderboard.submission.models import weights_of
from entitybench.leaderboard.submission.reading import read
from entitybench.registry import agent as agent_spec
from entitybench.registry import tasks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from entitybench.leaderboard.evaluation.api import Loaded
    from entitybench.leaderboard.submission.archive import Archive
    from entitybench.leaderboard.submission.rules import Report
    from entitybench.records import Record


def agents_of(record: Record, weights: str | Path | None, device: str) -> dict[int, Loaded]:
    """What acted, by training seed.

    Args:
        record: whose agent is registered, or a file of one's own: that is run.
        weights: as `bench eval --weights` takes them; None: shipped or downloaded.
        device: where they act.

    Raises:
        BadValue: the weights are others than those of the record.
        CheckpointError: there are none.
    """
    spec = agent_spec(record.agent.id)
    found = api.load_agents(
        spec.id,
        task=record.task.id,
        seeds=record.training_seeds,
        weights=weights,
        weights_from=record.agent.weights_from,
        preset=record.agent.preset,
        dataset=record.data[0].dataset if record.data else None,
        device=device,
    )
    for seed, agent in found.items():
        ours, theirs = agent.source.weights_sha256, record.hashes.weights.get(str(seed))
        if ours != theirs:
            raise BadValue(
                f"the weights of training seed {seed} are others (sha256 {str(ours)[:12]}) than "
                f"those of the record ({str(theirs)[:12]}): name their folder with --weights."
            )
    return found


def weights_files(record: Record, weights: str | Path | None) -> dict[str, bytes]:
    """The weights of all training seeds, as a bundle has them: by their names there.

    Raises BadValue where there are none to put in, or they are more than one file.
    """
    spec = agent_spec(record.agent.id)
    if not spec.trains:
        raise BadValue(f"{spec.id} has no weights: leave out --with-weights.")
    found = checkpoints.find(
        spec,
        tasks()[record.task.id],
        seeds=record.training_seeds,
        weights=weights,
        weights_from=record.agent.weights_from,
        preset=record.agent.preset,
        dataset=record.data[0].dataset if record.data else None,
    )
    files = {}
    for seed, checkpoint in found.items():
        folder = checkpoint.folder
        if {path.name for path in folder.iterdir()} - {TRAINING, RUN} != {META, WEIGHTS}:
            raise BadValue(
                f"the weights in {str(folder)!r} are more than {META} and {WEIGHTS}, and a bundle "
                "holds these alone: leave out --with-weights."
            )
        for name, place in weights_of(seed).items():
            data = (folder / name).read_bytes()
            files[place] = _to_act(data) if name == META else data
    return files


def _to_act(data: bytes) -> bytes:
    """An agent.json without the training state, which acting needs not and a bundle has not."""
    meta = json.loads(data)
    if TRAINING not in (meta.get("sha256") or {}):
        return data
    del meta["sha256"][TRAINING]
    return (json.dumps(meta, indent=1, sort_keys=True) + "\n").encode()


@contextmanager
def unpacked_weights(
    archive: Archive, seeds: Sequence[int], report: Report
) -> Iterator[Path | None]:
    """A folder of the weights in a bundle, under names of ours, for as long as they are loaded.

    None where it has none. What cannot be read goes into the report.
    """
    inside = [seed for seed in seeds if set(weights_of(seed).values()) <= archive.sizes.keys()]
    if not inside:
        yield None
        return
    with TemporaryDirectory() as name:
        for seed in inside:
            folder = Path(name) / f"seed{seed}"
            folder.mkdir()
            for file, place in weights_of(seed).items():
                (folder / file).write_bytes(read(archive, place, report) or b"")
        yield Path(name)
