"""MAC-Flow's losses against values computed by hand, who learns when, and what noise is heard."""

from __future__ import annotations

import games
import numpy as np
import pytest
import torch

from entitybench.agents.common.team.policy import StudentPolicy
from entitybench.agents.common.team.seats import Seats
from entitybench.agents.macflow import latency
from entitybench.registry import agent, resolve_agent
from entitybench.seeding import BatchGenerator, generator

IDS = [[1.0, 1.0, 0.0], [1.0, 0.0, 1.0]]  # what the agents of a game see, and which they are


def linear(id, game="xor", *, choices=False, **changes):
    """An agent whose networks are linear, with weights of zero."""
    spec, task = agent(id), games.task_of(game, choices=choices)
    target = resolve_agent(spec)
    config = target.configure(spec, "tiny", task, **changes)
    for name in ("hidden", "flow_hidden"):
        if hasattr(config, name):
            object.__setattr__(config, name, ())  # nobody else can ask for it
    one = target.create(config, task, seed=0)
    for params in one.params.values():
        for value in params.values():
            value.data.zero_()
    return one


def weight(one, group, member, output, values):
    """Weights of the first inputs."""
    whole = one.params[group]["layer0.weight"].data
    whole[member, : len(values), output] = torch.tensor(values)


def batch(**more):
    """A step of the two agents."""
    seen = torch.tensor(IDS)
    return {
        "observations": seen,
        "next_observations": seen,
        "actions": torch.tensor([[1.0], [-1.0]]),
        "rewards": torch.tensor([2.0, 4.0]),
        "masks": torch.tensor([1.0, 1.0]),
        **more,
    }


def test_the_flow_of_a_team():
    one = linear("joint-flow")
    # Inputs: what both see, both actions, the time. v₁ is the other's x, v₂ the time.
    weight(one, "flow", 0, 0, [0.0, 0.0, 0.0, 1.0])
    weight(one, "flow", 0, 1, [0.0, 0.0, 0.0, 0.0, 1.0])
    noise = {"flow_noise": torch.tensor([[0.5], [0.0]]), "flow_time": torch.tensor([[0.25]])}
    loss, _ = one.losses(one.params, batch(**noise), {})
    # x = 0.75 x₀ + 0.25 a = (0.625, −0.25), v = (−0.25, 0.25), a − x₀ = (0.5, −1)
    assert float(loss.detach()) == pytest.approx((0.75**2 + 1.25**2) / 2)


def test_the_flow_of_each_agent_has_a_time_of_its_own():
    one = linear("joint-flow", teacher="individual")
    # Inputs: what it sees and its id (3), its action, the time, which is v.
    weight(one, "flow", 0, 0, [0.0, 0.0, 0.0, 0.0, 1.0])
    noise = {"flow_noise": torch.zeros(2, 1), "flow_time": torch.tensor([[0.25], [0.5]])}
    loss, _ = one.losses(one.params, batch(**noise), {})
    assert float(loss.detach()) == pytest.approx((0.75**2 + 1.5**2) / 2)


def test_a_flow_acts_as_it_was_trained():
    one = linear("joint-flow", flow_steps=4)
    weight(one, "flow", 0, 0, [0.1, 0.0, 0.0, 0.3, 0.2])
    weight(one, "flow", 0, 1, [0.0, 0.0, -0.5, 0.0, 0.0])
    rng = BatchGenerator([generator(0, row) for row in range(3)])
    again = BatchGenerator([generator(0, row) for row in range(3)])
    action, _ = one.policy().act({"observation": np.ones((3, 2, 1), np.float32)}, None, rng)
    noise = torch.as_tensor(again.standard_normal((3, 2, 1)).astype(np.float32)).flatten(0, 1)
    found = one.flow.sample(one.params["flow"], torch.tensor(IDS * 3), noise, 4).clamp(-1, 1)
    np.testing.assert_allclose(action.reshape(-1, 1), found.detach().numpy(), atol=1e-6)


def valued(**changes):
    one = linear("macflow", discount=0.9, **changes)
    weight(one, "critic", 0, 0, [0.0, 0.0, 0.0, 2.0])  # Q¹ = 2 a, Q² = 1
    one.params["critic"]["layer0.bias"].data[1] = 1.0
    one.params["critic_target"]["layer0.bias"].data[:, 0, 0] = torch.tensor([1.0, 3.0])
    return one


