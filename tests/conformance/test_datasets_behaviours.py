"""Every registered behaviour acts in its task, and a row does not depend on the rows beside it."""

from __future__ import annotations

import numpy as np
import pytest
from dataset_cases import cases, kind

from entitybench.datasets.behaviours.basic import Fixed, Noisy, Random
from entitybench.datasets.behaviours.kitchen import Demonstrations
from entitybench.datasets.behaviours.measure import level_of, measure
from entitybench.datasets.behaviours.mixtures import Embedded, Mixture
from entitybench.datasets.behaviours.play import PickPlay, ScenePlay
from entitybench.datasets.behaviours.tetris import AROUND, AroundPiece
from entitybench.datasets.catalogue.build import RANDOM
from entitybench.datasets.catalogue.levels import LEVELS
from entitybench.datasets.catalogue.rewards import CORRUPT, SOURCES
from entitybench.datasets.generate.api import make_plan
from entitybench.envs.api import make_worlds, world_of
from entitybench.errors import BadValue
from entitybench.registry import datasets, resolve, tasks
from entitybench.seeding import BatchGenerator, generator


def rollout(task, policy, seeds, steps, **kwargs):
    """Observations (T + 1), actions (T), flags (T), scores (T) and the last state of a policy."""
    worlds = make_worlds(task, len(seeds), **kwargs)
    rng = BatchGenerator([generator(seed, "test") for seed in seeds])
    obs, state = worlds.reset(seeds), policy.initial_state(len(seeds))
    seen, actions, flags, scores = [obs], [], [], []
    for _ in range(steps):
        action, state = policy.act(obs, state, rng)
        obs, info = worlds.step(action)
        seen.append(obs)
        actions.append(action)
        scores.append(info)
        flags.append(policy.flags(state) if hasattr(policy, "flags") else {})
    worlds.close()
    return seen, np.array(actions), flags, scores, state


@pytest.mark.parametrize("spec", cases(datasets(), kind))
def test_rows_are_independent_and_actions_in_bounds(spec):
    seeds, steps = [3, 11, 5], min(7, spec.length)
    more = {"absent": spec.absent, **spec.world_kwargs}
    found = []
    for some in (seeds, seeds[1:2]):
        policy = resolve(spec.behaviour)(tasks()[spec.task], **spec.behaviour_kwargs)
        _, actions, flags, _, state = rollout(spec.task, policy, some, steps, **more)
        assert actions.shape == (steps, len(some), *world_of(spec.task).action_shape)
        assert np.isfinite(actions).all()
        assert np.abs(actions).max() <= 1
        for one in flags:
            assert all(value.shape == (len(some),) and value.max() <= 1 for value in one.values())
        labels = policy.labels(state) if hasattr(policy, "labels") else {}
        assert all(value.shape == (len(some),) for value in labels.values())
        found.append((actions, labels, flags))
    (many, labels, flags), (one, own, its) = found
    assert np.array_equal(many[:, 1], one[:, 0])
    assert {name: value[1] for name, value in labels.items()} == {k: v[0] for k, v in own.items()}
    assert [{k: v[1] for k, v in f.items()} for f in flags] == [
        {k: v[0] for k, v in f.items()} for f in its
    ]


def parts_of(spec, episodes, seed):
    """Which part acts in each training episode, without simulating any."""
    shares = [one["share"] for one in spec.behaviour_kwargs["parts"]]
    plan = make_plan(spec, seed=seed)
    draws = [plan.behaviour_generator(episode).random() for episode in range(episodes)]
    return np.searchsorted(np.cumsum(shares)[:-1], draws, side="right")


@pytest.mark.parametrize("percent", CORRUPT)
@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.task)
def test_a_corrupt_set_has_the_share_of_expert_transitions_that_it_names(source, percent):
    spec = datasets()[f"{source.task}/corrupt-{percent}-v1"]

    def share(seed):
        part = parts_of(spec, spec.episodes, seed)
        expert, other = source.expert_length * part.sum(), source.random_length * (1 - part).sum()
        return 100 * expert / (expert + other)

    if abs(share(spec.seed) / percent - 1) > 0.15:
        good = next(seed for seed in range(1000) if abs(share(seed) / percent - 1) <= 0.15)
        pytest.fail(f"{share(spec.seed):.2f} % with this seed; the first that fits is {good}")


def test_random_actions_are_held():
    _, actions, *_ = rollout("point-maze-u", Random("point-maze-u", hold=3), [0, 1], 9)
    pieces = actions.reshape(3, 3, 2, 2)
    assert (pieces == pieces[:, :1]).all()
    assert len(np.unique(pieces[:, 0])) == pieces[:, 0].size


