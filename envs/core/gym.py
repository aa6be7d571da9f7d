"""Gymnasium's plugin: names every task to `gymnasium.make` without loading a simulator.

`register` is called when Gymnasium is imported (src/gymnasium_plugin), so that
`gymnasium.make("entitybench/push-3blocks-v1")` works without importing entitybench.
"""

from __future__ import annotations

from entitybench.registry import tasks


def register() -> None:
    """Register every goal-control task under its `gym_id`."""
    from gymnasium.envs import registration

    for task in tasks():
        if task.kind == "goal-control" and task.gym_id not in registration.registry:
            # No max_episode_steps: the environments truncate at their horizon themselves.
            registration.register(
                id=task.gym_id,
                entry_point="entitybench.envs.core.single:GoalEnv",
                vector_entry_point="entitybench.envs.core.vector:GoalVectorEnv",
                kwargs={"task": task.id},
                # Gymnasium's wrappers would hide `compute_reward`, which goal-conditioned learners
                # call; the environment itself asks for a reset before the first step.
                order_enforce=False,
                disable_env_checker=True,
            )
