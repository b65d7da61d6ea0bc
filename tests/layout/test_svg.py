from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import pytest
from layout_sessions import a_session

from cnnvis.errors import UnreadableSample
from cnnvis.layout.compose import draw
from cnnvis.layout.diagram import Box, Card, Diagram, Face, Ink, Label, Patch
from cnnvis.layout.svg import elided, svg, text_width
from cnnvis.layout.theme import DARK

SPACE = "{http://www.w3.org/2000/svg}"
HOSTILE = """<script>alert("x")</script> & ' \x00\x0b\ud800 ]]> é 🐟"""


@pytest.fixture(scope="module")
def session():
    return a_session((16, 32), 3)


def test_a_diagram_is_valid_xml_of_its_size(session):
    diagram = draw(session)
    root = ElementTree.fromstring(diagram._repr_svg_())
    assert root.tag == SPACE + "svg"
    assert float(root.get("width")) == diagram.width


def test_every_patch_is_embedded(session):
    diagram = draw(session)
    images = ElementTree.fromstring(svg(diagram)).findall(f".//{SPACE}image")
    assert len(images) == sum(isinstance(m, Patch) for c in diagram.cards for m in c.marks)
    assert all(i.get("href").startswith("data:image/png;base64,") for i in images)


def test_hostile_names_stay_text(session):
    partition = session.analysis.clusters["layer2.conv2"]
    hostile = partition.rename(partition.clusters[0].id, HOSTILE)
    network = replace(session.analysis.network, classes=(HOSTILE, "b", "c"), name=HOSTILE)
    analysis = replace(session.analysis.with_clusters("layer2.conv2", hostile), network=network)
    root = ElementTree.fromstring(svg(draw(session.with_analysis(analysis))))
    assert root.find(f".//{SPACE}script") is None


def test_a_missing_picture_leaves_an_empty_place(session):
    diagram = replace(draw(session), pictures=lambda sample: None)
    assert "<image" not in svg(diagram)
    assert "<image" not in svg(replace(diagram, pictures=None))


def test_a_picture_that_cannot_be_read_any_more_leaves_an_empty_place(session):
    def gone(sample):
        raise UnreadableSample(f"sample {sample} must be an image; got nothing.")

    assert "<image" not in svg(replace(draw(session), pictures=gone))


def test_from_afar_a_mosaic_without_words_is_left(session):
    found = svg(draw(session), zoom=0.15)
    assert "<image" in found
    assert "neurons</text>" not in found


def test_the_dark_theme_has_a_dark_ground(session):
    assert f'fill="{DARK.hex(Ink("canvas"))}"' in svg(draw(session), theme=DARK)


def test_a_long_text_is_cut_in_the_middle_to_its_box():
    label = Label("features.12.expand3x3.weight", Box(0, 0, 100, 16), 12, elide="middle")
    text = elided(label)
    assert "…" in text
    assert text[0] == "f"
    assert text[-1] == "t"
    assert text_width(text, 12, False) <= 100


def test_a_text_that_fits_is_not_cut():
    assert elided(Label("conv1", Box(0, 0, 100, 16))) == "conv1"


def test_a_long_text_is_cut_at_the_end_where_its_label_says_so():
    assert elided(Label("a" * 40, Box(0, 0, 60, 16), elide="end")).endswith("…")


def test_an_upright_label_is_turned_about_the_centre_of_its_box():
    label = Label("frog", Box(10, 20, 16, 80), upright=True)
    assert label.lying.box == Box(-22, 52, 80, 16)
    face = Face(100, 100, (label,), "")
    text = svg(Diagram((), (Card(("sheet",), Box(0, 0, 100, 100), face),), (), 100, 100))
    found = ElementTree.fromstring(text).find(f".//{SPACE}text")
    assert found.get("transform") == "rotate(-90 18 60)"
    assert float(found.get("x")) == -22
