"""Linear probes of latent actions, on cases worked by hand."""

import numpy as np
import pytest

from entitybench.leaderboard.evaluation.latents import Probes, apart, own
from entitybench.leaderboard.statistics.probes import BINS, Probe, binned, owners
from entitybench.seeding import generator

ROWS = 400


def test_bins_are_fifths_and_commands_lie_in_their_middle():
    assert binned(np.array([-1.0, -0.8, -0.4, 0.0, 0.4, 0.8, 1.0])).tolist() == [
        0,
        0,
        1,
        2,
        3,
        4,
        4,
    ]
    assert binned(np.array([-3.0, 3.0])).tolist() == [0, BINS - 1]  # cut to the limits


def test_a_probe_reads_what_is_linear_and_not_what_is_absent():
    rng = generator(0, "probe")
    answers = rng.integers(0, BINS, (ROWS, 2))
    codes = np.eye(BINS)[answers].reshape(ROWS, -1)
    told = codes @ rng.normal(size=(2 * BINS, 12)) * 7 + 3  # any map that loses nothing
    half = ROWS // 2
    fitted = Probe.fitted(told[:half], answers[:half])
    assert fitted.right(told[half:], answers[half:]) == 1.0
    noise = rng.normal(size=told.shape)
    chance = Probe.fitted(noise[:half], answers[:half]).right(noise[half:], answers[half:])
    assert 0.1 < chance < 0.35
    constant = Probe.fitted(np.zeros((ROWS, 3)), np.full((ROWS, 1), 2))
    assert constant.right(np.zeros((4, 3)), np.full((4, 1), 2)) == 1.0


def test_the_answer_is_the_largest_output():
    probe = Probe(np.zeros(1), np.ones(1), np.array([[1.0, 0, 0, 0, -1], [0, 0.5, 0, 0, 0]]))
    assert probe.right(np.array([[2.0], [0.1], [-2.0]]), np.array([[0], [1], [4]])) == 1.0
    assert probe.right(np.array([[2.0], [0.1]]), np.array([[0], [0]])) == 0.5


def test_owners_have_most_pixels_of_an_entity():
    masks = np.array([[[0, 0, 0, 1, 1, -1]], [[0, 0, 0, 1, 1, -1]]])[:, :, None]
    labels = np.array([[[2, 2, 1, 0, 0, 0]], [[1, 1, 1, 3, 3, 0]]])[:, :, None]
    assert owners(labels, masks, (0, 1)).tolist() == [[2, 0], [1, 3]]
    assert owners(labels, masks, (7,)).tolist() == [[0], [0]]
    latents = np.arange(8.0).reshape(2, 1, 4, 1)
    assert own(latents, labels, masks, (0, 1))[..., 0].tolist() == [[[2, 0]], [[5, 7]]]
    assert apart(np.arange(12).reshape(1, 2, 6), (0, 1, 2)).shape == (1, 2, 3, 2)


class Slots:
    """Slots that are entities, each with the action of its own; then with that of another."""

    def __init__(self, shift):
        self.shift = shift

    def masks(self, clips):
        return clips[..., 0].astype(int)

    def latents(self, clips, actions):
        return np.eye(BINS)[np.roll(binned(actions), self.shift, -1)]


class Shown:
    def __init__(self, seed):
        self.actions = (2 * generator(seed, "actions").integers(0, BINS, (6, 10, 3)) + 1) / BINS - 1
        self.masks = np.broadcast_to(np.arange(3), (6, 11, 1, 3))
        self.frames = np.broadcast_to(self.masks[..., None], (6, 11, 1, 3, 3)).astype(np.uint8)


@pytest.mark.parametrize("shift", [0, 1])
def test_who_names_the_wrong_slot_is_read_as_a_whole_alone(shift):
    actor, clip = Slots(shift), Shown(2)
    probes = Probes.fitted([Shown(0), Shown(1)], (0, 1, 2), actor)
    latents, labels = actor.latents(clip.frames, clip.actions), actor.masks(clip.frames)
    both = [
        probes.right(latents[i], clip.actions[i], labels[i], clip.masks[i])
        for i in range(len(labels))
    ]
    whole, of_slot = np.mean(both, axis=0)
    assert whole == 1.0
    assert of_slot == 1.0 if shift == 0 else of_slot < 0.4
    assert np.isnan(probes.right(latents[0], clip.actions[0], None, clip.masks[0])[1])
