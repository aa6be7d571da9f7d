"""How long new problems of reasoning take: processor seconds for 100,000, by domain and level.

$ python benchmarks/reason.py
"""

from __future__ import annotations

import time

from entitybench.envs.worlds import world_of
from entitybench.registry import tasks
from entitybench.seeding import generator

COUNT, OF = 2_560, 100_000


def main() -> None:
    """One line a task."""
    for task in tasks():
        if "reason" not in task.tags:
            continue
        source = world_of(task)
        begun = time.process_time()
        for block in range(COUNT // 256):
            source.draw(256, generator(block, "benchmark"))
        spent = (time.process_time() - begun) * OF / COUNT
        print(f"{task.id:20} {spent:5.1f} s for {OF:,} problems")


if __name__ == "__main__":
    main()
