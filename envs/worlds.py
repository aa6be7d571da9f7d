"""Tasks by id: their world, their scripted policy, and a batch of episodes."""

from __future__ import annotations

import inspect
import json
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from entitybench.errors import BadValue, did_you_mean
from entitybench.registry import kinds, resolve, tasks
from entitybench.types import TaskSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from entitybench.envs.core.batch import Worlds
    from entitybench.envs.core.world import GoalWorld, World
    from entitybench.kinds import Kind
    from entitybench.types import Policy

W = TypeVar("W", bound="World")
SEEN_BESIDE = ("segmentation", "depth", "particles")  # what worlds show beside images, if asked


def task_of(task: str | TaskSpec) -> TaskSpec:
    """The spec of a task id; specs pass through. Raises UnknownId."""
    return task if isinstance(task, TaskSpec) else tasks()[task]


def world_of(task: str | TaskSpec, **kwargs: Any) -> World:
    """The world of a task, built once a process. `kwargs` change the task's own arguments."""
    spec = task_of(task)
    return _world(spec.target, json.dumps({**spec.kwargs, **kwargs}, sort_keys=True))


def goal_world_of(task: str | TaskSpec, **kwargs: Any) -> GoalWorld:
    """The world of a goal task. Raises BadValue for a task without goals."""
    world: Any = world_of(task, **kwargs)
    if not hasattr(world, "achieved"):
        spec = task_of(task)
        raise BadValue(f"{spec.id} is a {spec.kind} task: it has no goals.")
    found: GoalWorld = world
    return found


def world_as(task: str | TaskSpec, *classes: Callable[..., W]) -> W:
    """The world of a task, which a policy needs to be of one of these classes.

    Raises BadValue for others.
    """
    spec = task_of(task)
    world: Any = world_of(spec)
    wanted: Any = classes  # typed by what they make, since they may be abstract
    if not isinstance(world, wanted):
        names, name = " or ".join(one.__name__ for one in wanted), type(world).__name__
        raise BadValue(f"this policy acts in a {names}, and {spec.id} is a {name}.")
    found: W = world
    return found


def match_of(task: str | TaskSpec) -> TaskSpec:
    """A task's game with agents on both sides: actions (2 M, A), the other side's after the own.

    Its worlds have `turned(state)`, states as the other side sees them, and `goals(state)`; all
    else is as in the task. Raises BadValue for a task without opponents.
    """
    spec = task_of(task)
    target = _match(spec)
    if target is None:
        games = [each.id for each in tasks() if "team" in each.tags and _match(each)]
        raise BadValue(f"{spec.id} has no opponents to play against; {' and '.join(games)} have.")
    return replace(spec, target=target)


def _match(spec: TaskSpec) -> str | None:
    """The class of a task's game between agents; None where there is no such game."""
    target: str | None = getattr(resolve(spec.target), "match_class", None)
    return target


@lru_cache(maxsize=64)
def _world(target: str, arguments: str) -> World:
    made, given = resolve(target), json.loads(arguments)
    _check_names(made, given)
    try:
        world: World = made(**given)
    except TypeError as error:
        raise BadValue(f"{target} cannot be made with {arguments}: {error}") from None
    world._made_by = (_world, (target, arguments))
    return world


def _check_names(made: Any, given: dict[str, Any]) -> None:
    """Raise BadValue for an argument that neither a world nor an environment of it has."""
    known = set(_MAKES)
    for each in getattr(made, "__mro__", (made,)):
        if "__init__" in vars(each) or not isinstance(each, type):
            known |= {
                name
                for name, parameter in inspect.signature(each).parameters.items()
                if parameter.kind is not parameter.VAR_KEYWORD
            }
    for name in given:
        if name in _ELSEWHERE:
            raise BadValue(f"an environment has no argument {name}: {_ELSEWHERE[name]}.")
        if name not in known:
            raise BadValue(
                f"an environment of this task has no argument {name!r}."
                f"{did_you_mean(name, known)} There are: {', '.join(sorted(known))}."
            )


# What the views and `make_worlds` take, beside the arguments of worlds.
_MAKES = ("absent", "bank", "height", "horizon", "interactions", "render_mode", "width")
_ELSEWHERE = {
    "max_episode_steps": "horizon says how long an episode is",
    "seed": "reset(seed=…) takes it",
}


def oracle_of(task: str | TaskSpec) -> Policy[Any]:
    """The scripted policy that a task names. Raises BadValue when it names none."""
    spec = task_of(task)
    if spec.oracle is None:
        raise BadValue(f"{spec.id} has no scripted oracle.")
    policy: Policy[Any] = resolve(spec.oracle)(spec, **spec.oracle_kwargs)
    return policy


def make_worlds(
    task: str | TaskSpec,
    batch: int,
    /,
    threads: int = 1,
    *,
    horizon: int | None = None,
    bank: str = "public",
    absent: float | tuple[str, ...] = 0.0,
    interactions: bool = False,
    **kwargs: Any,
) -> Worlds:
    """`batch` episodes of a task side by side, stepped by `threads` threads.

    Args:
        horizon: control steps of an episode; the task's own by default.
        bank: where starts come from: public, perturbed (or perturbed:mass,friction), hidden.
        absent: the chance that an episode lacks a movable entity, or the names of those it lacks.
        interactions: whether steps also give the true graph of who acted on whom.
        kwargs: arguments of the world that change the task's own; of a world that is seen also
            segmentation, depth and particles.
    """
    from entitybench.envs.core.banks import Bank
    from entitybench.envs.core.batch import Worlds
    from entitybench.envs.drawing.pixels import PixelWorlds

    spec = task_of(task)
    stepped(spec)
    for name in ("interactions", *SEEN_BESIDE, "sleep"):
        wanted = interactions if name == "interactions" else kwargs.get(name, False)
        if not isinstance(wanted, bool):
            raise BadValue(f"{name} is True or False: got {wanted!r}.")
    more = {name: kwargs.pop(name) for name in SEEN_BESIDE if name in kwargs}
    world = world_of(spec, **kwargs)
    kind = Worlds if world.pixels is None else PixelWorlds
    if more and world.pixels is None:
        raise BadValue(f"{spec.id} shows no images: {', '.join(more)} needs pixels=64, say.")
    steps = spec.horizon if horizon is None else horizon
    return kind(
        world,
        batch,
        threads=threads,
        horizon=steps,
        bank=Bank(bank, absent),
        interactions=interactions,
        **more,
    )


def stepped(spec: TaskSpec) -> Kind:
    """The kind of a task. Raises BadValue where there is nothing to step."""
    kind = kinds()[spec.kind]
    if kind.views is None and kind.parallel is None:
        raise BadValue(
            f"{spec.id} is of the kind {kind.id}: it has {kind.item}s and no environment to step; "
            f"`bench eval --task {spec.id}` gives them to an agent."
        )
    return kind
