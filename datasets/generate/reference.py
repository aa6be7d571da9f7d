"""Reference scores of a task: what random actions and the scripted oracle reach.

The scores stand in `reference_scores.py`, measured once for each version of a task, so that
generating a dataset does not measure them again. Measure them anew after a task has changed:

    python -m entitybench.datasets.generate.reference
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.datasets.generate.reference_scores import REFERENCE_SCORES
from entitybench.registry import datasets, tasks
from entitybench.seeding import BatchGenerator, generator

if TYPE_CHECKING:
    from entitybench.types import Array, Obs, Policy, TaskSpec

EPISODES = 100  # the public starts 0, 1, ... 99


class RandomPolicy:
    """Uniform actions in [-1, 1]."""

    def __init__(self, action_shape: tuple[int, ...]) -> None:
        self._shape = action_shape

    def initial_state(self, batch: int) -> None:  # noqa: ARG002
        return None

    def act(self, obs: Obs, state: None, rng: BatchGenerator) -> tuple[Array, None]:  # noqa: ARG002
        return rng.uniform(-1.0, 1.0, (len(rng), *self._shape)), None


def reference_of(task: TaskSpec) -> dict[str, Any] | None:
    """The measured scores of this version of a task; None where nobody has measured them."""
    scores = REFERENCE_SCORES.get(f"{task.id}-v{task.version}")
    if scores is None:
        return None
    return {
        **scores,
        "expert": None,  # no expert demonstrations exist for these tasks
        "episodes": EPISODES,
        "how": f"means over the public starts 0 to {EPISODES - 1}, {task.horizon} steps, success "
        "at the last one; random: uniform actions; oracle: the scripted policy, given the goal",
    }


def score(task: TaskSpec, policy: Policy[Any], episodes: int = EPISODES) -> dict[str, float]:
    """Means over the public starts of a policy that is given the goal.

    Returns:
        "success" and "success_fraction" at the last step, and "return".
    """
    from entitybench.envs.core.api import make_worlds

    worlds = make_worlds(task, episodes)
    rng = BatchGenerator([generator(seed, "reference") for seed in range(episodes)])
    obs = worlds.reset(range(episodes))
    state = policy.initial_state(episodes)
    returns = np.zeros(episodes)
    for _ in range(task.horizon):
        action, state = policy.act(obs, state, rng)
        obs, info = worlds.step(action)
        returns += info["reward"]
    worlds.close()
    return {
        "success": float(np.mean(info["is_success"])),
        "success_fraction": round(float(np.mean(info["success_fraction"], dtype=np.float64)), 4),
        "return": float(np.mean(returns)),
    }


def measure(task: TaskSpec) -> dict[str, Any]:
    """What the table holds of a task: scores, and the physics that gave them."""
    from entitybench.datasets.generate.plan import physics_of
    from entitybench.envs.core.api import oracle_of, world_of

    world = world_of(task)
    oracle = None if task.oracle is None else score(task, oracle_of(task))
    return {
        "random": score(task, RandomPolicy(world.action_shape)),
        "oracle": oracle,
        **physics_of(world.model),
    }


def main() -> None:
    """Measure the tasks that have a dataset (or those named as arguments) and write the table."""
    chosen = sys.argv[1:] or list(dict.fromkeys(spec.task for spec in datasets()))
    table = dict(REFERENCE_SCORES)
    for id in chosen:
        task = tasks()[id]
        table[f"{id}-v{task.version}"] = measure(task)
        sys.stderr.write(f"{id}: {json.dumps(table[f'{id}-v{task.version}'])}\n")
    order = [f"{task.id}-v{task.version}" for task in tasks()]
    table = {key: table[key] for key in order if key in table}  # older versions are dropped
    text = json.dumps(table, indent=4).replace("null", "None")
    path = Path(__file__).with_name("reference_scores.py")
    path.write_text(
        '"""Written by `python -m entitybench.datasets.generate.reference`."""\n\n'
        "from __future__ import annotations\n\nfrom typing import Any\n\n"
        f"REFERENCE_SCORES: dict[str, dict[str, Any]] = {text}\n"
    )


if __name__ == "__main__":
    main()
