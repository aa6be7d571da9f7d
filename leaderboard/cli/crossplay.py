"""`bench crossplay`: games between trained agents, a progress bar, two tables, a file, pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from entitybench.errors import BadValue, MissingExtra
from entitybench.leaderboard.cli.args import (
    AgentWords,
    DatasetId,
    Episodes,
    Place,
    Seed,
    Seeds,
    TaskId,
    Threads,
    different,
    whole,
    writable_folder,
)
from entitybench.leaderboard.cli.output import note, print_json, print_table, put
from entitybench.progress import progress_bar

_MOST = 1000  # teams of strangers
Count = Annotated[int, Parameter(converter=whole(0, _MOST))]


def crossplay(
    *,
    agents: AgentWords,
    task: TaskId,
    games: Episodes = 20,
    episode_seed: Seed = 0,
    train_seeds: Seeds | None = None,
    strangers: Count | None = None,
    preset: str | None = None,
    dataset: DatasetId | None = None,
    device: str = "cpu",
    threads: Threads | None = None,
    out: Place | None = None,
    json: bool = False,
) -> None:
    """Let trained agents play against each other: ratings, a matrix, pictures. Run again to go on.

    Args:
        agents: Ids of `bench list agents`, path/to/file.py:Class or policies of other forms;
            ID=FOLDER for the weights in a folder, as --weights of `bench eval` takes them. Each
            training seed is a team.
        task: A task with opponents, such as hockey-2v2.
        games: Games of every ordered pair of teams, all pairs from the same starts.
        episode_seed: Seed of the first start; game i begins with seed S + i.
        train_seeds: Which training seeds of agents with weights. Default: all there are.
        strangers: Teams of each agent whose members come from different training seeds, where a
            side has several. Default: as many as there are seeds; 0: none.
        preset: Only weights trained with this preset.
        dataset: Use the weights that were trained on this dataset. Default: in a folder the only
            one there, else the one that the task names.
        device: Where agents compute: cpu, cuda, cuda:INDEX, or auto for a GPU where there is one.
        threads: Simulation threads; any number gives the same games. Default: the cores.
        out: The folder of crossplay.json, methods.png and teams.png; games that are there already
            are not played again. Default: results/crossplay/TASK.
        json: Print the file instead of the tables.
    """
    if not agents:
        raise BadValue("--agents needs two agents or more, e.g. --agents ma-bc=runs/ma-bc random.")
    different(train_seeds, "--train-seeds")
    folder = writable_folder(out or Path("results") / "crossplay" / task)
    from entitybench.leaderboard.crossplay.api import crossplay as play

    with progress_bar(f"{task}, control steps", lines=True) as progress:
        found = play(
            agents,
            task,
            games=games,
            episode_seed=episode_seed,
            out=folder,
            train_seeds=train_seeds,
            strangers=strangers,
            preset=preset,
            dataset=dataset,
            device=device,
            threads=threads,
            progress=progress,
        )
    note(f"games: {folder / 'crossplay.json'}")
    try:
        for name, teams in (("methods", False), ("teams", True)):
            note(f"picture: {found.draw(folder / f'{name}.png', teams=teams)}")
    except MissingExtra as error:
        note(f"no pictures: {error}")
    if json:
        print_json(found.to_json())
        return
    print_table(found.standings, f"bench crossplay … --out {folder}")
    put("")
    print_table(found.matrix, f"bench crossplay … --out {folder}")
