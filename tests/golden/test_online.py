"""What learners that act are made of, against loops, cases worked by hand, and SB3's SAC."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch

from entitybench.agents.baselines.online.elden import dependencies, disagreement
from entitybench.agents.common.offline.policy import layers_of
from entitybench.agents.common.online.features import Features
from entitybench.agents.common.online.policy import gaussian
from entitybench.agents.common.online.replay import Replay
from entitybench.agents.common.online.rules import action_graph, control_target, displaced
from entitybench.agents.common.online.sac import (
    actor_losses,
    critic_loss,
    init_actor,
    init_critic,
    sample,
    soft_targets,
    values,
)
from entitybench.agents.hint.claims import CLAIMS
from entitybench.agents.hint.settings import SEEDS, SWEEP
from entitybench.envs.api import make_worlds, world_of
from entitybench.envs.hockey.goal import HockeyGoal
from entitybench.envs.training import FIRST_SEED, WorldsOf, training_start
from entitybench.errors import BadValue
from entitybench.leaderboard.training.crew import crew_of
from entitybench.leaderboard.training.train import train
from entitybench.registry import agent, resolve, resolve_agent, tasks

F, A, H, B = 5, 2, 8, 16


def networks(seed=0):
    rng = torch.Generator().manual_seed(seed)
    params = {
        "actor": init_actor(F, A, (H, H), rng),
        "critic": init_critic(F, A, (H, H), rng),
        "critic_target": init_critic(F, A, (H, H), rng),
        "temperature": {"log": torch.tensor([-0.7])},
    }
    for group in params.values():
        for name, p in group.items():
            if name.endswith("bias"):
                p += 0.1 * torch.randn(p.shape, generator=rng)
    return params


def transitions(seed=0):
    rng = torch.Generator().manual_seed(seed)
    normal = {"state": F, "next": F, "noise": A, "next_noise": A}
    batch = {name: torch.randn(B, size, generator=rng) for name, size in normal.items()}
    batch["action"] = torch.rand(B, A, generator=rng) * 2 - 1
    batch["reward"] = -(torch.rand(B, generator=rng) < 0.7).float()
    batch["mask"] = (torch.rand(B, generator=rng) < 0.8).float()
    return batch


# The losses ---------------------------------------------------------------------


def sb3_sac(params):
    """Stable-Baselines3's SAC with these weights, one gradient step at a time."""
    sb3 = pytest.importorskip("stable_baselines3")
    from gymnasium import Env, spaces

    class Nowhere(Env):
        observation_space = spaces.Box(-np.inf, np.inf, (F,), np.float32)
        action_space = spaces.Box(-1.0, 1.0, (A,), np.float32)

        def reset(self, *, seed=None, options=None):
            return np.zeros(F, np.float32), {}

        def step(self, action):
            return np.zeros(F, np.float32), 0.0, False, False, {}

    model = sb3.SAC(
        "MlpPolicy", Nowhere(), gamma=0.98, batch_size=B, device="cpu", learning_rate=1e-3,
        tau=0.005, policy_kwargs={"net_arch": [H, H]},
    )  # fmt: skip
    with torch.no_grad():
        model.log_ent_coef.copy_(params["temperature"]["log"])
        actor = params["actor"]
        linears = [model.actor.latent_pi[0], model.actor.latent_pi[2]]
        for k, linear in enumerate(linears):
            linear.weight.copy_(actor[f"layer{k}.weight"][0].T)
            linear.bias.copy_(actor[f"layer{k}.bias"][0, 0])
        for part, linear in ((slice(0, A), model.actor.mu), (slice(A, 2 * A), model.actor.log_std)):
            linear.weight.copy_(actor["layer2.weight"][0].T[part])
            linear.bias.copy_(actor["layer2.bias"][0, 0, part])
        for group, critic in (("critic", model.critic), ("critic_target", model.critic_target)):
            for e, network in enumerate((critic.qf0, critic.qf1)):
                for k, place in enumerate((0, 2, 4)):
                    network[place].weight.copy_(params[group][f"layer{k}.weight"][e].T)
                    network[place].bias.copy_(params[group][f"layer{k}.bias"][e, 0])
    return model


