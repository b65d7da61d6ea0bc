"""Samples that are in memory, or in a torch Dataset of the user's."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cnnvis.errors import CnnvisError, InvalidValue, UnreadableSample
from cnnvis.sources.class_names import ClassNames
from cnnvis.sources.image_files import Preparation, rgb
from cnnvis.sources.images import as_picture, label_of, sampled
from cnnvis.sources.labels import Labels, given_labels
from cnnvis.sources.transforms import as_planes

Kind = Literal["images", "table"]
Scale = Literal["bytes", "unit", "ready"]


@dataclass(frozen=True, eq=False)
class ArrayData:
    """Images of one array. `scale` says what its values are: bytes (0–255), unit (0–1), or ready for the network.

    `values` is (n, h, w, channels), (n, h, w) or, where `planar`, (n, channels, h, w).
    """

    values: NDArray[Any]
    labels: NDArray[Any]
    classes: tuple[str, ...]
    preparation: Preparation
    planar: bool
    scale: Scale
    rows: NDArray[np.int64]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], Any]:
        label = label_of(self.labels, index)
        planes = self._planes(index)
        if planes.dtype.kind == "f" and not np.isfinite(planes).all():
            raise UnreadableSample(f"{self.name(index)} has values that are not finite.")
        if self.scale == "ready":
            return np.array(planes, np.float32), label
        return self.preparation.input(self.preparation.fitted(self._image(planes))), label

    def _planes(self, index: int) -> NDArray[Any]:
        found: NDArray[Any] = self.values[self.rows[index]]
        if found.ndim == 2:
            return found[None]
        return found if self.planar else found.transpose(2, 0, 1)

    def _image(self, planes: NDArray[Any]) -> Image.Image:
        return Image.fromarray(rgb(_bytes(planes, self.scale)))

    def picture(self, index: int) -> NDArray[np.uint8]:
        planes = self._planes(index)
        if self.scale == "ready":
            return as_picture(planes, self.preparation)
        return self.preparation.picture(self.preparation.fitted(self._image(planes)))

    def name(self, index: int) -> str:
        return f"sample {self.rows[index]}"

    @property
    def kind(self) -> Kind:
        return "images"

    @property
    def features(self) -> tuple[str, ...]:
        return ()


def _bytes(planes: NDArray[Any], scale: Scale) -> NDArray[np.uint8]:
    if planes.dtype == np.uint8:
        return planes
    return np.rint(np.asarray(planes, np.float64) * (255 if scale == "unit" else 1)).clip(0, 255).astype(np.uint8)


def array_data(
    values: Any, labels: Labels, preparation: Preparation, *, per_class: int | None = None, seed: int = 0
) -> ArrayData:
    """The images of an array or tensor: (n, h, w, 3), (n, 3, h, w), (n, h, w), of bytes or floats.

    Values from 0 to 1, or to 255, are pictures, which are prepared; floats below 0 or above 255 are taken as ready for
    the network. Raises `InvalidValue` for other shapes and kinds.
    """
    found = as_array(values)
    if found.dtype.kind not in "biuf" or found.ndim not in (3, 4) or not found.size:
        raise InvalidValue(
            "dataset's source must be pictures (n, height, width, 3) or (n, 3, height, width), or a table (n, "
            f"features); got {found.dtype} of shape {found.shape}."
        )
    planar = found.ndim == 4 and _is_planar(found)
    scale = _scale(found)
    n_channels = 1 if found.ndim == 3 else found.shape[1 if planar else 3]
    if scale == "ready" and (preparation.resize or preparation.crop):
        raise InvalidValue("dataset's resize and crop must be left out for normalised values; got one of them.")
    if scale != "ready" and n_channels not in (1, 3, 4):
        raise InvalidValue(f"dataset's pictures must have 1, 3 or 4 channels; got {n_channels}.")
    if n_channels == 1 and preparation.size is None and preparation.channels == "rgb":
        preparation = replace(preparation, channels="grey", depth=1)
    rows = sampled(labels[0], per_class, seed)
    return ArrayData(found, labels[0][rows], labels[1], preparation, planar, scale, rows)


def as_array(values: Any) -> NDArray[Any]:
    """An array of an array, tensor or list, without copying where that can be."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        values = (values.float() if str(values.dtype) == "torch.bfloat16" else values).numpy()
    try:
        return np.asarray(values)
    except ValueError as error:
        raise InvalidValue(f"dataset's source must be samples of one shape; {error}.") from error


