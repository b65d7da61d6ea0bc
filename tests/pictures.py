"""Diagrams without a network, for the tests of painters and windows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cnnvis.layout.diagram import (
    CARD,
    MUTED,
    Box,
    Card,
    Column,
    Diagram,
    Entry,
    Face,
    Ink,
    Key,
    Label,
    Link,
    Mark,
    Patch,
    Rect,
)


def picture(sample: int) -> NDArray[np.uint8]:
    """A smooth 32 × 32 picture of a sample's own colours."""
    rng = np.random.default_rng(sample)
    coarse = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return coarse.repeat(8, axis=0).repeat(8, axis=1)


def face(title: str, n_patches: int, w: float = 148.0, h: float = 112.0, side: float = 32.0) -> Face:
    marks: list[Mark] = [
        Label(title, Box(8, 6, w - 16, 18), size=12, bold=True, elide="middle"),
        *(Rect(Box(8 + i * (w - 16) / 10, 28, (w - 16) / 10 - 1, 4), Ink("class", i)) for i in range(10)),
    ]
    across = int((w - 16) // (side + 2))
    for i in range(n_patches):
        box = Box(8 + (i % across) * (side + 2), 38 + (i // across) * (side + 2), side, side)
        marks.append(Patch(box, i, (0, 0, 24, 24 if i % 3 else 12), unit=i))
    marks.append(Label("+3", Box(w - 40, h - 18, 32, 14), size=10, ink=MUTED, align="right"))
    return Face(w, h, tuple(marks), title, f"{title}: {n_patches} patches")


def diagram(n_columns: int = 3, n_cards: int = 2, n_patches: int = 3, n_links: int = 8, side: float = 32.0) -> Diagram:
    """Columns of cards joined by links, each card with its patches."""
    columns, cards, links = [], [], []
    rows = -(-n_patches // int(132 // (side + 2)))
    w, h = 148.0, 62 + rows * (side + 2)
    step_x, step_y = w + 90, h + 16
    for c in range(n_columns):
        layer = f"layer{c}"
        keys: list[Key] = [("cluster", layer, i) for i in range(n_cards)]
        x = 16 + c * step_x
        for i, key in enumerate(keys):
            title = "a cluster of neurons with a long name" if i == 0 else f"{i + 2} neurons"
            cards.append(Card(key, Box(x, 56 + i * step_y, w, h), face(title, n_patches, w, h, side)))
        marks = (Label(layer, Box(0, 0, w, 16), 13, bold=True), Label("1 layer", Box(0, 18, w, 14), 11, MUTED))
        header = Card(("column", layer), Box(x, 12, w, 34), Face(w, 34, marks, layer, framed=False))
        columns.append(Column(header.key, header, tuple(keys), layer, c))
    rng = np.random.default_rng(0)
    at = {card.key: card.box for card in cards}
    for number in range(n_links):
        c = int(rng.integers(0, n_columns - 1))
        a: Key = ("cluster", f"layer{c}", int(rng.integers(0, n_cards)))
        b: Key = ("cluster", f"layer{c + 1}", int(rng.integers(0, n_cards)))
        (x0, y0), (x1, y1) = (at[a].right, at[a].middle), (at[b].x, at[b].middle)
        points = ((x0, y0), ((x0 + x1) / 2, y0), ((x0 + x1) / 2, y1), (x1, y1))
        strength, signs = float(rng.random()) ** 2, rng.random(2)
        link = Link(("link", *a, *b, number), a, b, points, signs[0], signs[1], strength, 1 + 4 * strength)
        links.append(link)
    legend = (
        Entry("excites", Ink("excite"), "line"),
        Entry("inhibits", Ink("inhibit"), "line"),
        *(Entry(f"class {i}", Ink("class", i), "square") for i in range(10)),
    )
    width, height = 16 + n_columns * step_x - 74, 56 + n_cards * step_y
    return Diagram(
        tuple(columns),
        tuple(cards),
        tuple(links),
        width,
        height,
        tuple(f"class {i}" for i in range(10)),
        "A network without a name, seen through pictures without a subject.",
        legend,
        picture,
    )


__all__ = ["CARD", "diagram", "face", "picture"]
