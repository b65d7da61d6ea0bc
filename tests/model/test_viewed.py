"""What a session shows of a subset: its own contributions, and its health as far as it is known."""

from __future__ import annotations

import gc
import weakref
from dataclasses import fields, replace

import numpy as np
import pytest
from sessions import made_up_session

from cnnvis.errors import InvalidValue
from cnnvis.model.measurements import Contributions, Edging, Health, LayerHealth
from cnnvis.model.search import search
from cnnvis.model.session import Session
from cnnvis.model.subset_responses import restricted
from cnnvis.model.subsets import Subset
from cnnvis.model.tables import table
from cnnvis.model.viewed import shown_subset, subset_rows, viewed

NAN = float("nan")
FEW = Subset("few", classes=(1, 2), samples=(1, 2, 5, 9, 10))
OF_WEIGHTS = ("negative", "negative_mass", "norm", "change")
OF_GRADIENTS = ("saturated", "gradient", "ratio")


def health(seed: float, subset: str = "", n: int = 64) -> Health:
    """A made-up health of all layers; every number is another."""
    layers = {}
    for i, (name, units) in enumerate({"conv1": 6, "conv2": 12, "fc": 4}.items()):
        numbers = {f.name: seed + i / 10 + k / 100 for k, f in enumerate(fields(LayerHealth)) if f.type == "float"}
        layers[name] = LayerHealth(name, **numbers, unit_gradients=np.full(units, seed), n_nan=int(seed))
    return Health(layers, n, "before", subset)


def contributions(counts: list[int], seed: int, target: int | None = None, subset: str = "") -> Contributions:
    rng = np.random.default_rng(seed)
    layers = {"conv1": rng.normal(size=(6, 4)) * counts, "conv2": rng.normal(size=(12, 4)) * counts}
    return Contributions(layers, np.array(counts, float), target, {}, subset)


@pytest.fixture
def session() -> Session:
    """Contributions and health over all samples, and a subset that is shown."""
    found = made_up_session()
    measured = found.measurements.with_contributions(contributions([6, 6, 6, 6], 0)).with_health(health(1))
    analysis = found.analysis.with_subset(FEW)
    return replace(found, measurements=measured, analysis=analysis, look=replace(found.look, subset="few"))


def over_few(session: Session) -> Session:
    """Measured over the subset as well."""
    measured = session.measurements.with_contributions(contributions([0, 3, 2, 0], 1, subset="few"))
    return session.with_measurements(measured.with_health(health(2, "few", 5)))


def test_contributions_over_all_samples_never_stand_for_a_subset(session: Session) -> None:
    assert viewed(session).measurements.own is None
    found = over_few(session)
    assert viewed(found).measurements.own is found.measurements.over("few").contributions[None]
    everything = found.with_look(replace(found.look, subset=""))
    assert viewed(everything).measurements is found.measurements


def test_a_subset_that_is_gone_shows_what_holds_for_all(session: Session) -> None:
    gone = session.with_analysis(session.analysis.without_subset("few"))
    assert shown_subset(gone) == ""
    assert viewed(gone).measurements.own is session.measurements.own
    assert viewed(gone).measurements.health is session.measurements.health


def test_responses_follow_a_subset_at_once_and_weights_stay(session: Session) -> None:
    found = viewed(session).measurements.health
    whole, rows = session.measurements.health, subset_rows(session)
    assert found is not None
    assert whole is not None
    assert (found.subset, found.n_samples, found.compared) == ("few", 0, "before")
    for name in ("conv1", "conv2", "fc"):
        values = session.activations[name].pooled[rows].astype(float)  # type: ignore[index]
        one = found.layers[name]
        assert one.mean == pytest.approx(values.mean())
        assert one.spread == pytest.approx(values.std(0).mean())
        if name == "fc":  # no rectifier stands behind it
            assert np.isnan(one.dead)
        else:
            assert one.dead == (values <= 0).all(0).mean()
        assert [getattr(one, n) for n in OF_WEIGHTS] == [getattr(whole.layers[name], n) for n in OF_WEIGHTS]
        assert all(np.isnan(getattr(one, n)) for n in OF_GRADIENTS)
        assert one.unit_gradients.size == 0


def test_gradients_follow_once_they_are_measured_over_the_subset(session: Session) -> None:
    found = viewed(over_few(session)).measurements.health
    assert found is not None
    assert found.n_samples == 5
    part, whole = health(2).layers["conv2"], health(1).layers["conv2"]
    one = found.layers["conv2"]
    assert [getattr(one, n) for n in OF_GRADIENTS] == [getattr(part, n) for n in OF_GRADIENTS]
    assert [getattr(one, n) for n in OF_WEIGHTS] == [getattr(whole, n) for n in OF_WEIGHTS]
    assert (one.n_nan, one.unit_gradients.tolist()) == (2, [2.0] * 12)
    assert one.mean not in (part.mean, whole.mean)


