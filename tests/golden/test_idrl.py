"""IDRL: losses against values computed by hand, the filter, and what happens between stages."""

from __future__ import annotations

import chain
import numpy as np
import pytest
import torch
from kinds import reward_control

from entitybench.agents.common.offline.dual import conjugate, dual_value_loss, ratio_of
from entitybench.agents.idrl import losses, settings, worlds
from entitybench.agents.idrl.sift import Scores, sift
from entitybench.errors import BadValue, Diverged
from entitybench.leaderboard.training.runs import RunFolder
from entitybench.leaderboard.training.train import train_seeds
from entitybench.registry import agent, resolve, tasks


def tensor(*values):
    return torch.tensor(values, dtype=torch.float64)


def learner(data=None, seed=0, **changes):
    spec = agent("idrl")
    target = resolve(spec.target)
    small = {f"phases.{k}.updates": 3 for k in range(3)}
    config = target.configure(
        spec, "tiny", chain.TASK, **{**small, "balance": 0.5, "weight": "adv", **changes}
    )
    return target.create(config, chain.TASK, seed=seed, data=data)


def test_the_conjugate_of_chi_squared():
    y = tensor(-4, -2, 0, 2)
    assert ratio_of(y).tolist() == [0.0, 0.0, 1.0, 2.0]
    assert conjugate(y).tolist() == [-1.0, -1.0, 0.0, 3.0]  # y (y / 4 + 1) from −2 on
    loss = dual_value_loss(tensor(2, -4), tensor(1, 3), 0.25)
    assert float(loss) == pytest.approx((0.75 * 1 + 0.25 * 3 + 0.75 * 3 - 0.25) / 2)


def test_ratios_and_weights():
    advantage = tensor(-3, -1, 1)
    assert losses.normalised_ratio(advantage, 0.6).tolist() == pytest.approx([0.0, 0.75, 2.25])
    state = tensor(2, -1, 0.5)
    assert losses.weight(advantage, None, "adv").tolist() == [0.0, 0.0, 1.0]
    assert losses.weight(advantage, None, "paper").tolist() == [0.0, 0.5, 1.5]
    assert losses.weight(advantage, state, "paper").tolist() == [0.0, 0.0, 0.75]


def test_the_saddle_of_stage_b():
    state_ratio, ratio = tensor(2, -1).requires_grad_(), tensor(0.5, 3)
    here, there = tensor(1, 2).requires_grad_(), tensor(4, 1).requires_grad_()
    moved = losses.flow(here, there, tensor(1, 0), 0.5)
    assert moved.tolist() == [1.0, -2.0]
    loss = losses.ratio_loss(state_ratio, ratio, moved)
    # (2 − 1)² − 0.5 · 1 · 2, and (−1 − 1)² − 3 · −2 · −1
    assert float(loss.detach()) == pytest.approx((0.0 + -2.0) / 2)
    loss.backward()
    assert here.grad is None
    assert state_ratio.grad.tolist() == pytest.approx([(2 - 0.5) / 2, (-4 + 6) / 2])
    loss = losses.potential_loss(state_ratio.detach(), ratio, moved)
    # −1 + 2 · 0.5 · 1, and 2 + 0
    assert float(loss.detach()) == pytest.approx((0.0 + 2.0) / 2)
    loss.backward()
    assert here.grad.tolist() == pytest.approx([0.0, 0.5])  # (1 − W₊ ŵ) / 2
    assert there.grad.tolist() == pytest.approx([0.0, 0.0])  # an end lets nothing flow


def test_each_stage_moves_its_networks():
    data = chain.dataset(episodes=20)
    one = learner(data)
    moves = {"values": {"value", "critic"}, "ratio": {"potential", "ratio"}, "policy": {"actor"}}
    stages = []
    while one.step < one.total:
        stages.append(one.at())
        before = {g: p["layer2.bias"].detach().clone() for g, p in one.params.items()}
        begins = stages[-1] not in stages[:-1]
        one.advance(data)
        moved = {g for g, p in one.params.items() if not torch.equal(before[g], p["layer2.bias"])}
        if not begins:  # there networks are set too
            assert {g for g in moved if not g.endswith("_target")} == moves[stages[-1][0]]
    every = [(stage, k) for k in (1, 2) for stage in ("values", "ratio")] + [("policy", 2)]
    assert stages == [at for at in every for _ in range(3)]


def until(one, data, stage, k):
    """Advance to the first update of a stage, and do it."""
    while one.at() != (stage, k):
        one.advance(data)
    return one.advance(data)


def test_the_second_iteration_learns_from_what_the_first_kept():
    data = chain.dataset(episodes=20)
    one = learner(data)
    metrics = until(one, data, "values", 2)
    kept = one.buffers["kept"].numpy()
    assert 0 < kept.sum() < data.transitions
    assert metrics["kept_1"] == pytest.approx(kept.sum() / data.transitions)
    drawn = one.sampler(one.source(data))
    assert set(drawn.rows) == set(np.flatnonzero(kept))
    assert drawn.sample(500, np.random.default_rng(0))["actions"].shape == (500, 1)
    flags = np.asarray(data.columns["expert"])[kept]
    assert metrics["purity_1"] == pytest.approx(flags.mean())
    assert 0.0 <= metrics["auroc_1"] <= 1.0


@pytest.mark.parametrize("restart", ["fresh", "warm"])
def test_networks_begin_anew_or_go_on(restart):
    data = chain.dataset(episodes=20)
    one = learner(data, restart=restart)
    while one.at() != ("values", 2):
        one.advance(data)
    before = one.params["value"]["layer0.weight"].detach().clone()
    one.advance(data)
    moved = (one.params["value"]["layer0.weight"] - before).abs().max().item()
    assert moved < 0.01 if restart == "warm" else moved > 0.1
    steps = {k: int(v) for k, v in one.moments().items() if k.startswith("step/value")}
    assert set(steps.values()) == {1}  # the optimiser forgot


