"""Trains an expert with Stable-Baselines3: `python -m entitybench.datasets.experts.sb3 hopper`.

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

from entitybench.datasets.behaviours.actor import EXAMPLE, Actor
from entitybench.datasets.behaviours.measure import measure
from entitybench.envs.api import task_of
from entitybench.errors import BadValue, whole

if TYPE_CHECKING:
    from collections.abc import Callable


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
    checkpoints: int = 0,
    save: Callable[[Any, int], None] | None = None,
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
        checkpoints: how often `save` is called on the way, evenly spread.
        save: called with the model and the control steps so far; it changes nothing.
    """
    import stable_baselines3 as sb3
    import torch
    from stable_baselines3.common.noise import NormalActionNoise

    from entitybench.envs.views.sb3 import BatchedWorlds

    kinds = {"sac": sb3.SAC, "td3": sb3.TD3}
    if algorithm not in kinds:
        raise BadValue(f"an algorithm is sac or td3: got {algorithm!r}.")
    torch.set_num_threads(threads)
    worlds = BatchedWorlds(task_of(task), rows, threads, seed)
    more: dict[str, Any] = {}
    if algorithm == "td3":
        size = worlds.worlds.world.action_shape[0]
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
    count = whole("checkpoints", checkpoints, 0)
    due = [steps * (index + 1) // (count + 1) for index in range(count)]

    def on_step(*_: Any) -> bool:
        while save is not None and due and model.num_timesteps >= due[0]:
            save(model, due.pop(0))
        return True

    model.learn(steps, callback=on_step)
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
    seen = torch.linspace(-1.0, 1.0, features)
    with torch.no_grad():
        done = actor._predict(seen[None], deterministic=True)[0]  # the one call that both have
    tensors |= dict(zip(EXAMPLE, (seen, done.clone()), strict=True))
    out.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, out, metadata=about)


def main() -> None:
    """Train, write and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task")
    parser.add_argument("--algorithm", choices=["sac", "td3"], default="sac")
    for name in ("steps", "seed", "width", "rows", "every", "threads", "checkpoints"):
        default = (train.__kwdefaults__ or {})[name]
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--out", type=Path, help="runs/experts/TASK-ALGORITHM.safetensors")
    given = parser.parse_args()
    words = {key: value for key, value in vars(given).items() if key not in ("task", "out")}
    out = given.out or Path("runs/experts") / f"{given.task}-{given.algorithm}.safetensors"
    about = {key: str(value) for key, value in {"task": given.task, **words}.items()}

    def save(model: Any, steps: int) -> None:
        place = out.with_name(f"{out.stem}-{steps}.safetensors")
        write_actor(model.policy.actor, place, {**about, "taken_at": str(steps)})

    model = train(given.task, **words, save=save)
    write_actor(model.policy.actor, out, about)
    print(json.dumps(measure(given.task, Actor(given.task, file=str(out)))))  # noqa: T201


if __name__ == "__main__":
    main()
