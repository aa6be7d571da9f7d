"""Claims are looked up before anything is trained, and checkpoints planned parts first."""

import json
import subprocess
from dataclasses import replace

import pytest

from entitybench.claims import Arm, Check, Claim, Mean, Measured, Training
from entitybench.errors import BadValue, BenchError, MissingExtra, UnknownId
from entitybench.leaderboard.claims import measure, plan, registered
from entitybench.leaderboard.claims.arms import record_file
from entitybench.leaderboard.claims.plan import Need, Plan, make_plan
from entitybench.registry import Registry, agents
from tests.support import claim_methods

HERE = "tests.golden.test_claims_plan"
SUCCESS = Check(Mean("a", "success"), at_least=0)
NOT_CLAIMS = ("success",)


def claim(*arms, checks=(SUCCESS,), **changes):
    settings = {"name": "c", "method": "m", "statement": "s", "published": "p"}
    return Claim(**{**settings, "arms": arms, "checks": checks, **changes})


TWICE = (claim(Arm("a", "gcbc", "push-1block")),) * 2
TRAINED = claim(Arm("a", "gcbc", "push-1block"), training_seeds=2)


@pytest.fixture
def known(monkeypatch):
    """Puts changed specs among the registered agents."""

    def put(**changes):
        table = [replace(spec, **changes.pop(spec.id, {})) for spec in agents()]
        for module in (registered, plan):
            registry = Registry("agent", table)
            monkeypatch.setattr(module, "agent_spec", registry.__getitem__)
        monkeypatch.setattr(registered, "agents", lambda: registry)
        monkeypatch.setattr(plan, "reference_weights", lambda agent, task, dataset: {})

    return put


def test_every_registered_claim_names_what_is_registered():
    found = registered.all_claims()
    assert {"small-1", "small-4", "paper"} <= {x.name for x in found if x.method == "hecrl"}
    for each in found:
        registered.check(each)
        for arm in each.arms:
            assert record_file(arm)


def test_methods_without_claims():
    with pytest.raises(UnknownId, match=r"unknown method with claims 'hecr'.*'hecrl'"):
        registered.claims("hecr")


@pytest.mark.parametrize(
    ("target", "error", "says"),
    [
        (f"{HERE}:NOT_CLAIMS", BadValue, "the claims of gcbc, .*NOT_CLAIMS, are no tuple of Claim"),
        (f"{HERE}:TWICE", BadValue, "m has two claims 'c': rename one"),
        (f"{HERE}:NOTHING", UnknownId, "has no 'NOTHING'"),
        ("nowhere_at_all:CLAIMS", MissingExtra, "nowhere_at_all is not installed"),
        ("tests.support.bad_claims:CLAIMS", BadValue, "gcbc, .*cannot be read: ZeroDivisionError"),
    ],
)
def test_claims_that_cannot_be_read(known, target, error, says, monkeypatch):
    import sys
    import types

    class Broken(types.ModuleType):
        def __getattr__(self, name):
            return 1 / 0

    monkeypatch.setitem(sys.modules, "tests.support.bad_claims", Broken("bad_claims"))
    known(gcbc={"claims": target})
    with pytest.raises(error, match=says) as caught:
        registered.all_claims()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arm", "checks", "says"),
    [
        ({"agent": "gcb"}, (SUCCESS,), "unknown agent 'gcb'"),
        ({"task": "push-1blok"}, (SUCCESS,), "unknown task 'push-1blok'"),
        ({"weights_from": "nowhere"}, (SUCCESS,), "unknown task 'nowhere'"),
        ({"dataset": "push-1block/nothing-v1"}, (SUCCESS,), "unknown dataset"),
        (
            {"dataset": "push-2blocks/play-v1"},
            (SUCCESS,),
            "trained on push-1block, and push-2blocks/play-v1 is a dataset of push-2blocks",
        ),
        ({"agent": "random", "changes": {"x": 1}}, (SUCCESS,), "random has no weights"),
        ({"options": {"benk": "hidden"}}, (SUCCESS,), "unknown option of arm 'a' 'benk'"),
        ({}, (Check(Mean("a", "sucess"), at_least=0),), "unknown metric of arm 'a' 'sucess'"),
        (
            {"agent": "random"},
            (Check(Training("a", "success"), at_least=0),),
            "of a training, and random does not learn",
        ),
        ({}, (Check(Measured(f"{HERE}:nothing"), at_least=0),), "has no 'nothing'"),
    ],
)
def test_what_a_claim_names_is_looked_up_first(arm, checks, says):
    settings = {"name": "a", "agent": "gcbc", "task": "push-1block", **arm}
    with pytest.raises(BenchError, match=says):
        registered.check(claim(Arm(**settings), checks=checks))


