"""The parts of feature visualization: normalisation, parameterisations, motions, objectives."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from cnnvis.compute.visualize import objectives as o
from cnnvis.compute.visualize.normalise import given, learned, shown, usual
from cnnvis.compute.visualize.optimise import Adam
from cnnvis.compute.visualize.parameterise import SPACES, Space, correlated, parameters, spectrum_scale
from cnnvis.compute.visualize.transforms import Motion, Wobble, moved
from cnnvis.errors import InvalidValue
from cnnvis.sources.dataset import dataset


def made(space: Space = "fourier", copies: int = 1, repeats: int = 1, planes: int = 3, size: tuple[int, int] = (9, 11)):
    return parameters(space, copies, repeats, planes, size, torch.Generator().manual_seed(0))


# -- parameterisations ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("planes", [1, 3, 4])
@pytest.mark.parametrize("size", [(9, 11), (16, 10)])
def test_noise_is_nearly_grey_of_any_size_and_number_of_planes(
    space: Space, planes: int, size: tuple[int, int]
) -> None:
    images = made(space, 2, 3, planes, size).images
    assert images.shape == (6, planes, *size)
    assert (images - 0.5).abs().max() < 0.3
    assert images.std() > 1e-4


@pytest.mark.parametrize("space", SPACES)
def test_each_repetition_starts_alike_and_copies_differ(space: Space) -> None:
    images = made(space, 2, 3).images
    assert torch.equal(images[0], images[2])
    assert torch.equal(images[1], images[5])
    assert not torch.equal(images[0], images[1])
    assert torch.equal(images[:2], made(space, 2, 1).images)


@pytest.mark.parametrize("space", SPACES)
def test_each_space_can_show_a_photograph(space: Space) -> None:
    scene = torch.from_numpy(np.array(dataset("demo:healthy").picture(3))).permute(2, 0, 1)[None] / 255
    wanted = scene.float().clamp(0.02, 0.98)
    found = parameters(space, 1, 1, 3, tuple(wanted.shape[-2:]), torch.Generator().manual_seed(0))
    adam = Adam(found.tensors, 0.05)
    for step in range(1, 1001):
        images = found.images
        (-(images - wanted).square().sum()).backward(inputs=list(found.tensors))
        adam.climb(step)
        for tensor in found.tensors:
            tensor.grad = None
        if (images - wanted).abs().mean() < 0.01:
            return
    pytest.fail(f"still {(found.images - wanted).abs().mean():.3f} apart")


def test_frequencies_are_scaled_to_equal_energy() -> None:
    scale = spectrum_scale(8, 8)
    assert scale.shape == (8, 5)
    assert scale[0, 0] == pytest.approx(64)
    assert scale[0, 1] == pytest.approx(64)
    assert scale[0, 2] == pytest.approx(32)
    assert scale[4, 4] == pytest.approx(8 / 0.5**0.5)


def test_colours_are_correlated_by_lucids_matrix() -> None:
    columns = correlated(torch.eye(3)[:, :, None, None])[:, :, 0, 0]
    expected = [[0.562829, 0.584476, 0.584476], [0.194825, 0, -0.194825], [0.043295, -0.108236, 0.064942]]
    torch.testing.assert_close(columns, torch.tensor(expected), atol=1e-5, rtol=0)


def test_an_unknown_space_is_named() -> None:
    with pytest.raises(InvalidValue, match="must be one of fourier, pixels, pyramid; got 'wavelet'"):
        made("wavelet")  # type: ignore[arg-type]


# -- motions -------------------------------------------------------------------------------------------------------


def numbered(high: int, wide: int) -> Tensor:
    return torch.arange(high * wide, dtype=torch.float32).reshape(1, 1, high, wide)


def test_a_larger_size_pads_with_grey() -> None:
    found = moved(torch.ones(1, 3, 2, 3), Motion(), (4, 5))
    assert found.shape == (1, 3, 4, 5)
    inside = torch.zeros(4, 5, dtype=torch.bool)
    inside[1:3, 1:4] = True
    torch.testing.assert_close(found[0, 0][inside], torch.ones(6))
    torch.testing.assert_close(found[0, 0][~inside], torch.full((14,), 0.5))


def test_a_smaller_size_crops_the_centre() -> None:
    torch.testing.assert_close(moved(numbered(4, 6), Motion(), (2, 2))[0, 0], torch.tensor([[8.0, 9], [14, 15]]))


def test_a_shift_moves_whole_pixels_exactly() -> None:
    found = moved(numbered(3, 3), Motion(first=(1, -1)), fill=0.0)
    torch.testing.assert_close(found[0, 0], torch.tensor([[0.0, 0, 0], [1, 2, 0], [4, 5, 0]]))


def test_a_scale_below_one_leaves_only_the_centre() -> None:
    found = moved(torch.ones(1, 1, 3, 3), Motion(scale=0.33), fill=0.0)[0, 0]
    expected = torch.zeros(3, 3)
    expected[1, 1] = 1
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("side", [2, 3])
def test_quarter_turns_are_exact(side: int) -> None:
    image = numbered(side, side)
    for turns in range(1, 4):
        found = moved(image, Motion(degrees=90.0 * turns))
        torch.testing.assert_close(found, torch.rot90(image, turns, (2, 3)), atol=1e-5, rtol=0)


def test_a_motion_is_first_shifted_then_turned_then_shifted() -> None:
    at_once = moved(numbered(5, 5), Motion((1, 0), 1.0, 90.0, (0, 1)), fill=0.0)
    one_by_one = moved(numbered(5, 5), Motion(first=(1, 0)), fill=0.0)
    one_by_one = moved(one_by_one, Motion(degrees=90.0), fill=0.0)
    one_by_one = moved(one_by_one, Motion(last=(0, 1)), fill=0.0)
    torch.testing.assert_close(at_once, one_by_one, atol=1e-5, rtol=0)


def test_no_motion_gives_the_image_itself() -> None:
    image = numbered(3, 4)
    assert moved(image, Motion()) is image


def test_motions_are_in_proportion_to_the_image_and_repeat_with_their_seed() -> None:
    def draw(size: tuple[int, int]) -> list[Motion]:
        generator = torch.Generator().manual_seed(3)
        return [Wobble().drawn(generator, size) for _ in range(300)]

    small, large = draw((32, 48)), draw((224, 224))
    assert {m.first[0] for m in small} == {-1.0, 0.0, 1.0}
    assert max(abs(x) for m in large for x in m.first) == 7
    assert {round(m.scale, 2) for m in small} == {0.9, 0.92, 0.94, 0.96, 0.98, 1.0, 1.02, 1.04, 1.06, 1.08, 1.1}
    assert max(abs(m.degrees) for m in small) == 10
    assert np.mean([m.degrees == 0 for m in small]) > 0.15
    assert draw((32, 48)) == small


# -- normalisation -------------------------------------------------------------------------------------------------


def test_a_black_picture_becomes_minus_mean_over_std() -> None:
    normal = given((0.4, 0.5, 0.6), (0.1, 0.2, 0.3), 3)
    found = normal(torch.zeros(1, 3, 2, 2))
    torch.testing.assert_close(found[0, :, 0, 0], torch.tensor([-4.0, -2.5, -2.0]))
    torch.testing.assert_close(normal.undone(found), torch.zeros(1, 3, 2, 2), atol=1e-6, rtol=0)


def test_the_datas_own_mean_and_std_are_learned() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3), dtype=np.uint8)
    data = dataset(pictures, mean=(0.4, 0.5, 0.6), std=(0.1, 0.2, 0.3))
    found = learned(data, range(20), 3)
    assert found.mean == pytest.approx((0.4, 0.5, 0.6), abs=1e-4)
    assert found.std == pytest.approx((0.1, 0.2, 0.3), abs=1e-4)
    assert found.order == (0, 1, 2)


def test_exchanged_channels_are_noticed() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), dtype=np.uint8)
    assert learned(dataset(pictures, channels="bgr"), range(4), 3).order == (2, 1, 0)


def test_grey_pictures_have_one_plane_however_many_channels() -> None:
    pictures = np.repeat(np.random.default_rng(0).integers(0, 256, (4, 8, 8, 1), dtype=np.uint8), 3, axis=3)
    found = learned(dataset(pictures), range(4), 3)
    assert (found.planes, found.order) == (1, (0, 0, 0))
    assert found(torch.zeros(2, 1, 4, 4)).shape == (2, 3, 4, 4)


def test_channels_that_no_picture_shows_span_two_deviations() -> None:
    class Four:
        kind = "images"

        def __len__(self) -> int:
            return 3

        def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
            values = np.random.default_rng(index).normal(size=(4, 16, 16)) * 3 + 1
            return values.astype(np.float32), 0

        def picture(self, index: int) -> np.ndarray:
            return np.random.default_rng(9).integers(0, 256, (16, 16, 3), dtype=np.uint8)

    found = learned(Four(), range(3), 4)  # type: ignore[arg-type]
    ends = found(torch.stack([torch.zeros(4, 1, 1), torch.ones(4, 1, 1)]))[:, :, 0, 0]
    torch.testing.assert_close(ends[0], torch.full((4,), -5.0), atol=0.5, rtol=0)
    torch.testing.assert_close(ends[1], torch.full((4,), 7.0), atol=0.5, rtol=0)


def test_what_is_usual_depends_on_the_channels() -> None:
    assert usual(3).mean == (0.485, 0.456, 0.406)
    assert usual(1).std == (0.25,)
    with pytest.raises(InvalidValue, match="one for each of 4 channels; got 3"):
        given((0.1, 0.2, 0.3), (1.0,), 4)
    with pytest.raises(InvalidValue, match="std must be above 0"):
        given((0.0,), (0.0,), 3)


def test_pictures_are_shown_in_colour_or_grey() -> None:
    assert shown(torch.ones(2, 1, 3, 4)).tolist() == np.full((2, 3, 4, 3), 255).tolist()
    assert shown(torch.tensor([1.0, 0.5, 0.0, 0.7]).reshape(1, 4, 1, 1)).tolist() == [[[[255, 128, 0]]]]


# -- objectives ----------------------------------------------------------------------------------------------------


def seen(images: Tensor) -> o.Seen:
    return o.Seen(None, images, {})  # type: ignore[arg-type]


def test_objectives_add_and_scale() -> None:
    images = torch.rand(2, 3, 4, 4)
    one, other = o.l1(0.0), o.total_variation()
    found = (one + 2 * other - o.l2() + 1 - 0.5 * one)(seen(images))
    expected = 0.5 * one(seen(images)) + 2 * other(seen(images)) - o.l2()(seen(images)) + 1
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close((3 - one)(seen(images)), 3 - one(seen(images)))


def test_penalties_are_zero_for_a_grey_image() -> None:
    grey = seen(torch.full((1, 3, 50, 50), 0.5))
    for penalty in (o.l1(), o.total_variation(), o.borders()):
        assert float(penalty(grey)) == 0
    for penalty in (o.l2(), o.roughness()):
        assert float(penalty(grey)) == pytest.approx(1e-3, abs=1e-4)


def test_the_total_variation_counts_steps_down_and_to_the_right() -> None:
    assert float(o.total_variation()(seen(torch.tensor([[[[0.0, 1.0], [0.5, 0.5]]]])))) == 0.5 + 0.5 + 1.0 + 0.0


def test_only_the_rim_counts_for_borders() -> None:
    images = torch.full((1, 3, 10, 10), 0.5)
    images[..., 3:7, 3:7] = 1.0
    assert float(o.borders(3)(seen(images))) == 0
    images[..., 0, 0] = 1.0
    assert float(o.borders(3)(seen(images))) == pytest.approx(0.005)
