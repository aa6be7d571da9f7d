"""OGBench's GCIQL as a subprocess of `benchmarks/updates.py`, in an environment of its own.

Runs `impls/agents/gciql.py` of a checkout of seohongpark/ogbench as it is. On standard input come
lines "updates sampled", on standard output the seconds and CPU seconds that so many updates took.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np


def main() -> None:
    """Set up from the JSON argument, then answer lines until the input ends."""
    size = json.loads(sys.argv[1])
    sys.path.insert(0, str(Path(size["checkout"]) / "impls"))
    import jax
    from agents.gciql import GCIQLAgent, get_config  # noqa: TID251 - OGBench's own `agents`
    from utils.datasets import Dataset, GCDataset

    config = get_config()
    config.batch_size = size["batch"]
    config.value_hidden_dims = config.actor_hidden_dims = tuple(size["hidden"])
    rng = np.random.default_rng(0)
    episodes, length, inputs = size["episodes"], size["length"], size["inputs"]
    rows = episodes * (length + 1)
    terminals = np.zeros(rows, np.float32)
    terminals[length :: length + 1] = 1.0
    # A goal has the size of an observation here, so each is half of the networks' input.
    data = GCDataset(
        Dataset.create(
            observations=rng.standard_normal((rows, inputs // 2), dtype=np.float32),
            actions=rng.uniform(-1, 1, (rows, size["actions"])).astype(np.float32),
            terminals=terminals,
            valids=1.0 - terminals,
        ),
        config,
    )
    drawn = [data.sample(config.batch_size) for _ in range(8)]
    agent = GCIQLAgent.create(0, drawn[0]["observations"], drawn[0]["actions"], config)
    for batch in drawn:
        agent, _ = agent.update(batch)
    jax.block_until_ready(agent.network.params)
    print(json.dumps({"jax": jax.__version__, "device": str(jax.devices()[0])}), flush=True)
    for line in sys.stdin:
        updates, sampled = (int(word) for word in line.split())
        start, cpu = time.perf_counter(), time.process_time()
        for k in range(updates):
            batch = data.sample(config.batch_size) if sampled else drawn[k % len(drawn)]
            agent, _ = agent.update(batch)
        jax.block_until_ready(agent.network.params)
        print(json.dumps([time.perf_counter() - start, time.process_time() - cpu]), flush=True)


if __name__ == "__main__":
    main()
