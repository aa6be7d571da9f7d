"""Trains an expert with Stable-Baselines3: `python -m entitybench.datasets.behaviours.sb3 hopper`.

SAC or TD3 on batched worlds, from a seed. The actor is written as safetensors, which
`actor.Actor` reads without SB3, and its score on the public starts is printed. Training on one
kind of processor with one version of torch repeats itself; on another it need not.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import spaces

from entitybench.datasets.behaviours.actor import Actor
from entitybench.datasets.behaviours.measure import measure
from entitybench.envs.core.api import make_worlds, task_of
from entitybench.errors import BadValue
from entitybench.seeding import generator

if TYPE_CHECKING:
    from entitybench.types import Array, TaskSpec

FIRST_SEED = 2**42  # of starts while training; evaluations have others


def worlds_of(task: TaskSpec, count: int, threads: int, seed: int) -> Any:
    """`count` episodes of a reward task as an SB3 VecEnv, observations flattened."""
    from stable_baselines3.common.vec_env import VecEnv

    class Batch(VecEnv):
        """Steps our worlds; a row whose episode is over begins the next one at once."""

        render_mode = None

        def __init__(self) -> None:
            self.worlds = make_worlds(task, count, threads)
            world = self.worlds.world
            if not hasattr(world, "reward_terms") or len(world.action_shape) != 1:
                raise BadValue(f"{task.id} is no task with a reward for one agent.")
            size = world.entities * world.features
            super().__init__(
                count,
                spaces.Box(-np.inf, np.inf, (size,), np.float32),
                spaces.Box(-1.0, 1.0, world.action_shape, np.float32),
            )
            self._random = [generator(seed, "sb3-starts", row) for row in range(count)]
            self._age = np.zeros(count, np.int64)
            self._actions = np.zeros((count, *world.action_shape))

        def reset(self) -> Array:
            self._age[:] = 0
            return _flat(self.worlds.reset([self._seed(row) for row in range(count)]))

        def step_async(self, actions: Array) -> None:
            self._actions = actions

        def step_wait(self) -> tuple[Array, Array, Array, list[dict[str, Any]]]:
            obs, info = self.worlds.step(self._actions)
            self._age += 1
            seen = _flat(obs)
            ended = info.get("terminated", np.zeros(count, bool))
            done = ended | (self._age >= task.horizon)
            infos: list[dict[str, Any]] = [{} for _ in range(count)]
            rows = np.flatnonzero(done).tolist()
            for row in rows:
                infos[row] = {
                    "terminal_observation": seen[row].copy(),
                    "TimeLimit.truncated": not ended[row],
                }
            if rows:
                self._age[rows] = 0
                fresh = _flat(self.worlds.reset_rows(rows, [self._seed(row) for row in rows]))
                seen[rows] = fresh[rows]
            return seen, info["reward"].astype(np.float32), done, infos

        def _seed(self, row: int) -> int:
            return FIRST_SEED + int(self._random[row].integers(2**40))

        def close(self) -> None:
            self.worlds.close()

        def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
            del indices
            return [getattr(self, attr_name)] * count

        def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
            del indices  # one object is all rows
            setattr(self, attr_name, value)

        def env_method(self, method_name: str, *args: Any, **kwargs: Any) -> list[Any]:
            kwargs.pop("indices", None)
            return [getattr(self, method_name)(*args, **kwargs)] * count

        def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
            del wrapper_class, indices
            return [False] * count

    return Batch()


def _flat(obs: dict[str, Array]) -> Array:
    seen = obs["observation"]
    return seen.reshape(len(seen), -1).astype(np.float32)


def train(
    task: str,
    *,
    algorithm: str = "sac",
    steps: int = 300_000,
    seed: int = 0,
    width: int = 64,
    rows: int = 8,
    every: int = 1,
    threads: int = 1,
) -> Any:
    """Train, and return SB3's model.

    Args:
        task: a reward task for one agent.
        algorithm: "sac" or "td3".
        steps: control steps in all.
        seed: of networks, exploration and starts.
        width: of the two hidden layers.
        rows: episodes that run side by side.
        every: control steps for each update of the networks.
        threads: of physics and torch.
    """
    import stable_baselines3 as sb3
    import torch
    from stable_baselines3.common.noise import NormalActionNoise

    kinds = {"sac": sb3.SAC, "td3": sb3.TD3}
    if algorithm not in kinds:
        raise BadValue(f"an algorithm is sac or td3: got {algorithm!r}.")
    torch.set_num_threads(threads)
    worlds = worlds_of(task_of(task), rows, threads, seed)
    more: dict[str, Any] = {}
    if algorithm == "td3":
        size = worlds.action_space.shape[0]
        more["action_noise"] = NormalActionNoise(np.zeros(size), np.full(size, 0.1))
    model = kinds[algorithm](
        "MlpPolicy",
        worlds,
        seed=seed,
        device="cpu",
        learning_starts=min(10_000, steps // 10),
        learning_rate=1e-3,
        batch_size=256,
        train_freq=1,
        gradient_steps=max(1, rows // every),
        policy_kwargs={"net_arch": [width, width]},
        **more,
    )
    model.learn(steps)
    worlds.close()
    return model


def write_actor(actor: Any, out: Path, about: dict[str, str]) -> None:
    """Write the actor of an SB3 model as what `actor.Actor` reads; `about` goes into its header."""
    import torch
    from safetensors.torch import save_file

    # SAC has its last layer apart, since there is one for the deviations beside it.
    parts = [*actor.latent_pi, actor.mu] if hasattr(actor, "latent_pi") else [*actor.mu]
    layers = [layer for layer in parts if isinstance(layer, torch.nn.Linear)]
    tensors = {}
    for index, layer in enumerate(layers):
        tensors[f"layer{index}.weight"] = layer.weight.detach().clone()
        tensors[f"layer{index}.bias"] = layer.bias.detach().clone()
    features = layers[0].in_features
    tensors["mean"], tensors["deviation"] = torch.zeros(features), torch.ones(features)
    out.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, out, metadata=about)


def main() -> None:
    """Train, write and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task")
    parser.add_argument("--algorithm", choices=["sac", "td3"], default="sac")
    for name in ("steps", "seed", "width", "rows", "every", "threads"):
        default = (train.__kwdefaults__ or {})[name]
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--out", type=Path, help="runs/experts/TASK-ALGORITHM.safetensors")
    given = parser.parse_args()
    words = {key: value for key, value in vars(given).items() if key not in ("task", "out")}
    out = given.out or Path("runs/experts") / f"{given.task}-{given.algorithm}.safetensors"
    model = train(given.task, **words)
    about = {key: str(value) for key, value in {"task": given.task, **words}.items()}
    write_actor(model.policy.actor, out, about)
    print(json.dumps(measure(given.task, Actor(given.task, file=str(out)))))  # noqa: T201


if __name__ == "__main__":
    main()
