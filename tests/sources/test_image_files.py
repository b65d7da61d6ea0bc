from __future__ import annotations

import io
import threading
import zlib
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from cnnvis.errors import UnreadableSample
from cnnvis.sources.image_files import Preparation, decoded

RED_GREEN = np.zeros((8, 12, 3), np.uint8)
RED_GREEN[:, :6, 0] = 200
RED_GREEN[:, 6:, 1] = 100


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def pixels(content: bytes) -> NDArray[np.uint8]:
    return np.asarray(decoded(content, "a file"))


def close(found: NDArray[np.uint8], expected: NDArray[np.uint8], most: int = 6) -> bool:
    return found.shape == expected.shape and int(np.abs(found.astype(int) - expected.astype(int)).max()) <= most


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM", "TGA", "GIF", "WEBP"])
def test_usual_formats_are_read(kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    assert close(pixels(encoded(Image.fromarray(RED_GREEN), kind, **options)), RED_GREEN, 0)



def test_a_palette_is_looked_up() -> None:
    assert close(pixels(encoded(Image.fromarray(RED_GREEN).quantize(4), "PNG")), RED_GREEN, 0)


def test_grey_and_bits_become_three_channels() -> None:
    grey = Image.fromarray(RED_GREEN).convert("L")
    assert close(pixels(encoded(grey, "PNG")), np.asarray(grey.convert("RGB")), 0)
    assert set(np.unique(pixels(encoded(grey.point(lambda v: 255 * (v > 59)).convert("1"), "PNG")))) == {0, 255}


def test_cmyk_is_converted() -> None:
    found = pixels(encoded(Image.fromarray(RED_GREEN).convert("CMYK"), "TIFF"))
    assert close(found, RED_GREEN)
    assert pixels(encoded(Image.fromarray(RED_GREEN).convert("CMYK"), "JPEG")).shape == (8, 12, 3)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_what_is_transparent_lies_over_white(mode: str) -> None:
    clear = Image.new(mode, (4, 4), (0,) * (len(mode) - 1) + (0,))
    assert (pixels(encoded(clear, "PNG")) == 255).all()


def test_a_transparent_colour_lies_over_white() -> None:
    assert (pixels(encoded(Image.new("RGB", (4, 4), (7, 7, 7)), "PNG", transparency=(7, 7, 7))) == 255).all()
    content = encoded(Image.fromarray(RED_GREEN).quantize(4), "PNG", transparency=bytes(4))
    assert (pixels(content) == 255).all()


def test_sixteen_bits_are_scaled_to_eight() -> None:
    ramp = np.linspace(0, 65535, 64).round().astype(np.uint16).reshape(8, 8)
    found = pixels(encoded(Image.fromarray(ramp), "PNG"))
    assert close(found[..., 0], np.rint(ramp / 257).astype(np.uint8), 0)
    assert (found[..., 0] == found[..., 2]).all()


def test_floats_from_0_to_1_are_scaled() -> None:
    ramp = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)
    assert close(pixels(encoded(Image.fromarray(ramp), "TIFF"))[..., 0], np.rint(ramp * 255).astype(np.uint8), 0)


def test_floats_whose_white_is_not_known_are_refused() -> None:
    with pytest.raises(UnreadableSample, match="the white is not known"):
        pixels(encoded(Image.fromarray(np.full((4, 4), 1000, np.float32)), "TIFF"))
    with pytest.raises(UnreadableSample, match="not finite"):
        pixels(encoded(Image.fromarray(np.full((4, 4), np.nan, np.float32)), "TIFF"))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_a_rotated_photograph_stands_upright(orientation: int, kind: str) -> None:
    upright = np.zeros((16, 32, 3), np.uint8)
    upright[:8, :16] = (250, 10, 10)  # red at the top left
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the turn of Pillow that brings the picture into that state
    stored = Image.fromarray(upright)
    if orientation > 1:
        stored = stored.transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = pixels(encoded(stored, kind, exif=exif, **({"quality": 95} if kind in ("JPEG", "WEBP") else {})))
    assert found.shape == upright.shape
    assert found[2, 4, 0] > 200
    assert found[12, 28, 0] < 60


def test_torn_metadata_are_no_fault() -> None:
    content = encoded(Image.fromarray(RED_GREEN), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff" + b"\xff" * 40)
    assert pixels(content).shape == (8, 12, 3)


def jpeg(side: int = 64) -> bytes:
    return encoded(Image.fromarray(np.random.default_rng(0).integers(0, 255, (side, side, 3), np.uint8)), "JPEG")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"not a picture", "is not a picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is not a picture"),
        (jpeg()[:400], "is torn"),
        (encoded(Image.fromarray(RED_GREEN), "PNG")[:60], "is torn"),
        (encoded(Image.fromarray(RED_GREEN), "GIF")[:20], "torn|not a picture"),
        (encoded(Image.fromarray(RED_GREEN), "TIFF")[:40], "torn|not a picture"),
        (b"\xff\xd8\xff\xe0" + bytes(100), "torn|not a picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is not a picture"),
    ],
)
def test_what_cannot_be_read_is_said_with_a_reason(content: bytes, said: str) -> None:
    with pytest.raises(UnreadableSample, match=f"a file ({said})" if "|" not in said else said):
        decoded(content, "a file")