def test_noise_has_the_deviation_share_and_correlation_that_are_asked_for():
    task, seeds = "team-matrix-xor", list(range(200))
    base = {"base": "entitybench.datasets.behaviours.basic:Fixed"}
    base["base_kwargs"] = {"action": [[0.0], [0.0]]}

    def actions(**kwargs):
        return rollout(task, Noisy(task, **base, **kwargs), seeds, 40)[1][..., 0]

    assert not actions().any()
    assert actions(sigma=0.1).std() == pytest.approx(0.1, rel=0.05)
    slow = actions(sigma=0.1, correlation=0.8)
    assert slow.std() == pytest.approx(0.1, rel=0.05)
    assert np.corrcoef(slow[1:].ravel(), slow[:-1].ravel())[0, 1] == pytest.approx(0.8, abs=0.03)
    some = actions(uniform=0.3)
    assert (some != 0).all(axis=-1).mean() == pytest.approx(0.3, abs=0.03)
    ranged = actions(uniform=[0.2, 0.8])
    shares = (ranged != 0).all(axis=-1).mean(axis=0)
    assert 0.25 < np.quantile(shares, 0.1) + 0.1 < np.quantile(shares, 0.9) < 0.85
    policy = Noisy(task, **base, uniform=[0.2, 0.8])
    drawn = policy.labels(rollout(task, policy, seeds, 40)[4])["uniform"]
    assert np.corrcoef(drawn, shares)[0, 1] > 0.85


def test_wrong_arguments_say_what_is_allowed():
    for make, words in (
        (lambda: Random("push-1block", hold=0), "1 control step or more"),
        (lambda: Noisy("push-1block", sigma=-1), "sigma"),
        (lambda: Noisy("push-1block", uniform=[0.5, 0.2]), "uniform"),
        (lambda: Noisy("push-1block", scale=[1.0]), "scale has 2 numbers"),
        (lambda: Noisy("push-1block", correlation=1.0), "0 to below 1"),
        (lambda: Fixed("push-1block", action=[0.0]), "shape"),
        (lambda: Mixture("push-1block", parts=[{"share": 0.5, "base": RANDOM}]), "sum to one"),
        (
            lambda: Mixture("push-1block", parts=[{"share": 1.0, "base": RANDOM}], expert=1),
            "expert",
        ),
        (lambda: Embedded("push-1block", share=2.0, length=5), "share"),
        (lambda: Embedded("push-1block", share=0.2, length=0), "piece"),
        (lambda: PickPlay("pick-1cube", stack=2.0), "stack"),
        (lambda: Demonstrations("kitchen-gripper-4tasks", complete=-0.1), "share"),
    ):
        with pytest.raises(BadValue, match=words):
            make()


def test_the_parts_of_a_mixture_act_in_their_share_of_episodes():
    parts = [
        {"share": 0.25, "base": RANDOM, "kwargs": {}},
        {"share": 0.75, "base": None, "kwargs": {}},
    ]
    policy = Mixture("point-maze-u", parts=parts, expert=1, label="who")
    _, actions, flags, _, state = rollout("point-maze-u", policy, list(range(80)), 5)
    who = policy.labels(state)["who"]
    assert 0.6 < who.mean() < 0.9
    assert all((one["expert"] == who).all() for one in flags)
    # The oracle of the maze pushes all episodes the same way at first; random actions do not.
    assert (actions[0, who == 1] == actions[0, who == 1][0]).mean() > 0.4
    assert actions[0, who == 0].std() > 0.4


def test_embedded_pieces_are_the_experts_work():
    task = "push-1block-region"
    policy = Embedded(task, share=0.3, length=10, hold=5)
    _, _, flags, _, _ = rollout(task, policy, list(range(30)), 100)
    expert = np.array([one["expert"] for one in flags]).reshape(10, 10, 30)
    assert (expert == expert[:, :1]).all()
    assert expert.mean() == pytest.approx(0.3, abs=0.06)
    all_of_it = Embedded(task, share=1.0, length=200)
    assert rollout(task, all_of_it, [0, 1, 2, 3], 100)[3][-1]["is_success"].mean() >= 0.75


def test_play_carries_stacks_and_pushes_cubes():
    task, steps = "pick-3cubes", 250
    for kwargs in ({"stack": 1.0}, {"push": 1.0}):
        seen, *_ = rollout(task, PickPlay(task, **kwargs), [0, 1, 2, 3], steps)
        cubes = np.array([obs["observation"][:, 1:, :3] for obs in seen])
        moved = np.abs(cubes - cubes[0])[..., :2].max(axis=(0, 3)) > 0.03
        assert moved.mean() > 0.5
        stacked = (cubes[..., 2] > 0.05) & (np.abs(np.gradient(cubes[..., 2], axis=0)) < 1e-4)
        assert stacked.any() == ("stack" in kwargs)


