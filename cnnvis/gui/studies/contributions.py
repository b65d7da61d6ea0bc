"""What neurons contribute to classes, and knock-outs: what becomes of the answers without some of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from cnnvis.gui.editing import Editing
from cnnvis.gui.jobs import Jobs
from cnnvis.gui.services import Services
from cnnvis.gui.studies.study import Study, definition, not_measured, shown_definition
from cnnvis.gui.view import View
from cnnvis.layout.columns import has_classes
from cnnvis.layout.diagram import Key
from cnnvis.model.measurements import Contributions, Fill, Measurements, Silenced, in_order
from cnnvis.model.session import Session
from cnnvis.model.subsets import Subset
from cnnvis.model.viewed import shown_subset
from cnnvis.progress import Progress
from cnnvis.workflow.contributions import contributions, knock_out, with_ablation, with_contributions

if TYPE_CHECKING:
    from cnnvis.compute.replay import Cache
    from cnnvis.workflow.sources import Sources

TOPIC, PART, ABLATION = "contributions", "contributions of a subset", "ablation"

Asked = tuple[Subset | None, int | None]
"""Over which subset (None: all samples), and to which class (None: each sample's own)."""


class ContributionStudy(Study):
    """Measures contributions when they are first looked at, and knock-outs when they are asked for."""

    _cache: Cache | None = None

    def __init__(self, desk: Editing, view: View, jobs: Jobs, services: Services) -> None:
        super().__init__(desk, view, jobs, services)
        self._asked: set[Asked] = set()
        self._told: set[Asked] = set()
        self._part: Asked | None = None

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
        """Measure the contributions to each sample's own class, or to one class, over the subset that is shown."""
        session = self.desk.session
        if session is None:
            return
        subset = shown_definition(session)

        def work(session: Session, sources: Sources, progress: Progress) -> Contributions:
            return contributions(session, sources, target, progress=progress)

        def keep(session: Session, found: Contributions) -> Session:
            if definition(session, found.subset) == subset:
                return with_contributions(session, found)
            self._asked.discard((subset, target))
            return session

        self._mark((subset, target))
        self._part = (subset, target) if subset is not None else self._part
        what = "Measuring contributions" if subset is None else f"Measuring contributions over “{subset.name}”"
        self.measure(TOPIC if subset is None else PART, what, work, keep)

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
        """Measure what cards with that facet show once the network is there; without it say what a subset lacks.

        Whoever stops it does not want it at every step, so that it is begun once. A subset that is left before its turn
        makes way for the next.
        """
        look = session.look
        shown = look.facet == "contribution" or any(facet == "contribution" for _, _, facet in look.facets)
        target = look.chosen if look.chosen in session.measurements.targets else None
        subset = shown_definition(session)
        asked = (subset, target)
        known = target in session.measurements.over(shown_subset(session)).contributions
        if not shown or known or session.activations is None or asked in self._asked:
            return
        if self.services.sources is None:
            if subset is not None and asked not in self._told:
                self._told.add(asked)
                self.view.show_notice(not_measured("contributions", subset.name))
            return
        if any(self.jobs.running(topic) is not None for topic in ("analysis", TOPIC, ABLATION)):
            return
        if subset is not None and self.jobs.running(PART) is not None and self._part is not None:
            self._asked.discard(self._part)
        self.contribute(target)

    def _mark(self, asked: Asked) -> None:
        if self.services.sources is not None:
            self._asked.add(asked)

    def _unless_known(self, target: int | None) -> None:
        session = self.desk.session
        if session is not None and target not in session.measurements.over(shown_subset(session)).contributions:
            self.contribute(target)

    def _look(self, chosen: int | None) -> None:
        document = self.desk.document
        if document is not None:
            look = replace(document.session.look, facet="contribution", facets=frozenset(), chosen=chosen)
            if look != document.session.look:
                for target in (None, chosen):  # what is missing is measured by whoever called
                    self._mark((shown_definition(document.session), target))
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
        subset, defined = shown_subset(session), shown_definition(session)
        known = session.measurements.ablation(silenced, fill, subset)
        if known is not None:
            document.update(with_ablation(session, known))
            return

        def work(session: Session, sources: Sources, progress: Progress) -> Measurements:
            cache = self._opened()
            return knock_out(session, sources, dict(silenced), fill, cache=cache, progress=progress).measurements

        def keep(session: Session, found: Measurements) -> Session:
            if definition(session, subset) != defined:
                return session
            own = found.over(subset).contributions.get(None)
            if own is not None and None not in session.measurements.over(subset).contributions:
                session = with_contributions(session, own)
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
        cache, self._cache = self._cache, None
        self._asked, self._told, self._part = set(), set(), None
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