def test_a_part_is_no_arm(known):
    known(gcbc={"kind": "part"})
    with pytest.raises(BadValue, match=r"arm 'a' of .* gcbc is built into other agents"):
        registered.check(claim(Arm(name="a", agent="gcbc", task="push-1block"), checks=(SUCCESS,)))


def test_parts_are_trained_before_what_is_built_on_them(known, tmp_path):
    known(gcbc={"parts": {"value": "gciql"}}, gciql={"parts": {"net": "hiql"}})
    found = make_plan([TRAINED], "tiny", tmp_path)
    names = [f"{agent}/push-1block/play-v1/seed{s}" for s in (0, 1) for agent in _UP]
    assert [str(need) for need in found.missing] == names
    assert [[need.agent for need in wave] for wave in found.waves()] == [
        [agent] * 2 for agent in _UP
    ]
    need = found.missing[2]
    job = plan._job(found, [need], None)
    assert job["parts"] == {
        "0": {"value": str(tmp_path / "weights/gciql/push-1block/play-v1/seed0")}
    }
    assert "parts" not in plan._job(found, found.missing[:1], None)


_UP = ("hiql", "gciql", "gcbc")


def test_a_part_of_what_acts_learns_from_the_data_of_its_kind(known, tmp_path):
    known()
    acting = claim(Arm("a", "hint-ncii", "hockey-goal"), training_seeds=1)
    found = plan.make_plan([acting], "small", tmp_path)
    assert [str(need) for need in found.missing] == [
        "ncii/hockey-goal/noisy-v1/seed0",
        "hint-ncii/hockey-goal/online/seed0",
    ]


def test_what_is_built_on_a_part_that_diverged_is_not_trained(known, tmp_path, monkeypatch):
    known(gcbc={"parts": {"value": "gciql"}})
    asked = []

    def train_all(jobs, workers, poll, executor):
        asked.append([(job["agent_id"], job["seeds"]) for job in jobs])
        if jobs[0]["agent_id"] != "gciql":
            return {}
        (tmp_path / "weights/gciql/push-1block/play-v1/seed0").mkdir(parents=True)
        return {0: "training diverged with seed 1."}

    monkeypatch.setattr(plan, "train_all", train_all)
    monkeypatch.setattr("entitybench.datasets.api.load_dataset", lambda *_, **__: None)
    found = make_plan([TRAINED], "tiny", tmp_path)
    lost = plan.train_missing(found, 1, None, lambda event: None)
    assert asked == [[("gciql", [0, 1])], [("gcbc", [0])]]
    part = "gciql/push-1block/play-v1/seed1"
    assert {str(need): why for need, why in lost.items()} == {
        part: "training diverged with seed 1.",
        "gcbc/push-1block/play-v1/seed1": f"it is built on {part}, and training diverged with "
        "seed 1.",
    }


def test_parts_of_what_is_there_are_not_needed(known, tmp_path):
    known(gcbc={"parts": {"value": "gciql"}})
    folder = tmp_path / "weights/gcbc/push-1block/play-v1/seed0"
    folder.mkdir(parents=True)
    meta = '{"agent": "gcbc", "task": "push-1block", "task_version": 1, "seed": 0}'
    (folder / "agent.json").write_text(meta)
    found = make_plan([TRAINED], "tiny", tmp_path, training_seeds=1)
    assert (len(found.found), found.missing) == (1, [])


