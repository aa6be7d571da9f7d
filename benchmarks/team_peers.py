"""Other people's learners of teams as a subprocess of `benchmarks/team_updates.py`.

Runs the classes of a checkout as they are, on noise of the sizes asked for, each batch drawn by the
buffer that their training loops draw with. Two releases lack modules that their agents import
(`util`, `utils.encoders`); stand-ins for the functions that an update calls are here. On standard
input come counts of updates, on standard output the seconds and CPU seconds that so many took.
"""

from __future__ import annotations

import json
import sys
import time
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

Size = dict[str, Any]
Batch = dict[str, Any]
ROWS = 50_000  # steps to draw from


def noise(size: Size, *, choices: bool = False) -> Batch:
    """Steps (1, ROWS, ...), one after another; actions are numbers, or which of so many."""
    rng = np.random.default_rng(0)
    agents = (1, ROWS, size["agents"])
    acts = rng.uniform(-1, 1, (*agents, size["does"])).astype(np.float32)
    return {
        "observations": rng.standard_normal((*agents, size["sees"]), np.float32),
        "actions": acts.argmax(-1) if choices else acts,
        "rewards": rng.standard_normal(agents, np.float32),
        "terminals": np.zeros(agents, np.float32),
        "truncations": np.zeros(agents, np.float32),
        "infos": {"state": rng.standard_normal((1, ROWS, size["state"]), np.float32)},
    }


def drawing(kind: Any, size: Size, steps: Batch) -> Callable[[], Batch]:
    """What draws batches (B, T, ...) with a FlashbaxReplayBuffer of a checkout."""
    import jax
    import jax.numpy as jnp
    from flashbax.buffers.trajectory_buffer import TrajectoryBufferState

    buffer = kind(size["length"], max_size=ROWS, batch_size=size["batch"])
    whole = jax.tree.map(jnp.asarray, steps)
    buffer._buffer_state = TrajectoryBufferState(
        experience=whole, current_index=jnp.array(0), is_full=jnp.array(True)
    )
    draw: Callable[[], Batch] = buffer.sample
    return draw


def lacking() -> None:
    """What the releases import and do not have."""
    import jax.numpy as jnp

    def with_ids(x: Any) -> Any:
        ids = jnp.broadcast_to(jnp.eye(x.shape[-2]), (*x.shape[:-1], x.shape[-2]))
        return jnp.concatenate([ids, x], -1)

    util: Any = ModuleType("util")
    util.batch_concat_agent_id_to_obs = with_ids
    util.switch_two_leading_dims = lambda x: jnp.swapaxes(x, 0, 1)
    util.concat_agent_id_to_obs = None  # acting alone calls it
    util.__all__ = [name for name in vars(util) if name.endswith(("_obs", "_dims"))]
    encoders: Any = ModuleType("utils.encoders")
    encoders.encoder_modules = {}
    sys.modules |= {"util": util, "utils.encoders": encoders}


def in_jax(make: Any, size: Size, config: Any, *, choices: bool = False) -> Callable[[int], None]:
    """Updates of an agent of flax's, which `make` makes of examples of a batch."""
    import jax
    import jax.numpy as jnp
    from utils.replay_buffers import FlashbaxReplayBuffer

    draw = drawing(FlashbaxReplayBuffer, size, noise(size, choices=choices))
    first = draw()
    acts = jnp.zeros((*first["rewards"].shape, size["does"]))
    examples = {"ex_observations": first["observations"], "ex_actions": acts}
    if not choices:
        examples["ex_states"] = first["infos"]["state"]
    names = [f"agent_{k}" for k in range(size["agents"])]
    kept = [make(seed=0, agent_names=names, config=config, **examples)]

    def update(count: int) -> None:
        for k in range(count):
            kept[0], _ = kept[0].update(draw(), k)
        jax.block_until_ready(kept[0].network.params)

    return update


def recipe(size: Size) -> Callable[[int], None]:
    """SVN of DongsuLeeTech/offline-marl-recipe: TD, BRAC, a mixer that does not learn."""
    lacking()
    from agents.td3bc import TD3BCAgent, get_config  # noqa: TID251 - the peer's own `agents`

    config = get_config()
    config.actor_hidden_dims = config.value_hidden_dims = tuple(size["hidden"])
    config.mixer_emb_dim, config.mixer_hyper_dim = size["embedding"], size["mixer_hidden"]
    return in_jax(TD3BCAgent.create, size, config)


def macflow(size: Size) -> Callable[[int], None]:
    """MAC-Flow of DongsuLeeTech/mac-flow, for choices: its continuous agent is not released."""
    lacking()
    from agents.discrete_macflow import (  # noqa: TID251 - the peer's own `agents`
        MACFlowDiscreteAgent,
        get_config,
    )

    config = get_config()
    config.actor_hidden_dims = config.value_hidden_dims = tuple(size["hidden"])
    config.flow_steps, config.use_lstm = size["flow_steps"], False
    return in_jax(MACFlowDiscreteAgent.create, size, config, choices=True)


def iddpg(size: Size) -> Callable[[int], None]:
    """IDDPG+BC of instadeepai/og-marl in PyTorch: recurrent policies, critics of the state."""
    import torch

    torch.set_num_threads(1)
    for name, missed in (  # games, loggers and data, which an update does not touch
        ("og_marl.environments", ("get_environment", "BaseEnvironment")),
        ("og_marl.wrapped_environments.base", ("BaseEnvironment",)),
        ("og_marl.loggers", ("BaseLogger", "WandbLogger")),
        ("og_marl.vault_utils.download_vault", ("download_and_unzip_vault",)),
    ):
        module = ModuleType(name)
        for one in missed:
            setattr(module, one, Any)
        sys.modules[name] = module
    from og_marl.baselines.torch_systems.offline.iddpg_bc import IDDPGBCSystem
    from og_marl.replay_buffers import FlashbaxReplayBuffer

    game: Any = SimpleNamespace(
        agents=[f"agent_{k}" for k in range(size["agents"])],
        num_actions=size["does"],
        observation_shape=(size["sees"],),
        state_shape=(size["state"],),
    )
    wide = {"linear_layer_dim": size["width"], "recurrent_layer_dim": size["width"]}
    system: Any = IDDPGBCSystem(game, None, **wide, device="cpu")
    draw = drawing(FlashbaxReplayBuffer, size, noise(size))

    def update(count: int) -> None:
        for _ in range(count):
            system.train_step(draw())

    return update


def main() -> None:
    """Set up from the JSON argument, then answer lines until the input ends."""
    size = json.loads(sys.argv[1])
    sys.path.insert(0, size["checkout"])
    update = {"recipe": recipe, "macflow": macflow, "iddpg": iddpg}[size["peer"]](size)
    update(4)
    print(json.dumps(size["peer"]), flush=True)
    for line in sys.stdin:
        start, cpu = time.perf_counter(), time.process_time()
        update(int(line))
        print(json.dumps([time.perf_counter() - start, time.process_time() - cpu]), flush=True)


if __name__ == "__main__":
    main()
