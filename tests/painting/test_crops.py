"""Patches keep their proportions and their pixels."""

from __future__ import annotations

import numpy as np
import pytest

from cnnvis.layout.diagram import Box
from cnnvis.painting.crops import cropped, fitted, gridded, image, rounded, scaled


def test_a_crop_is_top_left_bottom_right() -> None:
    picture = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)
    np.testing.assert_array_equal(cropped(picture, (1, 2, 3, 5)), picture[1:3, 2:5])


@pytest.mark.parametrize("crop", [(9, 9, 12, 12), (-4, -4, 0, 0), (2, 2, 2, 2)])
def test_a_crop_is_never_empty(crop: tuple[int, int, int, int]) -> None:
    assert min(cropped(np.zeros((4, 5, 3), np.uint8), crop).shape[:2]) >= 1


def test_a_grey_picture_becomes_rgb() -> None:
    assert cropped(np.zeros((4, 5), np.uint8), None).shape == (4, 5, 3)


def test_a_narrow_crop_is_centred_in_its_box() -> None:
    assert fitted(Box(0, 0, 40, 40), 20, 10) == Box(10, 0, 20, 40)


def test_an_image_keeps_its_pixels() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (3, 5, 3), dtype=np.uint8)
    shown = image(picture)
    assert [shown.pixelColor(x, 1).getRgb()[:3] for x in range(5)] == [tuple(p) for p in picture[1].tolist()]


def test_a_patch_is_scaled_to_the_pixels_asked_for() -> None:
    shown = scaled(np.zeros((3, 5, 3), np.uint8), 50, 30)
    assert (shown.width(), shown.height()) == (50, 30)


def test_round_corners_are_transparent() -> None:
    corners = rounded(scaled(np.zeros((8, 8, 3), np.uint8), 8, 8), 3.0)
    assert corners.pixelColor(0, 0).alpha() < 128
    assert corners.pixelColor(4, 4).alpha() == 255


def test_a_grid_of_colours_keeps_hard_edges_when_it_is_enlarged() -> None:
    colours = np.array([[[255, 0, 0], [0, 0, 255]]], np.uint8)
    shown = gridded(colours, 10, 4)
    assert {shown.pixelColor(x, 2).getRgb()[:3] for x in range(5)} == {(255, 0, 0)}
    assert {shown.pixelColor(x, 2).getRgb()[:3] for x in range(5, 10)} == {(0, 0, 255)}


def test_a_grid_of_colours_becomes_its_mean_when_it_is_shrunk() -> None:
    colours = np.array([[[200, 0, 0]], [[100, 0, 0]]], np.uint8)
    assert gridded(colours, 1, 1).pixelColor(0, 0).red() == 150
