from __future__ import annotations

import pytest

from cnnvis.errors import UnknownName
from cnnvis.layout.diagram import EXCITE, Ink
from cnnvis.layout.theme import CLUSTER_COLOURS, DARK, LIGHT, PRINT, contrast, parse

THEMES = pytest.mark.parametrize("theme", [LIGHT, DARK, PRINT], ids=lambda t: t.name)


@THEMES
@pytest.mark.parametrize("role", ["text", "muted", "accent"])
@pytest.mark.parametrize("ground", ["card", "canvas"])
def test_text_is_readable_on_every_ground(theme, role, ground):
    assert contrast(theme.roles[role], theme.roles[ground]) >= 4.5


@THEMES
def test_every_class_stands_out_from_its_card(theme):
    assert min(contrast(c, theme.roles["card"]) for c in theme.classes) >= 2.0


@THEMES
def test_no_class_has_the_colour_of_a_sign_or_of_another_class(theme):
    def apart(one, other):
        return sum((a - b) ** 2 for a, b in zip(one, other)) ** 0.5

    signs = [theme.roles[r] for r in ("excite", "inhibit", "accent")]
    for index, colour in enumerate(theme.classes):
        assert min(apart(colour, s) for s in signs) > 40
        assert min(apart(colour, c) for c in theme.classes[:index] or ((999, 999, 999),)) > 20


@THEMES
@pytest.mark.parametrize("name", CLUSTER_COLOURS)
def test_a_cluster_is_marked_in_a_colour_that_is_seen_on_its_card_and_is_no_sign(theme, name):
    colour = parse(CLUSTER_COLOURS[name])
    assert contrast(colour, theme.roles["card"]) >= 3.0
    for sign in ("excite", "inhibit", "accent"):
        assert sum((a - b) ** 2 for a, b in zip(colour, theme.roles[sign])) ** 0.5 > 50


def test_a_quiet_edge_is_thirty_percent_of_its_colour():
    assert LIGHT.quiet(EXCITE) == tuple(round(0.3 * a + 0.7 * b) for a, b in zip(parse("#2B6CB0"), parse("#f4f6f8")))


def test_a_weak_ink_is_blended_with_its_card():
    assert LIGHT.rgb(Ink("class", 0, 0.0)) == LIGHT.roles["card"]


def test_classes_beyond_the_palette_are_muted():
    assert LIGHT.rgb(Ink("class", 50)) == LIGHT.roles["muted"]


def test_a_user_colour_is_taken_as_it_is():
    assert DARK.hex(Ink("#aabbcc")) == "#aabbcc"
    assert DARK.hex(Ink("#abc")) == "#aabbcc"


def test_an_unknown_role_is_named():
    with pytest.raises(UnknownName, match="sparkle"):
        LIGHT.rgb(Ink("sparkle"))
