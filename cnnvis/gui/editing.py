"""What a user does to the document on the desk: edits with undo, and how it is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cnnvis.errors import CnnvisError
from cnnvis.gui import edits
from cnnvis.gui.desk import Desk
from cnnvis.gui.view import Work
from cnnvis.layout.diagram import Key
from cnnvis.model.connections import Connections
from cnnvis.model.session import BundleKey, Bundling, ClassOrder, Facet, Look, Packing, Session
from cnnvis.progress import Progress
from cnnvis.workflow.edges import followed, known_edges, with_edges


class Editing(Desk):
    """Edits of a document. Each is one step of its history; a refused one is a sentence over the picture."""

    def rename(self, layer: str, id: int, name: str) -> None:
        """Give a cluster a name."""
        self._commit(lambda s: edits.renamed(s.analysis, layer, id, name))

    def annotate(self, key: Key, note: str) -> None:
        """Write a note on a cluster, a layer or a neuron."""
        if key[0] == "cluster":
            self._commit(lambda s: edits.noted(s.analysis, str(key[1]), int(key[2]), note))
        else:
            name = f"{key[1]}:{key[2]}" if key[0] == "unit" else str(key[1])
            self._commit(lambda s: edits.noted_name(s.analysis, name, note))

    def colour(self, layer: str, ids: Sequence[int], colour: str) -> None:
        """Mark clusters with a hex colour, or with none ("")."""
        self._commit(lambda s: edits.coloured(s.analysis, layer, ids, colour))

    def merge(self, layer: str, ids: Sequence[int]) -> None:
        """Make several clusters of a layer one."""
        self._commit(lambda s: edits.merged(s.analysis, layer, ids))

    def split(self, layer: str, id: int, units: Sequence[int]) -> None:
        """Put some neurons of a cluster into a new one."""
        self._commit(lambda s: edits.split(s.analysis, layer, id, units))

    def gather(self, layer: str, units: Sequence[int]) -> None:
        """Put neurons of one or several clusters into a new one."""
        self._commit(lambda s: edits.gathered(s.analysis, layer, units))

    def move(self, layer: str, units: Sequence[int], to: int) -> None:
        """Put neurons into another cluster of their layer."""
        self._commit(lambda s: edits.moved(s.analysis, layer, units, to))

    def lock(self, layer: str, id: int) -> None:
        """Let a cluster keep its members when its layer is clustered again, or no longer."""
        self._commit(lambda s: edits.locked(s.analysis, layer, id))

    def pin(self, layer: str, unit: int) -> None:
        """Let a neuron represent its cluster before all others, or no longer."""
        self._commit(lambda s: edits.pinned(s.analysis, layer, unit))

    def undo(self) -> None:
        """Take the last step back."""
        self.hold()
        if self.document is not None:
            self.document.undo()

    def redo(self) -> None:
        """Bring back what was undone last."""
        self.hold()
        if self.document is not None:
            self.document.redo()

    def go_to(self, index: int) -> None:
        """Show any state of the history."""
        self.hold()
        if self.document is not None:
            self.document.go_to(index)

    def _commit(self, edit: edits.Change) -> None:
        if self.document is None:
            return
        try:
            found = edit(self.document.session)
        except CnnvisError as error:
            self.fail(error)
            return
        self.hold()
        self.document.commit(found.analysis, found.label, found.python)

    # How it is looked at

    def look(self, look: Look) -> None:
        """Show the same session differently; not undone, but saved."""
        if self.document is not None and look != self.document.session.look:
            self.document.update(self.document.session.with_look(look))

    def show_edges(self, share: float) -> None:
        """Keep so large a share of the strongest edges, 0–1."""
        self.hold()
        if self.session is not None:
            self.look(replace(self.session.look, share=min(max(share, 0.0), 1.0)))

    def show_facet(self, facet: Facet) -> None:
        """Let all cards show a facet, also those that showed another."""
        self.hold()
        if self.session is not None:
            self.look(replace(self.session.look, facet=facet, facets=frozenset()))

    def show_facet_of(self, layer: str, id: int, facet: Facet) -> None:
        """Let one card show a facet of its own."""
        self.hold()
        if self.session is not None:
            look = self.session.look
            others = frozenset(entry for entry in look.facets if entry[:2] != (layer, id))
            mine = frozenset() if facet == look.facet else frozenset({(layer, id, facet)})
            self.look(replace(look, facets=others | mine))

    def show_packing(self, packing: Packing) -> None:
        """Pack the patches of all cards another way."""
        self.hold()
        if self.session is not None:
            self.look(replace(self.session.look, packing=packing))

    def show_order(self, order: ClassOrder) -> None:
        """Let every matrix have one order of classes, or each its own."""
        self.hold()
        if self.session is not None:
            self.look(replace(self.session.look, order=order))

    def unfold(self, group: int) -> None:
        """Show each class of a group of confusable ones, or the group again; it is named by its first class."""
        self.hold()
        if self.session is not None:
            look = self.session.look
            self.look(replace(look, unfolded=look.unfolded ^ {group}))

    def open_key(self, key: Key) -> None:
        """Expand or collapse the group of a column, or all neurons of a cluster."""
        if self.session is None:
            return
        self._anchor = key
        look = self.session.look
        if key[0] == "cluster":
            item = (str(key[1]), int(key[2]))
            self.look(replace(look, opened=look.opened ^ {item}))
        elif key[0] == "column":
            self._toggle(str(key[1]))
        elif key[0] == "bundle":
            bundle: BundleKey = (str(key[1]), str(key[2]), int(key[3]))
            self.look(replace(look, unbundled=look.unbundled ^ {bundle}))

    def collapse_all(self) -> None:
        """Show every group as one column again, and every bundle as one box."""
        self.hold()
        if self.session is not None:
            self.look(replace(self.session.look, expanded=frozenset(), opened=frozenset(), unbundled=frozenset()))

    def untangle(self) -> None:
        """Find the order of all cards anew, whatever order they had."""
        self.hold()
        self.arrange_anew()
        if self.session is not None:
            self.look(replace(self.session.look, cards=()))
            self.draw()

    def show_bundles(self, bundles: Bundling) -> None:
        """Draw edges in bundles: where there are many clusters, always, or never."""
        self.hold()
        if self.session is not None:
            self.look(replace(self.session.look, bundles=bundles))

    def move_bundle(self, key: Key, dx: float, dy: float) -> None:
        """Let the box of a bundle stand so far from where layout puts it."""
        self.hold()
        if self.session is not None:
            look = self.session.look
            mine: BundleKey = (str(key[1]), str(key[2]), int(key[3]))
            others = tuple(entry for entry in look.moved if entry[0] != mine)
            self.look(replace(look, moved=(*others, (mine, dx, dy)) if (dx, dy) != (0.0, 0.0) else others))

    def _toggle(self, layer: str) -> None:
        assert self.session is not None
        group = next((g for g in self.session.analysis.groups if layer in g.layers), None)
        if group is None or len(group.layers) < 2:
            return
        look = self.session.look
        self.look(replace(look, expanded=look.expanded ^ {group.name}))
        self._cluster_missing(group.layers)
        self.join()

    def _uncover(self, layer: str) -> bool:
        if self.session is None:
            return False
        group = next((g for g in self.session.analysis.groups if layer in g.layers), None)
        if group is None or group.name in self.session.look.expanded or len(group.layers) < 2:
            return False
        self.hold()
        self._toggle(layer)
        return True

    def _cluster_missing(self, layers: Sequence[str]) -> None:
        """Find the clusters of layers that nobody has opened before, by their recipes: no step of the history."""
        raise NotImplementedError

    def _changed(self, old: Session, new: Session) -> None:
        super()._changed(old, new)
        if old.look is not new.look and followed(old) != followed(new):
            self.join()

    def join(self) -> None:
        """Measure the edges that the picture shows but nobody has measured yet: no step of the history."""
        session, document = self.session, self.document
        if session is None or document is None or session.connections is None:
            return
        asked = followed(session)

        def done(found: Connections | None) -> None:
            self._view.show_work(None)
            if self.document is not document or found is None or found is known_edges(document.session, asked):
                return
            self.hold()
            self.complete(with_edges(document.session, asked, found))

        def failed(error: BaseException) -> None:
            self._view.show_work(None)
            self.fail(error)

        def work(progress: Progress) -> Connections | None:
            return self._services.join(session, asked, progress)

        self._jobs.start("join", work, done, failed, lane="long", reported=self._report)

    def _report(self, done: int, total: int, what: str) -> None:
        """Show how far long work is."""
        self._view.show_work(Work(what, done, total))
