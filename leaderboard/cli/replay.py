"""`bench replay`: the episodes of bundles in 3-D, in a folder that any browser opens."""

from __future__ import annotations

from pathlib import Path

from entitybench.errors import BadValue
from entitybench.leaderboard.cli.args import Place, Threads, existing, writable_folder
from entitybench.leaderboard.cli.output import note, print_json, put
from entitybench.progress import progress_bar

MOST = 2  # bundles, which stand side by side


def replay(
    *bundles: Place,
    out: Place = Path("replay"),
    poses_only: bool = False,
    threads: Threads | None = None,
    json: bool = False,
) -> None:
    """Show the episodes of a bundle in 3-D: a folder whose index.html opens by double click.

    The recorded actions are simulated again, as `bench verify` does, and what comes out is shown.
    Two bundles of one task, or two training seeds of one, stand side by side from the same start.

    Args:
        bundles: One or two zip files that `bench submit` packed.
        out: The folder for the page and what it loads; a new one, or one of an earlier replay.
        poses_only: Leave out the exact states (float64) of every step, which can be downloaded
            beside each episode and take most of the space.
        threads: Simulation threads; any number gives the same bytes. Default: the cores.
        json: Print what was written as JSON.
    """
    if not 1 <= len(bundles) <= MOST:
        raise BadValue(
            f"name one bundle of `bench submit`, or two to stand side by side: got {len(bundles)}."
        )
    for each in bundles:
        existing(each, "bundle")
    writable_folder(out)

    from entitybench.leaderboard.viewer import export
    from entitybench.leaderboard.viewer.models import INDEX

    if out.is_dir() and any(out.iterdir()) and not (out / INDEX).is_file():
        raise BadValue(f"--out {out} holds other files: name a new folder.")
    opened = [export.bundle(each) for each in bundles]
    with progress_bar("control steps simulated again") as progress:
        index = export.export(
            opened, out, states=not poses_only, threads=threads, progress=progress
        )
    page, count = out / export.PAGE, sum(len(source.rows) for source in index.sources)
    if json:
        sources = [
            {
                "agent": source.label,
                "training_seed": source.training_seed,
                "level": source.level,
                "bundle_sha256": source.sha256,
                "folder": source.folder,
                "episodes": len(source.rows),
            }
            for source in index.sources
        ]
        print_json({"task": index.name, "page": str(page), "sources": sources})
        return
    put(f"{page}: {count} episode{'s' * (count > 1)} of {index.name}.")
    note("Open it in a browser: it loads nothing from elsewhere, and needs no server.")
