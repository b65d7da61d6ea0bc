"""The verb `dataset`, and the data that a job names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any, Literal

from cnnvis.errors import InvalidValue
from cnnvis.model.dataset import Dataset
from cnnvis.model.job import DataSource, Job, NetworkSource
from cnnvis.sources import user_code
from cnnvis.sources.arrays import array_data, as_array, is_samples, torch_data
from cnnvis.sources.class_names import ClassNames, read_class_names, read_classes
from cnnvis.sources.demo import demo_scenes
from cnnvis.sources.image_files import Preparation
from cnnvis.sources.image_lists import open_image_list
from cnnvis.sources.images import ImageData, first_size, open_images, sampled
from cnnvis.sources.labels import given_labels
from cnnvis.sources.tables import chosen, open_table, samples_of_npz, table
from cnnvis.sources.transforms import ImageFunction, Transform

__all__ = ["dataset", "open_data", "read_classes"]

DEMO_SCENES = 500


def dataset(
    source: Any,
    labels: Any = None,
    *,
    classes: Sequence[str] | str | None = None,
    mean: Sequence[float] | float | None = None,
    std: Sequence[float] | float | None = None,
    input: Sequence[int] | None = None,
    inside: str | None = None,
    per_class: int | None = None,
    seed: int = 0,
    resize: int | None = None,
    crop: int | tuple[int, int] | None = None,
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"] = "bilinear",
    channels: Literal["rgb", "bgr", "grey"] = "rgb",
    transform: str | ImageFunction | None = None,
    kind: Literal["images", "table"] = "images",
) -> Dataset:
    """Samples that a network can be fed, each with a picture, a label and a name.

    `source` is a folder, zip or csv, an array or tensor of pictures (n, h, w, 3) or (n, 3, h, w) or of rows
    (n, features), or any torch Dataset that can be read in any order; its tensors count as normalised by `mean` and
    `std`. `classes` are names in the network's order or a .txt or .json file of them; `input` is the shape of one
    sample, (channels, h, w). The other arguments are those of a job's [data] section.

    Raises a CnnvisError where the source is missing, torn or empty, can be read only once, or an argument is wrong.
    """
    function = transform if callable(transform) else None
    settings = DataSource(
        "memory",
        kind,
        inside,
        per_class,
        resize,
        crop,  # type: ignore[arg-type]  # one number is a square
        interpolation,
        channels,
        None if function is not None else transform,  # type: ignore[arg-type]
        mean,  # type: ignore[arg-type]  # one number is a list of one
        std,  # type: ignore[arg-type]
    )
    if not isinstance(source, str | PathLike):
        shape = NetworkSource("memory", input=tuple(input or ())).input
        return _of_memory(source, labels, settings, read_class_names(classes), shape, seed)
    if labels is not None:
        raise InvalidValue("dataset's labels must be left out where a path knows them; got labels. Use a csv of them.")
    network = NetworkSource("none", classes=classes if classes is None or isinstance(classes, str) else tuple(classes))
    network = replace(network, input=tuple(input or ()))
    made = Transform(function) if function is not None else None
    return _opened(Job(network, replace(settings, source=str(source))), seed, made)


def open_data(job: Job) -> Dataset:
    """The data that a job names, drawn with its seed. Runs no code but that which the job names in [data].

    Raises as `dataset`.
    """
    return _opened(job, job.analysis.seed, None)


def _opened(job: Job, seed: int, transform: Transform | None) -> Dataset:
    data, shape = job.data, job.network.input
    library, _, name = data.source.partition(":")
    if library == "demo" and name:
        n = DEMO_SCENES if data.per_class is None else 10 * data.per_class
        return demo_scenes(name, n, seed)
    path = job.path(data.source)
    if transform is None and data.transform is not None:
        transform = Transform(data.transform, job.folder)
        transform.loaded()  # what is wrong with it is said now, not at the first image
    known = read_class_names(job.network.classes, job.folder)
    if not path.exists() and user_code.is_code(data.source):
        with user_code.at_home(user_code.code_folder(data.source, job.folder)):
            found = user_code.resolve(data.source, job.folder, "data.source")
            found = user_code.called(found, data.source, "data.source") if callable(found) else found
        return _of_memory(found, None, data, known, shape, seed)
    if data.kind == "table":
        return open_table(
            path,
            label=data.label,
            classes=known,
            task=data.task,
            mean=data.mean,
            std=data.std,
            per_class=data.per_class,
            seed=seed,
            n_inputs=shape[0] if len(shape) == 1 else None,
        )
    if path.suffix.lower() == ".npz":
        values, marks, _ = samples_of_npz(path)
        return _of_memory(values, marks, data, known, shape, seed)
    return _of_files(path, data, known, shape, seed, transform)


def _of_files(
    path: Path, data: DataSource, known: ClassNames, shape: tuple[int, ...], seed: int, transform: Transform | None
) -> ImageData:
    prepared = preparation(data, shape)
    if path.suffix.lower() in (".csv", ".tsv") and path.is_file():
        found = open_image_list(
            path,
            prepared,
            label=data.label,
            classes=known,
            task=data.task,
            per_class=data.per_class,
            seed=seed,
            transform=transform,
        )
    else:
        found = open_images(
            path,
            prepared,
            classes=known,
            inside=data.inside,
            per_class=data.per_class,
            seed=seed,
            transform=transform,
        )
    if transform is None and prepared.size is None:
        prepared = replace(prepared, size=first_size(found))  # a batch needs one size
        found = replace(found, preparation=prepared)
    return found


def preparation(data: DataSource, shape: tuple[int, ...]) -> Preparation:
    """How a job's pictures become inputs of that shape, (channels, h, w) or () where it is not known.

    Raises `InvalidValue` where the job's keys contradict each other.
    """
    if shape and len(shape) != 3:
        raise InvalidValue(f"network.input must be [channels, height, width] for images; got {list(shape)}.")
    depth = shape[0] if shape else (1 if data.channels == "grey" else 3)
    size = (shape[1], shape[2]) if shape else data.crop
    if depth not in (1, 3) and data.transform is None:
        raise InvalidValue(f"network.input must have 1 or 3 channels for images; got {depth}. Use data.transform.")
    channels = "grey" if depth == 1 else data.channels
    if data.crop is not None and size is not None and data.crop != size:
        raise InvalidValue(
            f"data.crop must be the network's input, {size[0]}×{size[1]}; got {data.crop[0]}×{data.crop[1]}. "
            "Change one of them."
        )
    for key, given in (("mean", data.mean), ("std", data.std)):
        if given is not None and len(given) not in (1, depth):
            raise InvalidValue(f"data.{key} must have one number for each of {depth} channels; got {len(given)}.")
    crop = data.crop or (size if data.resize is not None else None)
    return Preparation(size, data.resize, crop, data.interpolation, channels, depth, data.mean, data.std)


def _of_memory(
    source: Any, labels: Any, data: DataSource, known: ClassNames, shape: tuple[int, ...], seed: int
) -> Dataset:
    if isinstance(source, Dataset):
        return source
    if not is_samples(source):
        prepared = preparation(data, shape if len(shape) == 3 else ())
        return torch_data(source, labels, known, prepared, per_class=data.per_class, seed=seed)
    values = as_array(source)
    marks = given_labels(labels, len(values), known)
    if values.ndim == 2:
        n_inputs = shape[0] if len(shape) == 1 else None
        found = table(values, marks, mean=data.mean, std=data.std, n_inputs=n_inputs)
        rows = sampled(found.labels, data.per_class, seed)
        return found if data.per_class is None else chosen(found, rows)
    return array_data(values, marks, preparation(data, shape), per_class=data.per_class, seed=seed)
