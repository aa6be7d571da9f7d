"""Numbers of predicted frames, on frames made by hand."""

import numpy as np
import pytest

from entitybench.leaderboard.statistics.pictures import (
    LOST,
    MOST,
    background,
    edits_apart,
    foreground_ari,
    moved,
    place_errors,
    psnr,
    ssim,
)
from entitybench.seeding import generator

GREY, RED, BLUE = (200, 200, 200), (220, 30, 30), (30, 30, 220)


def scene(places, colours=(RED, BLUE)):
    """Frames (T, 32, 32, 3) with squares of 4 pixels at places (T, K, 2), and their masks."""
    frames = np.full((len(places), 32, 32, 3), GREY, np.uint8)
    masks = np.full((len(places), 32, 32), -1, np.int16)
    for t, of_frame in enumerate(places):
        for k, (y, x) in enumerate(of_frame):
            frames[t, y : y + 4, x : x + 4] = colours[k]
            masks[t, y : y + 4, x : x + 4] = k
    return frames, masks


PLACES = [[(4, 4), (20, 20)], [(4, 7), (20, 20)], [(4, 10), (20, 20)]]
TRUE, MASKS = scene(PLACES)


def test_psnr_is_ten_times_the_logarithm_of_the_mean_square():
    true = np.full((2, 8, 8, 3), 100, np.uint8)
    off = true.copy()
    off[1] += 51  # a fifth of the range
    assert psnr(off, true) == pytest.approx([MOST, -10 * np.log10(0.04)])
    where = np.zeros((2, 8, 8), bool)
    where[1, 0] = True
    off[1, 1:] = 0
    only = psnr(off, true, where)
    assert np.isnan(only[0])
    assert only[1] == pytest.approx(-10 * np.log10(0.04))


def test_what_moved_differs_from_the_first_frame_or_lies_beside():
    there = moved(TRUE[0], TRUE)
    assert not there[0].any()
    # Three columns left, three entered, four rows; and a border of a pixel: 6 rows of 9 columns,
    # less what stays red inside.
    assert there[1].sum() == 6 * 5 + 6 * 5 - 6  # columns 3..7 and 7..11
    assert not there[1][18:26, 18:26].any()


def test_ssim_is_one_of_equals_and_follows_its_formula_on_flat_frames():
    assert ssim(TRUE, TRUE) == pytest.approx(np.ones(3))
    x, y = np.full((1, 16, 16, 3), 51, np.uint8), np.full((1, 16, 16, 3), 102, np.uint8)
    expected = (2 * 0.2 * 0.4 + 1e-4) / (0.2**2 + 0.4**2 + 1e-4)
    assert ssim(x, y) == pytest.approx([expected])
    noisy = generator(0, "noise").integers(0, 256, TRUE.shape).astype(np.uint8)
    assert (ssim(noisy, TRUE) < 0.2).all()


def test_places_are_means_of_pixels_by_colour():
    assert place_errors(TRUE[1:], TRUE, MASKS) == pytest.approx([0, 0])
    copied = TRUE[:1].repeat(2, 0)
    assert place_errors(copied, TRUE, MASKS) == pytest.approx([1.5, 3.0])  # means of 2 entities
    gone = np.full_like(TRUE[1:], 200)
    assert place_errors(gone, TRUE, MASKS) == pytest.approx([LOST, LOST])
    hidden = MASKS.copy()
    hidden[1][hidden[1] == 0] = -1
    assert place_errors(copied, TRUE, hidden)[0] == pytest.approx(0.0)


def test_entities_of_one_colour_cannot_be_told_apart():
    true, masks = scene(PLACES, (RED, (225, 30, 30)))
    assert np.isnan(place_errors(true[1:], true, masks)).all()


def test_edits_are_of_the_entity_that_they_move_most():
    plain = TRUE[0]
    edited, _ = scene([[(4, 8), (20, 20)], [(5, 4), (26, 20)]])  # 4 and 0, then 1 and 6 pixels
    assert edits_apart(plain, edited, TRUE, MASKS) == pytest.approx((5.0, 0.5 / 5.0))
    still = edits_apart(plain, TRUE[:1], TRUE, MASKS)
    assert still[0] == 0
    assert np.isnan(still[1])
    gone = plain.copy()
    gone[MASKS[0] == 1] = GREY
    assert edits_apart(plain, gone[None], TRUE, MASKS) == (LOST, 0.0)
    one = np.where(MASKS == 1, -1, MASKS)
    assert np.isnan(edits_apart(plain, edited, TRUE, one)).all()


def test_what_is_behind_is_seen_before_or_after():
    assert (background(TRUE, MASKS) == 200).all()


def test_ari_of_the_foreground():
    assert foreground_ari(MASKS + 7, MASKS) == 1.0  # whatever slots are called
    assert foreground_ari(np.zeros_like(MASKS), MASKS) == 0.0
    swapped = MASKS.copy()
    swapped[2][MASKS[2] >= 0] = 1 - MASKS[2][MASKS[2] >= 0]
    assert foreground_ari(swapped, MASKS) < 0.2  # the slots change places in the last frame
    behind = np.where(MASKS < 0, generator(0, "any").integers(0, 5, MASKS.shape), MASKS)
    assert foreground_ari(behind, MASKS) == 1.0  # nothing is asked of what is behind
    assert np.isnan(foreground_ari(MASKS, np.where(MASKS == 1, -1, MASKS)))


def test_ari_is_that_of_the_contingency_table():
    """Hubert and Arabie's formula on a table counted by hand."""
    masks = np.array([[0, 0, 0, 1, 1, 1]])
    labels = np.array([[0, 0, 1, 1, 2, 2]])
    # pairs: both 1 + 1 = 2, rows 3 + 3 = 6, columns 1 + 1 + 1 = 3, all 15.
    expected = (2 - 6 * 3 / 15) / ((6 + 3) / 2 - 6 * 3 / 15)
    assert foreground_ari(labels, masks) == pytest.approx(expected)
