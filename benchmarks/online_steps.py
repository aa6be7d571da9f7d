"""SAC with hindsight in hockey-goal: ours beside Stable-Baselines3's, in one process, by turns.

Equal: networks of 2 x 64, batches of 128, one update of critics, policy and temperature in four
environment steps, four of five transitions relabelled ("future"), 16 episodes side by side.
Stable-Baselines3 steps sixteen of the task's Gymnasium environments in its DummyVecEnv, and beside
them sixteen of gymnasium-robotics' FetchPush, where that is installed: another world, of the sort
that such learners are mostly shown in.

    python benchmarks/online_steps.py
    python benchmarks/online_steps.py --seeds 5      # ours side by side, per seed

The third row of ours is the preset small as it is: the policy moves at every second update. CPU
seconds of 100,000 environment steps of one training seed; the best block of each counts. What
still differs: SB3 relabels goals as achieved and evaluates rewards by `compute_reward`.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import time
from typing import TYPE_CHECKING, Any

import torch

import entitybench as eb
from entitybench.envs.training import WorldsOf
from entitybench.leaderboard.training.crew import crew_of
from entitybench.registry import agent, resolve_agent, tasks

if TYPE_CHECKING:
    from collections.abc import Callable

TASK, ROWS, BATCH, EVERY = "hockey-goal", 16, 128, 4
PEERS = PEER, FETCH = "Stable-Baselines3", "Stable-Baselines3, Fetch"


class Ours:
    """Training seeds of an agent side by side."""

    def __init__(self, id: str, seeds: int, **changes: Any) -> None:
        task, target = tasks()[TASK], resolve_agent(agent(id))
        config = target.configure(agent(id), "small", task, **changes)
        assert (config.rows, config.batch_size, config.update_every) == (ROWS, BATCH, EVERY)
        self.data, self.seeds = WorldsOf(task), seeds
        self.crew = crew_of(
            [
                target.create(config, task, seed=s, data=self.data, parts={}, device="cpu")
                for s in range(seeds)
            ]
        )

    def seconds(self, steps: int) -> float:
        """Of the processor, for one training seed."""
        end, cpu = self.crew.step + steps, time.process_time()
        while self.crew.step < end:
            self.crew.advance(self.data)
        return (time.process_time() - cpu) / self.seeds


class Theirs:
    """Stable-Baselines3's SAC with its HerReplayBuffer."""

    def __init__(self, make: Callable[[], Any]) -> None:
        from stable_baselines3 import SAC, HerReplayBuffer
        from stable_baselines3.common.vec_env import DummyVecEnv

        worlds = DummyVecEnv([make for _ in range(ROWS)])
        self.model = SAC(
            "MultiInputPolicy",
            worlds,
            replay_buffer_class=HerReplayBuffer,
            replay_buffer_kwargs={"n_sampled_goal": 4, "goal_selection_strategy": "future"},
            learning_rate=1e-3,
            buffer_size=200_000,
            learning_starts=2_000,  # an episode of each must be over
            batch_size=BATCH,
            tau=0.005,
            gamma=0.98,
            train_freq=1,  # of all environments together
            gradient_steps=ROWS // EVERY,
            policy_kwargs={"net_arch": [64, 64]},
            device="cpu",
            seed=0,
        )

    def seconds(self, steps: int) -> float:
        """Of the processor."""
        cpu = time.process_time()
        self.model.learn(steps, reset_num_timesteps=False)
        return time.process_time() - cpu


def fetch_push() -> Any:
    """The environment of gymnasium-robotics."""
    import gymnasium
    import gymnasium_robotics

    gymnasium.register_envs(gymnasium_robotics)
    return gymnasium.make("FetchPush-v4")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=3_200, help="of a block")
    parser.add_argument("--blocks", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=1, help="of ours, side by side")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    arms: dict[str, Any] = {
        "her, equal updates": Ours("her", asked.seeds, policy_every=1),
        "hint, equal updates": Ours("hint", asked.seeds, policy_every=1),
        "her, as in small": Ours("her", asked.seeds),
        PEER: Theirs(lambda: eb.make(TASK)),
    }
    if importlib.util.find_spec("gymnasium_robotics"):
        arms[FETCH] = Theirs(fetch_push)
    for arm in arms.values():
        arm.seconds(3_200)  # learning has begun
    blocks = [
        {name: arm.seconds(asked.steps) for name, arm in arms.items()} for _ in range(asked.blocks)
    ]
    found = {name: min(block[name] for block in blocks) for name in arms}
    rows = {name: seconds * 1e5 / asked.steps for name, seconds in found.items()}
    if asked.json:
        print(json.dumps(rows))
        return
    for name, seconds in rows.items():
        of = {peer: rows[peer] / seconds for peer in PEERS if peer in rows}
        times = "   ".join(f"{ratio:4.1f} x {peer}" for peer, ratio in of.items())
        print(f"{name:27} {seconds:6.1f} CPU s of 100,000 steps   {times}")
    print(f"load of the last minute: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
