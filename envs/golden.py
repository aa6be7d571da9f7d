"""Golden rollouts: a hash of the states of every task after known actions, for MuJoCo's version.

`python -m entitybench.envs.golden` compares, with `--write` it stores. They differ when
something changed an episode, so a new version of the task is due; or when the processor or another
build of MuJoCo or numpy rounds otherwise, in which case all tasks of a kind differ.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import mujoco

from entitybench.envs.api import make_worlds
from entitybench.registry import tasks
from entitybench.seeding import generator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from entitybench.types import TaskSpec

TABLE = Path(__file__).with_name("golden.json")
STEPS, HOLD = 40, 4  # control steps, and how many an action is held for
EPISODES = 2


def measured() -> Iterator[TaskSpec]:
    """The tasks that have a rollout: those in state whose engine is installed."""
    for task in tasks():
        there = not task.extra or importlib.util.find_spec(task.extra) is not None
        if "state" in task.tags and there:
            yield task


def rollout(task: TaskSpec) -> str:
    """sha256 (hex) of the states after random, held actions from the starts 0 and 1."""
    worlds = make_worlds(task, EPISODES)
    worlds.reset(range(EPISODES))
    rng = generator(0, "golden", task.id)
    for step in range(STEPS):
        if step % HOLD == 0:
            actions = rng.uniform(-1, 1, (EPISODES, *worlds.world.action_shape))
        worlds.step(actions)
    digest = "".join(worlds.state_digest(row) for row in range(EPISODES))
    worlds.close()
    return hashlib.sha256(digest.encode()).hexdigest()


def stored() -> dict[str, str]:
    """Hashes by "ID-vVERSION" for the MuJoCo that is installed; empty for one without."""
    table: dict[str, dict[str, str]] = json.loads(TABLE.read_text()) if TABLE.exists() else {}
    return table.get(mujoco.__version__, {})


def compare() -> tuple[list[str], list[str], int]:
    """Ids of tasks that differ from what is stored, of those not stored, and how many agree."""
    known, differ, new, agree = stored(), [], [], 0
    for task in measured():
        expected = known.get(f"{task.id}-v{task.version}")
        if expected is None:
            new.append(task.id)
        elif rollout(task) != expected:
            differ.append(task.id)
        else:
            agree += 1
    return differ, new, agree


def main() -> int:
    """Compare or, with --write, store. Returns the exit code."""
    if "--write" in sys.argv[1:]:
        table = json.loads(TABLE.read_text()) if TABLE.exists() else {}
        table[mujoco.__version__] = {f"{t.id}-v{t.version}": rollout(t) for t in measured()}
        TABLE.write_text(json.dumps(table, indent=1, sort_keys=True) + "\n")
        return 0
    differ, new, agree = compare()
    sys.stdout.write(f"{agree} agree; differ: {differ}; not stored: {new}\n")
    return 1 if differ or new else 0


if __name__ == "__main__":
    raise SystemExit(main())
