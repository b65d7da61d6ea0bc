"""A view out of a figure: what comes back is what was drawn, and nothing hostile gets through."""

from __future__ import annotations

import base64
import json
import zlib
from contextlib import suppress
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sessions import made_up_session

from cnnvis.errors import InvalidValue, UnreadableFile
from cnnvis.layout.compose import draw
from cnnvis.layout.diagram import Diagram
from cnnvis.model.connections import Mode
from cnnvis.model.partition import Cluster
from cnnvis.model.session import FACETS, Bundling, ClassOrder, Look, Packing, Session, Signs
from cnnvis.model.subsets import Subset
from cnnvis.model.views import packed, restored, unpacked, view_of

SESSION = made_up_session(seed=3)
LAYERS = {"conv1": 6, "conv2": 12}


def plain() -> dict[str, Any]:
    """The view of a session as JSON-ready values."""
    line = packed(view_of(SESSION))
    found = json.loads(zlib.decompress(base64.b64decode(line.split(":")[2])))
    assert isinstance(found, dict)
    return found


def figure(value: Any) -> bytes:
    """A figure with a made-up view."""
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return b"<svg>cnnvis-view:1:" + base64.b64encode(zlib.compress(text)) + b":end</svg>"


def opened(value: Any) -> None:
    view = unpacked(figure(value))
    assert view is not None
    restored(view, SESSION)


def same(one: Diagram, other: Diagram) -> bool:
    """Whether a reader of two figures sees the same: cards with their marks, and what joins them."""
    pairs = list(zip(one.cards, other.cards, strict=True))
    pairs += [(a.card, b.card) for a, b in zip(one.bundles, other.bundles, strict=True)]
    cards = all(a.key == b.key and a.box == b.box and a.face.shows_as(b.face) for a, b in pairs)
    return cards and (one.strokes, one.caption, one.dimmed) == (other.strokes, other.caption, other.dimmed)


bundle_keys = st.tuples(
    st.sampled_from(["conv1", "conv2", "gone"]), st.sampled_from(["conv2", "fc"]), st.integers(0, 9)
)
far = st.floats(-500, 500, width=32)
looks = st.builds(
    Look,
    expanded=st.frozensets(st.sampled_from(["conv1", "fc", "gone"])),
    opened=st.frozensets(st.tuples(st.sampled_from([*LAYERS, "gone"]), st.integers(-1, 5))),
    share=st.floats(0, 1),
    chosen=st.none() | st.integers(-1, 9),
    facet=st.sampled_from(FACETS),
    facets=st.frozensets(st.tuples(st.sampled_from([*LAYERS, "gone"]), st.integers(0, 4), st.sampled_from(FACETS))),
    packing=st.sampled_from(get_args(Packing)),
    order=st.sampled_from(get_args(ClassOrder)),
    unfolded=st.frozensets(st.integers(-1, 9)),
    mode=st.sampled_from(get_args(Mode)),
    signs=st.sampled_from(get_args(Signs)),
    bundles=st.sampled_from(get_args(Bundling)),
    unbundled=st.frozensets(bundle_keys),
    moved=st.lists(st.tuples(bundle_keys, far, far), max_size=3).map(tuple),
    subset=st.sampled_from(["", "few", "gone"]),
    instance=st.sampled_from(["", "3.png", "gone.png"]),
    against=st.sampled_from(["", "mean of class 1", "gone"]),
    cards=st.lists(
        st.tuples(st.sampled_from([*LAYERS, "gone"]), st.lists(st.integers(-1, 5), max_size=4).map(tuple)), max_size=3
    ).map(tuple),
)
names = st.text(max_size=30)
edits = st.lists(st.tuples(st.sampled_from(list(LAYERS)), st.integers(0, 5), st.integers(0, 5), names), max_size=4)


def edited(session: Session, steps: list[tuple[str, int, int, str]]) -> Session:
    """A session after some moves, names, colours and pins; steps that are not possible are left out."""
    analysis = session.analysis.with_subset(Subset("few", samples=(1, 2, 5)))
    for layer, unit, other, name in steps:
        clusters = analysis.clusters[layer]
        home, to = clusters.cluster_of(unit).id, clusters.cluster_of(other).id
        if home != to and len(clusters[home]) > 1:
            clusters = clusters.move([unit], to)
        clusters = clusters.rename(to, name).recolour(to, "#3f938a").pin(unit)
        analysis = analysis.with_clusters(layer, clusters)
    return replace(session, analysis=analysis)


