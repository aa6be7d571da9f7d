"""`bench page`: pages that show what datasets hold."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from entitybench.errors import BadValue
from entitybench.leaderboard.cli.args import DatasetId, Place, writable_folder
from entitybench.leaderboard.cli.output import note, print_json, put
from entitybench.progress import progress_bar

FAILED = 2  # exit code where a dataset could not be drawn


def page(
    *datasets: DatasetId,
    out: Place = Path("pages"),
    all_: Annotated[bool, Parameter(name="--all")] = False,
    json: bool = False,
) -> int:
    """Write a page on a dataset: a picture, scores, labels, columns, hashes.

    Args:
        datasets: Ids, or folders of stores.
        out: The folder for the pages (Markdown, with a picture and the numbers beside it).
        all_: All registered datasets that are on this machine, and an index. Run again to resume.
        json: Print what was written as JSON.
    """
    if all_ == bool(datasets):
        raise BadValue("name datasets or their folders, or give --all: one of the two.")
    writable_folder(out)

    from entitybench.datasets.pages.api import make_all, make_page

    if not all_:
        paths = [str(make_page(dataset, out)) for dataset in datasets]
        print_json(paths) if json else put("\n".join(paths))
        return 0
    with progress_bar("pages") as progress:
        found = make_all(out, progress=progress, say=lambda text: note(f"bench: {text}"))
    about = {name: getattr(found, name) for name in ("made", "kept", "absent", "failed")}
    if json:
        print_json(about)
    else:
        counts = [f"{len(about[name])} {name}" for name in about]
        put(f"{out}: {', '.join(counts)}")
    return FAILED if found.failed else 0
