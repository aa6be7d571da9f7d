"""`bench train` and `bench reproduce`."""

from __future__ import annotations

from functools import partial
from json import loads
from pathlib import Path
from typing import TYPE_CHECKING, Any

from entitybench import registry
from entitybench.errors import BadValue, Diverged, unknown
from entitybench.executors.api import LOCAL, check
from entitybench.leaderboard.cli.args import (
    AgentId,
    DatasetId,
    Every,
    Parts,
    Place,
    Seed,
    Seeds,
    Settings,
    TaskId,
    Threads,
    different,
    settings,
    writable_folder,
)
from entitybench.leaderboard.cli.output import note, print_json, put
from entitybench.progress import progress_bar

if TYPE_CHECKING:
    from entitybench.leaderboard.claims.plan import Event
    from entitybench.leaderboard.training.train import Status
    from entitybench.types import AgentSpec


def train(
    *,
    agent: AgentId,
    task: TaskId,
    dataset: DatasetId | None = None,
    preset: str = "small",
    set_: Settings | None = None,
    part: Parts | None = None,
    seed: Seed | None = None,
    seeds: Seeds | None = None,
    device: str | None = None,
    threads: Threads | None = None,
    evaluate_every: Every | None = None,
    generate: bool = False,
    logger: str | None = None,
    executor: str | None = None,
    workers: Threads | None = None,
    out: Place,
    resume: bool = False,
    json: bool = False,
) -> None:
    """Train an agent, with one training seed or several; OUT is for `bench eval --weights OUT`.

    Args:
        agent: An id of `bench list agents`.
        task: An id of `bench list tasks`.
        dataset: An id of `bench list datasets`, or what of it follows the task (mixed-obs), with
            @paper for that size, or a folder. Default: the one that the task names.
        preset: tiny (seconds), small (two cores), medium (an hour of one core; some agents), paper
            (one large GPU).
        set_: Settings of the preset to change, as NAME=VALUE, e.g. batch_size=64
            phases.0.updates=1000.
        part: Of an agent that is built on others, as NAME=FOLDER: their weights on the same task,
            of every training seed, or one checkpoint for all. `bench info AGENT` has the names.
        seed: The training seed. Default: 0.
        seeds: Several training seeds: side by side in one computation where the agent can do that,
            else one after another.
        device: cpu, cuda, cuda:INDEX, or auto for a GPU where there is one. Default: auto, or that
            of the run to go on with. A run can go on with any.
        threads: Threads of torch. Default: 1; another number rounds differently.
        evaluate_every: Updates between evaluations on validation starts, 0 for none. Default: a
            fifth of all.
        generate: Make the dataset if it is not there yet.
        logger: csv, tensorboard or wandb, beside metrics.jsonl.
        executor: Of several seeds: train each in a process of its own: local, slurm (a job array),
            or ray. Default: side by side or one after another, here.
        workers: With --executor: how many at a time. Default: as many as seeds.
        out: The folder that gets seedS/.
        resume: Go on with interrupted runs, leave finished ones as they are, begin the others.
        json: Print the folder and the last metrics as JSON; with --seeds a list of them.
    """
    chosen = _training_seeds(seed, seeds)
    spec = _learner(agent, task, preset)
    kind = registry.kind_for(spec.kind, registry.tasks()[task])
    changes, folders_of = settings(set_), settings(part, "--part", "graphs=runs/ncii")
    writable_folder(out)

    from entitybench.leaderboard.training.api import show
    from entitybench.leaderboard.training.fleet import apart
    from entitybench.leaderboard.training.parts import parts_of_seeds
    from entitybench.leaderboard.training.summary import summary_of
    from entitybench.leaderboard.training.train import begun, train_seeds

    if executor is None and workers is not None:
        raise BadValue(f"--workers {workers} is of an --executor: name one, or leave it out.")
    if resume:
        begun(out, chosen)
    given = parts_of_seeds(spec, registry.tasks()[task], folders_of, chosen, changes)
    with progress_bar(f"{agent} in {task}") as bar:

        def progress(status: Status) -> None:
            if status.note:
                note(status.note)
            show(bar, status)

        run: Any = train_seeds
        if executor is not None:
            check(executor)
            run = partial(apart, executor=executor, workers=workers or len(chosen))
        try:
            folders = run(
                agent,
                task,
                seeds=chosen,
                out=out,
                dataset=dataset,
                preset=preset,
                changes=changes,
                parts=given,
                device=device,
                threads=threads,
                evaluate_every=evaluate_every,
                generate=generate,
                logger=logger,
                resume=resume,
                progress=progress,
            )
        except Diverged as error:
            for each, folder in error.finished.items():
                note(summary_of(each, folder).text(kind))
            raise
    summaries = [summary_of(each, folder) for each, folder in folders.items()]
    for summary in summaries:
        note(summary.text(kind))
    if json:
        about = [each.to_json() for each in summaries]
        print_json(about[0] if seeds is None else about)
        return
    put("\n".join(str(each.folder) for each in summaries))
    if spec.scored:
        note(f"evaluate: bench eval --agent {agent} --task {task} --weights {out}")


def _learner(agent: str, task: str, preset: str) -> AgentSpec:
    """The spec of an agent that can be trained. Raises BadValue, UnknownId."""
    spec = registry.agent(agent)
    if spec.id not in registry.agents():
        raise BadValue(
            f"{agent} is a class in a file, which can be evaluated; what is trained has an id: "
            "docs/how-to-add-an-agent.md shows the entry point that gives it one."
        )
    if not spec.trains and not spec.scored:
        raise BadValue(f"{agent!r} does not learn: other agents are built on it as it is.")
    if not spec.trains:
        raise BadValue(f"{agent!r} does not learn: bench eval --agent {agent} --task {task}")
    if preset not in spec.presets:
        raise unknown("preset", preset, spec.presets, see=f"bench info {agent}")
    return spec


def _training_seeds(seed: int | None, seeds: list[int] | None) -> list[int]:
    if seeds is None:
        return [0 if seed is None else seed]
    if seed is not None:
        raise BadValue("give --seed or --seeds, not both.")
    return different(seeds, "--seeds") or []


def reproduce(
    method: str,
    /,
    *,
    claim: str | None = None,
    preset: str = "small",
    from_scratch: bool = False,
    workers: Threads = 1,
    executor: str = LOCAL,
    device: str | None = None,
    out: Place = Path("reproductions"),
    json: bool = False,
) -> None:
    """Check a method's published claims: train what is missing, evaluate both arms, judge.

    Args:
        method: A method with claims, e.g. hecrl.
        claim: One claim by name; `bench info METHOD` lists them. Default: all.
        preset: small (two cores), medium (an hour of one core; some methods) or paper (one large
            GPU).
        from_scratch: Train everything, the shipped weights too.
        workers: Training runs side by side.
        executor: Where they are: local, slurm (a job array), or ray. Default: local.
        device: cpu, cuda, cuda:INDEX, or auto for a GPU where there is one. Default: train as with
            auto, evaluate on the CPU.
        out: Where new weights and records go; run again to resume.
        json: Print the verdicts as JSON.
    """
    writable_folder(out)

    from entitybench.leaderboard.claims.reproduce import reproduce as run

    with progress_bar(method, lines=True) as bar:

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
            executor=executor,
            device=device,
            out=out,
            progress=progress,
        )
    if json:
        print_json(loads(result.to_json()))
    else:
        put(result.text())
        note(f"record: {result.path}")
