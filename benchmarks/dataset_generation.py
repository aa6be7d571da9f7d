"""Transitions generated a second: `python benchmarks/dataset_generation.py [ID] [WORKERS]`.

From the call to the finished, hashed store, with the start of the workers. Processor seconds are
those of all processes, so that a busy machine's rate can be told from an idle one's.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

from entitybench.datasets.generate.api import available_cores, generate
from entitybench.datasets.store.store import EpisodeStore


def cpu_seconds() -> float:
    """Of this process and of the children that have ended."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(sum(resource.getrusage(kind)[:2]) for kind in kinds)


def main() -> None:
    """Generate a registered dataset into a temporary folder and print the rates."""
    id = sys.argv[1] if len(sys.argv) > 1 else "push-3blocks/play-v1"
    workers = int(sys.argv[2]) if len(sys.argv) > 2 else available_cores()
    with tempfile.TemporaryDirectory() as root:
        wall, cpu = time.perf_counter(), cpu_seconds()
        folder = generate(id, workers=workers, out=Path(root) / "store")
        wall, cpu = time.perf_counter() - wall, cpu_seconds() - cpu
        count = EpisodeStore.open(folder).transitions
    print(f"{id}: {count:,} transitions, {workers} workers")
    print(f"wall {wall:.1f} s: {count / wall:,.0f} transitions a second")
    print(f"processor {cpu:.1f} s: {count / cpu:,.0f} transitions a core-second")


if __name__ == "__main__":
    main()
