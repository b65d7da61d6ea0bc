"""Images that a csv of path,label names."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np

from cnnvis.errors import InvalidValue
from cnnvis.model.job import Task
from cnnvis.sources.class_names import ClassNames
from cnnvis.sources.csv_files import Sheet, read_sheet
from cnnvis.sources.image_files import Preparation
from cnnvis.sources.images import ImageData, sampled
from cnnvis.sources.labels import Labels, indicators, read_labels
from cnnvis.sources.stores import ListedStore
from cnnvis.sources.transforms import Transform


def open_image_list(
    path: Path,
    preparation: Preparation,
    *,
    label: str | None = None,
    classes: ClassNames | None = None,
    task: Task | None = None,
    per_class: int | None = None,
    seed: int = 0,
    transform: Transform | None = None,
) -> ImageData:
    """The images of a csv whose first column is the path, in its order; files that are missing are skipped by a pass.

    Paths are relative to the csv's folder and stay inside it, unless they are absolute. The label is the column
    `label`, else the second one; several columns of 0 and 1 are several classes at once.

    Raises `UnreadableFile` for a torn csv, `InvalidValue` for a path that leads out of the folder, and as
    `read_labels`.
    """
    sheet = read_sheet(path, paths=True)
    names = [_inside(row[0], path) for row in sheet.rows]
    labels, known = _labels(sheet, label, classes or ClassNames(()), task)
    rows = sampled(labels, per_class, seed)
    files = tuple(names[row] for row in rows)
    return ImageData(ListedStore(path.parent, files), files, labels[rows], known, preparation, transform)


def _inside(name: str, path: Path) -> str:
    """The path with forward slashes."""
    if Path(name).is_absolute():
        return name
    clean = PurePosixPath(PureWindowsPath(name).as_posix())
    depth = 0
    for part in clean.parts:
        depth += -1 if part == ".." else 1
        if depth < 0:
            hint = "Move the csv, or write an absolute path."
            raise InvalidValue(f"The paths of {path.name} must stay inside its folder; got {name!r}. {hint}")
    return str(clean)


def _labels(sheet: Sheet, label: str | None, classes: ClassNames, task: Task | None) -> Labels:
    n = len(sheet.rows)
    if label == "" or (label is None and len(sheet.header) < 2):
        return np.full(n, -1, np.int64), classes.names
    if label is None and len(sheet.header) > 2:
        columns = [[row[place] for row in sheet.rows] for place in range(1, len(sheet.header))]
        if task == "multi-label" or all(cell in ("0", "1", "-1") for column in columns for cell in column):
            found, names = indicators(columns, sheet.header[1:], "The column")
            return found, classes.names if len(classes) == len(names) else names
    column = label or sheet.header[1]
    return read_labels(sheet.column(column), classes, task, f"The label in {sheet.name}")
