"""Tasks by id: their world, a batch of episodes, and the Gymnasium views."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from entitybench.envs.worlds import (
    goal_world_of,
    make_worlds,
    oracle_of,
    stepped,
    task_of,
    world_as,
    world_of,
)
from entitybench.errors import BadValue
from entitybench.registry import resolve

if TYPE_CHECKING:
    from entitybench.envs.views.single import TaskEnv
    from entitybench.envs.views.team import TeamEnv
    from entitybench.envs.views.vector import TaskVectorEnv
    from entitybench.kinds import Kind
    from entitybench.types import TaskSpec

__all__ = [
    "goal_world_of",
    "make",
    "make_vec",
    "make_worlds",
    "oracle_of",
    "task_of",
    "world_as",
    "world_of",
]


def make(task: str | TaskSpec, **kwargs: Any) -> TaskEnv | TeamEnv:
    """A task as a gymnasium.Env, of a team as a pettingzoo.ParallelEnv.

    Args:
        task: an id of `bench list tasks`, or a spec.
        kwargs: as `TaskEnv`, `TeamEnv` and `make_worlds` take them, and arguments of the world in
            the place of the task's own, such as view="side"; of one that is seen (pixels=64) also
            segmentation=True, depth=True and particles=True.

    Raises:
        UnknownId: no such task.
        BadValue: an argument that neither the environment nor its world has, or a wrong one.
    """
    spec = task_of(task)
    kind = stepped(spec)
    if kind.views is None:
        team: type[TeamEnv] = resolve(str(kind.parallel))
        return team(spec, **kwargs)
    single: type[TaskEnv] = resolve(kind.views[0])
    env = single(spec, **kwargs)
    env.spec = _gym_spec(kind, env, kwargs)
    return env


def make_vec(
    task: str | TaskSpec, num_envs: int = 1, threads: int | None = None, **kwargs: Any
) -> TaskVectorEnv:
    """A task as a gymnasium.vector.VectorEnv.

    Args:
        task: an id of `bench list tasks`, or a spec.
        num_envs: B, the episodes side by side.
        threads: that step the physics; as many as this process has cores by default. Any number
            gives the same.
        kwargs: as `TaskVectorEnv` and `make_worlds` take them, and arguments of the world, as
            `make` takes them.

    Raises:
        UnknownId: no such task.
        BadValue: an argument that neither the environment nor its world has, or a wrong one; or a
            team's task, which Gymnasium's vectors do not know: `make_worlds` steps many.
    """
    spec = task_of(task)
    kind = stepped(spec)
    if kind.views is None:
        raise BadValue(
            f"{spec.id} is a team's task, and Gymnasium's vectors have one agent: "
            "entitybench.envs.api.make_worlds steps many episodes of it at once."
        )
    vector: type[TaskVectorEnv] = resolve(kind.views[1])
    env = vector(spec, num_envs, threads=threads, **kwargs)
    env.spec = _gym_spec(kind, env, kwargs)
    return env


def _gym_spec(kind: Kind, env: TaskEnv | TaskVectorEnv, kwargs: dict[str, Any]) -> Any:
    """Gymnasium's record of how an environment was made; None for an unregistered task."""
    import copy

    from gymnasium.envs.registration import registry

    spec = copy.deepcopy(registry.get(env.task.gym_id))
    if spec is not None and kind.views is not None:
        spec.kwargs.update(kwargs)
        spec.entry_point = kind.views[0]  # which truncates itself
        spec.max_episode_steps = env.worlds.horizon
    return spec