def _is_planar(found: NDArray[Any]) -> bool:
    first, last = found.shape[1] in (1, 3, 4), found.shape[3] in (1, 3, 4)
    if first and last:  # (n, 3, h, 3): floats are planes, as torch has them
        return found.dtype.kind == "f"
    return not last


def _scale(found: NDArray[Any]) -> Scale:
    if found.dtype == np.uint8:
        return "bytes"
    some = found[:: max(1, len(found) // 500)]
    finite = some[np.isfinite(some)] if some.dtype.kind == "f" else some
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    if low < 0 or high > 255:
        return "ready"
    return "unit" if high <= 1 and found.dtype.kind in "fb" else "bytes"


@dataclass(frozen=True, eq=False)
class TorchData:
    """A torch Dataset of the user's, or anything with a length and samples (input, label).

    Its tensors go to the network as they are, and are un-normalised by the preparation's mean and std for pictures;
    PIL images are prepared. One thread at a time reads it, as few such data sets allow more.
    """

    source: Any
    classes: tuple[str, ...]
    labels: NDArray[Any] | None
    preparation: Preparation
    kind: Kind
    rows: NDArray[np.int64]
    features: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    _lock: _Lock = field(default_factory=lambda: _Lock(), repr=False)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        found, label = self._sample(index)
        if isinstance(found, Image.Image):
            return self.preparation.input(self.preparation.fitted(found.convert("RGB"))), label
        return found, label

    def _sample(self, index: int) -> tuple[Any, Any]:
        place = int(self.rows[index])
        try:
            with self._lock:
                sample = self.source[place]
        except CnnvisError:
            raise
        except Exception as error:
            raise UnreadableSample(f"{self.name(index)} raised {type(error).__name__}: {error}.") from error
        found, label = _parted(sample)
        label = _plain_label(label) if self.labels is None else label_of(self.labels, index)
        return _plain_input(found), label

    def picture(self, index: int) -> NDArray[Any]:
        found, _ = self._sample(index)
        if isinstance(found, Image.Image):
            return self.preparation.picture(self.preparation.fitted(found.convert("RGB")))
        first = found[0] if isinstance(found, tuple) else found
        if self.kind == "table":
            return np.asarray(first, np.float64).reshape(-1)
        return rgb(as_planes(first)) if first.dtype == np.uint8 else as_picture(first, self.preparation)  # type: ignore[arg-type]

    def name(self, index: int) -> str:
        place = int(self.rows[index])
        return self._paths[place] if self._paths else f"sample {place}"

    @cached_property
    def _paths(self) -> tuple[str, ...]:
        """The files of torchvision's image folders, below their root."""
        samples, root = getattr(self.source, "samples", None), str(getattr(self.source, "root", ""))
        if not isinstance(samples, list) or len(samples) != len(self.source):
            return ()
        if not all(isinstance(s, tuple) and s and isinstance(s[0], str) for s in samples):
            return ()
        return tuple(s[0].removeprefix(root).lstrip("/\\") for s in samples)


class _Lock:
    """A lock that a pickle leaves behind."""

    def __init__(self) -> None:
        self._lock = threading.RLock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *reason: object) -> None:
        self._lock.release()

    def __reduce__(self) -> tuple[type[_Lock], tuple[()]]:
        return _Lock, ()


def torch_data(
    source: Any,
    labels: Any,
    classes: ClassNames,
    preparation: Preparation,
    *,
    per_class: int | None = None,
    seed: int = 0,
) -> TorchData:
    """A data set around one of the user's. Raises `InvalidValue` where it can be read only once, or is empty."""
    once = any(kind.__name__ == "IterableDataset" for kind in type(source).__mro__) or isinstance(source, Mapping)
    if once or not hasattr(source, "__getitem__") or not hasattr(source, "__len__"):
        what = type(source).__name__
        better = "Give its .dataset." if hasattr(source, "dataset") else "Give a Dataset, a list or an array."
        raise InvalidValue(
            "dataset's source must have a length and samples that can be read again, in any order; got a "
            f"{what}, which has not. {better}"
        )
    try:
        n = len(source)
    except TypeError as error:
        raise InvalidValue(f"dataset's source must have a length; got a {type(source).__name__}: {error}.") from error
    if not n:
        raise InvalidValue(f"dataset's source must hold at least one sample; got an empty {type(source).__name__}.")
    if not classes.names and isinstance(getattr(source, "classes", None), list | tuple):
        classes = ClassNames(tuple(map(str, source.classes)))
    given = labels if labels is not None else _known_labels(source, n)
    known = None if given is None else given_labels(given, n, classes)
    if per_class is not None and known is None:
        raise InvalidValue("data.per_class must be left out where a Dataset has no `targets`; got a number.")
    rows = np.arange(n) if known is None else sampled(known[0], per_class, seed)
    names = classes.names if known is None else known[1]
    data = TorchData(source, names, None if known is None else known[0][rows], preparation, "images", rows)
    return replace(data, kind=_kind(data))


def _kind(data: TorchData) -> Kind:
    """A table where the first sample that can be read is a row of numbers."""
    for index in range(min(len(data), 10)):
        try:
            found = data[index][0]
        except UnreadableSample:
            continue
        first = found[0] if isinstance(found, tuple) else found
        return "table" if first.ndim < 2 else "images"
    return "images"


def _known_labels(source: Any, n: int) -> Any:
    """The labels that torchvision's data sets, and subsets of them, know without reading."""
    targets = getattr(source, "targets", None)
    if targets is None and hasattr(source, "indices") and hasattr(source, "dataset"):
        whole = _known_labels(source.dataset, len(source.dataset))
        return None if whole is None else as_array(whole)[np.asarray(source.indices)]
    if targets is None or not hasattr(targets, "__len__") or len(targets) != n:
        return None
    return targets


def _parted(sample: Any) -> tuple[Any, Any]:
    """Input and label of a sample, which may be a pair, a mapping, or an input alone."""
    if isinstance(sample, Mapping):
        inputs = [sample[k] for k in ("pixel_values", "image", "img", "input", "x") if k in sample]
        marks = [sample[k] for k in ("label", "labels", "target", "y", "fine_label") if k in sample]
        if not inputs:
            raise InvalidValue(f"A sample must have a key 'image' and 'label'; got {', '.join(map(repr, sample))}.")
        return inputs[0], marks[0] if marks else None
    if isinstance(sample, tuple | list) and len(sample) >= 2:
        return sample[0], sample[1]
    if isinstance(sample, tuple | list) and len(sample) == 1:
        return sample[0], None
    return sample, None


def _plain_input(found: Any) -> Any:
    if isinstance(found, Image.Image):
        return found
    if isinstance(found, tuple | list) and found and hasattr(found[0], "shape"):
        return tuple(_plain_input(part) for part in found)
    array = as_array(found)
    if array.dtype.kind not in "biuf":
        raise InvalidValue(f"A sample's input must be numbers; got {type(found).__name__}.")
    return array.astype(np.float32) if array.dtype.kind == "f" else array


def _plain_label(label: Any) -> Any:
    if label is None or isinstance(label, int | float):
        return label
    if isinstance(label, str | Mapping):
        return None
    found = as_array(label)
    if found.ndim == 0:
        return float(found) if found.dtype.kind == "f" else int(found)
    return found


def is_samples(value: Any) -> bool:
    """Whether a value is samples in memory: an array, a tensor, or a list of them."""
    if isinstance(value, np.ndarray) or hasattr(value, "detach"):
        return True
    return isinstance(value, Sequence) and not isinstance(value, str) and bool(value) and hasattr(value[0], "shape")
