"""Gymnasium's plugin: names every task to `gymnasium.make` without loading a simulator.

`register` is called when Gymnasium is imported (src/gymnasium_plugin), so that
`gymnasium.make("entitybench/push-3blocks-v1")` works without importing entitybench.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from entitybench.registry import kinds, tasks

if TYPE_CHECKING:
    from entitybench.types import TaskSpec

NAMESPACE = "entitybench"  # of all ids; see TaskSpec.gym_id
AGENT_REWARDS = "agent_rewards"  # info of a joint environment: what each agent of the team got


def joint_id(task: TaskSpec) -> str:
    """The id of a team's task as one environment of all agents; see joint.py."""
    return f"{NAMESPACE}/{task.id}-joint-v{task.version}"


def register() -> None:
    """Register every task of one agent under its `gym_id`."""
    from gymnasium.envs import registration

    for task in tasks():
        found = kinds()[task.kind].views
        if found is not None and task.gym_id not in registration.registry:
            registration.register(
                id=task.gym_id,
                entry_point="entitybench.envs.views.single:without_limit",
                vector_entry_point=found[1],
                max_episode_steps=task.horizon,
                kwargs={"task": task.id},
                # Gymnasium's wrappers would hide `compute_reward`, which goal-conditioned learners
                # call; the environment itself asks for a reset before the first step.
                order_enforce=False,
                disable_env_checker=True,
            )
