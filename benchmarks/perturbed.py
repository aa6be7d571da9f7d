"""The oracle on perturbed starts beside public ones: `python benchmarks/perturbed.py [TASK ...]`.

Prints a row of the table in docs/banks.md for each task: success at the last step, %.
`bench eval --agent oracle --task TASK --bank perturbed --episodes 30` is one of its numbers.
"""

from __future__ import annotations

import argparse

from entitybench.leaderboard.evaluation.api import evaluate

MAIN = (
    *("push-3blocks", "push-1block-obstacles", "push-2blocks-zones", "push-2blocks-region"),
    *("tetris-3pieces", "pick-3cubes", "stack-3cubes", "scene", "pick-2cubes-bins"),
    *("hockey-goal", "hockey-goal-obstacles", "hockey-strike", "hockey-defend", "hockey-1v1"),
    *("hockey-mallets-4", "hockey-mallets-8", "kitchen-4tasks", "kitchen-goal"),
    *("kitchen-hinge-cabinet", "kitchen-gripper-4tasks", "team-pushbox", "team-spread"),
    *("team-tag", "sprites", "point-maze-medium"),
)


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="*", default=MAIN, help="ids; default: each family's")
    parser.add_argument("--episodes", type=int, default=30)
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    for task in asked.tasks:
        cells = []
        for bank in ("public", "perturbed"):
            record = evaluate(
                "oracle", task, episodes=asked.episodes, threads=asked.threads, bank=bank
            )
            solved = sum(row.values["success"] or 0 for row in record.rows) / len(record.rows)
            cells.append(f"{solved:.0%}")
        print(f"| `{task}` | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