@pytest.mark.parametrize(
    ("changes", "loss"),
    [
        # y = mean(2, 4) + 0.9 · 2 = 4.8; Q¹ = mean(2, −2) = 0, Q² = 1
        ({}, 4.8**2 + 3.8**2),
        ({"pessimism": "min"}, 3.9**2 + 2.9**2),  # y = 3 + 0.9 · 1
        # y = 3.8 and 5.8, each agent's own; means over the agents
        (
            {"value": "individual"},
            (1.8**2 + 7.8**2) / 2 + (2.8**2 + 4.8**2) / 2,
        ),
    ],
)
def test_critics_of_the_team_and_of_each_agent(changes, loss):
    one = valued(**changes)
    found, _ = one.of_critics(one.params, batch(next_noise=torch.zeros(2, 1)))
    assert float(found.detach()) == pytest.approx(loss)
    ended, _ = one.of_critics(one.params, batch(next_noise=torch.zeros(2, 1), masks=torch.zeros(2)))
    y = (3.0, 3.0) if one.config.value == "factorised" else (2.0, 4.0)
    q = ((0.0, 0.0), (1.0, 1.0)) if one.config.value == "factorised" else ((2.0, -2.0), (1.0, 1.0))
    by_hand = sum(sum((a - b) ** 2 for a, b in zip(row, y, strict=True)) / 2 for row in q)
    assert float(ended.detach()) == pytest.approx(by_hand)


def test_students():
    one = valued(alpha=3.0)
    weight(one, "actor", 0, 0, [0.0, 0.0, 0.0, 0.5])  # half the noise; the teacher's is z itself
    noise = torch.tensor([[1.0], [-2.0]])
    loss, logs = one.of_students(one.params, batch(noise=noise))
    assert float(loss.detach()) == pytest.approx(3 * 0.25 / 2)  # (0.5, −1) and (1, −1)
    assert float(logs["distance"].detach()) == pytest.approx(0.5)
    loss, logs = one.of_students(one.params, batch(noise=noise, climb=torch.tensor(1.0)))
    # Mean of both critics: (2 · 0.5 + 1) / 2 = 1 and (−2 + 1) / 2 = −0.5, of the team 0.25.
    assert float(logs["q_students"].detach()) == pytest.approx(0.25)
    assert float(loss.detach()) == pytest.approx(3 * 0.125 - 1, abs=1e-4)
    loss.backward()
    moved = {g for g, p in one.params.items() if any(v.grad is not None for v in p.values())}
    assert moved == {"actor"}
    raw, _ = valued(alpha=3.0, normalise=False).of_students(
        one.params, batch(noise=noise, climb=torch.tensor(1.0))
    )
    assert float(raw.detach()) == pytest.approx(3 * 0.125 - 0.25)


def test_values_move_the_logits_of_choices():
    """One-hot of the likeliest choice has no gradient: there students would only clone."""
    one = linear("macflow", choices=True, alpha=0.0, normalise=False)
    # Q = 3 where the second choice is taken, and −3 where it is not.
    weight(one, "critic", 0, 0, [0.0, 0.0, 0.0, 0.0, 3.0])
    weight(one, "critic", 1, 0, [0.0, 0.0, 0.0, 0.0, 3.0])
    one.params["actor"]["layer0.bias"].data[0, 0, 1] = 1.0
    actions = torch.tensor([[1.0, -1.0], [-1.0, 1.0]])
    given = batch(noise=torch.zeros(2, 2), climb=torch.tensor(1.0), actions=actions)
    loss, logs = one.of_students(one.params, given)
    share = float(torch.tensor([0.0, 1.0]).softmax(-1)[1])
    assert float(logs["q_students"].detach()) == pytest.approx(3 * share - 3 * (1 - share))
    loss.backward()
    slope = one.params["actor"]["layer0.bias"].grad[0, 0]
    assert slope.tolist() == pytest.approx([6 * share * (1 - share), -6 * share * (1 - share)])