def test_every_cut_of_a_file_is_read_or_refused() -> None:
    for kind in ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"):
        content = encoded(Image.fromarray(RED_GREEN), kind)
        for end in range(0, len(content), max(1, len(content) // 40)):
            with suppress(UnreadableSample):
                assert decoded(content[:end], "cut").mode == "RGB"


def test_flipped_bytes_are_read_or_refused() -> None:
    rng = np.random.default_rng(0)
    for kind in ("JPEG", "PNG", "TIFF", "GIF"):
        whole = np.frombuffer(encoded(Image.fromarray(RED_GREEN), kind), np.uint8)
        for _ in range(40):
            torn = whole.copy()
            torn[rng.integers(0, len(torn), 4)] = rng.integers(0, 256, 4)
            with suppress(UnreadableSample):
                assert decoded(torn.tobytes(), "torn").mode == "RGB"


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    content = bytearray(encoded(Image.new("1", (8, 8)), "PNG"))
    content[16:24] = (60_000).to_bytes(4, "big") * 2
    content[29:33] = zlib.crc32(bytes(content[12:29])).to_bytes(4, "big")
    with pytest.raises(UnreadableSample, match="more than 178 million pixels"):
        decoded(bytes(content), "a file")


def test_pillow_does_not_warn_in_any_thread() -> None:
    errors: list[BaseException] = []
    large = encoded(Image.new("1", (10_000, 9_500)), "PNG")  # more than the 89 million pixels that Pillow warns of

    def read() -> None:
        try:
            decoded(large, "large")
        except BaseException as error:  # noqa: BLE001  # handed to the test
            errors.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    thread.join()
    assert errors == []


def test_the_shorter_side_is_resized_and_the_centre_cut() -> None:
    wide = np.zeros((20, 60, 3), np.uint8)
    wide[:, 28:32] = 255
    prepared = Preparation(size=(10, 10), resize=10, crop=(10, 10), interpolation="nearest")
    found = prepared.picture(prepared.image(encoded(Image.fromarray(wide), "PNG"), "x"))
    assert found.shape == (10, 10, 3)
    assert found[:, :, 0].mean(0).argmax() in (4, 5)
    assert found[:, 0].max() == 0


def test_without_resize_a_picture_is_stretched_to_the_size() -> None:
    prepared = Preparation(size=(6, 4))
    assert prepared.image(encoded(Image.fromarray(RED_GREEN), "PNG"), "x").size == (4, 6)


def test_a_picture_smaller_than_the_crop_is_enlarged_to_cover_it() -> None:
    prepared = Preparation(size=(20, 20), crop=(20, 20))
    found = prepared.picture(prepared.image(encoded(Image.new("RGB", (8, 30), (9, 9, 9)), "PNG"), "x"))
    assert found.shape == (20, 20, 3)
    assert (found == 9).all()


def test_a_picture_of_the_right_size_is_left_as_it_is() -> None:
    prepared = Preparation(size=(8, 12))
    assert (prepared.picture(prepared.image(encoded(Image.fromarray(RED_GREEN), "PNG"), "x")) == RED_GREEN).all()


def test_a_large_photograph_is_decoded_in_less_detail_but_enough() -> None:
    content = jpeg(1024)
    prepared = Preparation(size=(64, 64), resize=64, crop=(64, 64))
    assert decoded(content, "x", 128).size == (128, 128)
    full = Image.fromarray(pixels(content)).resize((64, 64), Image.Resampling.BILINEAR)
    assert np.abs(np.asarray(prepared.image(content, "x"), float) - np.asarray(full, float)).mean() < 3


MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)


@pytest.mark.parametrize("channels", ["rgb", "bgr"])
def test_the_input_is_normalised_in_the_order_of_the_network(channels: Any) -> None:
    prepared = Preparation(size=(8, 12), channels=channels, mean=MEAN, std=STD)
    image = prepared.image(encoded(Image.fromarray(RED_GREEN), "PNG"), "x")
    found = prepared.input(image)
    planes = RED_GREEN.astype(float)[..., :: -1 if channels == "bgr" else 1].transpose(2, 0, 1) / 255
    expected = (planes - np.reshape(MEAN, (3, 1, 1))) / np.reshape(STD, (3, 1, 1))
    assert (found.dtype, found.shape, found.flags.c_contiguous) == (np.float32, (3, 8, 12), True)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert (prepared.picture(image) == RED_GREEN).all()
    assert (prepared.unprepared(found) == RED_GREEN).all()


def test_grey_has_one_channel_or_as_many_as_wanted() -> None:
    image = Image.fromarray(RED_GREEN)
    one = Preparation(channels="grey", depth=1)
    three = Preparation(channels="grey", depth=3)
    assert one.input(image).shape == (1, 8, 12)
    assert (three.input(image) == one.input(image)).all()
    assert three.input(image).shape == (3, 8, 12)
    assert one.picture(image).shape == (8, 12, 3)


def test_pictures_are_read_only() -> None:
    assert not Preparation().picture(Image.fromarray(RED_GREEN)).flags.writeable
