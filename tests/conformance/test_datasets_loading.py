"""Samplers: every number of the data tells where it comes from."""

from __future__ import annotations

import numpy as np
import pytest

from entitybench.datasets.api import Dataset
from entitybench.datasets.sampling.goals import GoalMix, GoalSampler
from entitybench.datasets.sampling.lookup import EpisodeLookup
from entitybench.datasets.store.schema import Column, episode_row
from entitybench.datasets.store.writer import StoreWriter, new_store
from entitybench.envs.api import world_of
from entitybench.errors import BadValue, MissingExtra, UnknownId

LENGTHS = [7, 3, 12, 1, 5]
AGENTS, SIZE = 2, 600


@pytest.fixture(autouse=True)
def _root(tmp_path, monkeypatch):
    monkeypatch.setenv("ENTITYBENCH_DATA", str(tmp_path / "data"))


def rng(seed=0):
    return np.random.default_rng(seed)


def arrays(lengths):
    """Row numbers everywhere; steps are zero at padding rows; odd episodes are cut off."""
    lengths = np.asarray(lengths)
    last = np.cumsum(lengths + 1) - 1
    rows = np.arange(last[-1] + 1, dtype=np.float32)
    terminals = np.isin(rows, last)
    masks = ~terminals & ~np.isin(rows, last[::2] - 1)
    team = rows[:, None, None] + np.array([0, 0.25], np.float32)[:, None]  # agent i: row + i / 4
    return {
        "observations": np.repeat(team, 3, axis=2),  # (rows, M, F)
        "entities": np.repeat(rows[:, None, None], 4, axis=1),  # (rows, N, 1)
        "actions": np.where(terminals[:, None, None], 0, team).astype(np.float32),
        "rewards": np.where(terminals[:, None], 0, -team[:, :, 0]).astype(np.float32),
        "terminals": terminals,
        "masks": masks,
        "entity_masks": np.arange(len(lengths))[:, None] % np.arange(2, 6) == 0,  # (E, N)
        "odd": (rows % 2).astype(np.uint8),
        "states": np.zeros((int((lengths // 20 + 1).sum()), 2)),
    }


def make(folder, lengths=LENGTHS, splits=None):
    data = arrays(lengths)
    per = {"entity_masks": "episode", "states": "state"}
    with new_store(folder) as temporary:
        columns = {name: Column.of(a, per.get(name, "row")) for name, a in data.items()}
        writer = StoreWriter(temporary, lengths, columns)
        writer.append(data)
        splits = splits or ["train"] * len(lengths)
        rows = [episode_row(i, splits[i], int(n)) for i, n in enumerate(lengths)]
        writer.finish(rows, {"dataset": "toy/team-v0", "task": None, "task_version": None})
    return Dataset.open(folder)


@pytest.fixture
def store(tmp_path):
    return make(tmp_path / "toy")


def rows_of(batch):
    return batch["entities"][..., 0, 0].astype(int)


def test_lookup_is_a_search_in_the_table():
    for seed in range(30):
        counts = rng(seed).integers(0, rng(seed + 1).integers(1, 200), 50)
        lookup = EpisodeLookup(counts)
        table = np.repeat(np.arange(len(counts)), counts)
        assert lookup.total == len(table)
        assert np.array_equal(lookup.of(np.arange(len(table))), table)


def test_lookup_weighs_a_byte_an_item_at_most():
    for length in (1, 5, 200):
        lookup = EpisodeLookup(np.full(20_000, length))
        assert lookup._guide.nbytes <= lookup.total + 8


def test_transitions_of_a_team_are_those_of_the_columns(store):
    data, batch = arrays(LENGTHS), store.transition_sampler().sample(SIZE, rng())
    rows = rows_of(batch)
    last = np.cumsum(np.add(LENGTHS, 1)) - 1
    assert set(rows) == set(range(last[-1])) - set(last)
    for name in ("observations", "entities", "actions", "rewards"):
        assert np.array_equal(batch[name], data[name][rows])
    for name in ("observations", "entities"):
        assert np.array_equal(batch[f"next_{name}"], data[name][rows + 1])
    assert batch["observations"].shape == (SIZE, AGENTS, 3)
    assert batch["actions"].shape == (SIZE, AGENTS, 1)
    assert batch["rewards"].shape == (SIZE, AGENTS)
    assert np.array_equal(batch["terminals"], np.isin(rows + 1, last))
    assert np.array_equal(batch["masks"], ~np.isin(rows + 1, last[::2]))
    assert batch["masks"].dtype == batch["terminals"].dtype == np.float32
    episodes = np.searchsorted(last, rows)
    assert np.array_equal(batch["entity_masks"], data["entity_masks"][episodes])


def test_a_batch_is_a_function_of_store_and_generator(store):
    picked = rng(5).integers(sum(LENGTHS), size=9)
    golden = np.concatenate(
        [
            np.arange(n) + first
            for n, first in zip(LENGTHS, np.cumsum([0, *np.add(LENGTHS, 1)]), strict=False)
        ]
    )[picked]
    for _ in range(2):
        batch = store.transition_sampler(columns=["entities", "odd"]).sample(9, rng(5))
        assert set(batch) == {"entities", "next_entities", "odd"}
        assert np.array_equal(rows_of(batch), golden)
        assert np.array_equal(batch["odd"], golden % 2)


def test_columns_in_memory_give_the_same_batches(store):
    held = store.in_memory()
    assert not any(isinstance(column, np.memmap) for column in held.columns.values())
    assert held.split("train").manifest == store.manifest
    for one, other in ((held, store), (held.split("train"), store.split("train"))):
        batches = [s.transition_sampler().sample(9, np.random.default_rng(3)) for s in (one, other)]
        for name, array in batches[0].items():
            assert array.tobytes() == batches[1][name].tobytes(), name


def test_samplers_of_a_split_stay_in_it(tmp_path):
    store = make(tmp_path / "a", splits=["train"] * 3 + ["validation"] * 2)
    first = sum(LENGTHS[:3]) + 3
    assert rows_of(store.split("train").transition_sampler().sample(SIZE, rng())).max() < first
    for sampler in (
        store.split("validation").transition_sampler(),
        store.split("validation").window_sampler(1),
    ):
        assert rows_of(sampler.sample(SIZE, rng())).min() == first


@pytest.mark.parametrize("pad", [None, "start", "end"])
@pytest.mark.parametrize("stride", [1, 3])
@pytest.mark.parametrize("length", [1, 2, 5])
def test_windows_never_reach_into_another_episode(tmp_path, pad, stride, length):
    lengths = rng(length + stride).integers(1, 40, 25)
    store, data = make(tmp_path / "a", lengths), arrays(lengths)
    last = np.cumsum(lengths + 1) - 1
    first = last - lengths
    batch = store.window_sampler(length, stride=stride, pad=pad).sample(SIZE, rng())
    rows, valid = rows_of(batch), batch["valid"]
    episode = np.searchsorted(last, rows[:, :1])
    assert np.all((rows >= first[episode]) & (rows <= last[episode]))
    assert rows.shape == (SIZE, length + 1)
    assert np.array_equal(batch["entity_masks"], data["entity_masks"][episode[:, 0]])
    # Inside, states follow one another, and steps belong to the state before them.
    assert np.all(np.diff(rows)[valid] == stride)
    before = rows[:, :-1]
    for name in ("actions", "rewards"):
        assert np.array_equal(batch[name][valid], data[name][before[valid]])
        assert not batch[name][~valid].any()
    assert np.array_equal(batch["terminals"][valid], np.isin(rows[:, 1:][valid], last))
    assert np.array_equal(batch["masks"][valid], data["masks"][before[valid]])
    assert not batch["masks"][~valid].any()
    # What is outside is where the padding was asked for, and repeats a state.
    if pad is None:
        assert valid.all()
    else:
        assert valid[:, -1 if pad == "start" else 0].all()
        assert valid.all() == (length == 1)
        ordered = np.diff(valid.astype(int), axis=1) * (1 if pad == "start" else -1)
        assert (ordered >= 0).all()


def test_windows_of_chosen_episodes_and_of_several_generators(store):
    sampler = store.window_sampler(2, pad="end", episodes=np.array([1, 3]))
    assert sampler.windows == LENGTHS[1] + LENGTHS[3]
    last = np.cumsum(np.array(LENGTHS) + 1) - 1
    assert set(np.searchsorted(last, rows_of(sampler.sample(SIZE, rng())).ravel())) == {1, 3}
    many = sampler.sample_many(8, [rng(0), rng(1)])
    for k in range(2):
        for name, value in sampler.sample(8, rng(k)).items():
            assert np.array_equal(many[name][k], value)


def test_every_window_is_drawn_equally_often(store):
    for pad, stride in ((None, 1), (None, 2), ("end", 1), ("start", 1)):
        sampler = store.window_sampler(3, stride=stride, pad=pad)
        reach = 3 * stride if pad is None else 1
        assert sampler.windows == sum(max(0, n - reach + 1) for n in LENGTHS)
        batch = sampler.sample(20_000, rng())
        key = rows_of(batch)[:, -2 if pad == "start" else 0]
        counts = np.unique(key, return_counts=True)[1]
        expected = 20_000 / sampler.windows
        assert len(counts) == sampler.windows
        assert np.all(np.abs(counts - expected) < 5 * np.sqrt(expected))


def test_goal_batches_are_those_of_a_table_of_all_transitions(tmp_path):
    """The draws as they have been since the first trained agents, spelled out."""
    lengths = rng().integers(1, 30, 40)
    offsets = np.concatenate([[0], np.cumsum(lengths + 1)])
    observations = rng(1).random((offsets[-1], 3, 20), np.float32)
    observations[..., 4:] = 0
    data = {"observations": observations, "actions": rng(2).random((offsets[-1], 2), np.float32)}
    there = rng(4).random((40, 3)) < 0.7
    columns = {n: Column.of(a) for n, a in data.items()}
    columns["entity_masks"] = Column.of(there, "episode")
    with new_store(tmp_path / "a") as folder:
        writer = StoreWriter(folder, lengths, columns)
        writer.append({**data, "entity_masks": there})
        rows = [episode_row(i, "train", int(n)) for i, n in enumerate(lengths)]
        about = {"dataset": "x/y-v0", "task": "push-2blocks", "task_version": None}
        writer.finish(rows, about)
    sampler = Dataset.open(tmp_path / "a").goal_sampler()
    mix = GoalMix(next=0.25, uniform=0.25, geometric=0.25, random=0.25, mean_steps=4)
    batch = sampler.sample(40, rng(3), value=mix)
    draw, episode = rng(3), np.repeat(np.arange(40), lengths)
    picked = draw.integers(len(episode), size=40)
    row, own = picked + episode[picked], episode[picked]
    goals, end = row + 1, offsets[own + 1] - 1
    back = np.rint((end - row - 1)[10:20] * draw.random(10)).astype(int)
    goals[10:20] = end[10:20] - back
    goals[20:30] = np.minimum(row[20:30] + draw.geometric(1 / 4, 10), end[20:30])
    other = (own[30:] + draw.integers(1, 40, size=10)) % 40
    goals[30:] = offsets[other] + (draw.random(10) * (lengths[other] + 1)).astype(int)
    world = world_of("push-2blocks")
    expected = world.achieved(observations[goals])
    assert np.array_equal(batch["observations"], observations[row])
    assert np.array_equal(batch["actions"], data["actions"][row])
    assert np.array_equal(batch["entity_masks"], there[own])
    assert np.array_equal(batch["value_goals"], expected)
    reached = world.achieved(observations[row + 1])
    assert np.array_equal(batch["rewards"], world.reward(reached, expected))


def test_bad_requests_say_what_is_allowed(store, tmp_path):
    with pytest.raises(UnknownId, match="'rewards'"):
        store.transition_sampler(columns=["reward"])
    with pytest.raises(BadValue, match="every 20 steps"):
        store.transition_sampler(columns=["states"])
    with pytest.raises(BadValue, match="longest has 12; padding"):
        store.window_sampler(13)
    with pytest.raises(BadValue, match="'start' or 'end'"):
        store.window_sampler(3, pad="both")
    with pytest.raises(BadValue, match="stride"):
        store.window_sampler(3, stride=0)
    with pytest.raises(BadValue, match="batch_size"):
        store.window_sampler(3).sample(0, rng())
    with pytest.raises(BadValue, match="batch_size"):
        store.transition_sampler().sample(-1, rng())
    with pytest.raises(BadValue, match="goal_sampler\\(world="):
        store.goal_sampler()
    with pytest.raises(BadValue, match="no frames"):
        store.frames("observations")
    with pytest.raises(BadValue, match="no transitions"):
        make(tmp_path / "none", [0, 0]).transition_sampler()


# On a device


@pytest.mark.parametrize("make_sampler", ["transition_sampler", "window_sampler"])
def test_a_device_gives_the_same_batches(store, make_sampler):
    torch = pytest.importorskip("torch")
    length = (3,) if make_sampler == "window_sampler" else ()
    options = {"pad": "start"} if length else {}
    devices = ["cpu"] + ["cuda"] * torch.cuda.is_available()
    for device in devices:
        here = getattr(store, make_sampler)(*length, **options).sample(64, rng(1))
        there = getattr(store, make_sampler)(*length, device=device, **options).sample(64, rng(1))
        assert set(here) == set(there)
        for name, array in here.items():
            assert there[name].device.type == device
            assert there[name].shape == array.shape
            assert np.array_equal(there[name].cpu().numpy(), array), name
            assert there[name].cpu().numpy().dtype == array.dtype, name


def test_resident_columns_are_copied_in_pieces(store, monkeypatch):
    pytest.importorskip("torch")
    from entitybench.datasets.sampling import device

    monkeypatch.setattr(device, "PIECE", 100)
    resident = device.Resident({"observations": np.asarray(store.observations)}, "cpu")
    assert np.array_equal(
        resident.take("observations", resident.index(np.arange(33))), store.observations
    )


def test_batches_go_to_a_device(store):
    torch = pytest.importorskip("torch")
    from entitybench.datasets.sampling.device import to_device

    batch = store.transition_sampler().sample(16, rng())
    for device in ["cpu"] + ["cuda"] * torch.cuda.is_available():
        for name, tensor in to_device(batch, device).items():
            assert tensor.device.type == device
            assert np.array_equal(tensor.cpu().numpy(), batch[name])


def test_a_device_that_is_not_there_is_one_line(store, monkeypatch):
    torch = pytest.importorskip("torch")
    with pytest.raises(BadValue, match="unknown device 'tpu'"):
        store.transition_sampler(device="tpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(BadValue, match="no GPU for device 'cuda'"):
        store.window_sampler(2, device="cuda")
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    with pytest.raises(MissingExtra, match="torch is not installed"):
        store.transition_sampler(device="cpu")
    store.transition_sampler().sample(4, rng())  # needs none


def test_the_goal_sampler_takes_stores_of_other_makers():
    class Noise:
        id = "noise"
        observations = np.zeros((4, 2, 5), np.float32)
        actions = np.zeros((4, 2), np.float32)
        offsets, lengths = np.array([0, 4]), np.array([3])

    class World:
        feature_names = ("x", "y", "z", "a", "b")
        fixed_names = ()

        def achieved(self, observation):
            return observation.copy()

    assert GoalSampler(Noise(), World()).sample(2, rng(), policy=GoalMix(next=1)).keys() == {
        "observations",
        "next_observations",
        "actions",
        "policy_goals",
    }


def test_a_store_is_a_sequence_of_episodes(tmp_path):
    store = make(tmp_path / "a")
    assert len(store) == len(LENGTHS) == len(list(store))
    for index, (episode, length) in enumerate(zip(store, LENGTHS, strict=True)):
        assert len(episode["actions"]) == length == len(episode["observations"]) - 1
        for one in (store[index], store[np.int64(index)], store[index - len(store)]):
            assert all(np.array_equal(one[name], episode[name]) for name in episode)
            assert np.shares_memory(one["observations"], store.observations)
    assert [len(episode["actions"]) for episode in store[1:4]] == LENGTHS[1:4]
    assert [len(episode["actions"]) for episode in reversed(store)] == LENGTHS[::-1]
    for wrong in (5, -6):
        with pytest.raises(BadValue, match=f"no episode {wrong} .* it has 5"):
            store[wrong]
        with pytest.raises(IndexError):
            store[wrong]
    with pytest.raises(BadValue, match="an episode is a whole number"):
        store["train"]


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_a_data_loader_gives_the_same_batches_with_any_number_of_workers(tmp_path, workers):
    torch = pytest.importorskip("torch")
    from torch.utils.data import DataLoader, IterableDataset

    from entitybench.seeding import generator

    store = make(tmp_path / "a")
    batches = store.torch_dataset(4, seed=7, count=5)
    assert isinstance(batches, IterableDataset)
    found = list(DataLoader(batches, batch_size=None, num_workers=workers))
    assert len(found) == 5
    for number, batch in enumerate(found):
        drawn = store.transition_sampler().sample(4, generator(7, "batch", number))
        assert batch.keys() == drawn.keys()
        for name in drawn:
            assert isinstance(batch[name], torch.Tensor)
            assert np.array_equal(batch[name].numpy(), drawn[name])
    assert len({batch["actions"].numpy().tobytes() for batch in found}) > 1


def test_batches_for_torch_are_of_any_sampler_and_endless(tmp_path):
    pytest.importorskip("torch")
    store = make(tmp_path / "a")
    windows = iter(store.torch_dataset(2, sampler=store.window_sampler(3)))
    assert [tuple(next(windows)["actions"].shape) for _ in range(9)] == [(2, 3, AGENTS, 1)] * 9
    with pytest.raises(BadValue, match="count is a whole number"):
        store.torch_dataset(2, count=0)
    with pytest.raises(BadValue, match="batch_size"):
        store.torch_dataset(0)