def test_a_layer_without_single_responses_has_the_weights_alone(session: Session) -> None:
    assert session.activations is not None
    layers = {**session.activations.layers, "conv1": replace(session.activations["conv1"], pooled=None)}
    found = viewed(replace(session, activations=replace(session.activations, layers=layers))).measurements.health
    assert found is not None
    assert np.isnan([found.layers["conv1"].dead, found.layers["conv1"].mean, found.layers["conv1"].spread]).all()
    assert found.layers["conv1"].norm == health(1).layers["conv1"].norm


def test_health_over_a_subset_alone_is_shown_where_nothing_else_was_measured(session: Session) -> None:
    alone = session.with_measurements(replace(over_few(session).measurements, health=None))
    found = viewed(alone).measurements.health
    assert found is not None
    assert found.layers["conv1"].norm == health(2).layers["conv1"].norm
    assert viewed(session.with_measurements(replace(session.measurements, health=None))).measurements.health is None


def test_a_layer_is_the_same_object_until_something_of_it_changes(session: Session) -> None:
    """Cards that hold it are not drawn again."""
    first, again = (viewed(session).measurements.health for _ in range(2))
    later = viewed(over_few(session)).measurements.health
    assert first is not None
    assert again is not None
    assert later is not None
    assert again.layers["conv1"] is first.layers["conv1"]
    assert later.layers["conv1"] is not first.layers["conv1"]


def test_layers_that_nobody_looks_at_cost_nothing(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    from cnnvis.model import subset_responses

    made: list[str] = []
    plain = subset_responses._responses

    def counting(found: object, *rest: object) -> object:
        made.append(found.layer)  # type: ignore[attr-defined]
        return plain(found, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(subset_responses, "_responses", counting)
    found = viewed(session).measurements.health
    assert found is not None
    assert made == []
    _ = found.layers["conv2"]
    assert made == ["conv2"]


def test_the_health_of_a_subset_does_not_keep_its_responses_alive(session: Session) -> None:
    assert session.activations is not None
    rows = subset_rows(session)
    assert rows is not None
    layer = viewed(session).measurements.health.layers["conv1"]  # type: ignore[union-attr]
    some = weakref.ref(restricted(session.activations, rows))
    for n in range(1, 12):  # so many subsets push it out
        restricted(session.activations, np.arange(n))
    gc.collect()
    assert some() is None
    assert layer.norm


def test_tables_are_over_the_subset_and_lack_what_was_not_measured_over_it(session: Session) -> None:
    assert not [c for c in table(session, "neurons").columns if c.startswith("contribution")]
    found = table(over_few(session), "neurons")
    column = found.columns.index("contribution: class 1")
    expected = contributions([0, 3, 2, 0], 1).means("conv1")[:, 1]
    assert [row[column] for row in found.rows[:6]] == expected.tolist()
    assert all(np.isnan(row[column - 1]) for row in found.rows[:6])  # no image of class 0 is in it
    numbers = dict(zip(table(session, "health").columns, table(session, "health").rows[0]))
    assert np.isnan(numbers["norm of gradient"])
    assert numbers["norm of weights"] == health(1).layers["conv1"].norm


def test_a_search_ranks_by_contributions_over_the_subset(session: Session) -> None:
    with pytest.raises(InvalidValue, match="not measured over “few” yet"):
        search(session, "top 3 contribution:1")
    order = np.argsort(-contributions([0, 3, 2, 0], 1).means("conv2")[:, 1])[:3]
    hits = search(over_few(session), "top 3 contribution:1 conv2")
    assert [hit.key[2] for hit in hits] == order.tolist()


def test_a_class_without_images_is_ranked_by_what_speaks_for_it_in_those_of_others(session: Session) -> None:
    found = over_few(session)
    with pytest.raises(InvalidValue, match="no image of that class"):
        search(found, "contribution:0")
    aimed = contributions([0, 3, 2, 0], 2, target=0, subset="few")
    hits = search(found.with_measurements(found.measurements.with_contributions(aimed)), "top 3 contribution:0 conv1")
    assert [hit.key[2] for hit in hits] == np.argsort(-aimed.total("conv1").sum(1))[:3].tolist()


def test_everything_over_a_subset_is_forgotten_at_once(session: Session) -> None:
    assert session.connections is not None
    measured = over_few(session).measurements.with_connections(Edging(subset="few"), session.connections)
    left = measured.without_subset("few")
    assert (left.subsets, left.connections) == ({}, {})
    assert left.own is measured.own
    assert left.without_subset("few") is left
