"""The confusion matrix in the order and groups of all matrices."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from layout_sessions import a_session
from sessions import made_up_session

from cnnvis.errors import InvalidValue
from cnnvis.layout.confusion import ConfusionMatrix, confusion_diagram, confusion_matrix
from cnnvis.layout.sheet import PALE
from cnnvis.layout.svg import svg
from cnnvis.model.session import Look, Session


@pytest.fixture(scope="module")
def found() -> ConfusionMatrix:
    return confusion_matrix(a_session((16, 32), 6))


def few(session: Session) -> tuple[list[int], list[int]]:
    assert session.activations is not None
    samples = session.activations.samples
    return samples.labels.tolist(), samples.predictions.tolist()


def test_each_cell_counts_the_samples_of_its_label_and_prediction(found: ConfusionMatrix) -> None:
    labels, said = few(a_session((16, 32), 6))
    for i, row in enumerate(found.rows):
        for j, column in enumerate(found.columns):
            pairs = [1 for a, b in zip(labels, said) if a in row.classes and b in column.classes]
            assert found.counts[i, j] == len(pairs)


def test_rows_and_columns_have_the_same_order(found: ConfusionMatrix) -> None:
    assert [r.classes for r in found.rows] == [c.classes for c in found.columns]


def test_a_cell_of_two_classes_reads_as_a_sentence(found: ConfusionMatrix) -> None:
    i = next(i for i, row in enumerate(found.rows) if row.classes == (2,))
    j = next(j for j, column in enumerate(found.columns) if column.classes == (0,))
    assert found.cell(i, j) == (2, 0)
    assert found.reading(i, j) == f"class 2 taken for class 0: {found.counts[i, j]} of 20"


def test_many_classes_are_grouped_and_unfold() -> None:
    session = a_session((16, 32), 120)
    folded = confusion_matrix(session)
    assert len(folded.rows) < 50
    assert folded.counts.sum() == 2400
    i = next(i for i, row in enumerate(folded.rows) if len(row.classes) > 1)
    assert folded.cell(i, i) is None
    assert "taken for each other" in folded.reading(i, i)
    group = folded.rows[i]
    unfolded = confusion_matrix(session.with_look(Look(unfolded=frozenset({group.group}))))
    assert len(unfolded.rows) == len(folded.rows) + len(group.classes) - 1


def test_predictions_of_classes_without_samples_share_the_last_column() -> None:
    session = a_session((16, 32), 120)
    assert session.activations is not None
    samples = session.activations.samples
    keep = samples.labels >= 60  # but some of these are taken for class 0
    few_ = replace(samples, read=samples.read & keep)
    counts = np.where(np.arange(120) >= 60, 20.0, 0.0)
    part = replace(session, activations=replace(session.activations, samples=few_, counts=counts))
    found = confusion_matrix(part)
    assert len(found.columns) == len(found.rows) + 1
    assert found.columns[-1].classes == (0,)
    assert found.counts[:, -1].sum() == int((samples.predictions[keep] == 0).sum())


def test_what_is_right_steps_back_and_sets_no_scale(found: ConfusionMatrix) -> None:
    sheet = found.sheet()
    off = found.counts[~np.eye(6, dtype=bool)]
    assert off.max() <= sheet.scale.top <= 2 * off.max()
    assert np.diagonal(sheet.shades).max() <= PALE


def test_shares_are_percent_of_the_row(found: ConfusionMatrix) -> None:
    sheet = found.sheet(shares=True)
    np.testing.assert_allclose(sheet.values.sum(1), 100.0)
    i, j = np.argwhere(found.counts == found.counts.max())[0]
    assert sheet.texts[i][j] == f"{100 * found.counts[i, j] / 20:.0f}"


def test_without_labels_it_is_one_sentence() -> None:
    session = made_up_session()
    assert session.activations is not None
    samples = replace(session.activations.samples, labels=np.full(24, -1))
    with pytest.raises(InvalidValue, match="no class labels"):
        confusion_matrix(replace(session, activations=replace(session.activations, samples=samples)))


def test_the_table_names_labels_samples_and_predictions(found: ConfusionMatrix) -> None:
    names, rows = found.table()
    assert names[:2] == ("label", "images")
    assert [row[1] for row in rows] == [20] * 6
    assert [row[2:] for row in rows] == found.counts.tolist()


def test_the_figure_says_how_many_are_right() -> None:
    diagram = confusion_diagram(a_session((16, 32), 6))
    assert "% right" in diagram.caption
    assert "class 3" in svg(diagram)
