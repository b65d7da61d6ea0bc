"""Which columns a matrix has: classes in order, or groups of confusable ones."""

from dataclasses import replace

import numpy as np
import pytest
from sessions import made_up_session

from cnnvis.layout.class_groups import COLUMNS, FEWEST, MOST, by_column, class_columns, class_order
from cnnvis.layout.ordering import length
from cnnvis.model.session import Look

LOOK = Look()


@pytest.fixture(scope="module")
def many():
    return made_up_session(classes=90, n=180, empty_classes=10)


def columns_of(session, look=LOOK, values=None):
    return class_columns(session.activations, session.analysis.network, look, values)


def test_few_classes_have_a_column_each():
    session = made_up_session(classes=6, n=30)
    columns = columns_of(session)
    assert sorted(c.classes for c in columns) == [(i,) for i in range(6)]
    assert {c.title for c in columns} == set(session.activations.groups)
    assert {c.group for c in columns} == {-1}


def test_classes_that_the_last_layers_confuse_touch():
    session = made_up_session(widths=(6,), classes=6, n=60)
    found = session.activations
    pair = np.array([0, 1, 2, 0, 1, 2])  # 0 and 3, 1 and 4, 2 and 5 are alike
    alike = np.eye(3)[pair].T * 10
    layers = {
        name: replace(r, total=np.resize(alike, r.total.shape) * found.counts) for name, r in found.layers.items()
    }
    known = replace(found, layers=layers)
    order = class_order(known, session.analysis.network, LOOK)
    assert [pair[order[i]] == pair[order[i + 1]] for i in (0, 2, 4)] == [True] * 3


def test_a_class_without_samples_comes_last():
    session = made_up_session(classes=6, n=40, empty_classes=2)
    assert set(class_order(session.activations, session.analysis.network, LOOK)[-2:]) == {4, 5}


def test_quantiles_keep_their_order():
    session = made_up_session(classes=6, n=40)
    activations = replace(session.activations, kind="quantile")
    assert class_order(activations, session.analysis.network, LOOK).tolist() == list(range(6))


def test_many_classes_are_put_into_groups_that_hold_each_class_with_samples_once(many):
    columns = columns_of(many)
    assert FEWEST <= len(columns) <= MOST
    assert sorted(c for column in columns for c in column.classes) == list(range(80))
    assert all(column.group == column.classes[0] for column in columns)


def test_a_group_is_called_by_two_of_its_classes_and_how_many_more(many):
    column = max(columns_of(many), key=lambda c: len(c.classes))
    names = [many.activations.groups[c] for c in column.classes]
    assert column.title.endswith(f" +{len(names) - 2}")
    assert all(name in names for name in column.title.rsplit(" +")[0].split(", "))


def test_an_unfolded_group_shows_each_class_where_the_group_stood(many):
    columns = columns_of(many)
    place = next(i for i, c in enumerate(columns) if len(c.classes) > 2)
    unfolded = columns_of(many, Look(unfolded=frozenset({columns[place].group})))
    n = len(columns[place].classes)
    assert [c.classes for c in unfolded[place : place + n]] == [(c,) for c in columns[place].classes]
    assert {c.group for c in unfolded[place : place + n]} == {columns[place].group}
    assert [*unfolded[:place], *unfolded[place + n :]] == [*columns[:place], *columns[place + 1 :]]


@pytest.mark.parametrize("classes", [8, COLUMNS + 20])
def test_a_local_order_is_shorter_for_its_cluster_than_that_of_the_network(classes):
    session = made_up_session(classes=classes, n=200)
    values = session.activations.means("conv1")[:3]
    by_network = columns_of(session, LOOK, values)
    local = columns_of(session, Look(order="local"), values)
    assert sorted(c.classes for c in local) == sorted(c.classes for c in by_network)
    counts = session.activations.counts

    def steps(columns):
        return length(by_column(values, columns, counts).T, np.arange(len(columns)))

    assert steps(local) < steps(by_network)


def test_a_column_of_several_classes_weighs_each_by_its_samples(many):
    values = many.activations.means("conv1")
    columns = columns_of(many)
    found = by_column(values, columns, many.activations.counts)
    total = many.activations["conv1"].total
    for place, column in enumerate(columns):
        members = list(column.classes)
        wanted = total[:, members].sum(1) / many.activations.counts[members].sum()
        np.testing.assert_allclose(found[:, place], wanted)


def test_the_same_activations_are_put_into_groups_once(many):
    first = class_order(many.activations, many.analysis.network, LOOK)
    assert class_order(many.activations, many.analysis.network, LOOK) is first