def test_students_of_choices_take_after_the_teacher_by_cross_entropy():
    one = linear("flow-bc", choices=True, alpha=1.0)
    one.params["actor"]["layer0.bias"].data[0, 0, 1] = 1.0
    actions = torch.tensor([[1.0, -1.0], [-1.0, 1.0]])
    noise = torch.tensor([[1.0, 0.0], [0.0, 1.0]])  # the teacher stays there: choices 0 and 1
    loss, _ = one.of_students(one.params, batch(noise=noise, actions=actions))
    log = torch.tensor([0.0, 1.0]).log_softmax(-1)
    assert float(loss.detach()) == pytest.approx(-float(log[0] + log[1]) / 2)


def drawn(one, step):
    one.step = step
    rngs, shape = [generator(0, "update", step)], (one.config.batch_size, 2, 1)
    return one.beside({"observations": np.zeros(shape)}, None, rngs, ()).keys()


def test_values_count_after_the_warm_up():
    one = linear("macflow", warm_up=0.5)
    assert "climb" not in drawn(one, 19)
    assert "climb" in drawn(one, 20)
    assert "climb" not in drawn(linear("flow-bc", warm_up=0.5), 20)


def test_in_two_stages_the_flow_learns_first_and_is_held_then():
    one = linear("macflow", stages="two", **{"phases.0.updates": 9})
    assert {"flow_time", "flow_noise"} <= drawn(one, 2)
    assert not {"noise", "climb"} & drawn(one, 2)
    assert not one.follows()
    assert {"noise", "next_noise"} <= drawn(one, 3)
    assert "flow_time" not in drawn(one, 3)
    assert one.follows()


def test_rows_of_agents_are_seated():
    seats = Seats(agents=2, features=1, numbers=2, joint=True)
    seen = torch.tensor([[10.0, 1, 0], [20, 0, 1], [30, 1, 0], [40, 0, 1]])  # two teams
    x = torch.arange(8.0).reshape(4, 2)
    given = torch.cat(seats.given(seen, x, torch.tensor([[0.5], [0.7]])), -1)
    assert given.shape[-1] == seats.inputs
    expected = [[10, 20, 0, 1, 2, 3, 0.5], [30, 40, 4, 5, 6, 7, 0.7]]
    np.testing.assert_allclose(given.numpy(), expected)
    assert torch.equal(seats.taken(seats.together(x)), x)


@pytest.mark.parametrize("shared", [False, True])
def test_whose_noise_an_agent_hears(shared):
    """Its own slice, or all of it: never what another sees or does."""
    weights = {
        "actor/layer0.weight": np.zeros((1, 3 + (2 if shared else 1), 1), np.float32),
        "actor/layer0.bias": np.zeros((1, 1, 1), np.float32),
        "buffer/mean": np.zeros((2, 1), np.float32),
        "buffer/deviation": np.ones((2, 1), np.float32),
    }
    weights["actor/layer0.weight"][0, 3:, 0] = 0.5
    policy = StudentPolicy(weights, None, "episode", shared=shared)
    rng = BatchGenerator([generator(0, row) for row in range(4)])
    obs = {"observation": np.zeros((4, 2, 1), np.float32)}
    action, noise = policy.act(obs, None, rng)
    heard = noise.sum(1, keepdims=True).repeat(2, 1) if shared else noise
    np.testing.assert_allclose(action, (0.5 * heard).clip(-1, 1), rtol=1e-6)


def test_when_noise_is_drawn():
    obs = {"observation": np.ones((4, 2, 1), np.float32)}
    for drawn, same in (("episode", True), ("step", False), ("zero", True)):
        one = linear("macflow", drawn=drawn)
        weight(one, "actor", 0, 0, [0.0, 0.0, 0.0, 0.5])
        policy, rng = one.policy(), BatchGenerator([generator(0, row) for row in range(4)])
        first, state = policy.act(obs, policy.initial_state(4), rng)
        second, _ = policy.act(obs, state, rng)
        assert np.array_equal(first, second) is same
        assert bool(np.ptp(first) == 0) is (drawn == "zero")


def test_decisions_of_all_compared_are_timed(monkeypatch):
    """What comes out is a matter of the machine."""
    monkeypatch.setattr(latency, "TURNS", 1)
    monkeypatch.setattr(latency, "DECISIONS", 2)
    found = latency.medians.__wrapped__(0)
    assert found.keys() == latency.ARMS.keys()
    assert all(seconds > 0 for seconds in found.values())
