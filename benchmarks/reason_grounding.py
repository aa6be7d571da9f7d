"""Answers to problems of reasoning replayed in MuJoCo: how often both say the same of them.

Of each level right answers to COUNT problems of the validation split, and half as many that were
spoilt; pushes by the scripted pusher, the kitchen by the scripted hand. Takes a minute.

$ python benchmarks/reason_grounding.py
"""

from __future__ import annotations

from entitybench.envs.reason.grounding import cases, replayed
from entitybench.envs.worlds import world_of
from entitybench.registry import tasks

COUNT = 40


def main() -> None:
    """One line a task, and one a domain."""
    all_done: dict[str, list[bool]] = {}
    for task in tasks():
        if "reason" not in task.tags:
            continue
        source = world_of(task)
        done = replayed(source, cases(source, COUNT, "validation"))
        right = [case.physical for case in done if case.symbolic]
        wrong = [not case.physical for case in done if not case.symbolic]
        all_done.setdefault(source.domain, []).extend([*right, *wrong])
        print(
            f"{task.id:20} right {sum(right)} of {len(right)}, wrong {sum(wrong)} of {len(wrong)}"
        )
    for domain, same in all_done.items():
        print(f"{domain:20} {100 * sum(same) / len(same):.1f} % of {len(same)} agree")


if __name__ == "__main__":
    main()
