"""A picture from anywhere becomes an input as the data's own do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cnnvis.errors import InvalidValue, UnreadableSample
from cnnvis.sources.dataset import dataset
from cnnvis.sources.demo import demo_scenes
from cnnvis.sources.one_picture import one_picture, shown_picture

PIXELS = np.random.default_rng(0).integers(0, 256, (2, 40, 52, 3), dtype=np.uint8)


def folder(tmp_path: Path) -> Path:
    for kind, pixels in zip("ab", PIXELS):
        (tmp_path / "data" / kind).mkdir(parents=True)
        Image.fromarray(pixels).save(tmp_path / "data" / kind / "one.png")
    return tmp_path / "data"


def test_a_file_of_the_data_gives_the_same_input_again(tmp_path: Path) -> None:
    data = dataset(folder(tmp_path), resize=24, crop=20, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4))
    found = one_picture(data, tmp_path / "data" / "b" / "one.png")
    np.testing.assert_array_equal(found[0][0], data[1][0])
    np.testing.assert_array_equal(found.picture(0), data.picture(1))
    assert found[0][1] is None
    assert found.name(0) == "one.png"


def test_the_users_own_function_is_used(tmp_path: Path) -> None:
    def half(image: Image.Image) -> Any:
        return np.asarray(image.resize((10, 8)), np.float32).transpose(2, 0, 1) / 510

    data = dataset(folder(tmp_path), transform=half)
    np.testing.assert_array_equal(one_picture(data, tmp_path / "data" / "a" / "one.png")[0][0], data[0][0])


def test_pictures_in_memory_are_brought_to_the_networks_size(tmp_path: Path) -> None:
    data = dataset(PIXELS[:, :32, :32].copy(), [0, 1], classes=["a", "b"], mean=0.5, std=0.25)
    Image.fromarray(PIXELS[0]).save(tmp_path / "large.png")
    assert one_picture(data, tmp_path / "large.png", (32, 32))[0][0].shape == (3, 32, 32)
    Image.fromarray(PIXELS[0, :32, :32]).save(tmp_path / "same.png")
    np.testing.assert_array_equal(one_picture(data, tmp_path / "same.png", (32, 32))[0][0], data[0][0])


def test_a_scene_of_the_demo_is_prepared_as_all_are(tmp_path: Path) -> None:
    data = demo_scenes(n=4)
    Image.fromarray(data.picture(2)).save(tmp_path / "scene.png")
    np.testing.assert_allclose(one_picture(data, tmp_path / "scene.png")[0][0], data[2][0], atol=1e-6)


def test_a_torchvision_data_set_brings_its_transform(tmp_path: Path) -> None:
    class Own:
        transform = staticmethod(lambda image: np.asarray(image.resize((6, 6)), np.float32).transpose(2, 0, 1) / 99)

        def __len__(self) -> int:
            return 1

        def __getitem__(self, index: int) -> Any:
            return self.transform(Image.fromarray(PIXELS[0])), 0

    Image.fromarray(PIXELS[0]).save(tmp_path / "a.png")
    data = dataset(Own())
    np.testing.assert_array_equal(one_picture(data, tmp_path / "a.png")[0][0], data[0][0])


def test_finished_tensors_without_mean_and_std_are_refused(tmp_path: Path) -> None:
    Image.fromarray(PIXELS[0]).save(tmp_path / "a.png")
    data = dataset(np.random.default_rng(0).normal(size=(2, 3, 8, 8)).astype(np.float32))
    with pytest.raises(InvalidValue, match="`mean` and `std`"):
        one_picture(data, tmp_path / "a.png", (8, 8))


def test_a_picture_beside_a_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="rows of a table"):
        one_picture(dataset(np.zeros((4, 3))), tmp_path / "a.png")


HOSTILE = [(b"", "is empty"), (b"GIF89a no", "torn|not a picture"), (None, "cannot be read")]


@pytest.mark.parametrize(("content", "said"), HOSTILE)
def test_a_hostile_file_is_one_sentence(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "bad.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UnreadableSample, match=said):
        one_picture(demo_scenes(n=1), path)


def test_the_input_is_found_again_from_the_picture_that_was_kept(tmp_path: Path) -> None:
    data = dataset(folder(tmp_path), resize=24, crop=20, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4))
    again = shown_picture(data, data.picture(1), "one.png")
    np.testing.assert_array_equal(again[0][0], data[1][0])
    assert len(again) == 1


def test_without_mean_and_std_a_transform_cannot_be_undone(tmp_path: Path) -> None:
    data = dataset(folder(tmp_path), transform=lambda image: np.asarray(image, np.float32).transpose(2, 0, 1))
    with pytest.raises(InvalidValue, match=r"data\.mean"):
        shown_picture(data, data.picture(0), "one.png")
