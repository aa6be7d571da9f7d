"""`bench site`: the board as a folder of pages."""

from __future__ import annotations

from pathlib import Path

from entitybench.leaderboard.cli.args import Place, writable_folder
from entitybench.leaderboard.cli.output import note, print_json, put
from entitybench.progress import progress_bar


def site(
    *,
    out: Place,
    submissions: Place | None = None,
    suite: str | None = None,
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
        json: Print what was written as JSON.
    """
    from entitybench import registry

    specs = list(registry.suites()) if suite is None else [registry.suites()[suite]]
    from entitybench.leaderboard.site.export import check_folder
    from entitybench.leaderboard.site.render import environment

    environment()  # raises what is missing before minutes of work
    check_folder(writable_folder(out))

    from entitybench.leaderboard.board.build import board_of, rows_of
    from entitybench.leaderboard.site.export import export
    from entitybench.leaderboard.suites.protocol import entries

    tasks = None if suite is None else [entry.task.id for entry in entries(specs[0])]
    with progress_bar("rows") as progress:
        evidence, events = rows_of(
            submissions, tasks=tasks, told=lambda line: note(f"bench: {line}"), progress=progress
        )
    with progress_bar("suites") as progress:
        board = board_of(evidence, suites=specs, events=events, progress=progress)
    with progress_bar("pages") as progress:
        files = export(out, board, evidence, progress=progress)
    index = Path(out) / "index.html"
    mine = sum(entry.origin == "submitted" for entry in board.entries)
    if json:
        print_json(
            {"index": str(index), "files": files, "rows": len(board.entries), "submitted": mine}
        )
        return
    put(f"{index}: {len(board.entries)} rows, {mine} of them submitted; {files} files.")
