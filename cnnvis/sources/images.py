"""Images of a folder, a zip or a list, as a data set."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from os.path import splitext
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cnnvis.errors import InvalidValue, UnknownName, UnreadableSample, did_you_mean
from cnnvis.sources.class_names import ClassNames
from cnnvis.sources.image_files import Preparation
from cnnvis.sources.stores import Store, natural, open_store
from cnnvis.sources.suffixes import SUFFIXES
from cnnvis.sources.transforms import Transform, as_planes

SPLITS = frozenset("train training test testing val valid validation dev eval holdout images".split())


@dataclass(frozen=True, eq=False)
class ImageData:
    """Images in files, each decoded when asked for; safe in threads, picklable.

    `files` are names inside `store`; `labels` as in `Dataset`; `transform` replaces the preparation's steps.
    `notes` say what was left out.
    """

    store: Store
    files: tuple[str, ...]
    labels: NDArray[Any]
    classes: tuple[str, ...]
    preparation: Preparation
    transform: Transform | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], Any]:
        name = self.files[_place(index, len(self))]
        content = self.store.read(name)
        label = label_of(self.labels, index)
        if self.transform is None:
            return self.preparation.input(self.preparation.image(content, name)), label
        return self.transform(self._plain.image(content, name), name), label

    def picture(self, index: int) -> NDArray[np.uint8]:
        name = self.files[_place(index, len(self))]
        if self.transform is None:
            return self.preparation.picture(self.preparation.image(self.store.read(name), name))
        values = self[index][0]
        return as_picture(values, self.preparation)

    def name(self, index: int) -> str:
        return self.files[_place(index, len(self))]

    @property
    def kind(self) -> Literal["images", "table"]:
        return "images"

    @property
    def features(self) -> tuple[str, ...]:
        return ()

    @cached_property
    def _plain(self) -> Preparation:
        """A transform gets the picture as it is, only upright and in RGB."""
        return replace(self.preparation, size=None, resize=None, crop=None)

    def __repr__(self) -> str:
        return f"ImageData({self.store.path.name}: {len(self):,} images of {len(self.classes)} classes)"


def _place(index: int, n: int) -> int:
    if not -n <= index < n:
        raise IndexError(f"An image's index must be below {n}; got {index}.")
    return index


def label_of(labels: NDArray[Any], index: int) -> Any:
    """The label of one sample: an int, a float, a 0/1 vector, or None."""
    if labels.ndim == 2:
        return labels[index]
    if labels.dtype.kind == "f":
        value = float(labels[index])
        return None if math.isnan(value) else value
    label = int(labels[index])
    return None if label < 0 else label


def as_picture(values: NDArray[np.floating], preparation: Preparation) -> NDArray[np.uint8]:
    """A picture of an input that some transform made: un-normalised where mean and std are known, else by its range."""
    planes = as_planes(values)
    if preparation.mean is not None:
        return preparation.unprepared(planes)
    low, high = float(planes.min(initial=0.0)), float(planes.max(initial=0.0))
    if low >= 0 and high <= 1:
        return Preparation().unprepared(planes)
    if low >= 0 and high <= 255:
        return replace(preparation, std=(1 / 255,), mean=(0.0,)).unprepared(planes)
    low = float(planes.min())
    return Preparation().unprepared((planes - low) / max(high - low, 1e-12))


def open_images(
    path: Path,
    preparation: Preparation,
    *,
    classes: ClassNames | None = None,
    inside: str | None = None,
    per_class: int | None = None,
    seed: int = 0,
    transform: Transform | None = None,
) -> ImageData:
    """The images of a folder or zip: of class sub-folders, or unlabelled; in natural order of their names.

    A class folder is matched to `classes` by name, WordNet id or number; without `classes` the sorted folders are the
    classes. A single folder around everything is looked through; `inside` chooses a sub-folder. At most `per_class`
    images of each class are drawn with the seed.

    Raises `UnreadableFile`, `UnknownName` for an unknown folder, `InvalidValue` where there are no images.
    """
    store = open_store(path)
    found = store.names()
    images = [name for name in found if splitext(name)[1].casefold() in SUFFIXES]
    below = sorted(_inside(images, inside, path), key=natural)
    depth = _wrappers(below)
    if not below:
        raise InvalidValue(_nothing(path, inside, found))
    labels, names = _labelled(below, depth, classes or ClassNames(()), path)
    notes = _notes(found, images, labels)
    chosen = sampled(labels, per_class, seed)
    files = tuple(below[i] for i in chosen)
    return ImageData(store, files, labels[chosen], names, preparation, transform, notes)


def _nothing(path: Path, inside: str | None, found: Sequence[str]) -> str:
    where = f"{path.name}/{inside}" if inside else path.name
    if not found:
        return f"The data must hold at least one image; {where} is empty. Check data.source."
    kinds = ", ".join(sorted({splitext(n)[1] or "no ending" for n in found})[:4])
    return f"The data must hold at least one image; {where} has {len(found)} other files ({kinds}). Check data.source."


def _wrappers(names: Sequence[str]) -> int:
    """How many folders stand around all images, above their class folders."""
    depth = 0
    while names and all(name.count("/") >= depth + 2 for name in names):
        if len({name.split("/")[depth] for name in names}) > 1:
            break
        depth += 1
    return depth


def _inside(names: list[str], inside: str | None, path: Path) -> list[str]:
    """The images below a sub-folder, which may lie inside folders around everything."""
    if inside is None:
        return names
    wanted = inside.strip("/").replace("\\", "/").removeprefix("./")
    if wanted in ("", "."):
        return names
    for depth in range(_wrappers(names) + 1):
        parts = wanted.count("/") + 1
        below = [n for n in names if "/".join(n.split("/")[depth : depth + parts]) == wanted and n.count("/") >= parts]
        if below:
            return below
    folders = sorted({"/".join(n.split("/")[:d]) for n in names for d in range(1, min(n.count("/"), 3) + 1)})
    hint = did_you_mean(wanted, folders)
    raise UnknownName(f"data.inside must be a folder with images in {path.name}; got {inside!r}. {hint}".rstrip())


def _labelled(
    names: Sequence[str], depth: int, classes: ClassNames, path: Path
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """The class of each image by the folder it lies in, −1 for none, and the names of the classes."""
    folders = [parts[depth] if len(parts := name.split("/")) > depth + 1 else "" for name in names]
    known = sorted(set(folders) - {""}, key=natural)
    if not classes.names:
        _assert_no_splits(known, names, depth, path)
        if len(known) < 2:  # one folder tells nothing apart
            return np.full(len(names), -1, np.int64), ()
        table = {folder: index for index, folder in enumerate(known)}
        names_found = tuple(known)
    else:
        table = _matched(known, classes, names, depth, path)
        names_found = classes.names
    return np.array([table.get(folder, -1) for folder in folders], np.int64), names_found


def _matched(known: list[str], classes: ClassNames, names: Sequence[str], depth: int, path: Path) -> dict[str, int]:
    table = {folder: index for folder in known if (index := classes.index(folder)) is not None}
    if len(table) == len(known):
        return table
    if all(folder.isdecimal() and int(folder) < len(classes) for folder in known):  # named by number
        return {folder: int(folder) for folder in known}
    if not table:
        _assert_no_splits(known, names, depth, path)
        if len(known) == 1:  # unlabelled images in a folder of some name
            return {}
    unknown = next(folder for folder in known if folder not in table)
    try:
        classes.must_find(unknown, f"Each folder of {path.name}")
    except UnknownName as error:
        raise UnknownName(f"{error} Rename or remove it, or choose a sub-folder by data.inside.") from None
    return table


def _assert_no_splits(folders: Sequence[str], names: Sequence[str], depth: int, path: Path) -> None:
    splits = [folder for folder in folders if folder.casefold() in SPLITS]
    if splits and len(splits) == len(folders) and any(name.count("/") >= depth + 2 for name in names):
        listed = " or ".join(repr(s) for s in splits[:4])
        raise InvalidValue(f"data.inside must choose one of the folders of {path.name}, {listed}; got none.")


def _notes(found: Sequence[str], images: Sequence[str], labels: NDArray[np.int64]) -> tuple[str, ...]:
    notes = []
    if len(found) > len(images):
        known = set(images)
        others = sorted((name for name in found if name not in known), key=natural)
        first = ", ".join(name.rpartition("/")[2] for name in others[:3]) + (", …" if len(others) > 3 else "")
        what = "1 file is no image and was" if len(others) == 1 else f"{len(others)} files are no images and were"
        notes.append(f"{what} left out ({first}).")
    n_without = int((labels < 0).sum())
    if 0 < n_without < len(labels):
        notes.append(f"{n_without} images lie outside the class folders and have no label.")
    return tuple(notes)


def sampled(labels: NDArray[Any], per_class: int | None, seed: int) -> NDArray[np.int64]:
    """The indices of at most `per_class` samples of each class, drawn with the seed, in their order.

    What is drawn of a class does not depend on the others. Labels that are no classes count as one class.
    """
    if per_class is None:
        return np.arange(len(labels))
    groups = labels if labels.ndim == 1 and labels.dtype.kind in "iu" else np.full(len(labels), -1)
    chosen = []
    for group in sorted(Counter(groups.tolist())):
        rows = np.flatnonzero(groups == group)
        drawn = np.random.default_rng([seed, group + 1]).permutation(len(rows))[:per_class]
        chosen.append(rows[drawn])
    return np.sort(np.concatenate(chosen)) if chosen else np.arange(0)


def first_size(data: ImageData) -> tuple[int, int] | None:
    """The height and width of the first image that can be read; None where none of a hundred can."""
    for index in range(min(len(data), 100)):
        try:
            picture = data.picture(index)
        except UnreadableSample:
            continue
        return int(picture.shape[0]), int(picture.shape[1])
    return None


