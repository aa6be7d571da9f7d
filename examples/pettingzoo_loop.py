"""A team in PettingZoo's loop: python examples/pettingzoo_loop.py [STEPS]."""

import sys

from entitybench.envs.pettingzoo import pushbox_v1

steps = int(sys.argv[1]) if len(sys.argv) > 1 else 200

# All agents at once.
env = pushbox_v1.parallel_env()
observations, infos = env.reset(seed=0)
returns = dict.fromkeys(env.agents, 0.0)
for _ in range(steps):
    if not env.agents:  # the episode is over for all
        observations, infos = env.reset()
    actions = {agent: env.action_space(agent).sample() for agent in env.agents}
    observations, rewards, terminations, truncations, infos = env.step(actions)
    for agent, reward in rewards.items():
        returns[agent] += reward
print({agent: round(total, 2) for agent, total in returns.items()})
print("central state:", env.state().shape)
env.close()

# One after another.
env = pushbox_v1.env()
env.reset(seed=0)
for count, agent in enumerate(env.agent_iter()):
    observation, reward, termination, truncation, info = env.last()
    over = termination or truncation
    env.step(None if over else env.action_space(agent).sample())
    if count == steps:
        break
env.close()
