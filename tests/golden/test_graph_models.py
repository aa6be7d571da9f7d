"""Forward models of graphs and what is read from them, against numpy and cases worked by hand."""

import math

import numpy as np
import pytest
import torch

from entitybench.agents.baselines.graph.cai import influence
from entitybench.agents.common.graph.gaussian import (
    NARROWEST,
    WIDEST,
    log_likelihood,
    mean_and_scale,
)
from entitybench.agents.common.graph.masks import diagonal, off_diagonal_mean, present_graph
from entitybench.agents.common.graph.networks import GNN, PointNet
from entitybench.agents.common.graph.replaced import replaced
from entitybench.agents.common.graph.thresholds import NEVER, fitted

N, D, A, H, B = 3, 2, 1, 5, 4
CASES = [(kind, shared) for kind in (PointNet, GNN) for shared in (False, True)]
IDS = [f"{kind.__name__}-{'shared' if shared else 'own'}" for kind, shared in CASES]


def made(kind, shared):
    network = kind(entities=N, features=D, actions=A, width=H, shared=shared)
    rng = torch.Generator().manual_seed(1)
    params = network.init(rng)
    params["fixed.mean"] = torch.randn(N, 1, D, generator=rng)
    params["fixed.deviation"] = torch.rand(N, 1, D, generator=rng) + 0.5
    states = torch.randn(B, N, D, generator=rng)
    inputs = network.inputs(params, states, torch.rand(B, A, generator=rng))
    mask = torch.rand(B, N, N + 1, generator=rng)  # soft masks too
    return network, params, inputs, mask


def by_loops(params, inputs, mask, shared):
    """PointNet, one pair and one row at a time."""
    p = {name: value.double().numpy() for name, value in params.items()}
    targets, causes = inputs.targets.double().numpy(), inputs.causes.double().numpy()
    found = np.zeros((N, B, 2 * D))
    for j in range(N):
        own = 0 if shared else j
        for b in range(B):
            pooled = np.zeros(H)
            for i in range(N + 1):
                pair = j * (N + 1) + i
                k = 0 if shared else pair
                x = targets[j, b] @ p["pair.target"][k] + causes[i, b] @ p["pair.cause"][k]
                pooled += np.maximum(x + p["pair.bias"][pair, 0], 0) * mask[b, j, i].item()
            x = pooled @ p["node.pooled"][own] + targets[j, b] @ p["node.self"][own]
            x = np.maximum(x + p["node.bias"][j, 0], 0)
            x = np.maximum(x @ p["hidden.weight"][own] + p["hidden.bias"][own, 0], 0)
            found[j, b] = x @ p["out.weight"][own] + p["out.bias"][j, 0]
    return found


@pytest.mark.parametrize("shared", [False, True], ids=["own", "shared"])
def test_a_pointnet_sums_messages_of_the_causes_in_its_mask(shared):
    network, params, inputs, mask = made(PointNet, shared)
    found = network.predict(params, inputs, mask).numpy()
    np.testing.assert_allclose(found, by_loops(params, inputs, mask, shared), atol=1e-5)


@pytest.mark.parametrize(("kind", "shared"), CASES, ids=IDS)
def test_without_a_cause_is_the_prediction_with_its_column_at_zero(kind, shared):
    network, params, inputs, mask = made(kind, shared)
    found = network.without(params, inputs, mask)
    assert found.shape == (N, N + 1, B, 2 * D)
    for cause in range(N + 1):
        less = mask.clone()
        less[:, :, cause] = 0
        if cause < N:
            less[:, cause, cause] = mask[:, cause, cause]  # nobody is taken from himself
        expected = network.predict(params, inputs, less)
        for target in set(range(N)) - {cause}:
            torch.testing.assert_close(found[target, cause], expected[target], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("kind", "shared"), CASES, ids=IDS)
def test_what_is_masked_is_not_seen(kind, shared):
    network, params, inputs, mask = made(kind, shared)
    hard = torch.ones_like(mask)
    hard[:, :, 1] = 0
    hard[:, 1, 1] = 1
    values = torch.full((N + 1, network.causes), 7.0)
    other = replaced(network, params, inputs, hard, values)  # (N, N + 1, B, 2 D)
    same = network.predict(params, inputs, hard)
    torch.testing.assert_close(other[0, 1], same[0])
    assert not torch.allclose(other[0, 2], same[0])


