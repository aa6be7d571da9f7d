"""What learners of videos say of data, parts and clips that they cannot use."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from parts import untrained
from stores import film_store

from entitybench.datasets.api import Dataset
from entitybench.errors import BadValue, BenchError
from entitybench.registry import agent, resolve_agent, tasks
from entitybench.seeding import BatchGenerator, generator

pytest.importorskip("h5py")
TASK = tasks()["hockey-mallets-2"]
TOKENS, MODEL = "flam-tokenizer", "flam"


@pytest.fixture(autouse=True)
def _root(tmp_path, monkeypatch):
    monkeypatch.setenv("ENTITYBENCH_DATA", str(tmp_path / "root"))


def film(folder, edge, length=5, episodes=3):
    frames = generator(0, "film").integers(0, 256, (episodes * (length + 1), edge, edge, 3))
    return Dataset.of(film_store(folder, frames.astype(np.uint8), [length] * episodes))


def made(id, data, parts=None, **changes):
    target = resolve_agent(agent(id))
    config = target.configure(agent(id), "tiny", TASK, **changes)
    return target.create(config, TASK, seed=0, data=data, parts=parts or {})


def refusal(make):
    with pytest.raises(BenchError) as caught:
        make()
    return str(caught.value)


def rolled(one, clips):
    return one.roll_out(
        clips,
        np.zeros((len(clips), clips.shape[1] - 1, 2), np.float32),
        BatchGenerator([generator(0, row) for row in range(len(clips))]),
    )


@pytest.mark.parametrize("id", [TOKENS, MODEL, "lam-vq"])
def test_frames_of_another_size_are_refused(id, tmp_path):
    data = film(tmp_path / "small", 32)
    told = refusal(lambda: made(id, data).advance(data))
    assert f"has frames of 32 x 32 x 3, and {id} learns from 64 x 64 x 3: " in told
    assert "--pixels 64" in told
    one = made(id, film(tmp_path / "fits", 64))
    given = np.zeros((2, 3, 32, 32, 3), np.uint8)
    sees = f"{id} sees clips (B, T, 64, 64, 3) uint8: got "
    assert refusal(lambda: rolled(one, given)) == f"{sees}uint8 of the shape (2, 3, 32, 32, 3)."
    assert f"{sees}float64" in refusal(lambda: rolled(one, np.zeros((2, 3, 64, 64, 3))))
    short = np.zeros((2, 1, 64, 64, 3), np.uint8)
    assert "a clip has two frames or more" in refusal(lambda: rolled(one, short))


def test_data_without_frames_or_with_short_episodes_are_refused(tmp_path):
    data = film(tmp_path / "short", 64, length=2, episodes=6)
    told = refusal(lambda: made(MODEL, data).advance(data))
    assert "no episode of " in told
    assert "has the 3 steps of a window" in told
    bare = Dataset(data.folder, data.manifest, {}, data.offsets)
    told = refusal(lambda: made(MODEL, bare))
    assert "has no frames in a column 'frames': `bench gen" in told
    assert "\n" not in told


def test_a_tokenizer_of_other_frames_or_channels_is_refused(tmp_path):
    for name, changes, line in (
        ("size", {"pixels": 32}, "sees frames of 32 pixels, and flam of 64"),
        ("channels", {"channels": (8, 8, 16)}, "do not fit flam with the channels and levels"),
        ("levels", {"levels": (5, 5)}, "do not fit flam with the channels and levels"),
    ):
        part = untrained(TOKENS, TASK, tmp_path / name, **changes)
        told = refusal(lambda part=part: made(MODEL, None, {"tokenizer": part}))
        assert line in told
        assert "\n" not in told


def test_a_tokenizer_stays_as_it_was(tmp_path):
    data = film(tmp_path / "data", 64)
    part = untrained(TOKENS, TASK, tmp_path / "tokens", seed=3)
    one = made(MODEL, data, {"tokenizer": part})
    given = resolve_agent(agent(TOKENS)).load(part).params["tokenizer"]
    before = {name: p.detach().clone() for name, p in one.params["model"].items()}
    for _ in range(3):
        one.advance(data)
    for name, p in one.params["tokenizer"].items():
        np.testing.assert_array_equal(p.detach().numpy(), given[name].detach().numpy())
    assert any((p != before[name]).any() for name, p in one.params["model"].items())


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"pixels": 60}, "pixels is a multiple of 8"),
        ({"heads": 3}, "width is a multiple of the heads: got 16 and 3"),
        ({"window": 2}, "unroll is below window"),
        ({"temporal": "perhaps"}, "'temporal' is true or false"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(changes, line):
    with pytest.raises(BadValue, match=line):
        made(MODEL, None, **changes)


def test_states_are_standardised_by_the_data(tmp_path):
    data = film(tmp_path / "data", 64)
    one = made("lam-mono", data)
    with torch.no_grad():
        tokens = one.tokens(np.array(data.frames()).reshape(3, 6, 64, 64, 3)).numpy()
    assert tokens.mean((0, 1, 2)) == pytest.approx(0, abs=0.2)
    assert tokens.std((0, 1, 2)) == pytest.approx(1, abs=0.2)


def rows(count):
    return BatchGenerator([generator(0, row) for row in range(count)])


@pytest.mark.parametrize("id", ["flam", "flam-no-time", "lam-mono", "lam-vq", "world-model"])
def test_an_edit_is_a_roll_out_with_one_factor_drawn_anew(id, tmp_path, monkeypatch):
    data = film(tmp_path / "data", 64)
    one = made(id, data)
    for p in one.params["model"].values():  # so that latent actions matter at once
        p.data += 0.2 * torch.randn(p.shape, generator=torch.Generator().manual_seed(0))
    clips = np.array(data.frames()).reshape(3, 6, 64, 64, 3)
    actions = generator(0, "actions").uniform(-1, 1, (3, 5, 2)).astype(np.float32)
    latents = one.latents(clips, actions)
    factors = 2 if id == "world-model" else 3  # actions of two mallets; entities with the puck
    assert latents.shape[:3] == (3, 5, factors)
    drawn = one.drawn(one.params["model"], torch.as_tensor(latents), rows(3))
    assert drawn.shape == latents.shape
    plain = one.roll_out(clips, actions, rows(3))
    edited = one.edited(clips, actions, 3, rows(3))
    assert edited.shape == (3, factors, 64, 64, 3)
    assert (edited != plain[:, 2][:, None]).any((0, 2, 3, 4)).all()  # each factor does something
    monkeypatch.setattr(type(one), "drawn", lambda self, model, like, rng: like)
    same = one.edited(clips, actions, 3, rows(3))
    np.testing.assert_allclose(same.astype(int), plain[:, 2][:, None].repeat(factors, 1), atol=1)
