"""Every registered task behaves like a citizen of Gymnasium or PettingZoo, and of this suite.

Nothing is listed by hand: the registry says what there is.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util

import numpy as np
import pytest

from entitybench.checks import NotChecked
from entitybench.envs import pettingzoo
from entitybench.envs.api import make, make_worlds
from entitybench.envs.conformance import rules, variants
from entitybench.envs.conformance.api import CHECKS
from entitybench.envs.conformance.rollouts import busy
from entitybench.registry import kinds, tasks
from entitybench.types import TaskSpec


def _there(task: TaskSpec) -> bool:
    return not task.extra or importlib.util.find_spec(task.extra) is not None


TASKS = [task for task in tasks() if "state" in task.tags]
ALONE = [task for task in TASKS if kinds()[task.kind].views]
TEAMS = [task for task in TASKS if not kinds()[task.kind].views]
ids = [task.id for task in TASKS]


def each(some: list[TaskSpec]) -> pytest.MarkDecorator:
    """A test of each of these tasks; those whose engine is not installed are skipped."""
    return pytest.mark.parametrize(
        "task",
        [
            pytest.param(
                task,
                id=task.id,
                marks=[]
                if _there(task)
                else pytest.mark.skip(reason=f"pip install -e '.[{task.extra}]'"),
            )
            for task in some
        ],
    )


def test_every_state_task_of_one_agent_can_be_seen() -> None:
    seen = {task.id for task in tasks() if "pixels" in task.tags}
    assert {f"{task.id}-pixels" for task in ALONE if task.kind != "graph"} <= seen
    steps = {task.id for task in tasks() if kinds()[task.kind].views or kinds()[task.kind].parallel}
    assert steps == seen | set(ids)


# Those of `bench check` that take a moment; other tests make the others.
AT_ONCE = [name for name in CHECKS if name not in ("oracle", "pictures", "starts", "copies")]


@pytest.mark.slow
@each(TASKS)
def test_the_oracle_is_better_than_chance(task: TaskSpec) -> None:
    try:
        CHECKS["oracle"].run(task)
    except NotChecked as reason:
        pytest.skip(str(reason))


@pytest.mark.parametrize("name", AT_ONCE)
@each(TASKS)
@pytest.mark.filterwarnings("ignore")
def test_a_task_keeps_what_is_checked(task: TaskSpec, name: str) -> None:
    """What `bench check` looks for; a check raises where it fails, or is not made."""
    if name == "sb3":
        pytest.importorskip("stable_baselines3")
    if CHECKS[name].applies(task):
        CHECKS[name].run(task)
    else:
        assert name in (FOR_TEAMS if task in ALONE else FOR_ONE)


FOR_TEAMS = ("teams", "pettingzoo")
FOR_ONE = ("rewards", "vectors", "gymnasium", "sb3")


@pytest.mark.slow
@each(TASKS)
def test_observations_stay_in_bounds_for_ten_thousand_steps(task: TaskSpec) -> None:
    rules.stay_within(task, 1_000 if task.extra else 10_000)


def test_each_team_has_a_module_as_pettingzoos_environments_have() -> None:
    assert dir(pettingzoo) == sorted(pettingzoo.name_of(task) for task in TEAMS)
    assert "pushbox_v1" in dir(pettingzoo)
    assert pettingzoo.pushbox_v1 is pettingzoo.pushbox_v1
    with pytest.raises(AttributeError, match="no pushbx_v1; did you mean pushbox_v1"):
        getattr(pettingzoo, "pushbx_v1")  # noqa: B009 - no checker knows the name
    with pytest.raises(ImportError):
        from entitybench.envs.pettingzoo import pushbox_v99  # noqa: F401


@pytest.mark.filterwarnings("ignore")
def test_a_team_can_act_in_turn() -> None:
    from pettingzoo.test import api_test

    from entitybench.envs.pettingzoo import matrix_xor_v1, spread_v1

    for module in (matrix_xor_v1, spread_v1):
        api_test(module.env(), num_cycles=20)


@each(TEAMS)
def test_a_team_has_a_module(task: TaskSpec) -> None:
    env = getattr(pettingzoo, pettingzoo.name_of(task)).parallel_env()
    same = make(task)
    seen = [each.reset(seed=2)[0] for each in (env, same)]
    assert seen[0].keys() == seen[1].keys() == set(env.possible_agents)
    assert all(np.array_equal(seen[0][name], seen[1][name]) for name in seen[0])
    env.close()
    same.close()


@each(TASKS)
def test_hidden_starts(task: TaskSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENTITYBENCH_SALT", "a salt of enough letters")
    variants.banks(task, ("hidden",))


@pytest.mark.slow
@each(TASKS)
def test_memory_does_not_grow(task: TaskSpec) -> None:
    worlds = make_worlds(task, 10, threads=2)
    actions = busy(task, 50, 10)
    rounds = 40 if task.extra else 200  # 20 000 or 100 000 world-steps

    def run(times: int) -> None:
        for _ in range(times):
            worlds.reset(range(10))
            for action in actions:
                worlds.step(action)
        gc.collect()

    run(rounds // 10)
    before = _resident()
    run(rounds - rounds // 10)
    assert _resident() - before < 8_000_000
    worlds.close()


def _resident() -> int:
    """Bytes of memory that this process has."""
    pages = open("/proc/self/statm").read().split()[1]  # noqa: SIM115
    return int(pages) * 4096


@each(TASKS)
def test_golden_rollouts_are_stored_for_this_mujoco(task: TaskSpec) -> None:
    """Their hashes are the processor's too; `bench doctor` compares them and says what it means."""
    from entitybench.envs.golden import rollout, stored

    assert f"{task.id}-v{task.version}" in stored(), "python -m entitybench.envs.golden --write"
    assert len(rollout(task)) == 64
