"""Tables for fully connected networks: rows of numbers with a label, from a csv, an npz or arrays."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cnnvis.errors import InvalidValue, UnreadableFile, UnreadableSample
from cnnvis.model.job import Task
from cnnvis.sources.class_names import ClassNames
from cnnvis.sources.csv_files import Sheet, is_number, read_sheet
from cnnvis.sources.images import label_of, sampled
from cnnvis.sources.labels import MISSING, Labels, given_labels, read_labels

ROWS = ("x", "X", "data", "features", "images", "arr_0", "x_test", "X_test")
MARKS = ("y", "Y", "labels", "label", "target", "targets", "arr_1", "y_test", "Y_test")


@dataclass(frozen=True, eq=False)
class TableData:
    """Rows of a table, standardised for the network; picklable.

    `values` (n, n_features) float64 as in the file, NaN where missing: such a row is skipped by a pass. `mean` and
    `std` (n_features,) make the network's input; `rows` are the numbers of the rows in the file.
    """

    values: NDArray[np.float64]
    labels: NDArray[Any]
    classes: tuple[str, ...]
    features: tuple[str, ...]
    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    rows: NDArray[np.int64]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], Any]:
        row = self.values[index]
        if not np.isfinite(row).all():
            lacking = self.features[int(np.flatnonzero(~np.isfinite(row))[0])]
            raise UnreadableSample(f"{self.name(index)} has no number for {lacking!r}.")
        return ((row - self.mean) / self.std).astype(np.float32), label_of(self.labels, index)

    def picture(self, index: int) -> NDArray[Any]:
        """The raw values of a row, (n_features,)."""
        found: NDArray[np.float64] = self.values[index].view()
        found.flags.writeable = False
        return found

    def name(self, index: int) -> str:
        return f"row {self.rows[index]}"

    @property
    def kind(self) -> Literal["images", "table"]:
        return "table"

    @cached_property
    def _typical(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return _statistics(self.values)

    def unusual(self, index: int, n: int = 5) -> tuple[tuple[str, float, float], ...]:
        """The features of a row that lie farthest from the table's mean: (feature, value, z), the farthest first.

        z is the distance in standard deviations of the table. At most `n`; missing values are left out.
        """
        mean, std = self._typical
        row = self.values[index]
        z = np.where(np.isfinite(row), (row - mean) / std, 0.0)
        order = [i for i in np.argsort(-np.abs(z), kind="stable")[:n] if np.isfinite(row[i])]
        return tuple((self.features[i], float(row[i]), float(z[i])) for i in order)

    def __repr__(self) -> str:
        return f"TableData({len(self):,} rows of {len(self.features)} features, {len(self.classes)} classes)"


def open_table(
    path: Path,
    *,
    label: str | None = None,
    classes: ClassNames | None = None,
    task: Task | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    per_class: int | None = None,
    seed: int = 0,
    n_inputs: int | None = None,
) -> TableData:
    """The rows of a csv or npz. `label` is the label's column, None for the last, "" for none.

    Without `mean` and `std` every feature is standardised by the table itself, which a note says. A csv's columns
    that hold no numbers are left out; where exactly `n_inputs` columns hold numbers, none of them is a label.

    Raises `UnreadableFile`, `UnknownName` for a column, `InvalidValue` where it has no rows or features.
    """
    if not path.is_file():
        raise UnreadableFile(f"The table must be a csv or npz file that exists; {path} does not. Check the path.")
    known = classes or ClassNames(())
    if path.suffix.lower() == ".npz":
        values, labels, features, notes = _of_npz(path, known)
    else:
        values, labels, features, notes = _of_csv(read_sheet(path), label, known, task, n_inputs)
    data = table(values, labels, features=features, mean=mean, std=std, n_inputs=n_inputs, name=path.name)
    data = replace(data, notes=notes + data.notes)
    return chosen(data, sampled(data.labels, per_class, seed)) if per_class is not None else data


def table(
    values: NDArray[Any],
    labels: Labels,
    *,
    features: Sequence[str] = (),
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    n_inputs: int | None = None,
    name: str = "The table",
) -> TableData:
    """The rows of an array (n, n_features). Raises `InvalidValue` where features, mean or std do not fit."""
    found = np.array(values, np.float64)
    if found.ndim != 2 or not found.size:
        raise InvalidValue(f"{name} must have rows and columns of numbers; got the shape {found.shape}.")
    n = found.shape[1]
    if n_inputs is not None and n != n_inputs:
        listed = f" ({', '.join(features[:4])}{', …' if n > 4 else ''})" if features else ""
        raise InvalidValue(
            f"{name} must have as many features as the network's input, {n_inputs}; got {n}{listed}. "
            "Check network.input, data.label and the columns."
        )
    own = _statistics(found)
    at, by = (_wide(given, n, key) for given, key in ((mean, "mean"), (std, "std")))
    notes: tuple[str, ...] = ()
    if mean is None and std is None:
        notes = ("Features are standardised by this table's own mean and spread, as data.mean and std are not given.",)
    names = tuple(features) or tuple(f"x{i}" for i in range(n))
    return TableData(
        found,
        *labels,
        names,
        own[0] if at is None else at,
        own[1] if by is None else by,
        np.arange(1, len(found) + 1),
        notes,
    )


def chosen(data: TableData, rows: NDArray[np.int64]) -> TableData:
    """Some rows of a table, standardised as the whole one."""
    return replace(data, values=data.values[rows], labels=data.labels[rows], rows=data.rows[rows])


def _wide(given: Sequence[float] | None, n: int, key: str) -> NDArray[np.float64] | None:
    if given is None:
        return None
    if len(given) not in (1, n):
        raise InvalidValue(f"data.{key} must have one number, or one for each of the {n} features; got {len(given)}.")
    return np.broadcast_to(np.array(given, np.float64), (n,))


def _statistics(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of the finite values of each column; 0 and 1 where there are none or no spread."""
    finite = np.isfinite(values)
    n = np.maximum(finite.sum(0), 1)
    mean = np.where(finite, values, 0.0).sum(0) / n
    std = np.sqrt((np.where(finite, values - mean, 0.0) ** 2).sum(0) / n)
    return mean, np.where(std > 1e-12 * np.maximum(np.abs(mean), 1e-300), std, 1.0)


