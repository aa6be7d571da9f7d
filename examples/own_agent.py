"""A policy of one's own beside random actions: python examples/own_agent.py [EPISODES]."""

import sys

import numpy as np

import entitybench as eb

TASK = "push-1block"


class Behind:
    """Go behind the block as seen from its place, then push. One block only."""

    def initial_state(self, batch):
        return None  # what the policy remembers, a row for each of `batch` episodes

    def act(self, obs, state, rng):
        pusher, block = obs["achieved_goal"][:, 0, :2], obs["achieved_goal"][:, 1, :2]
        place = obs["desired_goal"][:, 1, :2]
        way = place - block  # (B, 2) m
        away = np.linalg.norm(way, axis=1, keepdims=True)
        way = way / np.maximum(away, 1e-6)
        behind = block - 0.06 * way
        ready = np.linalg.norm(pusher - behind, axis=1, keepdims=True) < 0.03
        target = np.where(ready, block, behind)
        target = np.where(away < 0.02, pusher, target)  # it is there: stay
        return np.clip((target - pusher) / 0.05, -1, 1), state  # (B, 2) in [-1, 1]


episodes = int(sys.argv[1]) if len(sys.argv) > 1 else 100
mine = eb.evaluate(Behind(), TASK, episodes=episodes)
chance = eb.evaluate("random", TASK, episodes=episodes)
mine.write("mine.json")  # `bench table mine.json` shows it again

print(eb.table([mine, chance]))
print(eb.compare(mine, chance))
print(f"success: {mine.summary()['success']:.0%}, by chance {chance.summary()['success']:.0%}")
