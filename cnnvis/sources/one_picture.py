"""A picture from anywhere, prepared as a data set prepares its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cnnvis.errors import InvalidValue
from cnnvis.model.dataset import Dataset
from cnnvis.sources.arrays import ArrayData, TorchData
from cnnvis.sources.image_files import Preparation
from cnnvis.sources.images import ImageData
from cnnvis.sources.scenes import MEAN, STD, Scenes
from cnnvis.sources.stores import ListedStore
from cnnvis.sources.transforms import Transform


def one_picture(data: Dataset, path: Path, size: tuple[int, int] | None = None) -> ImageData:
    """A data set of one picture file, unlabelled, that becomes an input in the same way as the samples of `data`.

    `size` is the height and width of the network's input, used where the data's own preparation names none. The file is
    decoded by Pillow alone and with the same limits as any other.

    Raises UnreadableSample where the file is missing, empty, torn, too large or no picture; InvalidValue where nobody
    knows how these data are prepared.
    """
    prepared, transform = preparation_of(data)
    if transform is None and prepared.size is None:
        prepared = replace(prepared, size=size)
    store = ListedStore(path.parent, (path.name,))
    found = ImageData(store, (path.name,), np.array([-1]), tuple(data.classes), prepared, transform)
    found[0]  # what is wrong with it is said now
    return found


def preparation_of(data: Dataset) -> tuple[Preparation, Transform | None]:
    """How a picture becomes an input of these data: the steps, or the user's own function in their place.

    Raises InvalidValue for rows of a table, and where the data give finished tensors whose making is not known.
    """
    if data.kind == "table":
        raise InvalidValue("A picture must be opened beside images; these data are rows of a table.")
    if isinstance(data, ImageData):
        return data.preparation, data.transform
    if isinstance(data, Scenes):
        return Preparation(size=(data.size, data.size), mean=MEAN, std=STD), None
    if isinstance(data, TorchData):
        own = getattr(data.source, "transform", None)
        if callable(own):
            return data.preparation, Transform(own)
        if data.preparation.mean is not None or _is_plain(data[0][0]):
            return data.preparation, None
    elif isinstance(data, ArrayData) and (data.scale != "ready" or data.preparation.mean is not None):
        return data.preparation, None
    raise InvalidValue(
        "The data must say how a picture becomes an input; these give finished tensors. "
        "Pass `mean` and `std` to cv.dataset, or set data.mean and data.std in the job."
    )


def _is_plain(value: Any) -> bool:
    """Whether an input is a picture from 0 to 1, as made without normalisation."""
    found = np.asarray(value)
    return found.dtype.kind == "f" and float(found.min(initial=0.0)) >= 0 and float(found.max(initial=0.0)) <= 1


@dataclass(frozen=True, eq=False)
class ShownPicture:
    """A data set of one picture as a network saw it, (h, w, 3) uint8: fitted already, so that only numbers change."""

    shown: NDArray[np.uint8]
    title: str
    preparation: Preparation
    classes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], None]:
        return self.preparation.input(Image.fromarray(self.shown)), None

    def picture(self, index: int) -> NDArray[np.uint8]:
        return self.shown

    def name(self, index: int) -> str:
        return self.title

    @property
    def kind(self) -> Literal["images"]:
        return "images"

    @property
    def labels(self) -> NDArray[np.int64]:
        return np.array([-1])

    @property
    def features(self) -> tuple[str, ...]:
        return ()


def shown_picture(data: Dataset, picture: NDArray[np.uint8], name: str) -> ShownPicture:
    """The input behind a picture that an instance keeps, so that more can be measured without its file.

    Exact for steps that the job names; of a user's own function to the rounding of the picture. Raises InvalidValue
    where such a function's mean and std are not known.
    """
    prepared, transform = preparation_of(data)
    if transform is not None and prepared.mean is None:
        raise InvalidValue(
            f"The mean and std of the data must be known to measure more of {name}; its transform makes the input. "
            "Set data.mean and data.std in the job."
        )
    return ShownPicture(picture, name, prepared, tuple(data.classes))
