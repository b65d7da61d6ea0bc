"""What a user regroups with the machine's help: layers clustered anew, clusters split, layer groups, their rating."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from cnnvis.errors import CnnvisError, InvalidValue
from cnnvis.gui import edits
from cnnvis.gui.editing import Editing
from cnnvis.gui.view import Notice
from cnnvis.layout.columns import shown_layers
from cnnvis.model.analysis import Analysis, Recipe
from cnnvis.model.partition import Partition
from cnnvis.model.quality import Silhouettes, at_hand, silhouettes
from cnnvis.model.script import script
from cnnvis.model.session import Session
from cnnvis.progress import Progress
from cnnvis.workflow.edges import followed, missing_pairs

_MOST_TRIED, _MOST_SHIFTED = 2048, 512
"""Neurons that are clustered while the user still chooses how; mean shift takes longer."""


@dataclass(frozen=True, slots=True)
class Reclustering:
    """How to cluster anew: which layers (none named: all), and whether locked clusters keep their members."""

    recipe: Recipe
    layers: tuple[str, ...] = ()
    keep_locked: bool = True


@dataclass(frozen=True, slots=True)
class Preview:
    """What would come of a reclustering: clusters of neurons that fire and mean silhouette, before and after."""

    n_before: int = 0
    before: float | None = None
    n_after: int = 0
    after: float | None = None
    why_not: str = ""

    @property
    def words(self) -> str:
        if self.why_not:
            return self.why_not
        return f"{_clusters(self.n_after, self.after)}; now {_clusters(self.n_before, self.before)}"


def _clusters(n: int, silhouette: float | None) -> str:
    rated = f", silhouette {rounded(silhouette)}" if silhouette is not None else ""
    return f"{n} cluster{'' if n == 1 else 's'}{rated}"


def rounded(silhouette: float) -> str:
    """Two figures, with a true minus."""
    return f"{round(silhouette, 2) + 0.0:.2f}".replace("-", "−")


class Regrouping(Editing):
    """Edits that are worked out in the background, and edits of layer groups. Each is one step of the history."""

    def recluster(self, wish: Reclustering) -> None:
        """Cluster layers by another recipe, in the background."""
        session = self.session
        if session is None:
            return

        def work(progress: Progress) -> Analysis:
            return self._services.recluster(session, wish.recipe, wish.layers, wish.keep_locked, progress)

        def done(found: Analysis) -> None:
            self._view.show_work(None)
            if self.session is None or self.session.analysis is not session.analysis:
                self.recluster(wish)  # the user has changed something meanwhile
                return
            self._commit(lambda s: edits.reclustered(s.analysis, found, wish.recipe, wish.layers, wish.keep_locked))

        self._jobs.start("recluster", work, done, self._failed, reported=self._report)

    def try_out(self, wish: Reclustering, then: Callable[[Preview], None]) -> None:
        """Tell what would come of clustering one layer anew, from the background; only the newest wish is answered."""
        session = self.session
        if session is None or session.activations is None:
            return
        layer = wish.layers[0]
        n, old = session.analysis.network[layer].n_units, session.analysis.clusters.get(layer)
        if n > (_MOST_SHIFTED if wish.recipe.clusterer == "MeanShift" else _MOST_TRIED):
            then(Preview(why_not=f"Not tried out before: {n:,} neurons take a while."))
            return

        def mean(partition: Partition | None) -> float | None:
            found = self._services.rate(session, layer, partition) if partition is not None else None
            return found.mean if found is not None else None

        def work(progress: Progress) -> Preview:
            found = self._services.recluster(session, wish.recipe, wish.layers, wish.keep_locked, progress)
            new = found.clusters[layer]
            n_before, n_after = (sum(not c.dead for c in partition or ()) for partition in (old, new))
            return Preview(n_before, mean(old), n_after, mean(new))

        def failed(error: BaseException) -> None:
            if isinstance(error, CnnvisError):
                then(Preview(why_not=str(error)))
            else:
                self.fail(error)

        self._jobs.start("trial", work, then, failed)

    def forget_trial(self) -> None:
        """Nobody waits for what `try_out` finds."""
        self._jobs.drop("trial")

    def split_in_two(self, layer: str, id: int) -> None:
        """Let the layer's clusterer divide a cluster, in the background."""
        session = self.session
        if session is None:
            return
        cluster = session.analysis.clusters[layer][id]

        def done(units: tuple[int, ...]) -> None:
            present = self.session.analysis.clusters.get(layer, ()) if self.session is not None else ()
            if any(c.id == id and c.members == cluster.members for c in present):
                self.split(layer, id, units)

        self._jobs.start(
            ("split", layer, id), lambda progress: self._services.split_in_two(session, layer, id), done, self.fail
        )

    def _failed(self, error: BaseException) -> None:
        self._view.show_work(None)
        self.fail(error)

    # How good it is

    def silhouettes(self, layer: str, partition: Partition | None = None) -> Silhouettes | None:
        """How well a layer's clusters, or those of another partition, are told apart, where that is known at once."""
        session = self.session
        if session is None or session.activations is None:
            return None
        partition = partition or session.analysis.clusters.get(layer)
        if partition is None or not at_hand(session.activations, layer, partition):
            return None
        return silhouettes(session.activations, layer, partition)

    def rate(self, layer: str, then: Callable[[Silhouettes | None], None], partition: Partition | None = None) -> None:
        """Tell how well a layer's clusters are told apart: at once where it is known, else from the background."""
        session = self.session
        chosen = partition or (session.analysis.clusters.get(layer) if session is not None else None)
        if session is None or session.activations is None or chosen is None or layer not in session.activations.layers:
            then(None)
        elif at_hand(session.activations, layer, chosen):
            then(silhouettes(session.activations, layer, chosen))
        else:
            self._jobs.start(
                ("rate", layer, then), lambda progress: self._services.rate(session, layer, chosen), then, self.fail
            )

    # Layer groups

    def represent(self, layer: str) -> None:
        """Let a layer stand for its group."""
        before = self.session
        self._commit(lambda s: edits.represented(s.analysis, layer))
        if self.session is not before:
            self.select((("column", layer),))

    def join_groups(self, id: int) -> None:
        """Make a group and the one right of it one."""
        self._keep_expanded(lambda analysis: analysis.join_groups(id))
        self._commit(lambda s: edits.joined(s.analysis, id))

    def split_group(self, layer: str) -> None:
        """Make two of the group of a layer, which begins the right one."""
        self._keep_expanded(lambda analysis: analysis.split_group(layer))
        self._commit(lambda s: edits.parted(s.analysis, layer))

    def begin_group(self, id: int, layer: str) -> None:
        """Move the left boundary of a group to a layer."""
        self._keep_expanded(lambda analysis: analysis.begin_group(id, layer))
        self._commit(lambda s: edits.begun(s.analysis, id, layer))

    def _keep_expanded(self, regroup: Callable[[Analysis], Analysis]) -> None:
        """Let groups that come out of expanded ones be expanded too, so that no column jumps."""
        session = self.session
        if session is None or self.document is None:
            return
        try:
            after = regroup(session.analysis)
        except InvalidValue:
            return  # the edit itself says why
        shown = session.look.expanded
        layers = {name for g in session.analysis.groups if g.name in shown for name in g.layers}
        also = frozenset(g.name for g in after.groups if set(g.layers) <= layers)
        if also - shown:
            self.look(replace(session.look, expanded=shown | also))

    # What an edit leaves to be found out

    def _changed(self, old: Session, new: Session) -> None:
        super()._changed(old, new)
        if new.analysis is old.analysis or new.activations is None:
            return
        layers = [
            layer.name
            for group in new.analysis.groups
            for layer in shown_layers(new.analysis, group, new.activations, group.name in new.look.expanded)
        ]
        self._cluster_missing(layers)
        if new.analysis.groups is not old.analysis.groups:
            self.join()
            self._tell_of_edges(new)

    def _tell_of_edges(self, session: Session) -> None:
        """Say why columns that are neighbours now have no edges between them."""
        lacking = session.connections is not None and missing_pairs(session, followed(session))
        if self._services.sources is None and lacking:
            text = "Edges between the new neighbours are measured once the network is connected."
            self._view.show_notice(Notice(text + " Choose File ▸ Connect network."))

    def _cluster_missing(self, layers: Sequence[str]) -> None:
        session = self.session
        if session is None or session.activations is None:
            return
        known = session.analysis.clusters
        new = [name for name in layers if name not in known and name in session.activations.layers]
        for layer in new:
            if self._jobs.running(("cluster", layer)) is None:
                self._cluster(session, layer)

    def _cluster(self, session: Session, layer: str) -> None:
        def done(found: Analysis) -> None:
            if self.document is None or layer in self.document.analysis.clusters:
                return
            present = self.document.session
            self._anchor = self._anchor or ("column", layer)
            opened = present.analysis.with_partition(layer, found.clusters[layer])
            self.complete(present.with_analysis(opened))

        self._jobs.start(
            ("cluster", layer), lambda progress: self._services.open_layers(session, (layer,)), done, self.fail
        )

    def python(self) -> str:
        """The script that redoes all steps."""
        if self.document is None:
            return ""
        source = str(self.path) if self.path is not None else f"{self.name}.cnnvis"
        return script(self.document, source, source.removesuffix(".cnnvis") + "-again.cnnvis")