@settings(max_examples=25, deadline=None)
@given(look=looks, steps=edits)
def test_any_view_comes_back_as_it_was_drawn(look: Look, steps: list[tuple[str, int, int, str]]) -> None:
    session = edited(SESSION, steps).with_look(look)
    view = unpacked(b"x" + packed(view_of(session)).encode() + b"y")
    assert view is not None
    analysis, seen = restored(view, SESSION)
    assert dict(analysis.clusters) == dict(session.analysis.clusters)
    assert seen == replace(look, bounds=None)
    alike = same(draw(replace(SESSION, analysis=analysis, look=seen)), draw(session))
    assert alike  # told in one word: a session is a long story


def with_groups(change: Any) -> dict[str, Any]:
    found = plain()
    found["analysis"]["groups"] = change(found["analysis"]["groups"])
    return found


def with_cluster(**values: Any) -> dict[str, Any]:
    found = plain()
    found["analysis"]["clusters"]["conv1"][0] |= values
    return found


def with_look(**values: Any) -> dict[str, Any]:
    found = plain()
    found["look"] |= values
    return found


@pytest.mark.parametrize(
    "value",
    [
        b"[" * 100_000,
        json.dumps(plain()).replace('"id": 0', '"id": 1e999').encode(),
        b"\xff\xfe{",
        [1],
        "text",
        plain() | {"look": None},
        plain() | {"analysis": [1]},
        with_groups(lambda groups: []),
        with_groups(lambda groups: groups[:1]),
        with_groups(lambda groups: groups * 2),
        with_groups(lambda groups: [groups[0] | {"representative": "fc"}, *groups[1:]]),
        with_groups(lambda groups: [g | {"name": "same"} for g in groups]),
        with_groups(lambda groups: [groups[0] | {"layers": ["conv9"], "representative": "conv9"}, *groups[1:]]),
        with_cluster(colour='url(#x)" onload="run()'),
        with_cluster(pinned=[99]),
        with_cluster(members=[-1, 0]),
        with_look(theme="pink"),
        with_look(facets=[["conv1", 0, "nothing"]]),
        with_look(share=float("nan")),
        with_look(cards=[["conv1", 3]]),
        with_look(cards=[["conv1", [None]]]),
        with_look(cards=[["conv1", [float("inf")]]]),
        with_look(cards={"conv1": [0]}),
        with_look(cards=7),
    ],
    ids=lambda value: None,
)
def test_a_hostile_view_is_one_sentence(value: Any) -> None:
    with pytest.raises(UnreadableFile, match=r"^The view in the figure must .* Export the figure anew\.$"):
        opened(value)


def test_a_view_of_an_older_figure_names_no_order_of_cards() -> None:
    older = plain()
    del older["look"]["cards"]
    view = unpacked(figure(older))
    assert view is not None
    assert view.look.cards == ()


def test_a_mark_with_an_endless_version_is_no_view() -> None:
    assert unpacked(b"cnnvis-view:" + b"9" * 5000 + b":AAAA:end") is None


@settings(max_examples=50, deadline=None)
@given(place=st.integers(0, 3000), byte=st.integers(0, 255), end=st.integers(0, 3000))
def test_a_figure_with_torn_bytes_opens_rightly_or_says_so(place: int, byte: int, end: int) -> None:
    data = bytearray(packed(view_of(SESSION)).encode())
    data[place % len(data)] = byte
    with suppress(UnreadableFile, InvalidValue):  # anything else would end the window's work unsaid
        view = unpacked(bytes(data[: len(data) - end % 40]))
        if view is not None:
            assert set(restored(view, SESSION)[0].clusters) <= {*LAYERS, "fc"}


@pytest.mark.parametrize("colour", ["red", "#12345", "#12345g", 'x" onload="'])
def test_the_colour_of_a_cluster_must_be_hex(colour: str) -> None:
    with pytest.raises(InvalidValue, match="must be hex such as #3f938a"):
        Cluster(0, (0, 1), colour=colour)


def test_pictures_of_a_view_are_those_of_the_session() -> None:
    view = unpacked(packed(view_of(SESSION)).encode())
    assert view is not None
    picture = replace(SESSION, analysis=restored(view, SESSION)[0]).picture(2)
    assert picture is not None
    assert np.array_equal(picture, SESSION.picture(2))
