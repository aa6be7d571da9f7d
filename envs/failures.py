"""Failures on purpose: scripted controllers that go wrong in named ways, labelled by the simulator.

A failure is an injection (a scripted policy that errs) and a predicate on what then happened
(after FailGen: Duan et al., AHA, ICLR 2025). A family keeps a table of its own, which its tasks
name in `TaskSpec.failures`; its first entry is the success, whose predicate is that of the task.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from entitybench.envs.api import make_worlds, task_of
from entitybench.envs.core.physics import MujocoPhysics
from entitybench.envs.core.play import play
from entitybench.errors import BadValue, unknown
from entitybench.registry import resolve
from entitybench.seeding import BatchGenerator, generator

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from entitybench.envs.core.world import World
    from entitybench.types import Array, Policy, TaskSpec


@dataclass(frozen=True, slots=True)
class Trace:
    """B episodes of T control steps."""

    world: World
    states: Array  # (T + 1, B, S)
    actions: Array  # (T, B, A)
    touched: Array  # (T, B, N, N) bool, who touched whom during a step
    impulses: Array  # (T, B, N, N) N s, how hard: along contacts' normals, summed over a step
    constants: Array  # (B, N, D)
    goals: Array  # (B, N, D)
    success: Array  # (B,) bool, the task's own test at the end
    notes: Mapping[str, Array]  # what the scripted policy says of its plan, each (B, ...)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One way to fail."""

    number: int  # of the mode, the same in every family (docs/banks.md)
    summary: str
    inject: Callable[[TaskSpec], Policy[Any]]  # the policy that errs; it may have `notes(state)`
    holds: Callable[[Trace], Array]  # whether it went wrong in this way: bool (B,)


def failures_of(task: str | TaskSpec) -> Mapping[str, Failure]:
    """The table of a task. Raises BadValue when it has none."""
    spec = task_of(task)
    if spec.failures is None:
        raise BadValue(f"{spec.id} has no failures that can be injected.")
    table: Mapping[str, Failure] = resolve(spec.failures)
    return table


def inject(
    task: str | TaskSpec, failure: str, seeds: Sequence[int], *, steps: int | None = None
) -> tuple[Trace, Array]:
    """Run the policy that errs in one way from some starts.

    Args:
        failure: a name in the task's table; "success" is the scripted policy as it is.
        seeds: of the episodes.
        steps: control steps; the task's horizon by default.

    Returns:
        What happened, and which episodes are labelled: bool (B,), those in which the injected
        predicate and no other holds, and the task's test fails (or, for "success", passes).
    """
    spec = task_of(task)
    table = failures_of(spec)
    if failure not in table:
        raise unknown("failure", failure, table)
    trace = _run(spec, table[failure].inject(spec), seeds, steps or spec.horizon)
    label = np.ones(len(seeds), bool)
    for name, one in table.items():
        label &= one.holds(trace) == (name == failure)
    return trace, label & (trace.success == (failure == "success"))


def _run(spec: TaskSpec, policy: Policy[Any], seeds: Sequence[int], steps: int) -> Trace:
    if not len(seeds):
        raise BadValue("failures are injected into one episode or more: got no seeds.")
    worlds = make_worlds(spec, len(seeds), horizon=steps)
    physics = worlds.physics
    if not isinstance(physics, MujocoPhysics):
        raise BadValue(f"{spec.id} has no MuJoCo physics: nothing tells how hard things touch.")
    physics.weigh()
    rng = BatchGenerator([generator(seed, "failure") for seed in seeds])
    obs = worlds.reset(seeds)
    states, actions, touched, impulses = [worlds.state.copy()], [], [], []
    for step in play(worlds, policy, obs, rng, steps):
        states.append(worlds.state.copy())
        actions.append(np.clip(step.action, -1.0, 1.0))
        assert physics.touched is not None
        assert physics.impulses is not None
        touched.append(physics.touched.copy())
        impulses.append(physics.impulses.copy())
    notes = policy.notes(step.state) if hasattr(policy, "notes") else {}
    worlds.close()
    return Trace(
        world=worlds.world,
        states=np.array(states),
        actions=np.array(actions),
        touched=np.array(touched),
        impulses=np.array(impulses),
        constants=worlds.constants.copy(),
        goals=worlds.goals.copy(),
        success=step.info["is_success"],
        notes=notes,
    )
