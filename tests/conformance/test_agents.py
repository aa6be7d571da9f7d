"""Every registered agent keeps the contract of entitybench.types, whatever its kind.

No class is named here. `tests/support/kinds/<kind>.py` says where an agent of a kind is trained, on
what, and how what it makes of items is compared.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import inspect
import json
from pathlib import Path

import numpy as np
import pytest
from parts import parts_of
from reading import recorded, settings_of, words

from entitybench import checkpoints
from entitybench.agents.common.config import from_json, to_json
from entitybench.envs.offers import offers
from entitybench.envs.training import WorldsOf
from entitybench.errors import BadValue, BenchError, CheckpointError
from entitybench.leaderboard.training.order import plain, same
from entitybench.leaderboard.training.runs import RunFolder
from entitybench.needs import NEEDS, check_fit
from entitybench.registry import agent, agents, kinds, resolve_agent, tasks

ROOT = Path(__file__).parents[2]
TRAINED = [s.id for s in agents() if s.trains and s.weights_of is None and s.kind in kinds()]
VARIANTS = [s.id for s in agents() if s.weights_of is not None]
UNTRAINED = [s.id for s in agents() if not s.trains and s.kind == "any"]
LONGEST = 60  # steps of a whole run; of longer ones a part is compared


def kind_of(id):
    """The module of tests/support/kinds that belongs to an agent."""
    return importlib.import_module(f"kinds.{agent(id).kind.replace('-', '_')}")


@pytest.fixture(scope="module")
def data_of(tmp_path_factory):
    """Tiny data by agent, made once a kind."""

    @functools.cache
    def of_kind(module):
        return module.data(tmp_path_factory.mktemp("data"))

    def of_agent(id):
        if agent(id).learns_from == "worlds":
            return WorldsOf(tasks()[kind_of(id).TASK])
        return of_kind(kind_of(id))

    return of_agent


def fresh(id, data, *, seed=0, preset="tiny", task=None, **changes):
    spec, where = agent(id), tasks()[task or kind_of(id).TASK]
    target = resolve_agent(spec)
    changes |= {"compile": False} if spec.extra == "train" else {}
    config = target.configure(spec, preset, where, **changes)
    parts = parts_of(spec, where)
    return target.create(config, where, seed=seed, data=data, parts=parts, device="cpu")


def advance(one, data, steps):
    """Go on by `steps`; some take several at a time."""
    metrics, end = {}, one.step + steps
    while one.step < end:
        metrics = one.advance(data)
    return metrics


def arrays(one, folder):
    """All that a checkpoint holds, as numpy arrays by name."""
    one.save(folder, training=True)
    _, weights, training = checkpoints.read(folder)
    return {**weights, **(training or {})}


def assert_same(left, right):
    assert left.keys() == right.keys()
    for name, value in left.items():
        np.testing.assert_array_equal(value, right[name], err_msg=name)


def whole_run(one):
    return one.total if one.total <= LONGEST else 12


def why_not(id, task):
    """The line that refuses an agent in a task, or None where it builds."""
    try:
        check_fit(agent(id), task, offers(task))
        fresh(id, None, task=task.id)
    except BadValue as error:
        return str(error)
    return None


@pytest.mark.parametrize("id", TRAINED)
def test_it_builds_on_every_task_of_its_kind_or_says_in_one_line_why_not(id):
    spec, built = agent(id), 0
    for task in tasks():
        if spec.kind not in (task.kind, *task.also):
            continue
        reason = why_not(id, task)
        built += reason is None
        if reason is not None:
            assert "\n" not in reason
            assert task.id in reason
            assert spec.needs - offers(task), reason  # it was said beforehand
    assert built


@pytest.mark.parametrize("id", TRAINED)
def test_one_step_learns_something_and_counts(id, data_of, tmp_path):
    data = data_of(id)
    one = fresh(id, data)
    assert one.step == 0
    assert one.total > 1
    before = arrays(one, tmp_path / "a")
    metrics = advance(one, data, 1)
    after = arrays(one, tmp_path / "b")
    assert one.step > 0
    assert metrics
    assert all(isinstance(v, float) and np.isfinite(v) for v in metrics.values())
    changed = [k for k, value in before.items() if not np.array_equal(value, after[k])]
    assert changed or after.keys() - before.keys()  # at first, some only see something
    assert all(np.isfinite(value).all() for value in after.values())


@pytest.mark.parametrize("id", TRAINED)
def test_a_step_depends_on_seed_step_and_data_alone(id, data_of, tmp_path):
    data = data_of(id)
    one, other = fresh(id, data), fresh(id, data, seed=1)
    advance(one, data, 2)
    one.save(tmp_path / "two", training=True)
    one.ready(data)  # an evaluation between changes nothing of what is learned
    advance(one, data, 1)
    again = resolve_agent(agent(id)).load(tmp_path / "two")
    advance(again, data, 1)
    first, second = arrays(one, tmp_path / "a"), arrays(again, tmp_path / "b")
    measured = {name for name in first if name.startswith("buffer/")}
    for name in first.keys() - measured:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)
    advance(other, data, 3)
    third = arrays(other, tmp_path / "c")
    assert any(not np.array_equal(first[name], third[name]) for name in first.keys() - measured)


@pytest.mark.parametrize("id", TRAINED)
def test_killed_and_resumed_ends_with_the_same_files(id, data_of, tmp_path):
    data = data_of(id)
    whole, half = fresh(id, data), fresh(id, data)
    steps = whole_run(whole)
    advance(whole, data, steps)
    for end in (steps // 3, steps - 2, steps):
        advance(half, data, end - half.step)
        half.save(tmp_path / "half", training=True)
        half = resolve_agent(agent(id)).load(tmp_path / "half")
    assert half.step == whole.step == steps
    assert_same(arrays(whole, tmp_path / "a"), arrays(half, tmp_path / "b"))
    files = [(tmp_path / name / checkpoints.WEIGHTS).read_bytes() for name in "ab"]
    assert files[0] == files[1]
    if steps == whole.total:
        with pytest.raises(BenchError, match="complete"):
            whole.advance(data)


@pytest.fixture(scope="module")
def trained(data_of, tmp_path_factory):
    """A trained agent and its shipped checkpoint, made once an agent."""

    @functools.cache
    def train(id):
        data = data_of(id)
        one = fresh(id, data)
        advance(one, data, whole_run(one))
        one.ready(data)
        folder = tmp_path_factory.mktemp(id) / "seed0"
        one.save(folder, training=False)
        return one, folder

    return train


@pytest.mark.parametrize("id", TRAINED)
def test_a_shipped_checkpoint_does_the_same(id, trained, data_of):
    one, folder = trained(id)
    assert {path.name for path in folder.iterdir()} == {checkpoints.META, checkpoints.WEIGHTS}
    again = resolve_agent(agent(id)).load(folder)
    items = kind_of(id).items(4)
    np.testing.assert_array_equal(kind_of(id).made(one, items), kind_of(id).made(again, items))
    meta, data = checkpoints.read_meta(folder), data_of(id)
    assert (meta["agent"], meta["task"]) == (id, kind_of(id).TASK)
    assert (meta["step"], meta["total"], meta["unit"]) == (one.step, one.total, one.unit)
    named = {"id": data.id, "content_hash": data.content_hash} if data.id else {}
    assert meta["dataset"] == named


@pytest.mark.parametrize("id", TRAINED)
def test_a_row_does_not_depend_on_the_rows_beside_it(id, trained):
    one, kind = trained(id)[0], kind_of(id)
    items = kind.items(6)
    whole = kind.made(one, items)
    assert len(whole) == 6
    assert np.isfinite(whole).all()
    part = kind.made(one, {name: x[2:4] for name, x in items.items()}, first=2)
    np.testing.assert_allclose(part, whole[2:4], atol=2e-4)  # other sizes round differently
    other = {name: np.concatenate([x[3:4], x[1:]]) for name, x in items.items()}
    np.testing.assert_array_equal(kind.made(one, other)[1:], whole[1:])  # same size: bit for bit


@pytest.mark.parametrize("id", VARIANTS)
def test_variants_act_with_the_weights_of_another_agent(id, trained):
    spec = agent(id)
    _, folder = trained(spec.weights_of)
    variant = resolve_agent(spec).load(folder, **spec.config)
    for name, value in spec.config.items():
        assert getattr(variant.config, name) == value
    assert np.isfinite(kind_of(id).made(variant, kind_of(id).items(3))).all()


@pytest.mark.parametrize("id", UNTRAINED)
@pytest.mark.parametrize("kind", sorted({task.kind for task in tasks()}))
def test_agents_that_learn_nothing_do_what_can_be_done_without(id, kind):
    if not hasattr(resolve_agent(agent(id)), kinds()[kind].does):
        pytest.skip(f"it has no {kinds()[kind].does}")
    module = importlib.import_module(f"kinds.{kind.replace('-', '_')}")
    task = tasks()[module.TASK]
    if id == "oracle" and task.oracle is None:
        pytest.skip("no oracle")
    target = resolve_agent(agent(id))
    one = target.create(target.configure(agent(id), "", task), task, seed=0, data=None, parts={})
    actions = module.made(one, module.items(2))
    assert len(actions) == 2
    assert np.abs(actions).max() <= getattr(module, "LARGEST", 1)
    if id in ("zero", "constant"):
        assert np.ptp(actions) == 0
        assert actions.flat[0] == (id == "constant")


# Settings ---------------------------------------------------------------------


@pytest.mark.parametrize("id", TRAINED)
def test_presets_are_what_the_registry_says(id):
    spec, task = agent(id), tasks()[kind_of(id).TASK]
    target = resolve_agent(spec)
    assert "tiny" in spec.presets
    for preset in spec.presets:
        made = target.configure(spec, preset, task)
        assert dataclasses.is_dataclass(made)
        assert made.__dataclass_params__.frozen
        assert (made.agent, made.preset) == (id, preset)
        for name, value in spec.config.items():
            assert getattr(made, name) == value
    with pytest.raises(BenchError, match="huge"):
        target.configure(spec, "huge", task)
    with pytest.raises(BadValue, match=r"'batch_sise'.*'batch_size'") as caught:
        target.configure(spec, "tiny", task, batch_sise=3)
    assert "\n" not in str(caught.value)
    assert spec.needs <= NEEDS.keys()


UNREAD = {
    "agent": "the registry gives it",
    "preset": "the registry gives it",
    "name": "of a phase, for people, as in a log",
    "rank": "of a language model from a folder, tests/smoke/test_language_models.py",
}


@pytest.mark.parametrize("id", TRAINED)
def test_every_setting_is_read_by_this_agent(id, data_of, monkeypatch):
    """In some training, of those that its settings with words to choose from make possible."""
    data, kind = data_of(id), kind_of(id)
    config = fresh(id, None).config
    left = {(cls, name) for cls, name in settings_of(config) if name not in UNREAD}
    for name, word in [(None, None), *words(config)]:
        if not left:
            break
        with monkeypatch.context() as patch, recorded(config, patch) as found:
            try:
                one = fresh(id, data, **({name: word} if name else {}))
            except BadValue:
                continue  # not in this task
            # Who learns by acting learns nothing before an episode is over.
            advance(one, data, one.total if agent(id).learns_from == "worlds" else 2)
            one.ready(data)
            kind.made(one, kind.items(2))
        left -= found
    assert left == set()


FORMER = [spec.id for spec in agents() if spec.former]


@pytest.mark.parametrize("id", FORMER)
def test_settings_that_an_agent_does_not_read_are_refused_and_dropped_from_what_is_stored(
    id, tmp_path
):
    spec, task = agent(id), tasks()[kind_of(id).TASK]
    target = resolve_agent(spec)
    config = target.configure(spec, "tiny", task)
    stored = to_json(config)
    for name in spec.former:
        head, _, part = name.partition(".")
        stored |= {head: [{**one, part: 0.3} for one in stored[head]] if part else "anything"}
        asked = f"{head}.0.{part}" if part else name
        with pytest.raises(BadValue, match=f"no setting '{asked}': there are .*") as caught:
            target.configure(spec, "tiny", task, **{asked: "0.5"})
        assert "\n" not in str(caught.value)
    with pytest.raises(CheckpointError, match="unknown"):
        from_json(type(config), stored)
    assert from_json(type(config), checkpoints.today(stored)) == config
    # A run of an earlier version goes on.
    asked = {"config": plain(target, config)}
    same(RunFolder(tmp_path, 0), json.loads(json.dumps({"config": stored})), asked)


@pytest.mark.parametrize("id", TRAINED)
def test_a_method_has_a_readme_and_a_page(id):
    folder = Path(inspect.getfile(resolve_agent(agent(id)))).resolve().parent
    if "baselines" in folder.relative_to(ROOT / "agents").parts:
        assert agent(id).paper or agent(id).summary
        return
    assert (folder / "README.md").is_file()
    assert any((ROOT / "docs" / at / f"{folder.name}.md").is_file() for at in ("methods", "."))
