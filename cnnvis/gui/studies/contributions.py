"""What neurons contribute to classes, and knock-outs: what becomes of the answers without some of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from cnnvis.gui.studies.study import Study
from cnnvis.layout.columns import has_classes
from cnnvis.layout.diagram import Key
from cnnvis.model.document import Document
from cnnvis.model.measurements import Contributions, Fill, Measurements, Silenced, in_order
from cnnvis.model.session import Session
from cnnvis.model.viewed import subset_rows
from cnnvis.progress import Progress
from cnnvis.workflow.contributions import contributions, knock_out, with_ablation, with_contributions

if TYPE_CHECKING:
    from cnnvis.compute.replay import Cache
    from cnnvis.workflow.sources import Sources

TOPIC, ABLATION = "contributions", "ablation"


class ContributionStudy(Study):
    """Measures contributions when they are first looked at, and knock-outs when they are asked for."""

    _cache: Cache | None = None
    _asked: Document | None = None
    """The document for which contributions were asked for: whoever stops them does not want them at every step."""

    @property
    def verbs(self) -> Mapping[str, Callable[..., object]]:
        return {
            "contribute": self.contribute,
            "contribution_own": self.show_own,
            "contribution_class": self.show_for_class,
            "knock_out": self.knock_out,
            "knock_out_mean": partial(self.knock_out, (), "mean"),
        }

    # Contributions

    def contribute(self, target: int | None = None) -> None:
        """Measure the contributions to each sample's own class, or to one class."""

        def work(session: Session, sources: Sources, progress: Progress) -> Contributions:
            return contributions(session, sources, target, progress=progress)

        self._mark_asked()
        self.measure(TOPIC, "Measuring contributions", work, with_contributions)

    def show_own(self) -> None:
        """Show contributions to each sample's own class on the cards."""
        session = self.desk.session
        if session is not None:
            chosen = session.look.chosen if session.look.mode == "class" else None
            self._look(chosen)
            self._unless_known(None)

    def show_for_class(self, target: int | None = None) -> None:
        """Show contributions to a class on the cards: the given one, the selected one, or the last one."""
        session, diagram = self.desk.session, self.desk.diagram
        if session is None or diagram is None or not has_classes(session.analysis.network):
            return
        if target is None:
            shown = (card.key for card in diagram.cards)
            keys = (
                *self.desk.selection,
                *((("class", session.look.chosen),) if session.look.chosen is not None else ()),
            )
            target = next((int(key[1]) for key in (*keys, *shown) if _is_class(key)), None)
        if target is not None:
            self._look(target)
            self._unless_known(target)

    def follow(self, session: Session) -> None:
        """Measure the contributions to the own class once cards show that facet and the network is there."""
        look = session.look
        shown = look.facet == "contribution" or any(facet == "contribution" for _, _, facet in look.facets)
        wanted = shown and session.measurements.own is None and session.activations is not None
        busy = any(self.jobs.running(topic) is not None for topic in ("analysis", TOPIC, ABLATION))
        if wanted and not busy and self.services.sources is not None and self._asked is not self.desk.document:
            self.contribute()

    def _mark_asked(self) -> None:
        if self.services.sources is not None:
            self._asked = self.desk.document

    def _unless_known(self, target: int | None) -> None:
        session = self.desk.session
        if session is not None and target not in session.measurements.contributions:
            self.contribute(target)

    def _look(self, chosen: int | None) -> None:
        document = self.desk.document
        if document is not None:
            look = replace(document.session.look, facet="contribution", facets=frozenset(), chosen=chosen)
            if look != document.session.look:
                self._mark_asked()  # what is missing is measured by whoever called
                self.desk.hold()
                document.update(document.session.with_look(look))

    # Knock-outs

    def knock_out(self, units: Silenced = (), fill: Fill = "zero") -> None:
        """Measure what becomes of the answers without some units, by default those that are selected."""
        document = self.desk.document
        if document is None:
            return
        session = document.session
        silenced = units or silenced_by(session, self.desk.selection)
        subset = session.look.subset if subset_rows(session) is not None else ""
        known = session.measurements.ablation(silenced, fill, subset)
        if known is not None:
            document.update(with_ablation(session, known))
            return

        def work(session: Session, sources: Sources, progress: Progress) -> Measurements:
            cache = self._opened()
            return knock_out(session, sources, dict(silenced), fill, cache=cache, progress=progress).measurements

        def keep(session: Session, found: Measurements) -> Session:
            if session.measurements.own is None and found.own is not None:
                session = with_contributions(session, found.own)
            return with_ablation(session, found.ablations[0])

        self.measure(ABLATION, "Knocking out", work, keep)

    def _opened(self) -> Cache:
        """The values that replays start from, kept on disk while this session is open. In a job's thread."""
        from cnnvis.compute.replay import Cache

        if self._cache is None:
            self._cache = Cache()
        return self._cache

    def leave(self) -> None:
        """Remove the cache from the disk."""
        cache, self._cache, self._asked = self._cache, None, None
        if cache is not None:
            cache.close()


def silenced_by(session: Session, keys: Sequence[Key]) -> Silenced:
    """The units that stand behind selected clusters, neurons and layers."""
    network, found = session.analysis.network, dict[str, set[int]]()
    for key in keys:
        if key[0] not in ("cluster", "unit", "column") or str(key[1]) not in network:
            continue
        layer = str(key[1])
        units = found.setdefault(layer, set())
        if key[0] == "column":
            units.update(range(network[layer].n_units))
        elif key[0] == "unit":
            units.add(int(key[2]))
        elif layer in session.analysis.clusters:
            units.update(session.analysis.clusters[layer][int(key[2])].members)
    return in_order(network, found)


def _is_class(key: Key) -> bool:
    return key[0] == "class" and len(key) == 2 and isinstance(key[1], int)
