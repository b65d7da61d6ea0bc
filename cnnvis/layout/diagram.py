"""The toolkit-free picture, which every painter draws the same way: what lies where, and what changed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from cnnvis.errors import UnknownName
from cnnvis.layout.marks import (
    ACCENT,
    BORDER,
    CARD,
    EVER,
    EXCITE,
    FAINT,
    INHIBIT,
    MUTED,
    TEXT,
    Box,
    Bundle,
    Card,
    Cells,
    Column,
    Entry,
    Face,
    Ink,
    Key,
    Label,
    Lines,
    Link,
    Mark,
    Patch,
    Pictures,
    Raster,
    Rect,
    flatten,
    pointed,
    seen,
)
from cnnvis.layout.svg import svg
from cnnvis.model.session import Session

__all__ = [
    "ACCENT",
    "BORDER",
    "CARD",
    "EVER",
    "EXCITE",
    "FAINT",
    "INHIBIT",
    "MUTED",
    "TEXT",
    "Box",
    "Bundle",
    "Card",
    "Cells",
    "Column",
    "Diagram",
    "Difference",
    "Entry",
    "Face",
    "Ink",
    "Key",
    "Label",
    "Lines",
    "Link",
    "Mark",
    "Patch",
    "Pictures",
    "Raster",
    "Rect",
    "difference",
    "flatten",
    "pointed",
    "seen",
]


@dataclass(frozen=True, slots=True)
class Difference:
    """What became of the cards from one diagram to the next, by key.

    kept: the same face at the same place; moved: another place or size; changed: the same box, another face.
    """

    kept: frozenset[Key]
    moved: frozenset[Key]
    changed: frozenset[Key]
    added: frozenset[Key]
    removed: frozenset[Key]


@dataclass(frozen=True, eq=False)
class Diagram:
    """The whole picture, in diagram pixels from (0, 0) to (width, height).

    `pictures(sample)` gives painters the picture of a sample, uint8 (h, w, 3); None where there are no images.
    `session` is what it shows, with the order of its cards in the look, so that a figure can carry the view that made
    it. `dimmed` names the cards that step back, because they do not matter for the class in question or the
    image laid over. `path` are links that stand out while nothing else is asked for. `titles` are the names of
    expanded groups over their columns: nothing to point at.
    """

    columns: tuple[Column, ...]
    cards: tuple[Card, ...]
    links: tuple[Link, ...]
    width: float
    height: float
    classes: tuple[str, ...] = ()
    caption: str = ""
    legend: tuple[Entry, ...] = ()
    pictures: Pictures | None = field(default=None, repr=False)
    bundles: tuple[Bundle, ...] = ()
    session: Session | None = field(default=None, repr=False)
    dimmed: frozenset[Key] = frozenset()
    path: tuple[Link, ...] = ()
    titles: tuple[Card, ...] = ()

    @property
    def heads(self) -> tuple[Card, ...]:
        """What stands above the columns: their headers, and the names of groups."""
        return (*(column.header for column in self.columns), *self.titles)

    @cached_property
    def placed(self) -> dict[Key, Card]:
        """All cards, headers, names of groups and boxes of bundles, by key."""
        return {**self._index, **{card.key: card for card in self.titles}}

    @cached_property
    def _index(self) -> dict[Key, Card]:
        boxes = (bundle.card for bundle in self.bundles)
        return {card.key: card for card in (*self.cards, *(c.header for c in self.columns), *boxes)}

    @cached_property
    def _bundles(self) -> dict[Key, Bundle]:
        return {bundle.key: bundle for bundle in self.bundles}

    @cached_property
    def strokes(self) -> tuple[Link, ...]:
        """What is drawn of the links: those that run through no bundle, and the curves of bundles; weak ones first."""
        curves = [curve for bundle in self.bundles for curve in bundle.curves]
        return tuple(sorted((*(x for x in self.links if x.via is None), *curves), key=lambda x: x.strength))

    @cached_property
    def _links(self) -> dict[Key, Link]:
        return {link.key: link for link in self.links}

    @cached_property
    def _touching(self) -> dict[Key, tuple[Link, ...]]:
        found: dict[Key, list[Link]] = {}
        for link in self.links:
            found.setdefault(link.source, []).append(link)
            found.setdefault(link.sink, []).append(link)
        return {key: tuple(links) for key, links in found.items()}

    def arranged(self, session: Session) -> Session:
        """A session whose cards are to stand as they stand here."""
        if self.session is None or session.look.cards == self.session.look.cards:
            return session
        return session.with_look(replace(session.look, cards=self.session.look.cards))

    def __contains__(self, key: object) -> bool:
        return key in self._index or key in self._links

    def card(self, key: Key) -> Card:
        """The card, column header or box of a bundle of a key. Raises UnknownName."""
        if key not in self._index:
            raise UnknownName(f"A card of the diagram must be named by its key; got {key!r}.")
        return self._index[key]

    def find(self, key: Key) -> Card | Link | None:
        """The card, column header, box of a bundle or link of a key; None where the diagram has none."""
        return self._index.get(key) or self._links.get(key)

    def bundle(self, key: Key) -> Bundle | None:
        """The bundle of a key; None where the diagram has none."""
        return self._bundles.get(key)

    def links_of(self, key: Key) -> tuple[Link, ...]:
        """The links that leave or reach a card, also those that run through a bundle; of a bundle, all its links."""
        if key in self._bundles:
            return tuple(self._links[k] for k in self._bundles[key].links)
        return self._touching.get(key, ())

    def lit(self, key: Key) -> tuple[Link, ...]:
        """What stands out where a key is asked for: a link itself, a bundle's curves, the links of a card."""
        found = self._links.get(key)
        if found is not None:
            return (found,)
        bundle = self._bundles.get(key)
        return bundle.curves if bundle is not None and bundle.curves else self.links_of(key)

    def neighbours(self, key: Key) -> frozenset[Key]:
        """The cards joined to a card, or to each other in a bundle, by a link."""
        return frozenset(k for link in self.links_of(key) for k in (link.source, link.sink) if k != key)

    def paths(self, key: Key) -> tuple[Link, ...]:
        """All links on a path through a card or a bundle: everything up the stream and everything down it."""
        bundle = self._bundles.get(key)
        found = {link.key: link for link in self.links_of(key)} if bundle is not None else {}
        for back in (True, False):
            todo = [key] if bundle is None else list(bundle.sources if back else bundle.sinks)
            met = set(todo)
            while todo:
                here = todo.pop()
                for link in self.links_of(here):
                    near, far = (link.sink, link.source) if back else (link.source, link.sink)
                    if near == here:
                        found[link.key] = link
                        if far not in met:
                            met.add(far)
                            todo.append(far)
        return tuple(found.values())

    def at(self, x: float, y: float, tolerance: float = 4.0) -> Key | None:
        """The key of what lies at a point: a card, header or bundle first, else the nearest link within `tolerance` px.

        A curve of a bundle is told as its bundle.
        """
        for card in self._index.values():
            box = card.box if card.key not in self._bundles else card.box.grown(tolerance)
            if box.holds(x, y):
                return card.key
        return self._nearest_link(x, y, tolerance)

    def unit_at(self, x: float, y: float, zoom: float = 1.0) -> Key | None:
        """("unit", layer, index) of the neuron whose patch or cell is seen at a point; None where there is none."""
        for card in self.cards:
            if card.key[0] == "cluster" and card.box.holds(x, y):
                for mark in card.face.marks:
                    if isinstance(mark, Patch | Cells) and pointed(mark, zoom):
                        unit = mark.unit_at(x - card.box.x, y - card.box.y)
                        if unit >= 0:
                            return ("unit", card.key[1], unit)
        return None

    @cached_property
    def _flat(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """All strokes as short straight pieces (n, 4) and the index of each piece's stroke."""
        pieces, owners = [np.empty((0, 4))], [np.empty(0, np.int64)]
        for index, link in enumerate(self.strokes):
            line = flatten(link.points)
            pieces.append(np.hstack([line[:-1], line[1:]]))
            owners.append(np.full(len(line) - 1, index, np.int64))
        return np.concatenate(pieces), np.concatenate(owners)

    def _nearest_link(self, x: float, y: float, tolerance: float) -> Key | None:
        pieces, owners = self._flat
        if not len(pieces):
            return None
        start, step = pieces[:, :2], pieces[:, 2:] - pieces[:, :2]
        away = np.array([x, y]) - start
        along = np.clip((away * step).sum(1) / np.maximum((step**2).sum(1), 1e-12), 0.0, 1.0)
        distance = np.hypot(*(away - along[:, None] * step).T)
        best = int(np.argmin(distance))
        link = self.strokes[int(owners[best])]
        if distance[best] > max(tolerance, link.width / 2):
            return None
        return link.key if link.key in self._links else next(k for k in (link.source, link.sink) if k in self._bundles)

    def _repr_svg_(self) -> str:
        """The picture as SVG, for a notebook."""
        return svg(self)

    def __repr__(self) -> str:
        return f"Diagram({len(self.columns)} columns, {len(self.cards)} cards, {len(self.links)} links)"


def difference(old: Diagram | None, new: Diagram) -> Difference:
    """What became of each card between two diagrams, by key; all are added where there was no old one."""
    before = old.placed if old is not None else {}
    after = new.placed
    both = before.keys() & after.keys()
    moved = {k for k in both if before[k].box != after[k].box}
    changed = {k for k in both - moved if before[k].face is not after[k].face}
    return Difference(
        kept=frozenset(both - moved - changed),
        moved=frozenset(moved),
        changed=frozenset(changed),
        added=frozenset(after.keys() - before.keys()),
        removed=frozenset(before.keys() - after.keys()),
    )
