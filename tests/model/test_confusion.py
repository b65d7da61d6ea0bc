"""The confusion matrix against counting one sample at a time."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from cnnvis.errors import InvalidValue
from cnnvis.model.activations import Samples
from cnnvis.model.confusion import Confusion, Mistake, confusion

CLASSES = ("cat", "dog", "frog", "ship")


def table(labels: NDArray[np.int64], said: NDArray[np.int64], read: NDArray[np.bool_] | None = None) -> Samples:
    n = len(labels)
    return Samples(
        names=tuple(map(str, range(n))),
        indices=np.arange(n),
        labels=labels,
        ranked=said[:, None].astype(np.int32),
        scores=np.ones((n, 1), np.float32),
        read=np.ones(n, bool) if read is None else read,
    )


@pytest.fixture
def drawn() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    rng = np.random.default_rng(3)
    return rng.integers(-1, 4, 400), rng.integers(-1, 4, 400)


def found(labels: NDArray[np.int64], said: NDArray[np.int64]) -> Confusion:
    result = confusion(table(labels, said), CLASSES)
    assert result is not None
    return result


def test_each_cell_counts_its_samples(drawn: tuple[NDArray[np.int64], NDArray[np.int64]]) -> None:
    labels, said = drawn
    expected = np.zeros((4, 4), int)
    for label, prediction in zip(labels, said):
        if label >= 0 and prediction >= 0:
            expected[label, prediction] += 1
    np.testing.assert_array_equal(found(labels, said).counts, expected)


def test_samples_that_were_not_read_are_not_counted() -> None:
    samples = table(np.array([0, 0, 1]), np.array([0, 1, 1]), np.array([True, False, True]))
    result = confusion(samples, CLASSES)
    assert result is not None
    assert result.n_samples == 2
    assert result.n_right == 2


def test_shares_of_a_row_add_up_to_one_and_an_empty_class_has_none() -> None:
    shares = found(np.array([0, 0, 0, 1]), np.array([0, 0, 2, 1])).shares
    np.testing.assert_allclose(shares[0], [2 / 3, 0, 1 / 3, 0])
    assert np.isnan(shares[3]).all()


@pytest.mark.parametrize(
    "labels", [np.array([-1, -1]), np.array([0.5, 0.1]), np.array([[1, 0], [0, 1]])], ids=["none", "floats", "multi"]
)
def test_without_class_labels_there_is_no_confusion(labels: NDArray[np.int64]) -> None:
    assert confusion(table(labels, np.array([0, 1])), CLASSES) is None


def test_mistakes_come_with_the_most_frequent_first_and_ties_in_the_order_of_the_classes() -> None:
    labels = np.array([0] * 9 + [2, 2, 1, 1])
    said = np.array([0] * 4 + [1] * 5 + [3, 3, 0, 0])
    assert found(labels, said).mistakes(3) == (Mistake(0, 1, 5, 9), Mistake(1, 0, 2, 2), Mistake(2, 3, 2, 2))


def test_a_network_that_is_always_right_makes_no_mistakes() -> None:
    assert found(np.arange(4), np.arange(4)).mistakes(5) == ()


def test_blocks_add_up_what_lies_between_groups(drawn: tuple[NDArray[np.int64], NDArray[np.int64]]) -> None:
    result = found(*drawn)
    groups = ((0, 3), (1,), (2,))
    expected = [[result.counts[np.ix_(a, b)].sum() for b in groups] for a in groups]
    np.testing.assert_array_equal(result.blocks(groups), expected)


def test_a_cell_reads_as_a_sentence() -> None:
    result = found(np.array([0] * 500), np.array([1] * 61 + [0] * 439))
    assert result.sentence(0, 1) == "cat taken for dog: 61 of 500"
    assert result.sentence(0, 0) == "cat predicted right: 439 of 500"


def test_counts_of_another_shape_are_refused() -> None:
    with pytest.raises(InvalidValue, match="4 × 4"):
        Confusion(CLASSES, np.zeros((3, 4), int))
