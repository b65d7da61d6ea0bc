from __future__ import annotations

from dataclasses import replace

import numpy as np
from layout_sessions import a_session

from cnnvis.layout.compose import draw
from cnnvis.layout.diagram import Label, Patch
from cnnvis.layout.readings import read, table
from cnnvis.model.network import Field
from cnnvis.model.partition import Cluster

NAME = "layer2.conv2"


def a_reading(session=None, **fields):
    session = session or a_session((16, 32), 3)
    layer = replace(session.analysis.network[NAME], **fields)
    return session, read(session.activations, layer, (32, 32))


class Rows:
    """A table of three columns; the last one is unusual in every tenth row."""

    kind = "table"
    features = ("height", "width", "colour")
    classes = ("a", "b", "c")
    labels = None

    def __len__(self):
        return 60

    def __getitem__(self, index):
        return self.picture(index), 0

    def picture(self, index):
        return np.array([index % 3, index % 4, 50.0 if index % 10 == 0 else index % 2])

    def name(self, index):
        return str(index)


def test_a_reading_is_the_same_for_the_same_responses():
    session, reading = a_reading()
    assert a_reading(session)[1] is reading


def test_readings_do_not_keep_their_responses_alive():
    import gc
    import weakref

    session, _ = a_reading()
    draw(session)
    found = weakref.ref(session.activations)
    del session, _
    gc.collect()
    assert found() is None


def test_a_crop_at_the_border_is_moved_inside_the_picture():
    _, reading = a_reading(field=Field((9.0, 9.0), (1.0, 1.0), (-4.0, -4.0)))
    assert reading.crop(0, 0) == (0, 0, 9, 9)
    assert reading.crop(31, 31) == (23, 23, 32, 32)
    assert reading.crop(16, 16) == (12, 12, 21, 21)


def test_a_field_as_large_as_the_picture_shows_all_of_it():
    _, reading = a_reading(field=Field((64.0, 64.0), (4.0, 4.0), (-30.0, -30.0)))
    assert reading.crop(3, 3) is None
    assert a_reading(field=None)[1].crop(0, 0) is None


def test_a_group_without_samples_has_no_response():
    session = a_session((16, 32), 3)
    counts = np.array([20.0, 0.0, 20.0])
    session = replace(session, activations=replace(session.activations, counts=counts))
    _, reading = a_reading(session)
    profile = reading.profile(Cluster(0, (0, 1)))
    assert np.isnan(profile).tolist() == [False, True, False]
    assert 1 not in reading.top_groups(Cluster(0, (0, 1)), 3)


def test_a_profile_runs_from_the_weakest_to_the_strongest_group():
    _, reading = a_reading()
    profile = reading.profile(Cluster(0, (0, 1, 2)))
    assert profile.min() == 0
    assert profile.max() == 1


def test_a_cluster_that_answers_all_alike_is_even():
    session = a_session((16, 32), 3)
    found = session.activations[NAME]
    even = replace(found, total=np.full_like(found.total, 7.0))
    activations = replace(session.activations, layers={**session.activations.layers, NAME: even})
    _, reading = a_reading(replace(session, activations=activations))
    assert reading.profile(Cluster(0, (0,))).tolist() == [0, 0, 0]
    assert reading.top_groups(Cluster(0, (0,)), 3) == []


def test_nothing_shows_a_neuron_that_never_fires():
    session, reading = a_reading()
    assert reading.exemplar(31, set()) is None
    assert reading.n_dead(Cluster(0, (30, 31))) == 1
    assert a_reading(session, rectified=False)[1].n_dead(Cluster(0, (30, 31))) == 0


def test_a_used_picture_gives_way_to_one_nearly_as_strong():
    _, reading = a_reading()
    found = reading.activations[NAME]
    first = reading.exemplar(0, set())[0]
    assert first == found.top_samples[0, 0]
    other = reading.exemplar(0, {first})[0]
    near = found.top_values[0] >= 0.8 * found.top_values[0, 0]
    assert other in found.top_samples[0][near]


def test_a_row_of_a_table_is_told_by_what_is_unusual_in_it():
    session = a_session((16, 32), 3)
    activations = replace(session.activations, data=Rows())
    assert table(activations).unusual(10, 1) == ["colour 50"]
    assert table(session.activations) is None


def test_large_values_of_a_row_are_written_without_powers_of_ten(monkeypatch):
    row = lambda self, index: np.array([1.0, 2.0, -3230.0 if index == 10 else index % 2])  # noqa: E731
    monkeypatch.setattr(Rows, "picture", row)
    activations = replace(a_session((16, 32), 3).activations, data=Rows())
    assert table(activations).unusual(10, 1) == ["colour −3,230"]


def test_the_cards_of_a_table_show_rows_instead_of_patches():
    session = a_session((16, 32), 3)
    tabular = replace(session, activations=replace(session.activations, data=Rows()), pictures=None)
    diagram = draw(tabular)
    marks = [m for card in diagram.cards for m in card.marks]
    assert not any(isinstance(m, Patch) for m in marks)
    assert any(isinstance(m, Label) and m.text.startswith("colour 50, ") for m in marks)