def test_losses_and_gradients_are_those_of_stable_baselines3(monkeypatch):
    """Its own `train` runs on the same batch with the same noise; its optimisers are stopped.

    It takes log (1 − tanh² u + 1e-6), where ours needs no 1e-6.
    """
    params, batch = networks(), transitions()
    model = sb3_sac(params)
    from stable_baselines3.common.logger import configure
    from stable_baselines3.common.type_aliases import ReplayBufferSamples

    model.set_logger(configure(None, []))
    taken = ReplayBufferSamples(
        batch["state"], batch["action"], batch["next"], 1 - batch["mask"][:, None],
        batch["reward"][:, None],
    )  # fmt: skip
    monkeypatch.setattr(model.replay_buffer, "sample", lambda *args, **kwargs: taken)
    noises = iter([batch["noise"], batch["next_noise"]])  # the policy's, then the target's
    monkeypatch.setattr(
        torch.distributions.Normal,
        "rsample",
        lambda self, shape=(): self.loc + self.scale * next(noises),
    )
    grads = {}

    def keep(name, parameters):
        def step(*args, **kwargs):
            grads[name] = [p.grad.clone() for p in parameters]

        return step

    for name, optimizer, parameters in (
        ("critic", model.critic.optimizer, list(model.critic.parameters())),
        ("actor", model.actor.optimizer, list(model.actor.parameters())),
        ("temperature", model.ent_coef_optimizer, [model.log_ent_coef]),
    ):
        monkeypatch.setattr(optimizer, "step", keep(name, parameters))
    model.train(1, B)
    logged = model.logger.name_to_value

    for group in ("actor", "critic", "temperature"):
        for p in params[group].values():
            p.requires_grad_()
    y = soft_targets(params, batch, 0.98)
    q = values(params["critic"], batch["state"], batch["action"])
    ours = critic_loss(q, y)
    actor, temperature, _ = actor_losses(params, batch, -float(A))
    assert float(ours) == pytest.approx(logged["train/critic_loss"], rel=1e-4)
    assert float(actor) == pytest.approx(logged["train/actor_loss"], rel=1e-4)
    assert float(temperature) == pytest.approx(logged["train/ent_coef_loss"], rel=1e-4)
    (ours + actor + temperature).backward()
    theirs = iter(grads["critic"])
    for e in range(2):
        for k in range(3):
            for name, turn in (("weight", lambda g: g.T), ("bias", lambda g: g[0])):
                mine = turn(params["critic"][f"layer{k}.{name}"].grad[e])
                torch.testing.assert_close(mine, next(theirs), atol=1e-5, rtol=1e-3)
    names = [name for name, _ in model.actor.named_parameters()]
    by_name = dict(zip(names, grads["actor"], strict=True))
    for k, place in ((0, "latent_pi.0"), (1, "latent_pi.2")):
        mine = params["actor"][f"layer{k}.weight"].grad[0].T
        torch.testing.assert_close(mine, by_name[f"{place}.weight"], atol=1e-5, rtol=1e-3)
    mine = params["actor"]["layer2.weight"].grad[0].T
    torch.testing.assert_close(mine[:A], by_name["mu.weight"], atol=1e-5, rtol=1e-3)
    torch.testing.assert_close(mine[A:], by_name["log_std.weight"], atol=1e-5, rtol=1e-3)
    theirs = grads["temperature"][0]
    torch.testing.assert_close(params["temperature"]["log"].grad, theirs, atol=1e-5, rtol=1e-3)


def test_densities_integrate_to_one():
    params = networks()["actor"]
    one = {name: p[..., [0, 2]] if name.startswith("layer2") else p for name, p in params.items()}
    state = torch.randn(1, F, generator=torch.Generator().manual_seed(1))
    # a = tanh(u) on a grid of noise: π(a) da summed is 1.
    noise = torch.linspace(-8, 8, 20_001)[:, None]
    action, density = sample(one, state.expand(len(noise), -1), noise)
    width = torch.diff(action[:, 0].double())
    assert float((density.double().exp()[1:] * width).sum()) == pytest.approx(1.0, abs=1e-3)


