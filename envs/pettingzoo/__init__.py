"""Every team's task as PettingZoo has its own environments: a module each.

    from entitybench.envs.pettingzoo import pushbox_v1

    env = pushbox_v1.parallel_env()

The modules are made of the table of tasks when they are asked for; `dir()` lists them. Each has
`parallel_env(**kwargs)`, a pettingzoo.ParallelEnv, and `env(**kwargs)`, the same one agent at a
time (a pettingzoo.AECEnv); `kwargs` as `TeamEnv` takes them.
"""

from __future__ import annotations

from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from entitybench.types import TaskSpec


def name_of(task: TaskSpec) -> str:
    """The name of the module that stands for a team's task, e.g. pushbox_v1."""
    name = task.id.removeprefix("team-").replace("-", "_")
    return f"{name}_v{task.version}"


def _teams() -> dict[str, TaskSpec]:
    from entitybench.registry import kinds, tasks

    return {name_of(task): task for task in tasks() if kinds()[task.kind].parallel is not None}


def _parallel(task: TaskSpec, **kwargs: Any) -> Any:
    from entitybench.envs.views.team import TeamEnv

    return TeamEnv(task, **kwargs)


def _in_turn(task: TaskSpec, **kwargs: Any) -> Any:
    from pettingzoo.utils.conversions import parallel_to_aec

    return parallel_to_aec(_parallel(task, **kwargs))


def __getattr__(name: str) -> ModuleType:
    if name.startswith("__"):  # Python asks for some, before anything is registered
        raise AttributeError(name)
    task = _teams().get(name)
    if task is None:
        from entitybench.errors import nearest

        near = nearest(name, _teams())
        hint = f"; did you mean {near[0]}?" if near else ": dir() lists those there are."
        raise AttributeError(f"{__name__} has no {name}{hint}")
    made: Any = ModuleType(f"{__name__}.{name}", f"{task.id}: {task.summary}.")
    made.parallel_env, made.env = partial(_parallel, task), partial(_in_turn, task)
    globals()[name] = made  # the same one the next time
    module: ModuleType = made
    return module


def __dir__() -> list[str]:
    return sorted(_teams())
