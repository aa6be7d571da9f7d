"""PPO on a task with a reward, four environments: python examples/sb3_ppo.py [STEPS]."""

import sys

from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy

steps = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
envs = make_vec_env("entitybench/hopper-v1", n_envs=4, seed=0)
model = PPO("MlpPolicy", envs, n_steps=64, batch_size=64, seed=0, device="cpu")
model.learn(steps)
mean, deviation = evaluate_policy(model, envs, n_eval_episodes=4)
print(f"return {mean:.0f} +- {deviation:.0f} after {model.num_timesteps} steps")
envs.close()
