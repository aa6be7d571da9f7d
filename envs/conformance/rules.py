"""Checks of a world's rules: what it says of itself, and pure functions over any leading axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.checks import must
from entitybench.envs.conformance.rollouts import busy, short
from entitybench.envs.core.world import GoalWorld, RewardWorld, TeamWorld
from entitybench.envs.worlds import make_worlds, world_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from entitybench.envs.core.batch import Worlds
    from entitybench.envs.core.world import World
    from entitybench.types import Array, TaskSpec

BATCH = 4


def described(task: TaskSpec) -> None:
    """Names, bounds, bodies, shapes and times agree with each other."""
    worlds = make_worlds(task, 2)
    world: Any = worlds.world
    obs = worlds.reset([0, 1])
    states = worlds.states()
    entities = states["state"] if isinstance(world, TeamWorld) else states["observation"]
    count, features = world.entities, world.features
    _shape("entities", entities, (2, count, features))
    must(
        len(world.bodies) == len(set(world.bodies)) == count,
        f"bodies names {len(set(world.bodies))} different bodies, of {count} entities",
    )
    must(
        len(set(world.feature_names)) == features,
        f"feature_names holds a name twice: {', '.join(world.feature_names)}",
    )
    _shape("bounds", np.asarray(world.bounds), (features,))
    strange = sorted(set(world.movable) - set(world.bodies))
    must(not strange, f"movable names what bodies does not: {', '.join(strange)}")
    numbers = (np.float32,) if world.pixels is None else (np.float32, np.uint8)
    for name, value in obs.items():
        wanted = (np.bool_,) if name == "mask" else numbers
        must(value.dtype in wanted, f"{name} is {value.dtype}, not float32")
    for name in world.bodies:
        must(world.model.body(name).id > 0, f"the body {name} is the world itself")
    if isinstance(world, TeamWorld):
        seen = (2, len(world.agents), len(world.agent_feature_names))
        _shape("observations of the agents", states["observation"], seen)
        _shape("agent_bounds", np.asarray(world.agent_bounds), seen[-1:])
    must(
        round(world.substeps * world.physics_dt, 9) == round(world.control_dt, 9),
        f"{world.substeps} physics steps are not a control step of {world.control_dt:g} s",
    )
    worlds.close()


def axes(task: TaskSpec) -> None:
    """The rules are pure, and give the same with one leading axis, with two and with none."""
    worlds = make_worlds(task, BATCH)
    world = worlds.world
    worlds.reset(range(BATCH))
    before, actions = worlds.state.copy(), busy(task, short(task, 10, 5), BATCH)
    for action in actions:
        before = worlds.state.copy()
        worlds.step(action)
    after, last = worlds.state.copy(), actions[-1].astype(np.float64)
    constants = worlds.constants.copy()
    entities = _pure("observe", world.observe, after, constants)
    _shape("observe gives what", entities, (BATCH, world.entities, world.features))
    must(entities.dtype == np.float32, f"observe gives {entities.dtype}, not float32")
    if isinstance(world, GoalWorld):
        _goals(world, entities, worlds)
    elif isinstance(world, RewardWorld):
        _scores(world, before, last, after, (BATCH,))
    elif isinstance(world, TeamWorld):
        seen = _pure("observe_agents", world.observe_agents, after, constants)
        _shape("observe_agents gives what", seen, (BATCH, len(world.agents), seen.shape[-1]))
        _scores(world, before, last, after, (BATCH, len(world.agents)))
    if world.terminates:
        ends = _pure("terminated", world.terminated, after)
        _truths("terminated", ends, (BATCH,))
    worlds.close()


def _goals(world: GoalWorld, entities: Array, worlds: Worlds) -> None:
    achieved = _pure("achieved", world.achieved, entities)
    _shape("achieved gives what", achieved, entities.shape)
    must(
        not np.shares_memory(achieved, entities),
        "achieved gives the observation itself: return a copy",
    )
    solved = _pure("solved", world.solved, achieved, worlds.goals)
    must(
        solved.dtype == np.bool_ and solved.ndim == 2 and 1 <= solved.shape[1] <= world.entities,
        f"solved gives {solved.dtype} of shape {solved.shape} for {BATCH} episodes: it gives a "
        f"bool for each entity that has a goal, ({BATCH}, 1 to {world.entities})",
    )
    reward = _pure("reward", world.reward, achieved, worlds.goals)
    _shape("reward gives what", reward, (BATCH,))
    must(reward.dtype == np.float32, f"reward gives {reward.dtype}, not float32")


def _scores(
    world: RewardWorld | TeamWorld, before: Array, action: Array, after: Array, of: tuple[int, ...]
) -> None:
    reward = _pure("reward", world.reward, before, action, after)
    _shape("reward gives what", reward, of)
    must(reward.dtype == np.float32, f"reward gives {reward.dtype}, not float32")
    for name in ("is_success", "success_fraction"):
        must(name in world.status(after), f"status gives no {name}")
        value = _pure("status", lambda state, name=name: world.status(state)[name], after)
        _shape(f"status gives as {name} what", value, (BATCH,))
    _truths("is_success of status", np.asarray(world.status(after)["is_success"]), (BATCH,))


def _pure(name: str, rule: Callable[..., Any], *given: Array) -> Array:
    """What a rule gives of a batch.

    Raises Broken where it changes what it is given, or depends on how many axes lead.
    """
    kept = [each.copy() for each in given]
    whole = np.asarray(rule(*given))
    for one, other in zip(given, kept, strict=True):
        must(np.array_equal(one, other, equal_nan=True), f"{name} changes its arguments in place")
    must(
        np.array_equal(whole, np.asarray(rule(*given)), equal_nan=True),
        f"{name} gives another result the second time: it has a memory or draws at random",
    )
    half = BATCH // 2
    folded = np.asarray(rule(*(each.reshape(half, -1, *each.shape[1:]) for each in given)))
    must(
        folded.shape == (half, half, *whole.shape[1:])
        and np.array_equal(folded.reshape(whole.shape), whole, equal_nan=True),
        f"{name} gives something else with two leading axes: use ... and axis -1, not 0 and 1",
    )
    alone = np.asarray(rule(*(each[0] for each in given)))
    must(
        alone.shape == whole.shape[1:] and np.array_equal(alone, whole[0], equal_nan=True),
        f"{name} gives something else without a leading axis: use ... and axis -1, not 0 and 1",
    )
    return whole


def _shape(what: str, value: Array, wanted: tuple[int, ...]) -> None:
    must(value.shape == wanted, f"{what} has the shape {value.shape}, not {wanted}")


def _truths(what: str, value: Array, wanted: tuple[int, ...]) -> None:
    _shape(what, value, wanted)
    must(value.dtype == np.bool_, f"{what} is {value.dtype}, not bool")


def bounded(task: TaskSpec) -> None:
    """Observations stay within the bounds, whatever is done: `stay_within` for 150 steps."""
    stay_within(task, short(task, 150, 20))


def stay_within(task: TaskSpec, steps: int) -> None:
    """Random, constant and extreme actions, on and on without a reset."""
    worlds = make_worlds(task, 5, threads=2)
    world: Any = worlds.world
    worlds.reset(range(5))
    shape = (steps, *world.action_shape)
    rng = np.random.default_rng(1)
    kinds = (
        rng.uniform(-1, 1, shape),
        np.ones(shape),
        -np.ones(shape),
        np.sign(rng.uniform(-1, 1, shape)),
        1e30 * np.sign(rng.uniform(-1, 1, (steps // 20 + 1, *shape[1:]))).repeat(20, 0)[:steps],
    )
    bounds = {"observation": world.bounds, "achieved_goal": world.bounds, "state": world.bounds}
    if isinstance(world, TeamWorld):
        bounds["observation"] = world.agent_bounds
    for step in range(steps):
        obs, info = worlds.step(np.stack([kind[step] for kind in kinds]))
        for key, value in (obs if world.pixels is None else worlds.states()).items():
            if key in bounds:
                _within(world, key, value, np.asarray(bounds[key]), step)
        must(np.isfinite(info["reward"]).all(), f"the reward is not finite in step {step}")
    must(not info["unstable"].any(), "the simulation goes wrong: its states are huge or no numbers")
    must(
        not any(warning.number for data in worlds.datas for warning in data.warning),
        "MuJoCo warns of the simulation",
    )
    worlds.close()


def _within(world: World, key: str, value: Array, bound: Array, step: int) -> None:
    must(np.isfinite(value).all(), f"{key} is not finite in step {step}")
    worst = np.abs(value).reshape(-1, value.shape[-1]).max(axis=0)
    agents = getattr(world, "agent_feature_names", ())
    names = agents if len(agents) == len(worst) else world.feature_names
    beyond = ", ".join(
        f"{name} {most:g} > {limit:g}"
        for name, most, limit in zip(names, worst, bound, strict=True)
        if most > limit
    )
    must(not beyond, f"{key} leaves its bounds in step {step}: {beyond}")


def of_its_kind(task: TaskSpec) -> None:
    """The world can be made, and is one of what its kind scores."""
    world = world_of(task)
    wanted = {"goal-control": GoalWorld, "reward-control": RewardWorld, "team-control": TeamWorld}
    kind = wanted.get(task.kind, (GoalWorld, RewardWorld, TeamWorld))
    names = getattr(kind, "__name__", "GoalWorld, RewardWorld or TeamWorld")
    must(isinstance(world, kind), f"{type(world).__name__} is no {names}, and scored as such")
    make_worlds(task, 1).close()
