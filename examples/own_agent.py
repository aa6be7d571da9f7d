"""A policy of one's own beside the oracle and random actions.

python examples/own_agent.py [EPISODES], or by the command line:
bench eval --agent examples/own_agent.py:Shaky --task push-1block --episodes 20
"""

import sys

import numpy as np

import entitybench as eb
from entitybench.envs.api import oracle_of

TASK = "push-1block"


class Shaky:
    """The task's scripted policy, with a trembling hand."""

    def __init__(self, task):
        self.steady = oracle_of(task)  # a policy too

    def initial_state(self, batch):
        return self.steady.initial_state(batch)  # what it remembers, a row an episode

    def act(self, obs, state, rng):
        action, state = self.steady.act(obs, state, rng)  # (B, A), from obs[name] (B, N, D)
        tremble = rng.normal(size=action.shape)  # the harness's: a generator for each episode
        return np.clip(action + 2 * tremble, -1, 1), state


if __name__ == "__main__":
    episodes = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    mine = eb.evaluate(Shaky(TASK), TASK, episodes=episodes)
    oracle, chance = (eb.evaluate(id, TASK, episodes=episodes) for id in ("oracle", "random"))
    mine.write("mine.json")  # `bench table mine.json` shows it again

    print(eb.table([oracle, mine, chance]))
    print(eb.compare(mine, oracle))
    print(
        f"success: {mine.summary()['success']:.0%}, of the oracle {oracle.summary()['success']:.0%}"
    )
