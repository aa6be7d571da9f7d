"""What `TorchLearner` gives every method: settings, phases, targets, constants, exact resume."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any, ClassVar, Literal

import numpy as np
import pytest
import torch

from entitybench import checkpoints
from entitybench.agents.common.config import Phase, TorchConfig, from_json, to_json
from entitybench.agents.common.learner import TorchLearner
from entitybench.datasets.sampling.goals import GoalMix
from entitybench.errors import BadValue, CheckpointError
from entitybench.registry import agent, lacking, resolve_agent, tasks
from entitybench.types import AgentSpec

FAR = GoalMix(uniform=1.0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class PullPhase(Phase):
    pull: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config(TorchConfig):
    phases: tuple[PullPhase, ...] = (
        PullPhase(
            name="first",
            updates=4,
            learning_rate=0.1,
            final_learning_rate=0.1,
            pull=1.0,
            learns=("slope",),
        ),
        PullPhase(name="second", updates=6, learning_rate=0.2, final_learning_rate=0.0, pull=0.5),
    )
    batch_size: int = 4
    compile: bool = False
    target_rate: float = 0.25
    discount: float = 0.9
    network: Literal["entity", "flat"] = "entity"
    layers: tuple[int, ...] = (8, 8)
    radius: float | None = None
    spread: tuple[float, float] = (0.0, 1.0)
    goals: GoalMix = FAR


SPEC = AgentSpec(id="toy", kind="part", target=f"{__file__}:Toy", presets=("tiny",))
TASK = tasks()["push-1block"]
DATA = SimpleNamespace(id="toy/x-v1", content_hash="none", x=np.arange(12, dtype=np.float32))


class Toy(TorchLearner):
    """Two numbers drawn to what is drawn."""

    config_class: ClassVar[type[Any]] = Config
    presets: ClassVar = {"tiny": {}}
    shipped = ("slope",)
    targets: ClassVar = {"slope_target": "slope"}

    def source(self, data):
        return data.x

    def init(self, rng):
        self.params = {name: {"w": torch.randn(2, generator=rng)} for name in ("slope", "shift")}

    def draw(self, source, rng):
        return {"x": source[rng.integers(len(source), size=self.config.batch_size)]}

    def losses(self, params, batch, constants):
        wanted = batch["x"].mean() * constants["pull"]
        parts = [(params[name]["w"] - wanted).square().sum() for name in ("slope", "shift")]
        return sum(parts), {"loss": sum(parts).detach(), "pull": constants["pull"]}

    def begin(self, phase, source):
        before = self.buffers.get("begun", torch.zeros(0))
        self.buffers["begun"] = torch.cat([before, torch.tensor([float(self.step)])])


def toy(**changes):
    config = Toy.configure(SPEC, "tiny", TASK, **changes)
    return Toy.create(config, TASK, seed=0, data=DATA, parts={}, device="cpu")


def copy(one):
    return {g: {k: v.detach().clone() for k, v in p.items()} for g, p in one.params.items()}


def test_a_phase_learns_its_groups_at_its_rate_with_its_constants():
    one = toy()
    begun = copy(one)
    seen = [one.advance(DATA) for _ in range(4)]
    first = copy(one)
    assert not torch.equal(first["slope"]["w"], begun["slope"]["w"])
    assert torch.equal(first["shift"]["w"], begun["shift"]["w"])
    seen += [one.advance(DATA) for _ in range(6)]
    assert not torch.equal(one.params["shift"]["w"], first["shift"]["w"])
    assert [m["pull"] for m in seen] == [1.0] * 4 + [0.5] * 6
    rates = [m["learning_rate"] for m in seen]
    assert rates == pytest.approx([0.1] * 4 + [0.2 * (1 - k / 6) for k in range(6)])
    assert one.buffers["begun"].tolist() == [0.0, 4.0]
    assert one.step == one.total == 10
    with pytest.raises(BadValue, match="training is complete: 10 of 10 updates"):
        one.advance(DATA)


def test_a_target_follows_and_learns_nothing():
    one = toy()
    before = copy(one)
    assert torch.equal(before["slope_target"]["w"], before["slope"]["w"])
    one.advance(DATA)
    expected = torch.lerp(before["slope_target"]["w"], one.params["slope"]["w"], 0.25)
    torch.testing.assert_close(one.params["slope_target"]["w"], expected)
    assert not one.params["slope_target"]["w"].requires_grad


@pytest.mark.parametrize("at", [0, 2, 4, 7, 10])
def test_resuming_anywhere_ends_with_the_same_files(at, tmp_path):
    whole, half = toy(), toy()
    for _ in range(10):
        whole.advance(DATA)
    for _ in range(at):
        half.advance(DATA)
    half.save(tmp_path / "half")
    half = Toy.load(tmp_path / "half")
    while half.step < 10:
        half.advance(DATA)
    for one, name in ((whole, "a"), (half, "b")):
        one.save(tmp_path / name)
    for file in (checkpoints.WEIGHTS, checkpoints.TRAINING, checkpoints.META):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_weights_alone_do_not_train(tmp_path):
    toy().save(tmp_path / "c", training=False)
    with pytest.raises(CheckpointError, match="hold no training state"):
        Toy.load(tmp_path / "c").advance(DATA)


def test_parts_are_named_by_their_hashes(tmp_path):
    toy().save(tmp_path / "part", training=False)
    config = Toy.configure(SPEC, "tiny", TASK)
    one = Toy.create(config, TASK, seed=0, data=DATA, parts={"base": tmp_path / "part"})
    one.save(tmp_path / "c")
    sha256 = checkpoints.read_meta(tmp_path / "part")["sha256"][checkpoints.WEIGHTS]
    assert checkpoints.read_meta(tmp_path / "c")["parts"] == {"base": sha256}
    assert Toy.load(tmp_path / "c").parts == {"base": sha256}


# Settings ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("batch_size", "32", 32),
        ("discount", "0.5", 0.5),
        ("discount", 1, 1),
        ("compile", "True", True),
        ("network", "flat", "flat"),
        ("layers", "64, 32,16", (64, 32, 16)),
        ("layers", "(64,)", (64,)),
        ("layers", [4, 4], (4, 4)),
        ("spread", "1,2", (1.0, 2.0)),
        ("radius", "none", None),
        ("radius", "-3e1", -30.0),
        ("goals", GoalMix(next=1.0), GoalMix(next=1.0)),
        ("goals.mean_steps", "7", 7.0),
        ("phases.1.updates", "3", 3),
        ("phases.0.learns", "slope,shift", ("slope", "shift")),
        ("phases.0.learns", "none", None),
    ],
)
def test_settings_are_read_by_their_type(name, given, expected):
    found = Toy.configure(SPEC, "tiny", TASK, **{name: given})
    for part in name.split("."):
        found = found[int(part)] if part.isdecimal() else getattr(found, part)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("batch_size", "many", r"'batch_size' is a whole number: got 'many'"),
        ("batch_size", 2.5, r"a whole number: got 2\.5"),
        ("batch_size", True, r"a whole number: got True"),
        ("discount", "high", r"a number: got 'high'"),
        ("compile", "yes", r"true or false: got 'yes'"),
        ("network", "round", r"one of entity, flat: got 'round'"),
        ("layers", "64,x", r"a whole number"),
        ("spread", "1,2,3", r"a list of 2 values"),
        ("radius", "wide", r"a number or none: got 'wide'"),
        ("goals", "near", r"made of parts \(next, .*\); set one of them"),
        ("goals.uniform", "0.5", r"sum to 1"),
        ("goals.unifrom", "0.5", r"no setting 'goals\.unifrom'.*'uniform'"),
        ("phases.7.updates", "3", r"no setting 'phases\.7\.updates': there is 0 .*, not 7"),
        ("phases.0", "3", r"'phases\.0' is made of parts \(name, updates"),
        ("discuont", "1", r"no setting 'discuont'.*Did you mean 'discount'"),
        ("agent", "other", r"no setting 'agent'"),
        ("batch_size", "0", r"batch_size is 1 or more, .*: got 0"),
        ("phases.0.updates", "-1", r"updates is 0 or more: got -1"),
        ("phases.0.learning_rate", "nan", r"learning_rate is 0 or more, and finite: got nan"),
    ],
)
def test_settings_that_cannot_be_are_one_line(name, given, words):
    with pytest.raises(BadValue, match=words) as caught:
        Toy.configure(SPEC, "tiny", TASK, **{name: given})
    assert "\n" not in str(caught.value)


def test_settings_that_make_no_network_are_one_line():
    spec, task = agent("hecrl"), tasks()["push-1block"]
    target = resolve_agent(spec)
    wrong = (("tiny", {"width": -8}), ("paper", {"width": 12}), ("paper", {"heads": 0}))
    for preset, change in wrong:
        with pytest.raises(BadValue) as caught:
            target.create(target.configure(spec, preset, task, **change), task, seed=0)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("learns", "words"),
    [
        ("slop", "got 'slop'. Did you mean 'slope'?"),
        ("slope,slope_target", "got 'slope_target'."),  # it follows, and learns nothing
        ("", "got none."),
    ],
)
def test_a_phase_learns_groups_that_there_are_and_at_least_one(learns, words):
    with pytest.raises(BadValue) as caught:
        toy(**{"phases.0.learns": learns})
    line = "phases.0.learns names groups of parameters of toy, some of shift, slope: "
    assert str(caught.value).startswith(line + words)


def test_a_configuration_comes_back_from_json():
    config = Toy.configure(SPEC, "tiny", TASK, radius=2.0)
    assert from_json(Config, to_json(config)) == config


def test_settings_of_earlier_versions_are_read_under_the_names_of_today():
    spec = agent("hecrl")
    config = resolve_agent(spec).configure(spec, "tiny", tasks()["push-1block"])
    old = to_json(config)
    stages = [dict(phase) for phase in old.pop("phases")]
    for stage in stages:
        stage["policy"] = stage.pop("mix")
        del stage["name"], stage["learns"]
    old |= {"stages": stages, "subgoal_learning_rate": 1.0}
    assert from_json(type(config), checkpoints.today(old)) == config


# What the harness asks of a class ----------------------------------------------


def test_a_class_that_lacks_what_is_asked_is_named_with_it(tmp_path):
    (tmp_path / "mine.py").write_text(
        "class Mine:\n    unit = 'updates'\n    configure = create = load = policy = None\n"
    )
    spec = AgentSpec(id="mine", kind="goal-control", target=f"{tmp_path}/mine.py:Mine")
    with pytest.raises(BadValue, match=r"it lacks advance, ready, save \(") as caught:
        resolve_agent(spec)
    assert "\n" not in str(caught.value)
    assert lacking(dataclasses.replace(spec, kind="part"), Toy) == []
    assert lacking(spec, Toy) == ["policy"]
