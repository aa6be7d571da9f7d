"""Updates a second of our learners of teams beside other people's, at equal sizes in one run.

Three peers, each optional; they take turns with ours in short blocks on one core, and the best
block of each counts. On a busy machine look at the CPU seconds: the clock on the wall measures the
neighbours too. Ours draw each batch from team-pushbox/medium-replay-v1, as `bench train` does;
theirs draw noise of the same sizes, with the buffer of their training loops.

    git clone https://github.com/DongsuLeeTech/offline-marl-recipe /tmp/recipe
    git clone https://github.com/DongsuLeeTech/mac-flow /tmp/mac-flow
    git clone https://github.com/instadeepai/og-marl /tmp/og-marl
    python3.11 -m venv /tmp/peers
    /tmp/peers/bin/pip install "jax[cpu]==0.10.2" flax==0.12.8 distrax==0.1.9 optax==0.2.8 \
        ml_collections==1.1.0 numpy==2.4.6 flashbax==0.1.3 dm-tree==0.1.10 \
        hydra-core==1.3.2 torch
    python benchmarks/team_updates.py --python /tmp/peers/bin/python \
        --recipe /tmp/recipe --macflow /tmp/mac-flow --og-marl /tmp/og-marl

Sizes: three agents that see 19 numbers and do 2, a state of 66; 128 transitions and layers of 128,
as our presets `small` have them, and the peers' own: 32 sequences of 20 steps (608 transitions with
a next step) and four layers of 512. None of the three runs as released: see `team_peers.py`.

What still differs. The recipe's mixer does not learn (our `svn-frozen` is that; `svn` learns it),
its policies have LayerNorm, and it clears gradients that are not finite. MAC-Flow's continuous
agent is not in its repository: its agent for choices stands in, with two choices, whose teacher is
of each agent (our `macflow-individual`) and which embeds time. OG-MARL's learner in PyTorch that is
nearest to MATD3+BC is IDDPG+BC: recurrent policies, critics of the team's state, no LayerNorm, two
passes of the policy where ours moves every other update. OMAR it has in TensorFlow alone.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

import torch
from offline_updates import Ours, in_turns, learner, opened
from peer import Peer

DATA = "team-pushbox/medium-replay-v1"
GAME = {"agents": 3, "sees": 19, "does": 2, "state": 66}
SMALL = {"batch": 128, "length": 2, "hidden": [128, 128], "mixer_hidden": 64, "flow_steps": 5}
THEIRS = {"batch": 32, "length": 20, "hidden": [512] * 4, "mixer_hidden": 128, "flow_steps": 10}
FILES = {
    "recipe": "agents/td3bc.py",
    "macflow": "agents/discrete_macflow.py",
    "iddpg": "og_marl/baselines/torch_systems/offline/iddpg_bc.py",
}
BESIDE = {  # peer -> ours
    "recipe": ("svn-frozen", "svn"),
    "macflow": ("macflow-individual", "macflow"),
    "iddpg": ("matd3bc",),
}


class Theirs(Peer):
    """A peer of `team_peers.py`."""

    def __init__(self, peer: str, checkout: Path, python: Path, size: dict[str, Any]) -> None:
        whole = {"peer": peer, "checkout": str(checkout), "embedding": 32, **GAME, **size}
        super().__init__(f"the peer {peer}", python, "team_peers.py", whole)

    def seconds(self, updates: int) -> tuple[float, float]:
        return self.ask(updates)


def settings(method: str, peer: str, size: dict[str, Any]) -> dict[str, Any]:
    """Ours at the size of a peer: as many transitions, the same layers."""
    found: dict[str, Any] = {"hidden": tuple(size["hidden"]), "batch_size": rows(peer, size)}
    if method.startswith("svn"):
        found |= {"embedding": 32, "mixer_hidden": size["mixer_hidden"]}
    if method.startswith("macflow"):
        found |= {"flow_hidden": found["hidden"], "flow_steps": size["flow_steps"], "warm_up": 0.0}
    return found


def rows(peer: str, size: dict[str, Any]) -> int:
    """Transitions that a peer's update has values of: IDDPG's critics look at last steps too."""
    return int(size["batch"] * (size["length"] - (peer != "iddpg")))


def measure(peer: str, size: dict[str, Any], asked: argparse.Namespace, data: Any) -> list[Any]:
    """A row for each arm beside one peer at one size; small ones also compiled, as peers are."""
    small, arms = size["batch"] * size["length"] <= 256, dict[str, Any]()
    for method in BESIDE[peer]:
        for compiled in (False, True) if small else (False,):
            own = learner(method, data, compile=compiled, **settings(method, peer, size))
            name = f"ours: {method}{', compiled' if compiled else ''}"
            arms[name] = Ours([own], data, warm=20 if small else 2)
    checkout = getattr(asked, peer)
    if checkout is not None:
        arms[f"peer: {peer}"] = Theirs(peer, checkout, asked.python, size)
    large = size["hidden"][0] > 128
    updates = max(1, asked.updates // 10) if large else asked.updates
    block = argparse.Namespace(updates=updates, repeats=asked.repeats)
    found = in_turns(peer, arms, block)
    if checkout is not None:
        arms[f"peer: {peer}"].close()
    return [{**row, "batch": rows(peer, size), "hidden": size["hidden"]} for row in found]


def main() -> None:
    """Measure and print a table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--recipe", type=Path, help="checkout of DongsuLeeTech/offline-marl-recipe")
    parser.add_argument("--macflow", type=Path, help="checkout of DongsuLeeTech/mac-flow")
    parser.add_argument("--og-marl", dest="iddpg", type=Path, help="of instadeepai/og-marl")
    parser.add_argument("--python", type=Path, help="interpreter that has what they need")
    parser.add_argument("--peers", nargs="*", default=list(BESIDE), choices=list(BESIDE))
    parser.add_argument("--updates", type=int, default=50, help="in a block; a tenth of large ones")
    parser.add_argument("--repeats", type=int, default=8, help="blocks of each arm")
    parser.add_argument("--core", type=int, help="default: the last one")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    for peer in asked.peers:
        checkout = getattr(asked, peer)
        if checkout is None:
            print(f"The peer {peer} is skipped: no checkout is given.", file=sys.stderr)
        elif asked.python is None:
            parser.error("a checkout needs --python, an interpreter that has what it imports.")
        elif not (checkout / FILES[peer]).is_file():
            parser.error(f"{checkout} holds no {FILES[peer]}: give a checkout of the peer.")
    if hasattr(os, "sched_setaffinity"):
        core = max(os.sched_getaffinity(0)) if asked.core is None else asked.core
        os.sched_setaffinity(0, {core})
    torch.set_num_threads(1)
    data, found = opened(DATA), []
    for peer in asked.peers:
        wide = [128, 128]  # OG-MARL's critics are no other
        sizes = (SMALL, THEIRS) if peer != "iddpg" else ({**THEIRS, "hidden": wide, "width": 128},)
        for size in sizes:
            found += measure(peer, size, asked, data)
    if asked.json:
        print(json.dumps(found, indent=1))
        return
    print("batch  layers  arm                                  updates/s  a CPU second")
    for each in found:
        print(
            f"{each['batch']:>5} {each['hidden'][0]:>4}x{len(each['hidden'])}  {each['arm']:<35}"
            f"{each['updates_per_s']:>11.1f}{each['updates_per_cpu_s']:>14.1f}"
        )


if __name__ == "__main__":
    main()