def test_weights_of_samples_weigh_the_critics_loss():
    q, y = torch.tensor([[1.0, 2.0], [0.0, 4.0]]), torch.tensor([0.0, 1.0])
    assert float(critic_loss(q, y)) == pytest.approx(0.5 * ((1 + 1) / 2 + (0 + 9) / 2))
    weight = torch.tensor([1.0, 0.5])
    assert float(critic_loss(q, y, weight)) == pytest.approx(0.5 * (1.5 / 2 + 4.5 / 2))


def test_numpy_acts_as_torch_learns():
    params = networks()["actor"]
    x = torch.randn(7, F)
    mean, log_std = gaussian(layers_of({k: p.numpy() for k, p in params.items()}), x.numpy())
    drawn, _ = sample(params, x, torch.ones(7, A))
    np.testing.assert_allclose(np.tanh(mean + np.exp(log_std)), drawn.numpy(), atol=1e-6)


def test_dependencies_are_derivatives_and_models_that_agree_give_no_reward():
    # Two linear models of two entities with two features: the first is moved by itself, the second
    # by both in one model and by itself in the other.
    weight = torch.zeros(2, 5, 4)
    weight[:, :4, :4] = torch.eye(4)
    weight[0, 0, 2] = 0.5
    params = {"layer0.weight": weight, "layer0.bias": torch.zeros(2, 1, 4)}
    batch = {"before": torch.randn(3, 4), "action": torch.randn(3, 1)}
    batch["signs"] = torch.tensor([[1.0, -1.0, 1.0, 1.0]]).expand(3, -1)
    predicted, slopes = dependencies(params, batch, 1, 2)
    torch.testing.assert_close(predicted[1], batch["before"])
    assert slopes[0, 0].tolist() == [[1.0, 0.0], [0.5, 1.0]]
    assert slopes[1, 0].tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert disagreement(slopes, 0.1).tolist() == [0.25] * 3  # a share of one half
    assert disagreement(slopes, 0.6).tolist() == [0.0] * 3


# Episodes -----------------------------------------------------------------------


def filled(lengths=(3, 1, 4), keep=(True, False, True), capacity=10_000):
    replay, count = Replay(2, 1, capacity), 0
    for length, kept in zip(lengths, keep, strict=True):
        rows = np.arange(count, count + length + 1, dtype=np.float32)
        count += length + 1
        replay.add(
            np.stack([rows, -rows], 1), rows[:-1, None], rows[:1].repeat(2), keep=kept,
            chosen=kept, lost=False, priority=1.0,
        )  # fmt: skip
    return replay


def test_a_replay_knows_its_episodes():
    replay = filled()
    assert replay.of("transitions").tolist() == [0, 1, 2, 4, 6, 7, 8, 9]
    assert replay.of("relabelled").tolist() == [0, 1, 2, 6, 7, 8, 9]
    assert replay.of("last").tolist() == [3, 3, 3, 3, 5, 5, 10, 10, 10, 10, 10]
    assert replay.of("first").tolist() == [0, 0, 0, 0, 4, 4, 6, 6, 6, 6, 6]
    assert replay.of("observation")[:, 0].tolist() == list(range(11))
    again = Replay(2, 1, 10_000)
    again.restore(replay.state())
    for name in replay.columns:
        np.testing.assert_array_equal(again.of(name), replay.of(name))


def test_goals_come_from_later_in_the_same_episode():
    replay, rng = filled(), np.random.default_rng(0)
    rows = replay.draw(20_000, rng, kept=True, power=0.0)
    assert not np.isin(rows, (3, 4, 5, 10)).any()
    later = replay.later(rows, rng, "future")
    assert (later > rows).all()
    assert (later <= replay.of("last")[rows]).all()
    of_six = later[rows == 6]
    share = np.bincount(of_six, minlength=11)[7:] / len(of_six)
    np.testing.assert_allclose(share, 0.25, atol=0.04)
    assert (replay.later(rows, rng, "final") == replay.of("last")[rows]).all()