def test_play_in_the_scene_changes_everything():
    policy = ScenePlay("scene")
    seen, *_ = rollout("scene", policy, list(range(6)), 400)
    entities = np.array([obs["observation"] for obs in seen])
    values = entities[:, :, 2:, 6]
    assert (np.ptp(values[..., :2], axis=0) == 1).mean() > 0.5  # buttons
    assert (np.ptp(values[..., 2:], axis=0) > 0.1).mean() > 0.4  # drawer and window
    assert (np.ptp(entities[:, :, 1, :2], axis=0).max(axis=-1) > 0.05).mean() > 0.4


def test_kitchen_plans_are_carried_out():
    task = "kitchen-gripper-4tasks"
    seeds = list(range(8))
    for complete, success in ((1.0, True), (0.0, False)):
        policy = Demonstrations(task, complete=complete)
        *_, scores, state = rollout(task, policy, seeds, 200)
        done = np.any([one["is_success"] for one in scores], axis=0)
        assert done.mean() >= 0.75 if success else not done.any()
        assert (policy.labels(state)["complete"] == success).all()
        if not success:
            rewards = np.sum([one["reward"] for one in scores], axis=0)
            assert 0 < rewards.mean() < 3
            assert len(set(policy.labels(state)["plan"].tolist())) > 4


def test_pushing_in_tetris_stays_about_a_piece():
    seen, actions, *_, state = rollout("tetris-2pieces", AroundPiece("tetris-2pieces"), [0, 1], 90)
    entities = np.array([obs["observation"] for obs in seen])[60:-1]
    pusher = entities[:, :, 0, :2]
    centre = entities[:, [0, 1], 1 + state.piece, :2]
    assert np.abs(pusher - centre).max() < AROUND + 0.03
    assert actions.std() > 0.4


def conventions(id):
    spec = datasets()[id]
    return spec, Mixture(tasks()[spec.task], **spec.behaviour_kwargs)


def test_conventions_of_pushbox_pass_the_pillar_on_their_side():
    _, policy = conventions("team-pushbox/mixed-obs-v1")
    seen, *_, scores, state = rollout("team-pushbox", policy, list(range(12)), 150)
    box = np.array([obs["state"][:, 3, :2] for obs in seen])
    convention = policy.labels(state)["convention"]
    assert len(set(convention.tolist())) >= 3
    assert scores[-1]["is_success"].mean() >= 0.75
    for row, which in enumerate(convention):
        side = box[np.argmin(np.abs(box[:, row, 1])), row, 0]
        if which < 4 and scores[-1]["is_success"][row]:
            assert (side > 0) == (which >= 2)


def test_conventions_of_cheetah_are_two_gaits():
    _, policy = conventions("team-cheetah-2x3/mixed-obs-v1")
    *_, scores, state = rollout("team-cheetah-2x3", policy, list(range(12)), 200)
    convention = policy.labels(state)["convention"]
    reward = np.sum([one["reward"][:, 0] for one in scores], axis=0)
    speeds = [reward[convention == which].mean() for which in (0, 1)]
    assert speeds[1] > 1.2 * speeds[0] > 200


def test_conventions_of_spread_give_each_agent_its_landmark():
    _, policy = conventions("team-spread/mixed-obs-v1")
    seen, *_, state = rollout("team-spread", policy, list(range(20)), 25)
    places = seen[-1]["state"][:, :, :2]
    gaps = np.linalg.norm(places[:, :3, None] - places[:, None, 3:6], axis=-1)
    convention = policy.labels(state)["convention"]
    ways = {0: (0, 1, 2), 1: (1, 2, 0)}
    followed = [
        (np.argmin(gaps[row], axis=1) == ways[which]).all()
        for row, which in enumerate(convention)
        if which in ways
    ]
    assert len(followed) > 12
    assert np.mean(followed) > 0.7  # near landmarks, noise: not all


@pytest.mark.parametrize("task", ["team-spread", "team-matrix-climbing"])
def test_medium_is_about_half_way(task):
    episodes = 60 if task == "team-spread" else 1500
    worst = measure(task, Random(task), episodes)["return"]
    best = measure(task, Noisy(task), episodes)["return"]
    medium = measure(task, Noisy(task, **LEVELS[task].medium), episodes)["return"]
    assert 0.3 < (medium - worst) / (best - worst) < 0.7
    assert 40 <= LEVELS[task].percent <= 60


def test_a_level_is_found_again():
    level = level_of("team-matrix-square", episodes=3000)
    assert level.medium == {"uniform": 0.5}
    assert 45 <= level.percent <= 55
    assert level.expert_percent == 100
    assert level[4:] == (1, 1, 1, None)
