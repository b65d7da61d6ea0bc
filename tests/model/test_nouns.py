"""The word for what a network is shown."""

from __future__ import annotations

from dataclasses import replace

import pytest
from layout_sessions import a_session

from cnnvis.model.findings import findings
from cnnvis.model.nouns import IMAGE, ROW, noun_of
from cnnvis.model.tables import table


def test_a_number_stands_with_the_word_for_one_or_many():
    assert [ROW.count(n) for n in (0, 1, 2, 5000)] == ["0 rows", "1 row", "2 rows", "5,000 rows"]


def test_the_kind_of_the_data_says_the_word():
    assert (noun_of("images"), noun_of("table")) == (IMAGE, ROW)


@pytest.mark.parametrize(
    ("said", "turned"),
    [
        ("Follow these 3 images alone", "Follow these 3 rows alone"),
        ("Images of this class", "Rows of this class"),
        ("An image of them", "A row of them"),
        ("one image, an image's class", "one row, a row's class"),
        ("All &images", "All &rows"),
        ("image_size and imagery", "image_size and imagery"),
    ],
)
def test_a_text_about_images_is_turned_into_one_about_rows(said, turned):
    assert ROW.say(said) == turned
    assert IMAGE.say(said) == said


def of_rows(session):
    return replace(session, activations=replace(session.activations, noun=ROW))


def test_findings_say_the_word_of_the_session():
    session = a_session((16, 32), 3)
    texts = " ".join(f"{f.text} {f.detail} {f.cause}" for f in findings(session))
    turned = " ".join(f"{f.text} {f.detail} {f.cause}" for f in findings(of_rows(session)))
    assert "image" in texts
    assert "sample" not in texts
    assert "row" in turned
    assert "image" not in turned


def test_a_table_of_inputs_is_headed_by_the_word():
    session = a_session()
    assert table(session, "images").columns[0] == "image"
    assert table(of_rows(session), "images").columns[0] == "row"
    assert table(session, "samples") == table(session, "images")
