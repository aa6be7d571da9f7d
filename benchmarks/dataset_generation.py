"""Transitions made a second: `python benchmarks/dataset_generation.py [ID] [WORKERS] [PIXELS]`.

From the call to the finished, checked store, with the start of the workers; then, if PIXELS are
given, the frames drawn a second. Processor seconds are those of all processes, so that a busy
machine's rate can be told from an idle one's.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from entitybench.datasets.generate.api import generate
from entitybench.datasets.generate.draw import draw
from entitybench.datasets.generate.pool import available_cores
from entitybench.datasets.store.store import EpisodeStore

if TYPE_CHECKING:
    from collections.abc import Callable


def cpu_seconds() -> float:
    """Of this process and of the children that have ended."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(sum(resource.getrusage(kind)[:2]) for kind in kinds)


def timed(what: str, work: Callable[[], int]) -> None:
    """Print how many things `work` makes a second."""
    wall, cpu = time.perf_counter(), cpu_seconds()
    count = work()
    wall, cpu = time.perf_counter() - wall, cpu_seconds() - cpu
    print(f"{count:,} {what}: {wall:.1f} s, {count / wall:,.0f} a second")
    print(f"processor {cpu:.1f} s: {count / cpu:,.0f} a core-second")


def main() -> None:
    """Make a registered dataset in a temporary folder and print the rates."""
    id = sys.argv[1] if len(sys.argv) > 1 else "push-3blocks/play-v1"
    workers = int(sys.argv[2]) if len(sys.argv) > 2 else available_cores()
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root) / "store"

        def simulated() -> int:
            return EpisodeStore.open(generate(id, workers=workers, out=folder)).transitions

        def drawn() -> int:
            draw(folder, int(sys.argv[3]), workers=workers)
            return len(EpisodeStore.open(folder).columns["frames"])

        print(f"{id}, {workers} workers")
        timed("transitions", simulated)
        if len(sys.argv) > 3:
            timed("frames", drawn)


if __name__ == "__main__":
    main()
