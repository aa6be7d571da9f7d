"""Makes a bundle: evaluates what a record tells of again, and keeps what proves it."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import TYPE_CHECKING

from entitybench.errors import BadValue
from entitybench.kinds import GRAPHS, PROBLEMS
from entitybench.leaderboard.evaluation import evaluate, provenance
from entitybench.leaderboard.evaluation.tally import WENT_WRONG
from entitybench.leaderboard.submission.acting import agents_of, weights_files
from entitybench.leaderboard.submission.answers import answered
from entitybench.leaderboard.submission.archive import zipped
from entitybench.leaderboard.submission.arrays import packed
from entitybench.leaderboard.submission.claims import CHECKED
from entitybench.leaderboard.submission.keys import signed
from entitybench.leaderboard.submission.models import (
    MANIFEST,
    RECORD,
    SIGNATURE,
    EpisodesInfo,
    FileInfo,
    Manifest,
    columns_of,
    file_of,
    said,
    sha256,
)
from entitybench.leaderboard.submission.predictions import predicted
from entitybench.leaderboard.submission.recorder import Tape, columns, recording
from entitybench.registry import kinds, tasks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from entitybench.leaderboard.evaluation.pool import Progress
    from entitybench.records import Record, Row

# What agents state that act on nothing, stated again: by evaluator.
_STATED = {GRAPHS: predicted, PROBLEMS: answered}


def pack(
    record: Record,
    *,
    weights: Path | None = None,
    with_weights: bool = False,
    key: Path | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> bytes:
    """The bundle of a record: its agent acts again, and every episode is kept.

    Args:
        record: as `bench eval` wrote it.
        weights: as `bench eval --weights` takes them; None: what the record was made with.
        with_weights: whether the bundle holds them.
        key: file of the private key to sign with; None: unsigned.
        threads: workers; None: the cores. Changes no byte.
        progress: called with (steps done, all of them).

    Raises:
        BadValue: the record is of a kind without a simulator, of another version of its task, or
            an episode comes out otherwise than it says.
        CheckpointError: no weights, or wrong ones.
    """
    items = _checked(record)
    given = record.arguments.get("weights") if weights is None else weights
    agents = agents_of(record, given, record.device)
    files = {RECORD: record.to_json().encode()}
    files |= weights_files(record, given) if with_weights else {}
    episodes = []
    for done, (seed, agent) in enumerate(agents.items()):
        told = None if progress is None else partial(_counted, progress, done, len(agents))
        again_of = _STATED.get(kinds()[record.kind].evaluator)
        if again_of is not None:
            rows, steps, array = again_of(agent, record, items, threads, told)
            _compare(record, rows, seed)
            episodes.append(EpisodesInfo(training_seed=seed, items=items, steps=steps))
            files[file_of(seed, *columns_of(record.kind))] = packed(array)
            continue
        tapes: dict[int, Tape] = {}
        again = evaluate.evaluate(
            {seed: agent},
            record.task.id,
            episodes=len(items),
            episode_seed=items[0],
            threads=threads,
            bank=record.task.bank,
            worlds=recording(tapes, record.task.bank),
            progress=told,
        )
        _compare(record, again.rows, seed)
        kept = [tapes[item] for item in items]
        steps = [len(tape.actions) for tape in kept]
        episodes.append(EpisodesInfo(training_seed=seed, items=items, steps=steps))
        for column, array in columns(kept).items():
            files[file_of(seed, column)] = packed(array)
    manifest = Manifest(
        package=provenance.versions()["entitybench"],
        **said(record),
        episodes=episodes,
        machine=provenance.versions(),
        record_sha256=sha256(files[RECORD]),
        files={name: FileInfo(size=len(x), sha256=sha256(x)) for name, x in sorted(files.items())},
    )
    return sealed(manifest, files, key)


def sealed(manifest: Manifest, files: Mapping[str, bytes], key: Path | None = None) -> bytes:
    """The archive of a manifest and its files, signed where there is a key."""
    text = manifest.to_json().encode()
    files = {**files, MANIFEST: text}
    if key is not None:
        signature = signed(hashlib.sha256(text).digest(), key)
        files[SIGNATURE] = (signature.model_dump_json(indent=1) + "\n").encode()
    return zipped(files)


def _counted(progress: Progress, before: int, agents: int, done: int, total: int) -> None:
    progress(before * total + done, agents * total)


def _checked(record: Record) -> list[int]:
    """The items of the record. Raises BadValue where it cannot be packed, whoever acts."""
    kind, name = kinds()[record.kind], f"{record.task.id}-v{record.task.version}"
    if kind.evaluator not in CHECKED:
        raise BadValue(
            f"the record is of the kind {kind.id}, which has nothing to simulate again: so far "
            f"bundles are of {', '.join(k.id for k in kinds() if k.evaluator in CHECKED)}."
        )
    task = tasks()[record.task.id]
    if (record.task.version, record.hashes.task) != (task.version, provenance.task_hash(task)):
        raise BadValue(
            f"the record is of {name} as another build had it, and this one has "
            f"{task.id}-v{task.version}: {_evaluate(record)}."
        )
    broken = [row for row in record.rows if row.error not in (None, WENT_WRONG)]
    if broken:
        raise BadValue(
            f"episode {broken[0].item} of training seed {broken[0].training_seed} failed "
            f"({broken[0].error}): mend that, then {_evaluate(record)}."
        )
    items = record.items
    if len(record.rows) != len(items) * len(record.training_seeds) or items != list(
        range(items[0], items[0] + len(items))
    ):
        raise BadValue(f"episodes of the record are missing: {_evaluate(record)}.")
    return items


def _evaluate(record: Record) -> str:
    """The line that makes a record like it."""
    return f"`bench eval --agent {record.agent.id} --task {record.task.id}` makes one"


def _compare(record: Record, again: Sequence[Row], seed: int) -> None:
    """Raise BadValue unless the episodes of a training seed came out as the record says."""
    times = {metric.name for metric in record.metrics if not metric.exact}
    now = {row.item: row for row in again}
    for row in record.rows:
        if row.training_seed != seed:
            continue
        # What a record of an earlier version does not hold it does not claim.
        before = {name: x for name, x in row.values.items() if name not in times}
        after = {name: now[row.item].values.get(name) for name in before}
        for name in ("digest", "error"):
            before[name], after[name] = getattr(row, name), getattr(now[row.item], name)
        if different := [name for name in before if before[name] != after[name]]:
            name = different[0]
            raise BadValue(
                f"episode {row.item} of training seed {seed} comes out otherwise than the record "
                f"says ({name} was {before[name]} and is {after[name]}): agent, weights or machine "
                f"are others. {_evaluate(record)}."
            )
