"""What robosuite's three profiles have in common, and what they cost.

    python benchmarks/robosuite_profiles.py                     control steps a CPU-second
    python benchmarks/robosuite_profiles.py layer               what ours adds to robosuite's step
    python benchmarks/robosuite_profiles.py oracle [TASK ...]   the oracle in each profile
    python benchmarks/robosuite_profiles.py policy              a policy of `assets` data in each
    python benchmarks/robosuite_profiles.py robots              the oracle with every robot

`oracle` and `policy` write records under leaderboard/reference/profiles, which `make results` turns
into tables; what is there already is kept, so that a stopped run goes on.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.envs.api import make, make_worlds, oracle_of
from entitybench.envs.robosuite import library
from entitybench.envs.robosuite.robots import robots as known_robots
from entitybench.envs.speed.runs import busy_actions
from entitybench.leaderboard.evaluation.api import evaluate
from entitybench.leaderboard.evaluation.weights import REFERENCE
from entitybench.leaderboard.tables.profiles import PROFILES, path_of
from entitybench.registry import tasks
from entitybench.types import DatasetSpec, TaskSpec

if TYPE_CHECKING:
    from entitybench.datasets.store.store import EpisodeStore
    from entitybench.seeding import BatchGenerator
    from entitybench.types import Array, Obs

STEPS, ROUNDS = 50, 5
EPISODES = 20  # public starts of a transfer
PUSH = "robosuite-push-1block"  # what the policy learns
SEEDS = 3  # training seeds
DATA = DatasetSpec(
    id=f"{PUSH}/noisy-oracle-assets",
    task=PUSH,
    behaviour=f"{Path(__file__).resolve()}:NoisyOracle",
    episodes=600,
    validation_episodes=40,
    length=100,
)
NOISE = 0.3  # deviation of what is added to the oracle's actions, so that it shows how to mend


def in_profile(task: str, profile: str, **kwargs: Any) -> TaskSpec:
    """A task with another profile of its world."""
    spec = tasks()[task]
    return replace(spec, kwargs={**spec.kwargs, "profile": profile, **kwargs})


def speed() -> None:
    """Lift in one process, interleaved, the actions of one episode replayed: medians of rounds."""
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


def layer() -> None:
    """How much of a `faithful` step of our Gymnasium view is not robosuite's own `step`.

    Both are timed in the very same steps, so that a busy machine slows both.
    """
    spec = in_profile("robosuite-lift", "faithful")
    actions = busy_actions(spec)[:, 0]
    env = make(spec)
    engine = env.worlds.physics.engine  # type: ignore[attr-defined]
    inside, own = [0.0], engine.env.step

    def timed(action: Array) -> Any:
        began = time.process_time()
        result = own(action)
        inside[0] += time.process_time() - began
        return result

    engine.env.step = timed
    shares = []
    for _ in range(ROUNDS):
        env.reset(seed=0)
        inside[0], began = 0.0, time.process_time()
        for action in actions:
            env.step(action)
        whole = time.process_time() - began
        shares.append(whole / inside[0] - 1)
        print(
            f"a step {1e3 * whole / len(actions):.2f} ms, robosuite's part of it "
            f"{1e3 * inside[0] / len(actions):.2f} ms: {shares[-1]:+.1%}",
            flush=True,
        )
    print(f"median {median(shares):+.1%}")


def transfer(name: str, agent: Any, task: str, episodes: int) -> None:
    """Evaluate in every profile whose record is missing, and write the records."""
    for profile in reversed(PROFILES):  # the cheap ones first
        path = path_of(REFERENCE, name, task, profile)
        if path.is_file():
            continue
        began = time.perf_counter()
        spec = in_profile(task, profile)
        record = evaluate(agent, spec, episodes=episodes, threads=1)
        path.parent.mkdir(parents=True, exist_ok=True)
        record.write(path)
        solved = sum(row.values["success"] or 0 for row in record.rows) / len(record.rows)
        print(
            f"{name} {task} {profile}: {solved:.0%}, {time.perf_counter() - began:.0f} s",
            flush=True,
        )


def oracle(chosen: list[str], episodes: int) -> None:
    """The oracle in each profile."""
    for task in chosen or [t.id for t in tasks() if {"robosuite", "state"} <= t.tags]:
        transfer("oracle", "oracle", task, episodes)


class NoisyOracle:
    """The oracle with noise on its actions, which it does not see: it mends what comes of it."""

    def __init__(self, task: TaskSpec) -> None:
        self._oracle = oracle_of(task)

    def initial_state(self, batch: int) -> Any:
        return self._oracle.initial_state(batch)

    def act(self, obs: Obs, state: Any, rng: BatchGenerator) -> tuple[Array, Any]:
        action, state = self._oracle.act(obs, state, rng)
        return action + rng.normal(0.0, NOISE, action.shape), state


def demonstrations(folder: Path) -> EpisodeStore:
    """Episodes of the noisy oracle in the profile assets, made where they are missing."""
    from entitybench.datasets.generate.api import about
    from entitybench.datasets.generate.block import columns_of, make_block
    from entitybench.datasets.generate.plan import Plan
    from entitybench.datasets.store.schema import MANIFEST
    from entitybench.datasets.store.store import EpisodeStore
    from entitybench.datasets.store.writer import StoreWriter, locked, new_store

    plan = Plan(
        dataset=DATA,
        task=in_profile(PUSH, "assets"),
        training=DATA.episodes,
        validation=DATA.validation_episodes,
        seed=DATA.seed,
    )
    with locked(folder):
        if not (folder / MANIFEST).is_file():
            with new_store(folder) as place:
                parts = [make_block(plan, block) for block in plan.blocks()]
                lengths = [DATA.length] * plan.episodes
                writer = StoreWriter(place, lengths, columns_of(parts[0][0]))
                for arrays, _ in parts:
                    writer.append(arrays)
                writer.finish([row for _, rows in parts for row in rows], about(plan))
    return EpisodeStore.open(folder)


def policy(out: Path, episodes: int) -> None:
    """Behaviour cloning on data of the profile assets, and how it does in each profile."""
    from entitybench.agents.common.goal.config import GoalPhase
    from entitybench.datasets.sampling.goals import GoalMix
    from entitybench.leaderboard.evaluation.api import load_agents
    from entitybench.leaderboard.training.train import train

    store = demonstrations(out / "data")
    phase = GoalPhase(
        updates=20_000,
        alpha=0.0,
        learning_rate=1e-3,
        final_learning_rate=1e-5,
        mix=GoalMix(uniform=1.0),  # what the oracle was after is where the block ends up
    )
    for seed in range(SEEDS):
        if not (out / "runs" / f"seed{seed}").is_dir():
            train(
                "gcbc",
                in_profile(PUSH, "assets"),
                out=out / "runs",
                seed=seed,
                device="cpu",
                dataset=store,
                evaluate_every=0,
                overrides={"phases": (phase,), "standardise": True, "compile": False},
            )
    agents = load_agents("gcbc", task=PUSH, seeds=range(SEEDS), weights=out / "runs")
    transfer("gcbc", agents, PUSH, episodes)


def robots(episodes: int) -> None:
    """The oracle lifts with every robot of robosuite's that these worlds take."""
    for robot in known_robots():
        solved = []
        for profile in ("fast", "assets"):
            record = evaluate(
                "oracle",
                in_profile("robosuite-lift", profile, robot=robot),
                episodes=episodes,
                threads=1,
            )
            steps = [row.values["steps_to_success"] for row in record.rows if row.values["success"]]
            mean = f"{np.mean(steps):.0f}" if steps else "–"
            solved.append(f"{len(steps)} of {episodes}, {mean}")
        print(f"| {robot} | {' | '.join(solved)} |", flush=True)


def main() -> None:
    """Do what is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "what", nargs="?", default="speed", choices=("speed", "layer", "oracle", "policy", "robots")
    )
    parser.add_argument("tasks", nargs="*", help="of `oracle`; default: all in state")
    parser.add_argument("--episodes", type=int, default=EPISODES, help="public starts")
    parser.add_argument("--out", type=Path, default=Path("runs/robosuite-profiles"))
    asked = parser.parse_args()
    if asked.what == "speed":
        speed()
    elif asked.what == "layer":
        layer()
    elif asked.what == "oracle":
        oracle(asked.tasks, asked.episodes)
    elif asked.what == "policy":
        policy(asked.out, asked.episodes)
    else:
        robots(asked.episodes)


if __name__ == "__main__":
    main()
