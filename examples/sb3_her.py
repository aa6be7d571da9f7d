"""SAC with hindsight goals on a goal task: python examples/sb3_her.py [STEPS]."""

import sys

import gymnasium
from stable_baselines3 import SAC, HerReplayBuffer

import entitybench as eb

TASK = "push-1block"


class Trained:
    """A model of Stable-Baselines3 as a policy of ours."""

    def __init__(self, model):
        self.model = model

    def initial_state(self, batch):
        return None

    def act(self, obs, state, rng):
        return self.model.predict(obs, deterministic=True)[0], state


steps = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
env = gymnasium.make(f"entitybench/{TASK}-v1")
model = SAC(
    "MultiInputPolicy",  # the observation is a dict: observation, achieved and desired goal
    env,
    replay_buffer_class=HerReplayBuffer,  # asks `env.unwrapped.compute_reward` for new goals
    replay_buffer_kwargs={"n_sampled_goal": 4, "goal_selection_strategy": "future"},
    learning_starts=2 * env.spec.max_episode_steps,  # whole episodes, before goals are relabelled
    gamma=0.98,
    seed=0,
    device="cpu",
    verbose=1,  # its table has the steps a second, "fps"
)
model.learn(steps)
model.save("sac-her")
env.close()

record = eb.evaluate(Trained(model), TASK, episodes=20)
print(eb.table(record))
