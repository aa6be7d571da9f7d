"""OGBench's GCDataset as a subprocess of `benchmarks/loading.py`, in an environment of its own.

Runs `impls/utils/datasets.py` of a checkout of seohongpark/ogbench as it is, on an npz file of its
layout, opened as its `load_dataset(compact_dataset=True)` does. On standard output come the seconds
that opening took and the growth of the process; then, for each line "batch count" on standard
input, the seconds and CPU seconds of so many batches.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np


def resident() -> int:
    """Bytes of memory that this process holds, shared pages of files included."""
    fields = Path("/proc/self/status").read_text().split("VmRSS:")[1].split()
    return int(fields[0]) * 1024


def serve(draw: Any) -> None:
    """Answer lines "batch count" until the input ends."""
    for line in sys.stdin:
        batch, count = (int(word) for word in line.split())
        start, cpu = time.perf_counter(), time.process_time()
        for _ in range(count):
            draw(batch)
        print(json.dumps([time.perf_counter() - start, time.process_time() - cpu]), flush=True)


def main() -> None:
    """Open the file of the JSON argument, then serve."""
    asked = json.loads(sys.argv[1])
    sys.path.insert(0, str(Path(asked["checkout"]) / "impls"))
    from utils.datasets import Dataset, GCDataset

    config = {**asked["config"], "gc_negative": True, "p_aug": None, "frame_stack": None}
    before, start = resident(), time.perf_counter()
    with np.load(asked["file"]) as file:
        data = {name: file[name].astype(np.float32) for name in file.files}
    dataset = GCDataset(Dataset.create(**data, valids=1.0 - data["terminals"]), config)
    dataset.sample(256)
    opened = time.perf_counter() - start
    for _ in range(asked.get("touch", 0)):
        dataset.sample(1024)
    print(json.dumps([opened, resident() - before]), flush=True)
    serve(dataset.sample)


if __name__ == "__main__":
    main()