def test_a_full_replay_drops_its_older_half():
    replay = filled((3, 3, 3, 3), (True,) * 4, capacity=16)
    replay.add(np.full((3, 2), 7.0), np.zeros((2, 1)), np.zeros(2), keep=False, chosen=False,
               lost=True)  # fmt: skip
    assert replay.of("observation")[:, 0].tolist() == [*range(8, 16), 7, 7, 7]
    assert replay.of("lost").tolist() == [False, False, True]
    assert replay.of("transitions").tolist() == [0, 1, 2, 4, 5, 6, 8, 9]


def test_priorities_decide_how_often_a_transition_is_drawn():
    replay, rng = filled(), np.random.default_rng(0)
    replay.of("priority")[:] = 0
    replay.of("priority")[[1, 7]] = 1, 8
    rows = replay.draw(9_000, rng, kept=False, power=1 / 3)
    counts = np.bincount(rows, minlength=11)
    assert set(np.flatnonzero(counts)) == {1, 7}
    assert counts[7] / counts[1] == pytest.approx(2.0, rel=0.1)


# Which episodes -------------------------------------------------------------------


def graphs(*edges, steps=4, entities=3):
    """Of a pusher (0), driven by the action, a tool (1) and a target (2)."""
    found = np.zeros((steps, entities, entities + 1), bool)
    found[:, range(entities), range(entities)] = True
    found[:, 0, -1] = True
    for step, target, cause in edges:
        found[step, target, cause] = True
    return found


@pytest.mark.parametrize(
    ("edges", "path", "direct"),
    [
        ((), False, False),
        (((2, 2, 0),), True, True),
        (((0, 1, 0), (2, 2, 1)), False, False),  # no action came before the first touch
        (((1, 1, 0), (2, 2, 1)), True, False),  # through the tool
        (((2, 1, 0), (1, 2, 1)), False, False),  # in the wrong order
        (((1, 1, 0), (1, 2, 1)), False, False),  # at once: the tool was not reached before
        (((0, 2, 0),), False, True),
    ],
)
def test_rules_follow_paths_through_time(edges, path, direct):
    assert action_graph(graphs(*edges), [2]) is path
    assert control_target(graphs(*edges), [2], [0]) is direct


def test_a_target_is_displaced_beyond_five_millimetres():
    places = np.zeros((3, 2, 2))
    places[1, 1] = 0.003, 0.003
    assert not displaced(places)
    places[1, 1] = 0.004, 0.004
    assert displaced(places)


# In a world ------------------------------------------------------------------------


def made(id="hint", task="hockey-goal", seed=0, **changes):
    target, where = resolve_agent(agent(id)), tasks()[task]
    config = target.configure(agent(id), "tiny", where, **changes)
    return target.create(config, where, seed=seed, data=WorldsOf(where), parts={}, device="cpu")


def test_features_leave_out_what_the_goal_tells():
    world = world_of("hockey-goal")
    features = Features.in_world(world)
    assert (features.targets, features.controlled) == ((1,), (0,))
    obs = make_worlds("hockey-goal", 1).reset([3])
    seen, goal = obs["observation"], obs["desired_goal"]
    names = world.feature_names
    told = seen.copy()
    told[..., [names.index(name) for name in ("hit", "hit_x", "hit_y")]] = 7
    np.testing.assert_array_equal(features.flat(seen, goal), features.flat(told, goal))
    found = features.flat(seen, goal)[0]
    offset = goal[0, 1, :2] - seen[0, 1, :2]
    between = seen[0, 1, :2] - seen[0, 0, :2]
    np.testing.assert_allclose(found[-4:], [*offset, *between], atol=1e-6)


def trained(one, steps):
    data = WorldsOf(one.task)
    while one.step < steps:
        one.advance(data)
    return one


