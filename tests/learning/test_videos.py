"""A toy that models of videos must solve: two lamps, each with a colour of its own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from stores import film_store

from entitybench.datasets.api import Dataset
from entitybench.registry import agent, resolve_agent, tasks
from entitybench.seeding import generator

pytest.importorskip("h5py")
EDGE, LENGTH, EPISODES = 16, 6, 40
TASK = "hockey-mallets-2"  # gives nothing but a name; the scene is ours
COLOURS = np.array([(230, 40, 40), (40, 40, 230), (40, 200, 40), (240, 240, 240)])


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Lamps of 6 pixels that take on a colour each at every step, whatever they had before."""
    rng = generator(0, "lamps")
    frames = np.full((EPISODES * (LENGTH + 1), EDGE, EDGE, 3), 20, np.uint8)
    for corner in (1, 9):
        colours = COLOURS[rng.integers(0, len(COLOURS), len(frames))]
        place = slice(corner, corner + 6)
        frames[:, place, place] = colours[:, None, None]
    folder = tmp_path_factory.mktemp("film")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ENTITYBENCH_DATA", str(folder / "root"))
        yield Dataset.of(film_store(folder / "lamps", frames, [LENGTH] * EPISODES))


SIZES = {
    "width": 32,
    "heads": 4,
    "factors": 2,
    "action_dim": 4,
    "unroll": 1,
    "window": 2,
    "batch_size": 32,
    # So small a model is slow to hear of its latents; dearer ones fall silent before it does.
    "beta": 1e-5,
}
PHASES = {
    "phases.0.updates": 20,
    "phases.0.final_learning_rate": 3e-3,
    "phases.1.updates": 280,
    "phases.1.learning_rate": 3e-3,
}


def made(id, film, **changes):
    spec, task = agent(id), tasks()[TASK]
    target = resolve_agent(spec)
    sizes = {"pixels": EDGE, "channels": (16, 16), **changes}
    config = target.configure(spec, "tiny", task, **sizes)
    return target.create(config, task, seed=0, data=film, parts={})


@pytest.mark.parametrize("id", ["flam", "lam-mono"])
def test_it_learns_to_name_what_happens_from_frames_alone(id, film):
    """In tokens of a tokenizer that learned nothing. Nothing else tells of the next colours."""
    one = made(id, film, **SIZES, **PHASES)
    with torch.no_grad():
        tokens = one.tokens(np.array(film.frames())[None])[0]
    blind = tokens.var(0).mean().item()  # the error of who knows all but what happens
    logs = [one.advance(film) for _ in range(one.total)]
    last = np.mean([log["error_first"] for log in logs[-10:]])
    assert last < 0.75 * blind
    assert logs[-1]["nats"] > 3  # the logarithm of the 16 things that can happen is 2.8


def test_codes_of_a_tokenizer_tell_of_small_things(tmp_path, monkeypatch):
    """Learned from frames of one colour but for a disc: they were one code for all frames."""
    monkeypatch.setenv("ENTITYBENCH_DATA", str(tmp_path / "root"))
    rng = generator(0, "discs")
    frames = np.full((64, 32, 32, 3), (208, 218, 224), np.uint8)
    for frame, (y, x) in zip(frames, rng.integers(0, 28, (64, 2)), strict=True):
        frame[y : y + 5, x : x + 5] = (200, 20, 20)
    data = Dataset.of(film_store(tmp_path / "discs", frames, [15] * 4))
    sizes = {"pixels": EDGE * 2, "channels": (8, 16, 32), "levels": (8, 8, 8, 6, 5)}
    one = made("flam-tokenizer", data, **sizes, **{"batch_size": 8, "phases.0.updates": 80})
    logs = [one.advance(data) for _ in range(one.total)]
    bare = (frames / 255 - (frames / 255).mean((0, 1, 2))).var()  # the error of the mean colour
    assert 10 ** (-logs[-1]["psnr"] / 10) < 0.6 * bare
