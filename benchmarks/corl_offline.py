"""CORL's IQL or TD3+BC as a subprocess of `benchmarks/offline_updates.py`.

Runs `algorithms/offline/iql.py` or `td3_bc.py` of a checkout of corl-team/CORL as it is: its
buffer, its networks and its trainer, put together as its own `train` does. What that file imports
for its command line only (d4rl, gym, pyrallis, wandb) is replaced by empty modules where it is not
installed. On standard input come numbers of updates, on standard output the seconds and CPU seconds
that so many of them took.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import time
import types
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import torch

RATE = 3e-4


def load(file: Path) -> Any:
    """The module of one of CORL's single files."""
    for name in ("d4rl", "gym", "pyrallis", "wandb"):
        if importlib.util.find_spec(name) is None:
            module = types.ModuleType(name)
            if name == "gym":
                module.Env = object  # type: ignore[attr-defined]
            if name == "pyrallis":  # `wrap()` leaves the function `train`, which nobody calls here
                module.wrap = lambda: lambda function: function  # type: ignore[attr-defined]
            sys.modules[name] = module
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        sys.exit(f"{file} cannot be imported.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
    return module


def trainer_of(method: str, corl: Any, states: int, actions: int) -> Any:
    """The trainer as `train` of the file makes it, with its default settings."""

    def adam(network: torch.nn.Module) -> torch.optim.Optimizer:
        return torch.optim.Adam(network.parameters(), lr=RATE)

    config = corl.TrainConfig()
    if method == "iql":
        critic, value = corl.TwinQ(states, actions), corl.ValueFunction(states)
        actor = corl.GaussianPolicy(states, actions, 1.0)
        return corl.ImplicitQLearning(
            1.0,
            actor,
            adam(actor),
            critic,
            adam(critic),
            value,
            adam(value),
            iql_tau=config.iql_tau,
            beta=config.beta,
            max_steps=config.max_timesteps,
            discount=config.discount,
            tau=config.tau,
        )
    actor = corl.Actor(states, actions, 1.0)
    first, second = corl.Critic(states, actions), corl.Critic(states, actions)
    return corl.TD3_BC(
        1.0,
        actor,
        adam(actor),
        first,
        adam(first),
        second,
        adam(second),
        discount=config.discount,
        tau=config.tau,
        policy_noise=config.policy_noise,
        noise_clip=config.noise_clip,
        policy_freq=config.policy_freq,
        alpha=config.alpha,
    )


def main() -> None:
    """Set up from the JSON argument, then answer lines until the input ends."""
    size = json.loads(sys.argv[1])
    torch.set_num_threads(1)
    file = {"iql": "iql.py", "td3bc": "td3_bc.py"}[size["method"]]
    corl = load(Path(size["checkout"]) / "algorithms/offline" / file)
    data = np.load(size["data"])
    rows, states = data["observations"].shape
    actions = data["actions"].shape[1]
    buffer = corl.ReplayBuffer(states, actions, rows, "cpu")
    real, sys.stdout = sys.stdout, MagicMock()  # the buffer prints its size
    buffer.load_d4rl_dataset(dict(data))
    sys.stdout = real
    trainer = trainer_of(size["method"], corl, states, actions)
    print(json.dumps({"torch": torch.__version__}), flush=True)
    for line in sys.stdin:
        start, cpu = time.perf_counter(), time.process_time()
        for _ in range(int(line)):
            trainer.train([part.to("cpu") for part in buffer.sample(size["batch"])])
        print(json.dumps([time.perf_counter() - start, time.process_time() - cpu]), flush=True)


if __name__ == "__main__":
    main()
