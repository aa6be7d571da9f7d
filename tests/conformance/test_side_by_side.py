"""Training seeds that learn side by side become what they become alone."""

from __future__ import annotations

import importlib

import agent_cases
import chain
import pytest
import torch

from entitybench.agents.common.learner import TorchLearner
from entitybench.agents.common.side_by_side import SideBySide, stackable
from entitybench.errors import BadValue
from entitybench.registry import agent, agents, resolve, tasks

TRAINED = [
    spec for spec in agents()
    if spec.learns_from == "dataset" and spec.weights_of is None
    and issubclass(resolve(spec.target), TorchLearner)
]  # fmt: skip
SEEDS = (0, 3, 7)


@pytest.fixture(scope="module")
def walks():
    with chain.registered():
        yield chain.dataset(episodes=30)


def where(spec, store, walks, folder):
    """A small task of an agent's kind and data of it."""
    if spec.kind == "reward-control":
        return chain.TASK, walks
    if spec.kind == "goal-control":
        return tasks()[agent_cases.TASK], store
    module = importlib.import_module(f"kinds.{spec.kind.replace('-', '_')}")
    return tasks()[module.TASK], module.data(folder)


def make(spec, task, **changes):
    target = resolve(spec.target)
    return target, target.configure(spec, "tiny", task, **{"compile": False, **changes})


def numbers(one):
    """All numbers that training depends on."""
    flat = {f"{group}/{k}": v for group, p in one.params.items() for k, v in p.items()}
    flat |= {f"buffer/{k}": v for k, v in one.buffers.items()}
    return {k: v.detach().clone() for k, v in flat.items()}


def assert_near(left, right, tolerance):
    assert left.keys() == right.keys()
    for name, value in left.items():
        torch.testing.assert_close(value, right[name], rtol=tolerance, atol=tolerance, msg=name)


@pytest.mark.parametrize("spec", TRAINED, ids=lambda spec: spec.id)
def test_seeds_side_by_side_equal_single_runs(spec, store, walks, tmp_path):
    task, data = where(spec, store, walks, tmp_path / "data")
    target, config = make(spec, task)
    together = SideBySide.create(target, config, task, seeds=SEEDS, data=data)
    alone = [target.create(config, task, seed=seed, data=data) for seed in SEEDS]
    for _ in range(6):
        rows, single = together.advance(data), [one.advance(data) for one in alone]
        for row, metrics in zip(rows, single, strict=True):
            assert row == pytest.approx(metrics, rel=1e-3, abs=1e-4)
    assert together.step == alone[0].step == 6
    for mine, one in zip(together.learners, alone, strict=True):
        assert_near(numbers(mine), numbers(one), 1e-4)
    first, second, _ = (numbers(one) for one in together.learners)
    assert any(not torch.equal(value, second[name]) for name, value in first.items())


@pytest.mark.parametrize("id", ["iql", "td3bc", "gcbc"])
def test_what_was_stopped_goes_on_with_the_same_bits(id, store, walks, tmp_path):
    spec = agent(id)
    task, data = where(spec, store, walks, tmp_path / "data")
    target, config = make(spec, task)
    folders = [tmp_path / f"seed{seed}" for seed in SEEDS]
    whole = SideBySide.create(target, config, task, seeds=SEEDS, data=data)
    half = SideBySide.create(target, config, task, seeds=SEEDS, data=data)
    for _ in range(9):
        whole.advance(data)
    for _ in range(5):
        half.advance(data)
    half.save(folders, training=True)
    half = SideBySide.load(target, folders)
    single = target.load(folders[1])
    for _ in range(4):
        half.advance(data)
        single.advance(data)
    for mine, one in zip(whole.learners, half.learners, strict=True):
        assert_near(numbers(mine), numbers(one), 0.0)
    assert_near(numbers(single), numbers(whole.learners[1]), 1e-4)  # alone it goes on likewise
    for name, folder in (("whole", whole), ("half", half)):
        folder.save([tmp_path / name / str(seed) for seed in SEEDS], training=True)
    for seed in SEEDS:
        for file in ("weights.safetensors", "training.safetensors"):
            mine, other = (tmp_path / name / str(seed) / file for name in ("whole", "half"))
            assert mine.read_bytes() == other.read_bytes()


