"""How long teams take to decide, beside each other in one run: what claim "latency" measures.

Networks are not trained, which changes no time. Policies take turns, a few decisions each, so that
what else the machine does meets all of them; medians are over all turns.
"""

from __future__ import annotations

import time
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.envs.api import make_worlds
from entitybench.registry import agent, resolve_agent, tasks
from entitybench.seeding import BatchGenerator, generator

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TASK = "hockey-mallets-4"  # four agents
HIDDEN = (128, 128)  # of all that are compared
STEPS = 50  # of the diffusion
TURNS, DECISIONS = 100, 20
ARMS: Mapping[str, Mapping[str, Any]] = {
    "macflow": {},
    "macflow-shared": {},
    "ma-bc": {},
    "joint-flow": {"flow_steps": 10},
    "diffusion-bc": {"diffusion_steps": STEPS},
    "dof": {},
    "madiff": {},
}
DIFFUSIONS = ("diffusion-bc", "dof", "madiff")  # with 50, 10 and 20 steps


@cache
def medians(seed: int) -> dict[str, float]:
    """Seconds of a joint decision for one episode, on the thread that calls, by agent."""
    task = tasks()[TASK]
    worlds = make_worlds(task, 1)
    obs, rng = worlds.reset([seed]), BatchGenerator([generator(seed, "episode", 0)])
    worlds.close()
    policies = {}
    for id, settings in ARMS.items():
        spec = agent(id)
        target: Any = resolve_agent(spec)
        config = target.configure(spec, "small", task, **{"hidden": HIDDEN, **settings})
        policies[id] = target.create(config, task, seed=seed, data=None, parts={}).policy()
    taken: dict[str, list[float]] = {id: [] for id in policies}
    for turn in range(TURNS + 1):
        for id, policy in policies.items():
            state = policy.initial_state(1)
            for _ in range(DECISIONS):
                begun = time.perf_counter()
                _, state = policy.act(obs, state, rng)
                if turn:  # the first is to get warm
                    taken[id].append(time.perf_counter() - begun)
    return {id: float(np.median(each)) for id, each in taken.items()}


def diffusion_over_macflow(seed: int, weights: Mapping[str, Path]) -> float:
    """How many times as long 50 denoising steps of the joint action take."""
    del weights
    found = medians(seed)
    return found["diffusion-bc"] / found["macflow"]


def diffusions_over_macflow(seed: int, weights: Mapping[str, Path]) -> float:
    """How many times as long the diffusions of teams take in the mean."""
    del weights
    found = medians(seed)
    return float(np.mean([found[id] for id in DIFFUSIONS])) / found["macflow"]


def macflow_over_cloning(seed: int, weights: Mapping[str, Path]) -> float:
    """How many times as long as ma-bc with networks of the same widths."""
    del weights
    found = medians(seed)
    return found["macflow"] / found["ma-bc"]


def shared_over_cloning(seed: int, weights: Mapping[str, Path]) -> float:
    """The same of agents that share noise."""
    del weights
    found = medians(seed)
    return found["macflow-shared"] / found["ma-bc"]


def decision_ms(seed: int, weights: Mapping[str, Path]) -> float:
    """Milliseconds of a joint decision of four agents."""
    del weights
    return 1000 * medians(seed)["macflow"]
