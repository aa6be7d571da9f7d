"""A copied or pickled environment goes on bit for bit, and neither moves the other."""

from __future__ import annotations

import copy
import importlib.util
import multiprocessing
import pickle  # noqa: TID251 - what workers are sent by
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import gymnasium
import numpy as np
import pytest
from walks import plain, steps

import entitybench as eb
from entitybench.envs.views.joint import JointEnv
from entitybench.errors import BadValue
from entitybench.registry import kinds, tasks
from entitybench.types import TaskSpec

THERE = [t for t in tasks() if not t.extra or importlib.util.find_spec(t.extra) is not None]
STATE = [task for task in THERE if "state" in task.tags]
FIRSTS = list({task.target: task for task in reversed(STATE)}.values())
REST = [task for task in THERE if task not in FIRSTS]
COPIES = {"deepcopy": copy.deepcopy, "pickle": lambda env: pickle.loads(pickle.dumps(env))}


def views(task: TaskSpec) -> list[Callable[[], Any]]:
    """What makes each view of a task."""
    if not kinds()[task.kind].views:
        return [lambda: eb.make(task.id), lambda: JointEnv(task.id)]
    return [lambda: eb.make(task.id), lambda: eb.make_vec(task.id, 2, threads=2)]


def goes_on(make: Callable[[], Any], copied: Callable[[Any], Any]) -> None:
    first = make()
    first.reset(seed=3)
    steps(first, 0, 5)
    second = copied(first)
    ahead = steps(second, 1, 6)
    assert steps(first, 1, 6) == ahead, "the original was moved, or the copy is not exact"
    assert plain(first.reset()) == plain(second.reset()), "the next episode is another"
    fresh, third = make(), copied(make())
    assert plain(fresh.reset(seed=9)) == plain(third.reset(seed=9))
    assert steps(fresh, 2, 3) == steps(third, 2, 3)
    for env in (first, second, fresh, third):
        env.close()


@pytest.mark.parametrize("task", FIRSTS, ids=lambda task: task.id)
def test_copies_go_on(task: TaskSpec) -> None:
    for make in views(task):
        for copied in COPIES.values():
            goes_on(make, copied)


@pytest.mark.slow
@pytest.mark.parametrize("task", REST, ids=lambda task: task.id)
def test_copies_of_all_others_go_on(task: TaskSpec) -> None:
    test_copies_go_on(task)


@pytest.mark.parametrize(
    "options",
    [{"bank": "perturbed"}, {"absent": 0.5}, {"interactions": True}],
    ids=lambda options: next(iter(options)),
)
def test_copies_of_varied_worlds_go_on(options: dict[str, Any]) -> None:
    for copied in COPIES.values():
        goes_on(lambda: eb.make("push-3blocks", **options), copied)


def test_copies_of_what_is_seen_go_on() -> None:
    for copied in COPIES.values():
        goes_on(lambda: eb.make("push-1block-pixels", segmentation=True), copied)


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)
def test_a_copy_draws_and_so_does_its_original(copied: Callable[[Any], Any]) -> None:
    env = eb.make("push-1block", render_mode="rgb_array", width=32, height=32)
    env.reset(seed=0)
    before = env.render()
    again = copied(env)
    assert np.array_equal(again.render(), before)
    steps(again, 0, 20)
    assert np.array_equal(env.render(), before)
    env.close()
    again.close()


@pytest.mark.parametrize("task", ["push-1block", "team-spread"])
def test_shallow_copies_share_no_physics(task: str) -> None:
    for make in views(tasks()[task]):
        goes_on(make, copy.copy)


def test_copies_through_gymnasiums_wrappers_and_after_close() -> None:
    env = gymnasium.make("entitybench/push-1block-v1")
    env.reset(seed=1)
    steps(env, 0, 3)
    again = copy.deepcopy(env)
    assert steps(env, 1, 4) == steps(again, 1, 4)
    env.close()
    closed = copy.deepcopy(env)
    closed.reset(seed=1)
    again.reset(seed=1)
    assert steps(closed, 0, 2) == steps(again, 0, 2)


def test_an_open_window_is_not_copied() -> None:
    env: Any = eb.make("push-1block")
    env._window = object()
    for copied in COPIES.values():
        with pytest.raises(BadValue, match="open window cannot be copied: close"):
            copied(env)


@pytest.mark.parametrize("make", [eb.make, lambda task: eb.make_vec(task, 3, threads=2)])
@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_a_worker_goes_on_as_this_process_does(method: str, make: Callable[..., Any]) -> None:
    env = make("halfcheetah")
    env.reset(seed=0)
    steps(env, 0, 5)
    with ProcessPoolExecutor(1, multiprocessing.get_context(method)) as workers:
        there = workers.submit(steps, env, 1, 20)
        assert there.result(timeout=120) == steps(env, 1, 20)


def stepped_in_a_fork(env: Any, found: Any) -> None:
    """A fork without pickling, as workers that inherit what their parent has."""
    found.send(steps(env, 1, 5))


def test_threads_of_a_vector_step_in_a_forked_process_too() -> None:
    env = eb.make_vec("push-3blocks", 4, threads=2)
    env.reset(seed=0)
    steps(env, 0, 5)
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    worker = context.Process(target=stepped_in_a_fork, args=(env, there))
    worker.start()
    try:
        assert here.poll(60), "the forked process waits for threads that it does not have"
        assert here.recv() == steps(env, 1, 5)
    finally:
        worker.kill()
        worker.join()
