"""`bench train` and `bench reproduce`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from entitybench import registry
from entitybench.errors import BadValue, unknown
from entitybench.leaderboard.cli.args import Seed, Threads, writable_folder
from entitybench.leaderboard.cli.output import note, print_json, progress_bar

if TYPE_CHECKING:
    from entitybench.leaderboard.claims.plan import Event
    from entitybench.leaderboard.training.train import Status


def train(
    *,
    agent: str,
    task: str,
    preset: str = "small",
    seed: Seed = 0,
    out: Path,
    resume: bool = False,
    json: bool = False,
) -> None:
    """Train an agent with one training seed; OUT/seedS/ is what `bench eval --weights OUT` reads.

    Args:
        agent: An id of `bench list agents`.
        task: An id of `bench list tasks`.
        preset: tiny (seconds), small (two cores), paper (one large GPU).
        seed: The training seed.
        out: The folder that gets seedS/.
        resume: Go on from the last checkpoint of an interrupted run.
        json: Print the folder and the last metrics as JSON.
    """
    spec = registry.agents()[agent]
    if not spec.trains:
        raise BadValue(f"{agent!r} does not learn: bench eval --agent {agent} --task {task}")
    if preset not in spec.presets:
        raise unknown("preset", preset, spec.presets, see=f"bench info {agent}")
    registry.tasks()[task]
    writable_folder(out)

    from entitybench.leaderboard.training.train import train as run

    last: dict[str, float] = {}
    with progress_bar(f"{agent} in {task}, seed {seed}, updates") as bar:

        def progress(status: Status) -> None:
            if status.note:
                note(status.note)
            last.update(status.metrics)
            bar(status.step, status.total, f"{status.updates_per_s:.0f}/s")

        folder = run(
            agent, task, preset=preset, seed=seed, out=out, resume=resume, progress=progress
        )
    if json:
        print_json({"folder": str(folder), "metrics": last})
    else:
        print(folder)
        note(f"evaluate: bench eval --agent {agent} --task {task} --weights {out}")


def reproduce(
    method: str,
    /,
    *,
    claim: str | None = None,
    preset: str = "small",
    from_scratch: bool = False,
    workers: Threads = 1,
    device: str | None = None,
    out: Path = Path("reproductions"),
    json: bool = False,
) -> None:
    """Check a method's published claims: train what is missing, evaluate both arms, judge.

    Args:
        method: A method with claims, e.g. hecrl.
        claim: One claim by name; `bench info METHOD` lists them. Default: all.
        preset: small (two cores) or paper (one large GPU).
        from_scratch: Train everything, the shipped weights too.
        workers: Training runs side by side.
        device: cpu, cuda or cuda:INDEX. Default: train on a GPU where there is one, evaluate on the
            CPU.
        out: Where new weights and records go; run again to resume.
        json: Print the verdicts as JSON.
    """
    writable_folder(out)

    from entitybench.leaderboard.claims.reproduce import reproduce as run

    with progress_bar(method) as bar:

        def progress(event: Event) -> None:
            if event.kind in ("plan", "verdict"):
                note(event.message)
            else:
                bar(event.done, event.total, event.message)

        result = run(
            method,
            claim=claim,
            preset=preset,
            from_scratch=from_scratch,
            workers=workers,
            device=device,
            out=out,
            progress=progress,
        )
    if json:
        print(result.to_json())
    else:
        print(result.text())
        note(f"record: {result.path}")
