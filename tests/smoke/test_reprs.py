"""Environments, samplers and agents print with their shapes."""

from __future__ import annotations

from pathlib import Path

import gymnasium
import pytest

import entitybench as eb
from entitybench.datasets.generate.api import generate
from entitybench.envs.views.joint import JointEnv


def test_environments_show_task_shapes_and_steps() -> None:
    three = "achieved_goal desired_goal observation"  # as Gymnasium orders them
    assert repr(eb.make("push-3blocks")) == (
        f"<GoalEnv push-3blocks-v1: {three} (4, 20); action (2,); 450 steps>"
    )
    assert repr(eb.make_vec("push-3blocks", 8, horizon=20)) == (
        f"<GoalVectorEnv push-3blocks-v1 × 8: {three} (8, 4, 20); action (8, 2); 20 steps>"
    )
    hopper = repr(eb.make("hopper"))
    assert hopper.startswith("<RewardEnv hopper-v")
    assert "observation (" in hopper
    assert "action (3,)" in hopper
    wrapped = gymnasium.make("entitybench/push-3blocks-v1", max_episode_steps=7)
    assert "<GoalEnv push-3blocks-v1: " in str(wrapped)
    assert str(2**62) not in str(wrapped)  # the limit is the wrapper's


def test_teams_show_what_each_agent_has() -> None:
    env = eb.make("team-spread")
    shape = env.observation_space(env.possible_agents[0]).shape
    count = len(env.possible_agents)
    text = repr(env)
    assert str(env) == f"team-spread-v{env.task.version}"  # PettingZoo's, which others go by
    assert text.startswith(f"<TeamEnv team-spread-v{env.task.version}, {count} agents: ")
    assert f"observation {shape} each; action" in text
    assert f"state {env.state_space.shape}; {env.worlds.horizon} steps>" in text
    assert "action Discrete(2) each" in repr(eb.make("team-matrix-xor", actions=2))
    joint = repr(JointEnv("team-spread"))
    assert joint.startswith("<JointEnv team-spread-v")
    assert "state (" in joint


def test_samplers_show_the_shapes_of_a_batch(tmp_path: Path) -> None:
    folder = generate(
        "push-1block/play-v1", episodes=2, workers=1, out=tmp_path / "data", say=lambda _: None
    )
    store = eb.load_dataset(folder)
    steps = store.transitions
    transitions = repr(store.transition_sampler())
    assert transitions.startswith(f"<TransitionSampler of {steps} transitions: ")
    assert "observations" in transitions
    assert "(B, 2, 20)" in transitions
    windows = repr(store.window_sampler(5))
    assert "windows of 5 steps" in windows
    assert "(B, 6, 2, 20)" in windows
    goals = repr(store.goal_sampler())
    assert goals.startswith(f"<GoalSampler of {steps} transitions, goals by value= and policy=: ")
    assert "actions (B, 2)" in goals


@pytest.mark.parametrize(
    ("task", "observation"),
    [("push-3blocks", "(4, 20)"), ("push-3blocks-pixels", "(64, 64, 3)")],
)
def test_agents_show_what_they_see_and_do(task: str, observation: str) -> None:
    text = repr(eb.load_agent("random", task=task))
    assert text.endswith(f"; observation {observation}; action (2,)>")
