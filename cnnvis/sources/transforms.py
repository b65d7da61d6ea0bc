"""The user's own way from a picture to an input."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cnnvis.errors import CnnvisError, InvalidValue, ModelFailure
from cnnvis.sources import user_code

ImageFunction = Callable[[Image.Image], Any]

_loaded: dict[tuple[str, Path], ImageFunction] = {}
_loading = threading.Lock()


@dataclass(frozen=True)
class Transform:
    """A function from a PIL image in RGB to an array or tensor (c, h, w).

    `function` is the function itself, or its name "file.py:function" below `folder`, which is imported at first use.
    """

    function: ImageFunction | str
    folder: Path = Path()

    def __call__(self, image: Image.Image, name: str) -> NDArray[np.float32]:
        """The input made of an image. Raises `ModelFailure` where the user's function fails."""
        function = self.loaded()
        try:
            found = function(image)
        except CnnvisError:
            raise
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
            raise ModelFailure(f"The transform must run on every image; on {name} it raised {said}.") from error
        return as_input(found)

    def loaded(self) -> ImageFunction:
        """The function. Raises where its file or name is missing, or its file raises."""
        if not isinstance(self.function, str):
            return self.function
        key = (self.function, self.folder)
        with _loading:
            if key not in _loaded:
                _loaded[key] = user_code.load_function(self.function, self.folder, "data.transform")
            return _loaded[key]


def as_input(found: Any) -> NDArray[np.float32]:
    """An array or tensor as float32. Raises `InvalidValue` where it is neither."""
    if hasattr(found, "detach"):
        found = found.detach().cpu().numpy()
    if not isinstance(found, np.ndarray) or found.dtype.kind not in "fiub":
        kind = f"{found.dtype} array" if isinstance(found, np.ndarray) else type(found).__name__
        raise InvalidValue(f"A transform must give an array or tensor (channels, height, width); got a {kind}.")
    return np.ascontiguousarray(found, np.float32)


def as_planes(values: NDArray[np.floating]) -> NDArray[np.floating]:
    """An input as planes (c, h, w); of more axes the first of each. Raises `InvalidValue` where there is no plane."""
    while values.ndim > 3:
        values = values[0]
    if values.ndim == 2:
        values = values[None]
    if values.ndim != 3:
        raise InvalidValue(f"An image must have channels, height and width; got the shape {values.shape}.")
    return values
