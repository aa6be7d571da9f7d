"""A policy of one's own beside the oracle and random actions.

python examples/own_agent.py [EPISODES], or by the command line:
bench eval --agent examples/own_agent.py:Behind --task push-1block --episodes 20
"""

import sys

import numpy as np

import entitybench as eb

TASK = "push-1block"


class Behind:
    """Go behind the block as seen from its place, then push. One block only."""

    def initial_state(self, batch):
        return None  # what the policy remembers, a row for each of `batch` episodes

    def act(self, obs, state, rng):  # obs[name] (B, N, D); rng: the harness's, of each episode
        pusher = obs["observation"][:, 0, :2]  # a goal says nothing of the pusher: its row is zero
        block, place = (obs[name][:, 1, :2] for name in ("achieved_goal", "desired_goal"))
        way = place - block  # (B, 2) m
        away = np.linalg.norm(way, axis=1, keepdims=True)
        behind = block - 0.06 * way / np.maximum(away, 1e-6)
        ready = np.linalg.norm(pusher - behind, axis=1, keepdims=True) < 0.03
        target = np.where(ready, block, behind)
        target = np.where(away < 0.02, pusher, target)  # it is there: stay
        return np.clip((target - pusher) / 0.05, -1, 1), state  # (B, A) in [-1, 1]


if __name__ == "__main__":
    episodes = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    mine = eb.evaluate(Behind(), TASK, episodes=episodes)
    oracle, chance = (eb.evaluate(id, TASK, episodes=episodes) for id in ("oracle", "random"))
    mine.write("mine.json")  # `bench table mine.json` shows it again

    print(eb.table([oracle, mine, chance]))
    print(eb.compare(mine, oracle))
    rates = (f"{record.summary()['success']:.0%}" for record in (mine, oracle, chance))
    print("success: {}, of the oracle {}, of random actions {}".format(*rates))