def test_inputs_are_standardised_and_padded():
    network, params, _, _ = made(PointNet, False)
    states = torch.randn(B, N, D)
    inputs = network.inputs(params, states, torch.full((B, A), 0.25))
    j, b = 2, 3
    expected = (states[b, j] - params["fixed.mean"][j, 0]) / params["fixed.deviation"][j, 0]
    torch.testing.assert_close(inputs.targets[j, b], expected.clamp(-5, 5))
    torch.testing.assert_close(inputs.causes[j, b], inputs.targets[j, b])
    assert inputs.causes[N, b].tolist() == [0.25, 0.0]


def test_the_log_likelihood_of_a_change():
    predicted = torch.tensor([[0.5, -1.0, 0.0, 3.0]])  # means 0.5 and -1, then the scales' numbers
    mean, scale = mean_and_scale(predicted)
    expected = [NARROWEST + (WIDEST - NARROWEST) / (1 + math.exp(-x)) for x in (0.0, 3.0)]
    assert mean.tolist() == [[0.5, -1.0]]
    assert scale[0].tolist() == pytest.approx(expected)
    change = torch.tensor([[0.7, 9.0]])
    s = math.exp(expected[0])
    one = -0.5 * (0.2 / s) ** 2 - math.log(s) - 0.5 * math.log(2 * math.pi)
    # The second feature never changes, so nothing is said of it.
    found = log_likelihood(predicted, change, torch.tensor([[1.0, 0.0]]))
    assert found.item() == pytest.approx(one, rel=1e-5)


def test_graphs_of_who_is_there():
    graph = present_graph(torch.tensor([[1.0, 0.0, 1.0]]), torch.tensor([0.0]))
    assert graph[0].tolist() == [[1, 0, 1, 0], [0, 0, 0, 0], [1, 0, 1, 0]]
    assert diagonal(graph)[0].tolist() == [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]]
    values = torch.arange(12.0).reshape(1, 3, 4)
    assert off_diagonal_mean(values, graph).item() == (2 + 8) / 2


def test_a_threshold_lies_between_the_scores_it_parts():
    truth = np.array([True, True, False, True, False, False])
    # Naming 9, 8 gains 2/3; adding the false 5 loses 1/3, adding 4 too gains it again: a tie.
    assert fitted(np.array([9.0, 8, 5, 4, 2, 1]), truth) == pytest.approx(6.5)
    # Equal scores go together: to name the two at 5 or not is as good; the later cut is taken.
    assert fitted(np.array([9.0, 5, 5, 0, 0, 0]), truth) == pytest.approx(2.5)
    assert fitted(-np.array([9.0, 8, 7, 4, 2, 1]), truth) == NEVER  # the wrong way round
    assert fitted(np.zeros(3), np.zeros(3, bool)) == NEVER


def test_the_influence_of_a_cause_is_the_divergence_from_what_others_would_do():
    # Of K = 2 Gaussians: means 0 and 2, deviations 1 and e; one target, one cause, one row.
    logit = [math.log((s - NARROWEST) / (WIDEST - s)) for s in (0.0, 1.0)]
    said = torch.tensor([[0.0, logit[0]], [2.0, logit[1]]]).reshape(2, 1, 1, 1, 2)
    variances, means = np.array([1.0, math.e**2]), np.array([0.0, 2.0])
    mixed = variances.mean() + means.var()
    each = [
        0.5 * (math.log(mixed / v) + (v + (m - means.mean()) ** 2) / mixed - 1)
        for v, m in zip(variances, means, strict=True)
    ]
    found = influence(said, torch.ones(1, 1, 1, 1))
    assert found.item() == pytest.approx(np.mean(each), rel=1e-4)
    assert influence(said[:1].repeat(2, 1, 1, 1, 1), torch.ones(1, 1, 1, 1)).item() < 1e-6