def test_batches_are_rewarded_as_the_world_says():
    one = trained(made(steps=4_000, starts=4_000), 4_000)
    drawn, logs = one.batches.draw(one.replay, 2, np.random.default_rng(0))
    world, replay = one.world, one.replay
    shape, seen = (-1, world.entities, world.features), replay.of("observation")
    relabelled = np.zeros(drawn["rows"].shape, bool)
    relabelled[:, : round(one.config.hindsight * one.config.batch_size)] = True
    kept = replay.of("keep")
    assert kept[replay.of("episode")[drawn["rows"][relabelled]]].all()
    assert 0 < kept.mean() < 1
    real = drawn["rows"][~relabelled]
    goals = replay.of("goal")[replay.of("episode")[real]].reshape(shape)
    expected = world.reward(world.achieved(seen[real + 1].reshape(shape)), goals)
    np.testing.assert_array_equal(drawn["reward"][~relabelled], expected)
    np.testing.assert_array_equal(drawn["mask"], -drawn["reward"])  # success ends an episode
    assert logs["rewarded"] == (drawn["reward"][relabelled] == 0).mean() > 0


def test_the_last_step_reaches_the_goal_of_the_end():
    one = trained(made("her", steps=4_000, starts=4_000), 4_000)
    one.batches.strategy, one.batches.asked = "final", False
    drawn, _ = one.batches.draw(one.replay, 40, np.random.default_rng(0))
    ends = one.replay.of("last")[drawn["rows"]] == drawn["rows"] + 1
    ends[:, round(one.config.hindsight * one.config.batch_size) :] = False
    assert ends.sum() > 5
    assert (drawn["reward"][ends] == 0).all()


def test_an_accepted_episode_is_one_in_which_the_mallet_touched_the_puck():
    hint, random, her = (
        made(id, steps=8_000, starts=8_000) for id in ("hint", "her-random", "her")
    )
    for one in (hint, random, her):
        trained(one, 8_000)
    replays = [one.replay for one in (hint, random, her)]
    # The same uniform actions: the same episodes.
    for replay in replays[1:]:
        np.testing.assert_array_equal(replay.of("observation"), replays[0].of("observation"))
    chosen = replays[0].of("chosen")
    np.testing.assert_array_equal(replays[0].of("keep"), chosen)
    np.testing.assert_array_equal(replays[1].of("chosen"), chosen)
    assert her.replay.of("keep").all()
    assert 0.05 < chosen.mean() < 0.5
    assert (replays[1].of("keep") != chosen).any()
    assert replays[1].of("keep").mean() == pytest.approx(chosen.mean(), abs=0.15)
    # Who was never nearer than the radii together was not touched.
    seen = replays[0].of("observation").reshape(-1, 2, hint.world.features)
    apart = np.linalg.norm(seen[:, 0, :2] - seen[:, 1, :2], axis=-1)
    reach = hint.world.mallet_radius + hint.world.puck_radius
    nearest = np.minimum.reduceat(apart, np.unique(replays[0].of("first")))
    assert nearest[chosen].max() < nearest[~chosen].max()
    assert nearest[chosen].max() < reach + 0.15  # of a step at 2 m/s


def test_both_arms_have_every_setting_that_is_compared_and_seeds_of_no_claim():
    for task, settings in SWEEP:
        for id in ("her", "hint"):
            configured = resolve_agent(agent(id)).configure(
                agent(id), "small", tasks()[task], **settings
            )
            assert all(getattr(configured, name) == value for name, value in settings.items())
    assert not {seed for claim in CLAIMS for seed in claim.seeds()} & set(SEEDS)


@pytest.mark.parametrize("id", ["hint", "fpg"])
def test_episodes_to_learn_from_can_be_shorter_than_those_of_the_task(id):
    few = {"steps": 1_200, "terminal": False} | ({"round": 400} if id == "fpg" else {})
    one = made(id, **few, horizon=7)
    trained(one, 1_000)
    assert (one.replay.of("length") == 7).all()
    assert one.replay.episodes
    assert one.task.horizon > 7


