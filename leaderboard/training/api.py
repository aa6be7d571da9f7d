"""`eb.train`: what `bench train` does, for Python."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from entitybench.envs.worlds import task_of
from entitybench.errors import seed_names, training_seeds
from entitybench.leaderboard.training.parts import parts_of_seeds
from entitybench.leaderboard.training.train import train_seeds
from entitybench.progress import progress_bar
from entitybench.registry import agent as agent_spec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from entitybench.leaderboard.training.loop import Status
    from entitybench.types import TaskSpec


def train(
    agent: str,
    task: str | TaskSpec,
    *,
    out: str | Path,
    dataset: Any = None,
    preset: str = "small",
    set: Mapping[str, Any] | None = None,
    seeds: int | Sequence[int] = 0,
    device: str | None = None,
    threads: int | None = None,
    evaluate_every: int | None = None,
    generate: bool = False,
    logger: str | None = None,
    resume: bool = False,
    parts: Mapping[str, str | Path] | None = None,
    progress: Callable[[Status], None] | None = None,
) -> dict[int, Path]:
    """Train an agent, and return the folder of each training seed, OUT/seed<S>.

    Seeds of an agent that can do so learn side by side, in one computation; others one after
    another. `eb.load_agent(agent, task=task, weights=out, seed=...)` reads what comes out.

    Args:
        agent: an id of `bench list agents`.
        task: an id of `bench list tasks`, or a spec.
        out: the folder that gets seed<S>/ for every seed.
        dataset: an id of `bench list datasets`, a folder, or an opened dataset; None: the one that
            the task names.
        preset: the size of networks and training; `bench info AGENT` names them.
        set: changes to the preset by name, e.g. {"batch_size": 64, "phases.0.updates": 1000}.
        seeds: training seeds.
        device: "cpu", "cuda", "cuda:<index>"; None or "auto": a GPU where there is one.
        threads: of torch; None: 1. Another number rounds differently.
        evaluate_every: updates between evaluations on validation seeds; None: a fifth of all, 0:
            never.
        generate: make the dataset if it is registered and not there yet.
        logger: "csv", "tensorboard" or "wandb", beside metrics.jsonl.
        resume: go on with interrupted runs, leave finished ones as they are, begin the others.
        parts: folders of the weights that it is built on, by the names of `bench info AGENT`: a
            folder with seed<S>/ for every training seed, or one checkpoint for all of them.
        progress: called with the state of the run, some times a second and at every event. None:
            a progress bar on standard error, where that is a terminal or a notebook.

    Raises:
        BadValue: something cannot be so, an unknown setting for one, or `out` holds runs already.
        DataError: the dataset is not there; the text has the line that makes it.
        Diverged: training did, with some of the seeds; the others are finished.
        BenchError: the disk is full. The last checkpoint is kept.
    """
    chosen, given = training_seeds(seeds), parts or {}
    run = partial(
        train_seeds,
        agent,
        task,
        seeds=chosen,
        parts=parts_of_seeds(agent_spec(agent), task_of(task), given, chosen, set),
        out=out,
        dataset=dataset,
        preset=preset,
        changes=set,
        device=device,
        threads=threads,
        evaluate_every=evaluate_every,
        generate=generate,
        logger=logger,
        resume=resume,
    )
    if progress is not None:
        return run(progress=progress)
    with progress_bar(f"{agent} in {task_of(task).id}") as bar:
        return run(progress=lambda status: show(bar, status))


def show(bar: Callable[..., None], status: Status) -> None:
    """Move a bar of `progress_bar` to where a run is."""
    words = [status.unit]
    if status.updates_per_s > 0:
        words.append(f"{status.updates_per_s:.0f}/s")
    if status.seeds:
        words.append(seed_names(status.seeds))
    bar(status.step, status.total, ", ".join(words))
