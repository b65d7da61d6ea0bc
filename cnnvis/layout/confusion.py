"""The confusion matrix as a sheet: labels × predictions, in the order of classes that every matrix has."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cnnvis.errors import InvalidValue
from cnnvis.layout.class_groups import ClassColumn, class_columns
from cnnvis.layout.diagram import Diagram
from cnnvis.layout.faces import COLOURED_CLASSES
from cnnvis.layout.marks import Ink
from cnnvis.layout.sheet import Head, Scale, Sheet, sheet_diagram
from cnnvis.model.confusion import Confusion, confusion
from cnnvis.model.nouns import IMAGE, Noun
from cnnvis.model.session import Session

UNLABELLED = "There is nothing to confuse: the images have no class labels."
REST = "other classes"


@dataclass(frozen=True, eq=False)
class ConfusionMatrix:
    """Labels × predictions, by class or by groups of confusable classes: `counts` (n_rows, n_columns).

    Predictions of classes that have no samples share the last column. A class is told from a group by its one member.
    """

    confusion: Confusion
    rows: tuple[ClassColumn, ...]
    columns: tuple[ClassColumn, ...]
    counts: NDArray[np.int64]
    noun: Noun = IMAGE

    @property
    def of(self) -> NDArray[np.int64]:
        """How many samples stand behind each row, (n_rows,)."""
        return np.asarray([self.confusion.of_class[list(row.classes)].sum() for row in self.rows])

    def cell(self, row: int, column: int) -> tuple[int, int] | None:
        """The label and the prediction of a cell; None where it stands for groups."""
        one, other = self.rows[row].classes, self.columns[column].classes
        return (one[0], other[0]) if len(one) == len(other) == 1 else None

    def reading(self, row: int, column: int) -> str:
        """One cell in words: "cat taken for dog: 61 of 500"."""
        found = self.cell(row, column)
        if found is not None:
            return self.confusion.sentence(*found)
        n, of = int(self.counts[row, column]), int(self.of[row])
        if row == column:
            members = list(self.rows[row].classes)
            right = int(np.diagonal(self.confusion.counts)[members].sum())
            return f"{self.rows[row].title}: {right:,} of {of:,} right, {n - right:,} taken for each other"
        return f"{self.rows[row].title} taken for {self.columns[column].title}: {n:,} of {of:,}"

    def table(self) -> tuple[tuple[str, ...], list[list[str | int | float]]]:
        """The names of the columns, and one row for each label: its name, its samples, then counts by prediction."""
        names = ("label", self.noun.many, *(column.title for column in self.columns))
        return names, [[r.title, int(n), *c] for r, n, c in zip(self.rows, self.of, self.counts.tolist())]

    def sheet(self, *, shares: bool = False) -> Sheet:
        """What it takes to draw it: counts, or `shares` of each row in percent; what is right steps back."""
        of = self.of
        counts = self.counts.astype(np.float64)
        values = 100 * counts / np.where(of > 0, of, np.nan)[:, None] if shares else counts
        values = np.where(of[:, None] > 0, values, np.nan)
        right = np.eye(*values.shape, dtype=np.bool_)
        what = f"percent of the class's {self.noun.many}" if shares else self.noun.many
        told = np.where(right, np.nan, values)[:, : len(self.rows)]  # the column of other classes may be far above all
        scale = Scale.of(told, what)
        coloured = len(self.confusion.classes) <= COLOURED_CLASSES
        texts = tuple(
            tuple(_text(value, int(n), shares) for value, n in zip(line, counts))
            for line, counts in zip(values.tolist(), self.counts.tolist())
        )
        return Sheet(
            values,
            tuple(_head(row, coloured, self.noun.count(n)) for row, n in zip(self.rows, of)),
            tuple(_head(column, coloured) for column in self.columns),
            scale,
            texts=texts,
            pale=right,
        )


def _text(value: float, count: int, shares: bool) -> str:
    if not count:
        return ""
    return f"{value:.0f}" if shares and value >= 0.5 else "<1" if shares else f"{count:,}"


def _head(column: ClassColumn, coloured: bool, count: str = "") -> Head:
    tip = column.title + f"\n{count or 'prediction'}"
    if len(column.classes) > 1 and column.group >= 0:
        tip += f"\n{len(column.classes)} classes that are easily confused; click to unfold"
    ink = Ink("class", column.classes[0]) if coloured and len(column.classes) == 1 else None
    return Head(column.title, tip, ink, column.classes, column.group)


def confusion_matrix(session: Session) -> ConfusionMatrix:
    """The confusion of all samples of a session, its classes in the order and groups of the session's matrices.

    Costs some milliseconds. Raises InvalidValue where the samples have no class labels.
    """
    activations, network = session.activations, session.analysis.network
    found = confusion(activations.samples, session.classes) if activations is not None else None
    if activations is None or found is None:
        raise InvalidValue(UNLABELLED)
    if len(activations.groups) == len(found.classes):
        rows = class_columns(activations, network, session.look)
    else:
        rows = tuple(ClassColumn((c,), name) for c, name in enumerate(found.classes))
    columns = rows
    named = {c for row in rows for c in row.classes}
    rest = tuple(c for c in np.flatnonzero(found.counts.sum(0)).tolist() if c not in named)
    if rest:
        columns = (*rows, ClassColumn(rest, found.classes[rest[0]] if len(rest) == 1 else f"{len(rest)} {REST}"))
    counts = found.blocks([column.classes for column in columns])[: len(rows)]
    return ConfusionMatrix(found, rows, columns, counts, activations.noun)


def confusion_diagram(session: Session, *, shares: bool = False) -> Diagram:
    """The confusion matrix as a picture, to be exported as svg, pdf or png. Raises InvalidValue without labels."""
    found = confusion_matrix(session)
    n, right = found.confusion.n_samples, found.confusion.n_right
    noun = session.noun
    what = f"percent of each class's {noun.many}" if shares else noun.many
    caption = (
        f"{session.analysis.network.name} on {n:,} labelled {noun.of(n)}, {100 * right / n:.1f} % right. Numbers are "
        f"{what} of the class in the row that are predicted as the class in the column; similar classes touch."
    )
    title = "Confusion: labels in rows, predictions in columns"
    return sheet_diagram(found.sheet(shares=shares), title, caption, session)