@pytest.mark.parametrize("horizon", [0, 301, 10**9])
def test_episodes_that_no_training_comes_to_the_end_of_are_refused(horizon):
    made(steps=1_200, rows=4, horizon=300)
    with pytest.raises(BadValue, match=f"^horizon is 1 or more, and 300 at most: got {horizon}.$"):
        made(steps=1_200, rows=4, horizon=horizon)


@pytest.mark.parametrize("id", ["hint", "her-per", "her-random"])
def test_a_run_killed_in_the_middle_of_episodes_ends_with_the_same_bits(id, tmp_path):
    changes = {"steps": 1_600, "starts": 400, "rows": 4}
    whole = trained(made(id, **changes), 1_600)
    part = trained(made(id, **changes), 812)
    for end in (1_000, 1_600):
        part.save(tmp_path / "part")
        part = trained(resolve(agent(id).target).load(tmp_path / "part"), end)
    for one, name in ((whole, "a"), (part, "b")):
        one.save(tmp_path / name)
    for file in ("weights.safetensors", "training.safetensors"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_seeds_side_by_side_are_what_they_are_alone():
    changes = {"steps": 800, "starts": 400}
    together = [made(seed=seed, **changes) for seed in (0, 1)]
    crew = crew_of(together)
    while crew.step < 800:
        crew.advance(WorldsOf(together[0].task))
    for one in together:
        alone = trained(made(seed=one.seed, **changes), 800)
        np.testing.assert_allclose(
            one.replay.of("observation"), alone.replay.of("observation"), atol=1e-3
        )
        for name, p in alone.params["actor"].items():
            torch.testing.assert_close(one.params["actor"][name], p, atol=1e-3, rtol=1e-2)


def test_training_begins_where_no_evaluation_does():
    one = trained(made(), 8)
    starts = one.crew._collector.worlds.seeds
    assert (starts >= FIRST_SEED).all()
    assert training_start(0, 1) == starts[0]
    assert len(set(starts.tolist())) == len(starts)


@pytest.mark.parametrize("id", ["her", "fpg"])
def test_where_there_is_a_gpu_they_learn_on_the_cpu(id, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    few = {"preset": "tiny", "changes": {"steps": 8}, "evaluate_every": 0}
    for device in (None, "auto"):
        folder = train(id, "hockey-goal", out=tmp_path / str(device), device=device, **few)
        assert json.loads((folder / "run.json").read_text())["device"] == "cpu"
    with pytest.raises(BadValue, match=f"{id} learns on the CPU alone: leave out --device cuda"):
        train(id, "hockey-goal", out=tmp_path / "gpu", device="cuda", **few)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"steps": 1_001}, "steps is a multiple of rows"),
        ({"horizon": 0}, "horizon"),
        ({"accept": "contact"}, "setting 'accept' is one of all, random, displaced"),
    ],
)
def test_settings_that_cannot_be_are_one_line(changes, line):
    with pytest.raises(BadValue, match=line) as caught:
        made(**changes)
    assert "\n" not in str(caught.value)


class NobodyActs(HockeyGoal):
    """A goal world whose action drives no entity."""

    driven = ()


class OnlyItself(HockeyGoal):
    """A goal world whose goals speak of what the action drives."""

    driven = (0, 1)


@pytest.mark.parametrize(
    ("world", "line"), [("NobodyActs", "drives no entity"), ("OnlyItself", "no target to interact")]
)
def test_a_world_without_what_a_rule_asks_for_is_one_line(world, line):
    task = dataclasses.replace(tasks()["hockey-goal"], id="odd", target=f"{__file__}:{world}")
    target = resolve_agent(agent("hint"))
    config = target.configure(agent("hint"), "tiny", task)
    with pytest.raises(BadValue, match=f"in odd .*{line}") as caught:
        target.create(config, task, seed=0, data=None, parts={}, device="cpu")
    assert "\n" not in str(caught.value)
