"""The large matrix against plain loops over responses and samples."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from layout_sessions import a_session
from sessions import made_up_session

from cnnvis.errors import InvalidValue, UnknownName
from cnnvis.layout.class_groups import class_columns
from cnnvis.layout.matrix import Matrix, matrix, matrix_diagram
from cnnvis.layout.ordering import length
from cnnvis.layout.sheet import Head
from cnnvis.layout.svg import svg
from cnnvis.model.measurements import Contributions, Measurements
from cnnvis.model.session import Look, Session
from cnnvis.model.subsets import Subset

LAYER = "conv2"


@pytest.fixture(scope="module")
def session() -> Session:
    return made_up_session(widths=(6, 24), classes=5, n=40)


@pytest.fixture(scope="module")
def found(session: Session) -> Matrix:
    return matrix(session, LAYER)


def one_class(column: object) -> int:
    (only,) = column.classes  # type: ignore[attr-defined]
    return int(only)


def test_each_cell_is_the_mean_response_of_its_unit_to_its_class(session: Session, found: Matrix) -> None:
    assert session.activations is not None
    total, counts = session.activations[LAYER].total, session.activations.counts
    for i, unit in enumerate(found.units):
        for j, column in enumerate(found.columns):
            c = one_class(column)
            assert found.values[i, j] == pytest.approx(total[unit, c] / counts[c])


def test_every_unit_has_one_row_beside_those_of_its_cluster(session: Session, found: Matrix) -> None:
    assert sorted(found.units) == list(range(24))
    partition = session.analysis.clusters[LAYER]
    assert [c for c, _, _ in found.clusters] == list(partition)
    for cluster, first, last in found.clusters:
        assert sorted(found.units[first:last]) == list(cluster.members)


def test_rows_of_a_cluster_are_never_longer_than_in_their_given_order(found: Matrix) -> None:
    for _, first, last in found.clusters:
        rows = found.values[first:last]
        given = np.argsort(found.units[first:last])
        assert length(rows, np.arange(len(rows))) <= length(rows, given) + 1e-9


def test_columns_follow_the_order_of_the_network(session: Session, found: Matrix) -> None:
    assert session.activations is not None
    columns = class_columns(session.activations, session.analysis.network, session.look)
    assert [c.title for c in found.columns] == [c.title for c in columns]
    assert [c.n for c in found.columns] == [8] * 5


def test_the_chosen_clusters_alone_are_shown(session: Session) -> None:
    partition = session.analysis.clusters[LAYER]
    some = matrix(session, LAYER, (2, 0))
    assert [c.id for c, _, _ in some.clusters] == [0, 2]
    assert sorted(some.units) == sorted(partition[0].members + partition[2].members)


def test_selectivity_counts_standard_deviations_over_the_classes(session: Session) -> None:
    assert session.activations is not None
    means = session.activations.means(LAYER)
    z = (means - means.mean(1, keepdims=True)) / means.std(1, keepdims=True)
    shown = matrix(session, LAYER, kind="selectivity")
    expected = z[shown.units][:, [one_class(c) for c in shown.columns]]
    np.testing.assert_allclose(shown.values, expected)


def test_an_empty_class_has_no_selectivity() -> None:
    session = made_up_session(classes=4, empty_classes=1)
    shown = matrix(session, LAYER, kind="selectivity")
    empty = [j for j, c in enumerate(shown.columns) if not c.n]
    assert len(empty) == 1
    assert np.isnan(shown.values[:, empty]).all()
    assert "no images, n = 0" in shown.reading(0, empty[0])


def measured(session: Session, target: int | None = None) -> Session:
    rng = np.random.default_rng(1)
    found = Contributions({LAYER: rng.normal(size=(24, 5))}, np.full(5, 4.0), target)
    return replace(session, measurements=Measurements({target: found}))


def test_contributions_are_means_over_their_own_samples(session: Session) -> None:
    known = measured(session)
    shown = matrix(known, LAYER, kind="contribution")
    means = known.measurements.contributions[None].means(LAYER)
    np.testing.assert_allclose(shown.values, means[shown.units][:, [one_class(c) for c in shown.columns]])
    assert all(c.n == 4 for c in shown.columns)
    assert shown.sheet().scale.signed


def test_contributions_to_one_class_say_which(session: Session) -> None:
    shown = matrix(measured(session, 2), LAYER, kind="contribution", target=2)
    assert shown.what == "mean effect on the logit of class 2"


def test_a_matrix_of_what_was_not_measured_is_refused(session: Session) -> None:
    with pytest.raises(InvalidValue, match="conv2 must be measured first"):
        matrix(session, LAYER, kind="contribution")


def test_an_unknown_layer_and_an_unknown_cluster_are_refused(session: Session) -> None:
    with pytest.raises(UnknownName, match="got 'conv3'"):
        matrix(session, "conv3")
    with pytest.raises(UnknownName, match="got 77"):
        matrix(session, LAYER, (77,))


def test_a_subset_is_one_more_column(session: Session) -> None:
    subset = Subset("odd ones", samples=tuple(range(1, 40, 2)))
    more = session.with_analysis(session.analysis.with_subset(subset))
    shown = matrix(more, LAYER)
    assert session.activations is not None
    pooled = session.activations[LAYER].pooled
    assert pooled is not None
    assert (shown.columns[-1].title, shown.columns[-1].n) == ("odd ones", 20)
    plain = [np.mean([float(pooled[row, unit]) for row in range(1, 40, 2)]) for unit in shown.units]
    np.testing.assert_allclose(shown.values[:, -1], plain)


def test_beyond_fifty_classes_columns_are_groups_that_unfold() -> None:
    session = a_session((16, 32), 120)
    shown = matrix(session, "layer2.conv2")
    assert len(shown.columns) < 50
    assert sum(len(c.classes) for c in shown.columns) == 120
    group = next(c for c in shown.columns if len(c.classes) > 1)
    assert session.activations is not None
    total, counts = session.activations["layer2.conv2"].total, session.activations.counts
    j = shown.columns.index(group)
    members = list(group.classes)
    expected = total[shown.units[0], members].sum() / counts[members].sum()
    assert shown.values[0, j] == pytest.approx(expected)
    open_ = matrix(session.with_look(Look(unfolded=frozenset({group.group}))), "layer2.conv2")
    assert len(open_.columns) == len(shown.columns) + len(members) - 1
    spans = open_.sheet().spans
    assert [(g, last - first) for g, first, last in spans if g == group.group] == [(group.group, len(members))]


def test_a_cell_reads_its_value_and_how_many_samples_stand_behind_it(found: Matrix) -> None:
    assert found.reading(0, 0).startswith(f"conv2:{found.units[0]} × {found.columns[0].title}  ")
    assert found.reading(0, 0).endswith(", n = 8")


def test_the_table_has_a_row_for_each_neuron_with_its_cluster(session: Session, found: Matrix) -> None:
    names, rows = found.table()
    assert names[:3] == ("layer", "unit", "cluster")
    assert len(rows) == 24
    cluster = session.analysis.clusters[LAYER].cluster_of(int(rows[0][1]))
    assert rows[0][:3] == [LAYER, found.units[0], cluster.title]
    assert rows[0][3:] == found.values[0].tolist()


def test_a_layer_that_is_not_clustered_is_one_block(session: Session) -> None:
    clusters = {k: v for k, v in session.analysis.clusters.items() if k != LAYER}
    shown = matrix(session.with_analysis(replace(session.analysis, clusters=clusters)), LAYER)
    assert [(c.id, first, last) for c, first, last in shown.clusters] == [(-1, 0, 24)]


def test_the_figure_names_every_neuron_and_class_and_says_how_it_was_made(session: Session) -> None:
    diagram = matrix_diagram(session, LAYER)
    root = ElementTree.fromstring(svg(diagram))
    texts = {t.text for t in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {f":{u}" for u in range(24)} <= texts
    assert {f"class {c}" for c in range(5)} <= texts
    assert "24 neurons of conv2" in diagram.caption
    assert "KMeans(k=3), seed 0" in diagram.caption
    assert diagram.legend


def test_a_large_figure_stays_shapes() -> None:
    diagram = matrix_diagram(a_session((300,), 10), "layer1.conv2")
    assert svg(diagram).count("<rect") >= 3000


def test_few_cells_that_stand_far_out_do_not_wash_out_the_rest() -> None:
    session = made_up_session(widths=(6, 200), classes=5, n=40)
    assert session.activations is not None
    session.activations[LAYER].total[0, 0] = 1e6
    scale = matrix(session, LAYER).sheet().scale
    assert scale.beyond
    assert scale.top < 100
    assert scale.steps[-1][1].startswith("≥ ")


def test_the_name_of_a_group_gives_up_its_second_class_before_its_letters() -> None:
    group = Head("container ship, drilling platform +11", classes=tuple(range(13)), group=0)
    one = Head("hen, of the woods", classes=(4,))
    assert group.fitting(400.0, lambda text: 10.0 * len(text)) == group.text
    assert group.fitting(200.0, lambda text: 10.0 * len(text)) == "container ship +12"
    assert one.fitting(20.0, lambda text: 10.0 * len(text)) == one.text
