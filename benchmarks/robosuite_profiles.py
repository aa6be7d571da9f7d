"""Control steps a CPU-second of robosuite's Lift: its own environment, and our three profiles.

One process, interleaved, the oracle's actions of one episode replayed: medians of the rounds.
"""

from __future__ import annotations

import time
from statistics import median

import numpy as np

from entitybench.envs.core.api import make_worlds, oracle_of
from entitybench.envs.robosuite import library

STEPS, ROUNDS = 50, 5
PROFILES = ("faithful", "fast", "assets")


def main() -> None:
    """Measure, and print."""
    import robosuite

    policy, worlds = oracle_of("robosuite-lift"), make_worlds("robosuite-lift", 1)
    obs, state, actions = worlds.reset([0]), policy.initial_state(1), []
    for _ in range(STEPS):
        action, state = policy.act(obs, state, None)
        obs, _ = worlds.step(action)
        actions.append(action)
    with library.quietly():
        stock = robosuite.make(
            "Lift",
            robots="Panda",
            has_renderer=False,
            has_offscreen_renderer=False,
            use_camera_obs=False,
            reward_shaping=True,
            hard_reset=False,
            renderer="mujoco",
        )
    ours = {name: make_worlds("robosuite-lift", 1, profile=name) for name in PROFILES}
    rates: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for name in ("robosuite", *PROFILES):
            with library.quietly():
                stock.reset() if name == "robosuite" else ours[name].reset([0])
            began = time.process_time()
            for action in actions:
                if name == "robosuite":
                    stock.step(np.asarray(action[0]))
                else:
                    ours[name].step(action)
            rates.setdefault(name, []).append(STEPS / (time.process_time() - began))
    base = median(rates["robosuite"])
    for name, rate in rates.items():
        print(f"{name:10} {median(rate):8.1f} steps/s  x {median(rate) / base:.2f}")


if __name__ == "__main__":
    main()
