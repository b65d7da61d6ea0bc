"""The page of a bundle: what it joins, how strongly, and the way to see its edges one by one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from cnnvis.gui.panels.page import Page, Scene, both_signs, command, number, percent
from cnnvis.layout.diagram import Bundle, Key, Link
from cnnvis.layout.edge_words import sign_words
from cnnvis.model.viewed import viewed

_SUMS = "Sums over its edges: the mean effect of the one cluster on the other, the two signs apart."


def bundle_page(scene: Scene, bundle: Bundle) -> Page:
    """What is known of a bundle."""
    page = Page()
    n_sources, n_sinks = len(bundle.sources), len(bundle.sinks)
    page.title(f"{n_sources} → {n_sinks} clusters", f"a bundle of {len(bundle.links)} edges")
    session = viewed(scene.session)
    blue, orange = sign_words(session.analysis.network, session.connections)
    shown = "The shares of the two are the bar in the box."
    plus, minus = (f"{sign}{number(sum_)}" for sign, sum_ in (("+", bundle.positive), ("−", bundle.negative)))
    page.facts(
        [
            (blue[:1].upper() + blue[1:], f"{plus} · {percent(bundle.shares[0])}", f"{_SUMS} {shown}"),
            (orange[:1].upper() + orange[1:], f"{minus} · {percent(bundle.shares[1])}", f"{_SUMS} {shown}"),
            ("Edges", f"{len(bundle.links)} of {n_sources} × {n_sinks}", _edges(bundle)),
        ]
    )
    links = scene.diagram.links_of(bundle.key)
    _ends(page, scene, f"From {bundle.key[1]}", bundle.sources, links, "source")
    _ends(page, scene, f"To {bundle.key[2]}", bundle.sinks, links, "sink")
    if bundle.expanded:
        page.buttons(command(scene, "Bundle again", "expand", "Draw one box in the place of its edges", bundle.key))
    else:
        buttons = [command(scene, "Expand", "expand", "Draw its edges one by one (Ctrl+Return)", bundle.key)]
        if bundle.card.box != bundle.home:
            buttons.append(command(scene, "Put back", "move_bundle", "To where it stood", bundle.key, 0.0, 0.0))
        page.buttons(*buttons)
    return page.end()


def _edges(bundle: Bundle) -> str:
    whole = len(bundle.sources) * len(bundle.sinks)
    if len(bundle.links) == whole:
        return "Every cluster on its left is joined to every one on its right."
    return f"All {whole} are joined; {whole - len(bundle.links)} of these edges are drawn in another bundle."


def _ends(page: Page, scene: Scene, title: str, cards: tuple[Key, ...], links: tuple[Link, ...], end: str) -> None:
    """The cards on one side, those with the strongest edges first."""
    page.section(title, _SUMS)
    rows: list[tuple[str, str, str, Callable[[], None]]] = []
    sums = {card: [link for link in links if getattr(link, end) == card] for card in cards}
    for card in sorted(cards, key=lambda card: -sum(x.positive + x.negative for x in sums[card])):
        plus, minus = sum(x.positive for x in sums[card]), sum(x.negative for x in sums[card])
        n = len(sums[card])
        shown = scene.diagram.card(card)
        tip = f"{shown.tooltip}\n{n} edge{'' if n == 1 else 's'} of this bundle".strip()
        rows.append((shown.title, both_signs(plus, minus), tip, partial(scene.choose, card)))
    page.links(rows)