def _of_csv(
    sheet: Sheet, label: str | None, classes: ClassNames, task: Task | None, n_inputs: int | None
) -> tuple[NDArray[np.float64], Labels, tuple[str, ...], tuple[str, ...]]:
    columns = {name: [row[place] for row in sheet.rows] for place, name in enumerate(sheet.header)}
    numeric = [name for name, cells in columns.items() if _is_numeric(cells)]
    if label is None:
        last = sheet.header[-1]
        label = "" if n_inputs == len(numeric) and last in numeric else last
    marks = sheet.column(label) if label else [""] * len(sheet.rows)
    used = [name for name in numeric if name != label]
    if not used:
        raise InvalidValue(f"{sheet.name} must have columns of numbers beside the label; got none.")
    others = [name for name in columns if name not in used and name != label]
    notes: tuple[str, ...] = ()
    if others:
        first = ", ".join(others[:3]) + (", …" if len(others) > 3 else "")
        notes = (f"{len(others)} columns hold no numbers and were left out ({first}).",)
    values = np.array([[_value(cell) for cell in columns[name]] for name in used]).T
    bad = int((~np.isfinite(values).all(axis=1)).sum())
    if bad:
        notes += (f"{bad} of {len(values)} rows lack a value and are skipped.",)
    return values, read_labels(marks, classes, task, f"The label {label!r}"), tuple(used), notes


def _is_numeric(cells: Sequence[str]) -> bool:
    """Whether nine in ten of the cells that are there are numbers."""
    there = [cell for cell in cells if cell.casefold() not in MISSING]
    return bool(there) and sum(map(is_number, there)) >= 0.9 * len(there)


def _value(cell: str) -> float:
    return float(cell) if cell.casefold() not in MISSING and is_number(cell) else np.nan


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of an npz; objects in it are never opened. Raises `UnreadableFile`."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as found:  # numpy leaves a torn one open
            return {name: found[name] for name in found.files}
    except (OSError, ValueError, EOFError, KeyError, AttributeError, zipfile.BadZipFile, NotImplementedError) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UnreadableFile(f"{path.name} must be an npz of plain arrays; {said.rstrip('.')}.") from error


def samples_of_npz(path: Path) -> tuple[NDArray[Any], NDArray[Any] | None, dict[str, NDArray[Any]]]:
    """The samples, the labels or None, and all arrays by name. Raises `InvalidValue` where there are no samples."""
    arrays = read_npz(path)
    rows = next((name for name in ROWS if name in arrays), None)
    if rows is None:
        known = ", ".join(map(repr, arrays)) or "nothing"
        raise InvalidValue(f"{path.name} must hold an array 'x' of samples and 'y' of labels; got {known}.")
    marks = next((name for name in MARKS if name in arrays), None)
    return arrays[rows], None if marks is None else arrays[marks], arrays


def _of_npz(
    path: Path, classes: ClassNames
) -> tuple[NDArray[np.float64], Labels, tuple[str, ...], tuple[str, ...]]:
    values, marks, arrays = samples_of_npz(path)
    if values.dtype.kind not in "biuf":
        raise InvalidValue(f"The samples of {path.name} must be numbers; got {values.dtype}.")
    if not classes.names and "classes" in arrays:
        classes = ClassNames(tuple(map(str, arrays["classes"])))
    names = next((arrays[key] for key in ("columns", "feature_names", "names") if key in arrays), None)
    features = () if names is None else tuple(map(str, names))
    return values.reshape(len(values), -1), given_labels(marks, len(values), classes), features, ()
