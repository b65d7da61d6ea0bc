"""What labels mean: class indices, values of a regression, or several classes at once."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnvis.errors import InvalidValue
from cnnvis.model.job import Task
from cnnvis.sources.class_names import ClassNames
from cnnvis.sources.stores import natural

MISSING = frozenset({"", "na", "n/a", "nan", "none", "null", "?", "-"})
FEW = 20
"""So many different whole numbers are classes; more are values, unless the classes are known."""

Labels = tuple[NDArray[Any], tuple[str, ...]]


def read_labels(texts: Sequence[str], classes: ClassNames, task: Task | None, whose: str) -> Labels:
    """The labels that a column of a file holds, as in `Dataset.labels`, and the names of the classes.

    Names, or whole numbers that are indices of `classes`, are classes; other numbers are values; several names
    in one field, parted by ";" or "|", are several classes at once. `task` decides where it is given.

    Raises `UnknownName` or `InvalidValue` for a label that is no class or no number, beginning with `whose`.
    """
    cells = [text.strip() for text in texts]
    known = [cell for cell in cells if cell.casefold() not in MISSING]
    if not known:
        return np.full(len(cells), -1, np.int64), classes.names
    if task == "multi-label" or (task is None and any(re.search("[;|]", cell) for cell in known)):
        return _several(cells, classes, whose)
    numbers = [_number(cell) for cell in known]
    if task == "regression" or (task is None and _are_values(numbers, known, classes)):
        return _values(cells, whose), ()
    return _indices(cells, known, numbers, classes, whose)


def _are_values(numbers: Sequence[float | None], known: Sequence[str], classes: ClassNames) -> bool:
    if any(number is None for number in numbers):
        return False
    if not all(number == int(number) for number in numbers if number is not None):
        return True
    return not classes.names and len(set(known)) > FEW


def _number(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _values(cells: Sequence[str], whose: str) -> NDArray[np.float64]:
    found = np.full(len(cells), np.nan)
    for row, cell in enumerate(cells):
        value = _number(cell)
        if value is not None:
            found[row] = value
        elif cell.casefold() not in MISSING:
            raise InvalidValue(f"{whose} must be a number; got {cell!r} in row {row + 1}. Set data.task or the label.")
    return found


def _indices(
    cells: Sequence[str], known: Sequence[str], numbers: Sequence[float | None], classes: ClassNames, whose: str
) -> Labels:
    if not classes.names:
        names = tuple(sorted(set(known), key=natural))
        table = {name: index for index, name in enumerate(names)}
    elif all(n is not None for n in numbers) and not all(classes.index(cell) is not None for cell in set(known)):
        names, table = classes.names, {}
        for cell, number in zip(known, numbers):
            if number is None or number != int(number) or not 0 <= number < len(classes):
                raise InvalidValue(f"{whose} must be an index of {len(classes)} classes; got {cell!r}.")
            table[cell] = int(number)
    else:
        names, table = classes.names, {cell: classes.must_find(cell, whose) for cell in set(known)}
    return np.array([table.get(cell, -1) for cell in cells], np.int64), names


def _several(cells: Sequence[str], classes: ClassNames, whose: str) -> Labels:
    rows = [[part.strip() for part in re.split("[;|]", cell) if part.strip()] for cell in cells]
    every = {part for row in rows for part in row if part.casefold() not in MISSING}
    names = classes.names or tuple(sorted(every, key=natural))
    known = ClassNames(names, classes.wnids)
    numbered = all(part.isdecimal() and int(part) < len(names) for part in every) and not any(
        known.index(part) is not None for part in every
    )
    table = {part: int(part) if numbered else known.must_find(part, whose) for part in every}
    found = np.zeros((len(cells), len(names)), np.int64)
    for row, parts in enumerate(rows):
        found[row, [table[part] for part in parts if part in table]] = 1
    return found, names


def indicators(columns: Sequence[Sequence[str]], names: Sequence[str], whose: str) -> Labels:
    """Several columns of 0 and 1, one for each class, as (n, m) 0/1. Raises `InvalidValue` for anything else."""
    found = np.zeros((len(columns[0]), len(columns)), np.int64)
    for place, column in enumerate(columns):
        for row, cell in enumerate(column):
            if cell.strip() not in ("0", "1", "-1", "0.0", "1.0"):
                raise InvalidValue(f"{whose} {names[place]!r} must be 0 or 1; got {cell!r} in row {row + 1}.")
            found[row, place] = float(cell) > 0
    return found, tuple(names)


def given_labels(value: Any, n: int, classes: ClassNames) -> Labels:
    """Labels that a caller passes: an array, tensor or list of indices, names or values, or rows of 0/1; None for none.

    Raises `InvalidValue` where they are not `n`, or no labels.
    """
    if value is None:
        return np.full(n, -1, np.int64), classes.names
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    found = np.asarray(value)
    if found.ndim == 2 and found.shape[1] == 1:
        found = found[:, 0]
    if len(found) != n or found.ndim not in (1, 2):
        raise InvalidValue(f"dataset's labels must be one for each of the {n} samples; got the shape {found.shape}.")
    if found.dtype.kind in "UO" and found.ndim == 1:
        texts = ["" if entry is None else str(entry) for entry in found.tolist()]
        return read_labels(texts, classes, None, "Each label")
    if found.dtype.kind not in "biuf":
        raise InvalidValue(f"dataset's labels must be numbers or names; got {found.dtype}.")
    if found.ndim == 2 or found.dtype.kind == "f":
        return found.astype(np.int64 if found.ndim == 2 else np.float64), classes.names
    found = found.astype(np.int64)
    if classes.names and int(found.max(initial=-1)) >= len(classes):
        raise InvalidValue(f"dataset's labels must be below the {len(classes)} classes; got {int(found.max())}.")
    return np.maximum(found, -1), classes.names