def test_a_kill_between_stages_changes_nothing(tmp_path):
    data = chain.dataset(episodes=20)
    with chain.registered():
        whole = learner(data)
        while whole.step < whole.total:
            whole.advance(data)
        for stop in (2, 3, 6, 7, 12, 13):
            half = learner(data)
            for _ in range(stop):
                half.advance(data)
            half.save(tmp_path / "half")
            half = type(half).load(tmp_path / "half")
            while half.step < half.total:
                half.advance(data)
            for name, p in whole.params["actor"].items():
                assert torch.equal(p, half.params["actor"][name]), stop
            assert torch.equal(whole.buffers["kept"], half.buffers["kept"])
        half.save(tmp_path / "shipped", training=False)
        assert "kept" not in type(half).load(tmp_path / "shipped").buffers


def test_what_is_kept_and_how_it_is_judged():
    store = chain.dataset(episodes=2)
    rows = np.arange(4)
    store.columns["expert"][:4] = [1, 0, 1, 0]
    togo = np.arange(int(store.offsets[-1]), dtype=float)
    weight, action = np.array([2.0, 0.0, 200.0, 1.0]), np.array([1.0, 2.0, 3.0, 0.0])
    scores = Scores(weight, action, np.array([1.0, 0.5, 1.0, 0.0]), np.array([0.1, 0.1, 1.0, 0.1]))
    found = sift(scores, rows, store, togo, of=8, most=100.0, first=True)
    assert np.flatnonzero(found.kept).tolist() == [0, 2, 3]
    assert found.mean == pytest.approx(103 / 3)
    assert found.numbers == pytest.approx(
        {
            "kept": 3 / 8,
            "action_mean": 1.5,
            "mass": (1 + 1 + 3 + 0) / 4,
            "flow": (0.1 + 0.1 + 3.0) / 1.3,
            "togo_gain": 5 / 3 - 1.5,
            "purity": 2 / 3,
            "purity_before": 0.5,
            "auroc": 1.0,  # 2 and 200 above 0 and 1
            "auroc_action": 0.75,
            "auroc_state": 1.0,
        }
    )
    assert not found.collapsed(0.375, 3)
    assert found.collapsed(0.376, 0)
    assert found.collapsed(0.0, 4)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"least_share": 1.0}, r"seed 0: iteration 1 keeps \d+ of \d+ transitions, and least_sh"),
        ({"target_rate": 0.5}, "iteration 1 keeps 0 of"),
    ],
)
def test_training_stops_where_too_little_is_kept(changes, line):
    data = chain.dataset(episodes=20)
    one = learner(data, **changes)
    if "target_rate" in changes:  # V above every Q
        one.params["value"]["layer2.bias"].data.fill_(50.0)
    while one.at() != ("values", 2):
        one.advance(data)
    with pytest.raises(Diverged, match=line) as caught:
        one.advance(data)
    assert "\n" not in str(caught.value)
    assert one.at() == ("values", 2)
    assert "kept" not in one.buffers  # nothing was changed


def test_settings_that_cannot_be():
    spec = agent("idrl")
    target = resolve(spec.target)
    with pytest.raises(BadValue, match="phases are values, ratio, policy: got 1"):
        target.configure(spec, "tiny", chain.TASK, phases=agent_phases()[:1])
    assert target.configure(spec, "tiny", chain.TASK, iterations="3").iterations == 3


@pytest.mark.parametrize("of", [settings, worlds])
def test_arms_are_tuned_with_equal_budgets(of):
    assert len({len(candidates) for candidates in of.GRID.values()}) == 1
    for dataset in of.DATASETS:
        task = tasks()[dataset.partition("/")[0]]
        for arm, candidates in of.GRID.items():
            spec = agent(arm)
            for own in candidates:
                tried = {**of.shared(arm, dataset), **own}
                config = resolve(spec.target).configure(spec, "small", task, **tried)
                assert config.phases[0].updates == of.UPDATES
                assert config.batch_size == 256


def agent_phases():
    return resolve(agent("idrl").target).presets["tiny"]["phases"]


def test_data_without_rewards_are_refused_in_one_line():
    data = chain.dataset(episodes=5)
    del data.columns["rewards"], data.manifest["columns"]["rewards"]
    with pytest.raises(BadValue, match=r"idrl learns from rewards, and .* has no column") as caught:
        learner(data)
    assert "\n" not in str(caught.value)


def test_a_run_that_stops_keeps_its_checkpoint_and_says_why(tmp_path):
    asked = {
        "preset": "tiny",
        "dataset": reward_control.data(tmp_path / "data"),
        "evaluate_every": 0,
        "device": "cpu",
        "changes": {"weight": "adv", "least_share": 1.0},
    }
    out, task = tmp_path / "out", reward_control.TASK
    with pytest.raises(Diverged, match=r"with seed 0: iteration 1 keeps .* smaller balance"):
        train_seeds("idrl", task, seeds=[0], out=out, **asked)
    newest = RunFolder(out, 0).checkpoints()[0]
    assert type(learner()).load(newest).at() == ("values", 2)
    assert len(RunFolder(out, 0).metrics.read_text().splitlines()) == 20  # both stages, no more
    with pytest.raises(BadValue, match=r"a run that stopped \(iteration 1 keeps"):
        train_seeds("idrl", task, seeds=[0], out=out, **asked)
