"""How many injected failures are labelled: `python benchmarks/failures.py [TASK ...]`.

For each task that has failures, and each of them: of so many public starts the percentage that is
kept (the injected predicate and no other holds), the rest being discarded; and of the oracle's own
episodes the percentage in which the predicate holds, which should be none.
"""

from __future__ import annotations

import argparse

from entitybench.envs.failures import failures_of, inject
from entitybench.registry import tasks


def main() -> None:
    """Print a line for each task and failure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="*", help="ids; default: all in state that have failures")
    parser.add_argument("--starts", type=int, default=40)
    asked = parser.parse_args()
    for task in tasks():
        named = task.id in asked.tasks if asked.tasks else "state" in task.tags
        if task.failures is None or not named:
            continue
        table = failures_of(task)
        plain, _ = inject(task, "success", range(asked.starts))
        for name, failure in table.items():
            _, kept = inject(task, name, range(asked.starts))
            false = 0.0 if name == "success" else failure.holds(plain).mean()
            print(
                f"{task.id} {failure.number} {name}: {kept.mean():.0%} kept, "
                f"{false:.0%} without injection",
                flush=True,
            )


if __name__ == "__main__":
    main()