def test_seeds_that_keep_other_data_go_on_side_by_side_as_alone(walks):
    """IDRL's iterations filter: each seed draws from what it kept itself."""
    changes = {"weight": "adv", "balance": 0.5, "reward_scale": 5.0}
    for k in range(3):
        rates = dict.fromkeys(("learning_rate", "final_learning_rate"), 3e-3)
        changes |= {f"phases.{k}.{name}": value for name, value in ({"updates": 8} | rates).items()}
    target, config = make(agent("idrl"), chain.TASK, **changes)
    together = SideBySide.create(target, config, chain.TASK, seeds=SEEDS, data=walks)
    alone = [target.create(config, chain.TASK, seed=seed, data=walks) for seed in SEEDS]
    while together.step < together.total:
        rows = together.advance(walks)
        for row, one in zip(rows, alone, strict=True):
            assert row == pytest.approx(one.advance(walks), rel=1e-2, abs=1e-3)
    kept = [one.buffers["kept"] for one in together.learners]
    assert not torch.equal(kept[0], kept[1])
    for mine, one in zip(together.learners, alone, strict=True):
        assert_near(numbers(mine), numbers(one), 1e-3)


@pytest.mark.parametrize("clip", [None, 0.01])
def test_the_gradients_of_each_seed_are_clipped_by_themselves(clip, walks):
    target, config = make(agent("iql"), chain.TASK, grad_clip=clip)
    together = SideBySide.create(target, config, chain.TASK, seeds=SEEDS, data=walks)
    alone = [target.create(config, chain.TASK, seed=seed, data=walks) for seed in SEEDS]
    # A seed whose gradients are far larger than the others' changes nothing for these.
    for one in (together.learners[0], alone[0]):
        one.params["value"]["layer2.bias"].data.fill_(100.0)
    for _ in range(3):
        together.advance(walks)
        for one in alone:
            one.advance(walks)
    for mine, one in zip(together.learners, alone, strict=True):
        assert_near(numbers(mine), numbers(one), 1e-4)


def test_losses_over_all_seeds_are_those_of_each(walks):
    """What keeps the axis of seeds by itself gives what vectorising its losses would."""
    for id in ("bc", "iql", "td3bc", "sql", "rebrac", "cql", "dwbc-oracle", "aw", "dw-aw"):
        target, config = make(agent(id), chain.TASK)
        together = SideBySide.create(target, config, chain.TASK, seeds=SEEDS, data=walks)
        assert together.lead.of_seeds
        together.lead.step = 1  # where every network of TD3+BC learns
        drawn = together._draw([together.lead._source(walks)] * len(SEEDS))
        batch = {name: torch.as_tensor(value) for name, value in drawn.items()}
        native, logs = together.lead.losses(together.params, batch, {})
        vmapped = torch.func.vmap(together.lead.losses, (0, 0, None))(together.params, batch, {})
        torch.testing.assert_close(native, vmapped[0])
        assert logs.keys() == vmapped[1].keys()
        for name, value in logs.items():
            assert value.shape == (len(SEEDS),)
            torch.testing.assert_close(value, vmapped[1][name])


class OwnDraw(resolve(agent("bc").target)):
    """A learner that changed `draw` and not `draw_many`: its batches are all of one transition."""

    def draw(self, source, rng):
        return {name: value[:1] for name, value in super().draw(source, rng).items()}


def test_a_draw_that_was_changed_is_used_for_every_seed(walks):
    _, config = make(agent("bc"), chain.TASK)
    together = SideBySide.create(OwnDraw, config, chain.TASK, seeds=SEEDS, data=walks)
    drawn = together._draw(together._opened(walks))
    assert drawn["actions"].shape == (len(SEEDS), 1, 1)


class OwnUpdate(resolve(agent("bc").target)):
    def update(self, batch):
        return super().update(batch)


def test_what_cannot_lie_side_by_side_is_refused_in_one_line(walks):
    target, config = make(agent("bc"), chain.TASK)
    _, other = make(agent("bc"), chain.TASK, batch_size=7)
    assert stackable(target)
    assert not stackable(OwnUpdate)
    assert not stackable(object)

    def one(config=config, seed=0, target=target):
        return target.create(config, chain.TASK, seed=seed, data=walks)

    later = one(seed=1)
    later.advance(walks)
    for learners, text in (
        ([], "no training seed"),
        ([one(), one()], "twice"),
        ([one(), one(other, 1)], "differ in their configuration"),
        ([one(), later], "differ in their step"),
        ([one(target=OwnUpdate), one(target=OwnUpdate, seed=1)], "an update of its own"),
    ):
        with pytest.raises(BadValue, match=text) as caught:
            SideBySide(learners)
        assert "\n" not in str(caught.value)
