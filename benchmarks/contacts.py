"""How often uniform random actions bring about what interactions are inferred from.

python benchmarks/contacts.py [TASK ...]: the share of control steps, and of episodes, in which what
the action drives touches something that can be moved; 100 public starts.
"""

from __future__ import annotations

import argparse

import numpy as np

from entitybench.envs.api import make_worlds

TASKS = ("push-1block", "push-3blocks", "hockey-goal", "pick-1cube", "pick-3cubes", "sprites")
EPISODES = 100


def main() -> None:
    """Print a row a task."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="*", default=TASKS)
    for task in parser.parse_args().tasks:
        worlds = make_worlds(task, EPISODES, interactions=True)
        world, rng = worlds.world, np.random.default_rng(0)
        movable = [world.bodies.index(name) for name in world.movable]
        worlds.reset(range(EPISODES))
        steps = []
        for _ in range(worlds.horizon):
            _, info = worlds.step(rng.uniform(-1.0, 1.0, (EPISODES, *world.action_shape)))
            graph = info["interactions"][:, movable][:, :, list(world.driven)]
            steps.append(graph.any(axis=(1, 2)))
        touched = np.array(steps)
        print(f"| `{task}` | {touched.mean():.1%} | {touched.any(axis=0).mean():.0%} |", flush=True)


if __name__ == "__main__":
    main()