def test_weights_as_earlier_versions_laid_them_are_not_trained_again(known, tmp_path):
    known()
    own = tmp_path / "weights/gcbc/push-1block/play-v1/seed0"
    former = tmp_path / "weights/gcbc/push-1block/seed0"
    former.mkdir(parents=True)
    meta = {"agent": "gcbc", "task": "push-1block", "task_version": 1, "seed": 0}
    for name, refused in (("noisy-v1", False), ("play-v1", True)):
        meta["dataset"] = {"id": f"push-1block/{name}"}
        (former / "agent.json").write_text(json.dumps(meta))
        if refused:
            with pytest.raises(BadValue, match=r"earlier versions kept weights.*`(.*)`") as caught:
                make_plan([TRAINED], "tiny", tmp_path, training_seeds=1)
        else:
            assert len(make_plan([TRAINED], "tiny", tmp_path, training_seeds=1).missing) == 1
    command = str(caught.value).split("`")[1]
    subprocess.run(["sh", "-c", command], check=True)
    assert (own / "agent.json").is_file()
    assert len(make_plan([TRAINED], "tiny", tmp_path, training_seeds=1).found) == 1


def test_parts_in_a_circle(known, tmp_path):
    known(gcbc={"parts": {"a": "gciql"}}, gciql={"parts": {"b": "gcbc"}})
    with pytest.raises(BadValue, match="in a circle: gcbc needs gciql needs gcbc"):
        make_plan([TRAINED], "tiny", tmp_path)


def test_names_of_folders_and_files():
    need = Need("bc", "hopper", "hopper/medium-v1", 3, (("rate", "0.1"), ("size", "[64, 64]")))
    assert str(replace(need, changes=need.changes[:1])) == "bc/hopper/medium-v1+rate=0.1/seed3"
    assert len(str(need).split("/")[2]) == len("medium-v1+") + 12  # a hash: brackets are no name
    assert str(Need("sac", "hopper", None, 0)) == "sac/hopper/online/seed0"
    arm = Arm("a", "hecrl", "push-4blocks", weights_from="push-3blocks", changes={"choice": "x"})
    assert record_file(arm) == "push-4blocks/hecrl-from-push-3blocks+choice=x.json"


def test_seeds_of_a_claim_that_does_not_begin_with_0(known, tmp_path):
    known()
    later = replace(TRAINED, first_seed=5)
    assert [need.seed for need in make_plan([later], "tiny", tmp_path).missing] == [5, 6]
    assert list(later.seeds(1)) == [5]
    with pytest.raises(BadValue, match=r"first_seed of claim 'c' of 'm' is a whole number, 0 or"):
        replace(TRAINED, first_seed=-1)


def test_shipped_weights_of_changed_settings(known, tmp_path, monkeypatch):
    """Claims find them where agents do not look."""
    known()
    monkeypatch.setattr(plan, "REFERENCE", tmp_path / "reference")
    arm = Arm("a", "gcbc", "push-1block", changes={"batch_size": 16})
    need = plan.needs(arm, [5])[0]
    place = tmp_path / "reference/claims/weights/gcbc/push-1block/play-v1+batch_size=16/seed5"
    assert plan.kept(need) == place
    place.mkdir(parents=True)
    meta = {"agent": "gcbc", "task": "push-1block", "preset": "tiny", "task_version": 1, "seed": 5}
    (place / "agent.json").write_text(json.dumps(meta))
    wanted = claim(arm, training_seeds=1, first_seed=5)
    assert make_plan([wanted], "tiny", tmp_path).shipped == {need: place}
    assert make_plan([wanted], "small", tmp_path).missing == [need]
    assert make_plan([replace(wanted, first_seed=4)], "tiny", tmp_path).shipped == {}


