"""`bench site`: the board as a folder of pages."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from entitybench.errors import BadValue
from entitybench.leaderboard.cli.args import Episodes, Place, writable_folder
from entitybench.leaderboard.cli.output import note, print_json, put
from entitybench.progress import progress_bar


def site(
    *,
    out: Place | None = None,
    submissions: Place | None = None,
    suite: str | None = None,
    watch: Episodes | None = None,
    import_: Annotated[Place | None, Parameter(name="--import")] = None,
    store: Place | None = None,
    database: str | None = None,
    json: bool = False,
) -> None:
    """Write the board as a folder of pages that opens by double click, without a server.

    The hosts' records that come with the package are always on it. The same inputs give the same
    bytes; data/board.json there is the whole board. An earlier site in the folder is replaced.

    Args:
        out: The folder to write. What is not such a site is never overwritten.
        submissions: A folder of bundles of `bench submit`, NAME.zip, beside each the report
            NAME.json of `bench verify NAME.zip --json`; log.jsonl says what became of them.
        suite: The tasks of one suite alone. Default: all tasks.
        watch: Let the best, the median and the random agent of each task act again in so many
            starts, to be watched in 3-D, if they can act here: scripted, or with shipped weights.
            Default: bundles alone can be watched.
        import_: Instead: fill the empty board of a server from such a folder, with its bundles,
            records and what became of them. `bench rescore` then simulates all of it again.
        store: Of that server, as `bench serve` takes it.
        database: Of that server, as `bench serve` takes it.
        json: Print what was written as JSON.
    """
    if import_ is not None:
        if any(x is not None for x in (out, submissions, suite, watch)):
            raise BadValue(
                "--import fills a board: leave out --out, --submissions, --suite and --watch."
            )
        _import(import_, store, database, json)
        return
    if out is None:
        raise BadValue("name the folder to write: --out FOLDER.")
    if store is not None or database is not None:
        raise BadValue("--store and --database are of the server that --import fills.")
    from entitybench import registry

    specs = list(registry.suites()) if suite is None else [registry.suites()[suite]]
    from entitybench.leaderboard.site.export import check_folder
    from entitybench.leaderboard.site.render import environment

    environment()  # raises what is missing before minutes of work
    check_folder(writable_folder(out))

    from entitybench.leaderboard.board.build import board_of, rows_of
    from entitybench.leaderboard.site.export import export
    from entitybench.leaderboard.suites.protocol import entries

    def told(line: str) -> None:
        note(f"bench: {line}")

    tasks = None if suite is None else [entry.task.id for entry in entries(specs[0])]
    with progress_bar("rows") as progress:
        evidence, events = rows_of(submissions, tasks=tasks, told=told, progress=progress)
    with progress_bar("suites") as progress:
        board = board_of(evidence, suites=specs, events=events, progress=progress)
    with progress_bar("pages") as progress:
        files = export(out, board, evidence, progress=progress, told=told, watch=watch or 0)
    index = Path(out) / "index.html"
    mine = sum(entry.origin == "submitted" for entry in board.entries)
    if json:
        print_json(
            {"index": str(index), "files": files, "rows": len(board.entries), "submitted": mine}
        )
        return
    put(f"{index}: {len(board.entries)} rows, {mine} of them submitted; {files} files.")


def _import(folder: Path, store: Path | None, database: str | None, json: bool) -> None:
    from entitybench.leaderboard.server.needs import check_extra

    check_extra()
    from entitybench.leaderboard.server.rebuild import rebuilt
    from entitybench.leaderboard.server.settings import Settings, default_store

    place = writable_folder(store or default_store(), "--store").absolute()
    with progress_bar("submissions") as progress:
        count = rebuilt(Settings(store=place, database=database), folder, progress)
    if json:
        print_json({"store": str(place), "submissions": count})
        return
    put(f"{place}: {count} submissions. `bench rescore --store {place}` simulates them again.")
