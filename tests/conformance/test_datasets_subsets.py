"""Parts of a dataset: its best episodes, chosen transitions, and batches of many seeds."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np
import pytest
from stores import generated, plain_store

from entitybench.datasets.sampling import sources
from entitybench.datasets.sampling.subsets import best_episodes
from entitybench.datasets.sampling.transitions import TransitionSampler
from entitybench.errors import BadValue

LENGTHS = np.array([7, 3, 12, 1, 5])
ROWS = LENGTHS.sum() + len(LENGTHS)
PADDING = np.cumsum(LENGTHS + 1) - 1
EPISODE = np.repeat(np.arange(len(LENGTHS)), LENGTHS + 1)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    rows = np.arange(ROWS, dtype=np.float32)
    ends = np.isin(np.arange(ROWS), PADDING)
    arrays = {
        "observations": rows[:, None],
        "actions": np.where(ends, 0, rows)[:, None],
        # By episode, to the agents' mean: 0, 3, 12, -1, 0.
        "rewards": np.array([[-1, 1], [0, 2], [1, 1], [-2, 0], [0, 0]], np.float32)[EPISODE]
        * ~ends[:, None],
        "terminals": ends,
        "masks": ~ends,
    }
    return plain_store(tmp_path_factory.mktemp("toy") / "a", arrays, LENGTHS.tolist())


def rng(seed=0):
    return np.random.default_rng(seed)


def drawn(sampler, size=4000):
    """How often each row was drawn."""
    return np.bincount(
        sampler.sample(size, rng())["observations"][:, 0].astype(int), minlength=ROWS
    )


def test_returns_are_sums_of_the_mean_rewards(store):
    assert store.returns.tolist() == [0, 3, 12, -1, 0]


def test_returns_are_those_noted_when_the_data_were_made(tmp_path):
    for kind in ("team-spread", "hopper", "push-1block"):  # the last one stores no rewards
        made = generated(kind, tmp_path / kind, episodes=5)
        noted = [row["return"] for row in made.episodes]
        assert np.allclose(made.returns, noted, rtol=1e-6, atol=1e-5), kind
        assert np.std(made.returns) > 0 or kind == "push-1block"
        part = made.split("train")
        assert np.array_equal(part.returns, made.returns[: len(part)])


def test_returns_that_nobody_knows_are_refused(store, tmp_path):
    arrays = {"observations": np.zeros((4, 2), np.float32), "actions": np.zeros((4, 1))}
    with pytest.raises(BadValue, match="neither rewards nor returns"):
        _ = plain_store(tmp_path / "a", arrays, [3]).returns


@pytest.mark.parametrize(
    ("share", "best"), [(0.01, [2]), (0.2, [2]), (0.4, [1, 2]), (0.6, [0, 1, 2]), (1.0, range(5))]
)
def test_the_best_episodes(store, share, best):
    assert dataset(store).best_episodes(share).tolist() == list(best)


def test_the_best_of_equal_episodes_are_said_to_be_the_first(tmp_path):
    arrays = {"observations": np.zeros((6, 2), np.float32), "actions": np.zeros((6, 1))}
    store = plain_store(tmp_path / "a", {**arrays, "rewards": np.zeros(6, np.float32)}, [1, 1, 1])
    with pytest.warns(UserWarning, match="all 3 episodes .* return 0: the best 50 % .* first ones"):
        assert best_episodes(store, 0.5).tolist() == [0, 1]
    assert best_episodes(store, 1.0).tolist() == [0, 1, 2]


def dataset(store):
    from entitybench.datasets.api import Dataset

    return Dataset.open(store.folder)


@pytest.mark.parametrize("share", [0, -0.1, 1.01, float("nan")])
def test_a_share_outside_its_bounds_is_refused(store, share):
    with pytest.raises(BadValue, match="share of the best episodes"):
        dataset(store).best_episodes(share)


def test_only_the_chosen_episodes_are_drawn(store):
    sampler = dataset(store).transition_sampler(episodes=[4, 1])
    assert sampler.transitions == 8
    counts = drawn(sampler)
    wanted = np.isin(EPISODE, [1, 4]) & ~np.isin(np.arange(ROWS), PADDING)
    assert np.array_equal(counts > 0, wanted)
    assert counts[wanted].std() < 0.1 * counts[wanted].mean()


def test_only_the_marked_transitions_are_drawn(store):
    mask = rng(3).random(ROWS) < 0.5
    mask[PADDING] = True  # no transition begins there
    counts = drawn(TransitionSampler(store, rows=mask))
    wanted = mask & ~np.isin(np.arange(ROWS), PADDING)
    assert np.array_equal(counts > 0, wanted)
    both = TransitionSampler(store, episodes=[2], rows=mask)
    assert np.array_equal(drawn(both) > 0, wanted & (EPISODE == 2))


def test_all_of_them_are_the_batches_of_the_whole(store, tmp_path):
    teams = generated("team-spread", tmp_path / "team", episodes=5)
    absent = generated("push-2blocks", tmp_path / "absent", episodes=5)  # columns of episodes
    for one in (store, teams, absent):
        plain = TransitionSampler(one).sample(300, rng(1))
        for view in (
            TransitionSampler(one, episodes=range(len(one))),
            TransitionSampler(one, rows=np.ones(one.offsets[-1], bool)),
        ):
            assert view.transitions == one.transitions
            batch = view.sample(300, rng(1))
            assert batch.keys() == plain.keys()
            for name, array in batch.items():
                assert array.tobytes() == plain[name].tobytes(), name


def test_many_seeds_are_single_ones_row_by_row(store, tmp_path):
    absent = generated("push-2blocks", tmp_path / "absent", episodes=5)
    mask = rng(4).random(ROWS) < 0.5
    for sampler in (
        TransitionSampler(store),
        TransitionSampler(store, rows=mask),
        TransitionSampler(absent),
    ):
        batch = sampler.sample_many(16, [rng(s) for s in range(3)])
        for s in range(3):
            alone = sampler.sample(16, rng(s))
            assert batch.keys() == alone.keys()
            for name, array in alone.items():
                assert batch[name][s].tobytes() == array.tobytes(), name
                assert batch[name].dtype == array.dtype


def test_on_a_device_they_are_the_same_rows(store):
    torch = pytest.importorskip("torch")
    mask = rng(4).random(ROWS) < 0.5
    here = TransitionSampler(store, rows=mask).sample_many(16, [rng(1), rng(2)])
    there = TransitionSampler(store, device="cpu", rows=mask).sample_many(16, [rng(1), rng(2)])
    for name, array in here.items():
        assert torch.equal(there[name], torch.from_numpy(array)), name


@pytest.mark.parametrize(
    ("choice", "text"),
    [
        ({"episodes": [5]}, r"episodes of some/thing-v0 are 0 to 4: got 5 to 5"),
        ({"episodes": [-1, 0]}, r"are 0 to 4: got -1 to 0"),
        ({"episodes": [0.5]}, r"named by their numbers"),
        ({"episodes": []}, r"none of the transitions of some/thing-v0 are left"),
        ({"rows": np.zeros(ROWS, bool)}, r"none of the transitions"),
        ({"rows": np.isin(np.arange(ROWS), PADDING)}, r"none of the transitions"),
        ({"rows": np.zeros(3, bool)}, r"33 truths, one a row of .*: got bool of shape \(3,\)"),
        ({"rows": np.arange(ROWS)}, r"33 truths, .* got int64"),
    ],
    ids=str,
)
def test_what_cannot_be_drawn_is_refused(store, choice, text):
    with pytest.raises(BadValue, match=text):
        TransitionSampler(store, **choice)


def test_the_first_batch_of_mapped_columns_is_read_page_by_page(store, monkeypatch):
    read = []
    really = sources.page_by_page

    @contextmanager
    def told(column):
        read.append(sources.mapping(column))
        with really(column):
            yield

    monkeypatch.setattr(sources, "page_by_page", told)
    names = ("observations", "masks")
    sampler = TransitionSampler(store, names)
    first = sampler.sample(4, rng())
    assert len(read) == 3  # observations before and after
    assert {id(each) for each in read} == {id(sources.mapping(store.columns[n])) for n in names}
    assert None not in read
    sampler.sample(4, rng())
    sampler.sample(4, rng())
    assert len(read) == 4  # masks once more
    TransitionSampler(store, names).sample(sources.FEW + 1, rng())
    assert len(read) == 4
    assert sources.mapping(np.zeros(3)) is None
    inner = TransitionSampler(store.in_memory(), names).sample(4, rng())
    assert all(np.array_equal(inner[name], first[name]) for name in first)