def test_each_setting_has_a_folder_of_its_own_and_shares_the_rest(known, tmp_path):
    known()
    claims = [
        claim(
            Arm("a", "hecrl", "push-1block"),
            Arm("b", "hecrl-flat", "push-1block"),
            Arm("c", "hecrl", "push-1block", changes={"samples": 8}),
            Arm("d", "hecrl", "push-2blocks", weights_from="push-1block"),
            training_seeds=1,
        )
    ]
    found = make_plan(claims, "tiny", tmp_path)
    assert [str(need) for need in found.missing] == [
        "hecrl/push-1block/play-v1+samples=8/seed0",
        "hecrl/push-1block/play-v1/seed0",
    ]
    assert plan._job(found, found.missing[:1], "cpu") == {
        "agent_id": "hecrl",
        "task": "push-1block",
        "preset": "tiny",
        "seeds": [0],
        "out": str(tmp_path / "weights/hecrl/push-1block/play-v1+samples=8"),
        "resume": False,
        "device": "cpu",
        "dataset": "push-1block/play-v1",
        "changes": {"samples": 8},
    }


def test_the_shortest_interval_of_several_claims_is_taken(known, tmp_path):
    known()
    claims = [replace(TRAINED, evaluate_every=every) for every in (None, 50, 20)]
    assert make_plan(claims, "tiny", tmp_path).evaluate_every == 20
    assert isinstance(make_plan(claims[:1], "tiny", tmp_path), Plan)
    assert make_plan(claims[:1], "tiny", tmp_path).evaluate_every is None


def words(seed, weights):
    return "three"


def fails(seed, weights):
    raise KeyError("x")


@pytest.mark.parametrize(
    ("name", "says"),
    [("words", "words must give a number: got 'three'"), ("fails", "failed with seed 0: KeyError")],
)
def test_functions_that_give_no_number(name, says, tmp_path):
    quantity = Measured(f"{HERE}:{name}")
    with pytest.raises(BenchError, match=says):
        measure.measurement(quantity, [0], {}, {}, tmp_path / "x.json")
    assert not (tmp_path / "x.json").exists()


def test_what_was_measured_is_read_again_until_something_changes(tmp_path, monkeypatch):
    monkeypatch.setattr(measure.provenance, "revision", lambda: None)
    quantity = Measured("tests.support.claim_methods:residual")
    path, calls = tmp_path / "x.json", []

    def residual(seed, weights):
        calls.append(seed)
        return 1.0 / 3

    monkeypatch.setattr(claim_methods, "residual", residual)
    for seeds, ran in (([0, 1], [0, 1]), ([0, 1], []), ([0, 1, 2], [0, 1, 2])):
        calls.clear()
        found = measure.measurement(quantity, seeds, {}, {}, path)
        assert calls == ran
        assert found.by_seed() == dict.fromkeys(seeds, 1 / 3)
    path.write_text("{")
    measure.measurement(quantity, [0], {}, {}, path)
    assert calls == [0, 1, 2, 0]


def test_seeds_learn_side_by_side_as_far_as_all_workers_have_some(monkeypatch):
    wave = [Need("gcbc", "push-1block", "push-1block/play-v1", seed) for seed in range(5)]
    other = [Need("iql", "hopper", "hopper/medium-v1", seed) for seed in range(5)]

    def sizes(needs, workers):
        return [[need.seed for need in group] for group in plan._groups(needs, workers)]

    assert sizes(wave, 1) == [[0, 1, 2, 3, 4]]
    assert sizes(wave, 2) == [[0, 1, 2], [3, 4]]
    assert sizes(wave, 9) == [[0], [1], [2], [3], [4]]
    assert sizes(wave + other, 2) == [[0, 1, 2, 3, 4]] * 2
    monkeypatch.setattr(plan, "can_join", lambda target: False)
    assert sizes(wave[:2], 1) == [[0], [1]]
