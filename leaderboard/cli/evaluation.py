"""`bench eval`: weights, a progress bar, a table beside the stored records, a record file."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from entitybench import registry
from entitybench.errors import BadValue
from entitybench.executors.api import LOCAL
from entitybench.leaderboard.cli.args import (
    AgentId,
    DatasetId,
    Episodes,
    Place,
    Seed,
    Seeds,
    SuiteId,
    TaskId,
    Threads,
    different,
    writable_folder,
)
from entitybench.leaderboard.cli.films import check_out, film_options, make_film, unfilmed
from entitybench.leaderboard.cli.output import note, print_table, put
from entitybench.progress import progress_bar

if TYPE_CHECKING:
    from entitybench.records import Record

RESULTS = Path("results")
_OF_EPISODES = ("train_seeds", "episode_seed", "episodes")  # arguments that choose no weights


def evaluate(
    *,
    agent: AgentId,
    task: TaskId | None = None,
    suite: SuiteId | None = None,
    train_seeds: Seeds | None = None,
    episode_seed: Seed | None = None,
    episodes: Episodes | None = None,
    weights: Place | None = None,
    weights_from: TaskId | None = None,
    dataset: DatasetId | None = None,
    preset: str | None = None,
    device: str = "cpu",
    threads: Threads | None = None,
    bank: str | None = None,
    video: bool = False,
    view: str | None = None,
    size: int | None = None,
    speed: float | None = None,
    shard: str | None = None,
    executor: str | None = None,
    workers: Threads | None = None,
    out: Place | None = None,
    json: bool = False,
) -> None:
    """Evaluate an agent in a task or a suite of them: a table, records, and with --video a film.

    Args:
        agent: An id of `bench list agents`, path/to/file.py:Class or module:Class; or a policy of
            another form: policy.onnx, policy.pt, policy.zip of SB3, http://HOST:PORT, and
            llm://FOLDER of a language model.
        task: An id of `bench list tasks`; this or --suite.
        suite: An id of `bench list suites`: all its tasks, a record each. Run again to go on.
        train_seeds: Which trained agents to use, by training seed. Default: all there are, of a
            suite those that it asks for.
        episode_seed: Seed of the first episode; episode i has seed S + i. Default: 0.
        episodes: Episodes for each training seed. Default: 100, of a suite as many as it asks for.
        weights: A folder of seed*/ checkpoints, or of AGENT/TASK/DATASET/seed*/, or one checkpoint.
            Default: the shipped or downloaded weights.
        weights_from: Use the weights of another task (zero-shot): the shipped ones, or those in
            --weights.
        dataset: Use the weights that were trained on this dataset. Default: in --weights the only
            one there, else the one that the task names.
        preset: Only weights trained with this preset.
        device: Where the agent computes: cpu, cuda, cuda:INDEX, or auto for a GPU where there is
            one.
        threads: Simulation threads; any number gives the same record. Default: the cores.
        bank: Where start states come from: public, the default; perturbed, or some of it as in
            perturbed:mass,friction (colour, size, mass, friction, latency); hidden, whose salt is
            in the variable ENTITYBENCH_SALT.
        video: Write an mp4 and a contact sheet beside the record.
        view: The camera of the film. Default: that of the task.
        size: Pixels along the edge of an episode's picture in the film. Default: 256.
        speed: How many times as fast as in the world the film is. Default: 1, real time.
        shard: Of a suite i/n: every n-th task from the i-th on, so that n processes share it.
        executor: Of a suite: where blocks of episodes are run: local, slurm (a job array), or ray.
            Default: local.
        workers: Of a suite: how many run at a time; any number gives the same rows. Default: the
            cores, and one for each four blocks at most.
        out: The record file, a new one. Default: results/TASK/AGENT-TIME.json. Of a suite the
            folder of records, which several agents may share. Default: results/SUITE.
        json: Print the record instead of the table.
    """
    different(train_seeds, "--train-seeds")
    registry.agent(agent)
    if suite is not None:
        from entitybench.leaderboard.cli.suites import evaluate as evaluate_suite

        refused: dict[str, Any] = {
            "task": task,
            "weights-from": weights_from,
            "dataset": dataset,
            "episode-seed": episode_seed,
            "video": video or None,
            "view": view,
            "size": size,
            "speed": speed,
        }
        evaluate_suite(
            agent,
            suite,
            refused=refused,
            json=json,
            out=out or RESULTS / suite,
            episodes=episodes,
            training_seeds=train_seeds,
            weights=weights,
            preset=preset,
            device=device,
            threads=threads,
            bank=bank or "public",
            shard=shard,
            executor=executor or LOCAL,
            workers=workers,
        )
        return
    if task is None:
        raise BadValue("bench eval needs a --task, or a --suite of them; `bench list` shows both.")
    for name, value in (("shard", shard), ("executor", executor), ("workers", workers)):
        if value is not None:
            raise BadValue(f"--{name} {value} is of a suite: leave it out, or give --suite.")
    _in_task(
        agent,
        task,
        {
            "train_seeds": train_seeds,
            "episode_seed": episode_seed or 0,
            "episodes": episodes or 100,
            "weights": weights,
            "weights_from": weights_from,
            "dataset": dataset,
            "preset": preset,
            "device": device,
        },
        threads=threads,
        bank=bank,
        film={"video": video, "view": view, "size": size, "speed": speed},
        out=out,
        json=json,
    )


def _in_task(
    agent: str,
    task: str,
    asked: dict[str, Any],
    *,
    threads: int | None,
    bank: str | None,
    film: dict[str, Any],
    out: Path | None,
    json: bool,
) -> None:
    """Evaluate an agent in one task; `asked` is what its record says was asked for."""
    if asked["weights_from"] is not None:
        registry.tasks()[asked["weights_from"]]
    spec = registry.tasks()[task]
    kind, video = registry.kind_for(registry.agent(agent).kind, spec), film["video"]
    arguments = {"agent": agent, "task": task, **asked, "bank": bank or "public"}
    arguments["weights"] = None if asked["weights"] is None else str(asked["weights"])
    done = unfilmed(out, arguments, spec.version) if video and out is not None else None
    if out is None:
        writable_folder(RESULTS / spec.id)
    elif done is None:
        check_out(out, video)

    from entitybench.leaderboard.evaluation import api
    from entitybench.leaderboard.evaluation.evaluate import check_options

    check_options(kind, bank=bank is not None, video=video, threads=threads is not None)
    options = film_options(kind, spec, **film)
    title = f"{agent} in {task}{', control steps' if spec.horizon else ''}"
    if done is not None and out is not None:
        note(f"record: {out} is there already; it lacks its film")
        record, path = done, out
        _show(record, json)
    else:
        how = {"training_seeds" if k == "train_seeds" else k: v for k, v in asked.items()}
        how |= {"threads": threads, "bank": bank or "public", "arguments": arguments}
        with progress_bar(title) as progress:
            record = api.evaluate(agent, task, progress=progress, **how)
        try:  # written before it is shown, and shown whatever the disk says: it is not lost
            path = _write(record, out)
            note(f"record: {path}")
        finally:
            _show(record, json)
    if video:
        use = {k: v for k, v in asked.items() if k not in _OF_EPISODES}
        loaded = api.load_agent(agent, task=task, seed=record.training_seeds[0], **use)
        make_film(loaded, record, path, asked["episode_seed"], options)


def _write(record: Record, out: Path | None) -> Path:
    """Write a record where nothing is: what came there meanwhile stays, and the name gets a number.

    Without `out` to results/TASK/AGENT[-from-TASK][-on-DATASET]-TIME.json.
    """
    from entitybench.files import is_special, write_new

    if out is not None:
        if is_special(out):
            return record.write(out)
        real = Path(os.path.realpath(out))
        path = write_new(real.parent, real.stem, record.to_json(), suffix=real.suffix)
        return out if path == real else path
    parts = [re.sub(r"[^A-Za-z0-9_.-]+", "-", Path(record.agent.id).name)]
    if record.agent.weights_from:
        parts.append(f"from-{record.agent.weights_from}")
    parts += sorted(
        {
            f"on-{data.dataset.rpartition('/')[2]}"
            for data in record.data
            if data.dataset and not data.default
        }
    )
    parts.append(re.sub(r"\D", "", record.created)[:14])
    return write_new(RESULTS / record.task.id, "-".join(parts), record.to_json())


def _show(record: Record, json: bool) -> None:
    """Print a record: its file, or a table with the shipped ones below, and how it handles."""
    if json:
        put(record.to_json())
        return

    from entitybench.leaderboard.tables.extras import handled
    from entitybench.leaderboard.tables.gather import beside_shipped
    from entitybench.leaderboard.tables.merge import Named

    made = beside_shipped([Named(record)])
    line = handled(record)
    print_table(replace(made, remarks=(*made.remarks, *([line] if line else []))))
