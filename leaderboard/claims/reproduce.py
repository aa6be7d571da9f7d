"""`bench reproduce METHOD`: train what is missing, evaluate every arm, judge the claims.

Everything made lies in OUT and is found there the next time:

    OUT/PRESET/weights/AGENT/TASK/DATASET-NAME/seed<S>/    as `bench train` writes them
    OUT/PRESET/records/TASK/AGENT[-from-TASK][-on-DATASET].json
    OUT/PRESET/records/measured/MODULE.FUNCTION.json       numbers that are no agent's
    OUT/METHOD-PRESET.json                                 the verdicts, and what they rest on

A setting that an arm changes is in the name of its folder and file, after a +.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from entitybench.claims import Measured
from entitybench.errors import BadValue, BenchError
from entitybench.executors.api import LOCAL
from entitybench.executors.api import check as check_executor
from entitybench.files import write_atomic
from entitybench.leaderboard.claims import arms, measure, registered
from entitybench.leaderboard.claims.outcome import Reproduction
from entitybench.leaderboard.claims.plan import Event, Need, Plan, Report, make_plan, needs
from entitybench.leaderboard.claims.plan import train_missing as train
from entitybench.leaderboard.claims.quantities import Results
from entitybench.leaderboard.claims.verdicts import judge
from entitybench.leaderboard.evaluation import provenance
from entitybench.leaderboard.training.metrics import METRICS
from entitybench.records import Record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from entitybench.claims import Claim
    from entitybench.leaderboard.claims.verdicts import Verdict

__all__ = ["Event", "reproduce"]


def reproduce(
    method: str,
    *,
    claim: str | None = None,
    preset: str = "small",
    from_scratch: bool = False,
    workers: int = 1,
    executor: str = LOCAL,
    out: str | Path = Path("reproductions"),
    items: int | None = None,
    training_seeds: int | None = None,
    threads: int | None = None,
    device: str | None = None,
    progress: Report | None = None,
) -> Reproduction:
    """Check the claims of a method.

    Args:
        method: a method with claims.
        claim: one of them by name; None: all that are checked with `preset`.
        preset: of every arm.
        from_scratch: use no shipped weights.
        workers: training runs side by side.
        executor: where they are: "local", "slurm" or "ray".
        out: where weights, records and verdicts go; a second call goes on with what is there.
        items: episodes (clips, problems) of each training seed; None: as many as the claim says.
        training_seeds: how many; None: as many as the claim says.
        threads: of the evaluation.
        device: for training and evaluation; None: train on a GPU where there is one, and evaluate
            on the CPU.
        progress: called at every event.

    Raises:
        UnknownId: no such method or claim, or a claim that names what is not registered.
        BadValue: the claim is not checked with this preset.
        BenchError: training diverged, so that claims could not be judged; the others are.
    """
    report = progress or (lambda _: None)
    if workers < 1:
        raise BadValue(f"at least one worker is needed: got {workers}.")
    check_executor(executor)
    chosen = registered.chosen(method, claim, preset)
    for each in chosen:
        registered.check(each)
    run = _Run(
        plan=make_plan(
            chosen,
            preset,
            Path(out) / preset,
            from_scratch=from_scratch,
            training_seeds=training_seeds,
        ),
        items=items,
        training_seeds=training_seeds,
        threads=threads,
        device=provenance.pick_device(device) if device is not None else "cpu",
        report=report,
    )
    names = ", ".join(each.name for each in chosen)
    report(Event("plan", f"claims {names}: {run.plan.words()}"))
    lost = train(run.plan, workers, device, report, executor)
    verdicts, left_out = _judged(run, chosen, lost)
    result = Reproduction(
        method=method,
        preset=preset,
        verdicts=verdicts,
        trained=[str(need) for need in run.plan.missing if need not in lost],
        found=[str(need) for need in run.plan.found],
        shipped=[str(need) for need in run.plan.shipped],
        records=[path.relative_to(out).as_posix() for path in run.files],
        versions=provenance.versions(),
        revision=provenance.revision(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        out=str(out),
    )
    if verdicts:
        write_atomic(result.path, result.with_earlier().to_json())
    if left_out:
        there = f" The other verdicts are in {result.path}." if verdicts else ""
        raise BenchError(f"claims that could not be judged: {'; '.join(left_out)}.{there}")
    return result


def _judged(
    run: _Run, chosen: Sequence[Claim], lost: Mapping[Need, str]
) -> tuple[list[Verdict], list[str]]:
    """Verdicts, and which claims have none, and why: a training that they need diverged."""
    verdicts, left_out = [], []
    for each in chosen:
        gone = [need for need in run.needs(each) if need in lost]
        if gone:
            left_out.append(f"{each.name} ({gone[0]}: {lost[gone[0]].rstrip('.')})")
            run.report(Event("verdict", f"not judged: {left_out[-1]}"))
            continue
        verdicts.append(judge(each, run.results(each)))
        run.report(Event("verdict", f"{each.name}: {verdicts[-1].word}. {verdicts[-1].ours}"))
    return verdicts, left_out


@dataclass
class _Run:
    """Results of claims, those that several share made once."""

    plan: Plan
    items: int | None
    training_seeds: int | None
    threads: int | None
    device: str
    report: Report
    files: dict[Path, Record | measure.Measurement] = field(default_factory=dict)

    def seeds(self, claim: Claim) -> range:
        """Its training seeds."""
        return claim.seeds(self.training_seeds)

    def needs(self, claim: Claim) -> list[Need]:
        """The checkpoints that its arms act with."""
        return [need for arm in claim.arms for need in needs(arm, self.seeds(claim))]

    def results(self, claim: Claim) -> Results:
        """What a claim is judged on."""
        seeds = self.seeds(claim)
        records: dict[str, Record] = {}
        folders: dict[str, dict[int, Path]] = {}
        for arm in claim.arms:
            folders[arm.name] = {need.seed: self.plan.folder(need) for need in needs(arm, seeds)}
            agents = arms.load(arm, self.plan, seeds, self.device)
            path = self.plan.root / "records" / arms.record_file(arm)
            count = self.items or claim.items
            record = self.files.get(path)
            if not isinstance(record, Record) or not _has(record, seeds, count):
                record = arms.record_of(arm, agents, count, path, self.threads, self.report)
                self.files[path] = record
            records[arm.name] = record
        curves = {
            name: {s: folder / METRICS for s, folder in of.items() if (folder / METRICS).is_file()}
            for name, of in folders.items()
        }
        hashes = {
            name: {int(seed): sha for seed, sha in record.hashes.weights.items()}
            for name, record in records.items()
        }
        measured = {}
        for quantity in claim.quantities():
            if isinstance(quantity, Measured):
                measured[quantity] = self._measured(quantity, seeds, folders, hashes)
        return Results(records, curves, measured)

    def _measured(
        self,
        quantity: Measured,
        seeds: range,
        folders: Mapping[str, Mapping[int, Path]],
        hashes: Mapping[str, Mapping[int, str]],
    ) -> dict[int, float]:
        path = self.plan.root / "records" / "measured" / measure.file_name(quantity)
        self.report(Event("measure", f"measuring {quantity}", 0, 1))
        found = measure.measurement(quantity, seeds, folders, hashes, path)
        self.files[path] = found
        return found.by_seed()


def _has(record: Record, seeds: range, items: int) -> bool:
    """Whether a record of another claim has the same rows; one without weights has one seed."""
    same = record.training_seeds == list(seeds) or not record.hashes.weights
    return same and len(record.items) == items
