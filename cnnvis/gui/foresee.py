"""What would come of a drop, told while the hand still holds: clusters and their silhouette, boundaries of groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cnnvis.errors import InvalidValue
from cnnvis.gui.gestures import Landing, counted
from cnnvis.gui.regrouping import Regrouping, rounded
from cnnvis.layout.diagram import Column, Key
from cnnvis.model.analysis import Analysis
from cnnvis.model.partition import Partition
from cnnvis.model.regroup import beginnings


class Foresee:
    """Foresight from the session on the desk; `changed` is called when more is known than was told."""

    def __init__(self, desk: Regrouping, changed: Callable[[], None]) -> None:
        self._desk, self._changed = desk, changed

    @property
    def _analysis(self) -> Analysis | None:
        session = self._desk.session
        return session.analysis if session is not None else None

    def _clusters(self, layer: str) -> Partition | None:
        return self._analysis.clusters.get(layer) if self._analysis is not None else None

    def moved(self, layer: str, units: Sequence[int], to: int | None) -> str | None:
        """The neurons, where they go, and the silhouette before and after."""
        clusters = self._clusters(layer)
        if clusters is None:
            return None
        try:
            after = clusters.gather(units) if to is None else clusters.move(units, to)
        except InvalidValue:
            return None  # they are a cluster already
        if all(a is b for a, b in zip(clusters, after)) and len(after) == len(clusters):
            return None
        where = f"“{clusters[to].title}”" if to is not None else "a new cluster"
        return self._rated(layer, f"{counted(units)} to {where}", clusters, after)

    def merged(self, layer: str, ids: Sequence[int]) -> str | None:
        """The clusters that become one, and the silhouette before and after."""
        clusters = self._clusters(layer)
        if clusters is None:
            return None
        first, others = clusters[ids[0]], [clusters[i] for i in ids[1:]]
        what = f"“{others[0].title}”" if len(others) == 1 else f"{len(others)} clusters"
        return self._rated(layer, f"Merge {what} with “{first.title}”", clusters, clusters.merge(*ids))

    def _rated(self, layer: str, words: str, before: Partition, after: Partition) -> str:
        old = self._desk.silhouettes(layer, before)
        if old is None:
            self._desk.rate(layer, lambda found: self._changed() if found is not None else None)
            return words
        new = self._desk.silhouettes(layer, after)
        return f"{words}\nsilhouette {rounded(old.mean)} → {rounded(new.mean) if new is not None else '–'}"

    def begun(self, group: int, column: Column, share: float) -> Landing | None:
        """The nearest layer at which the group may begin."""
        analysis, session = self._analysis, self._desk.session
        if analysis is None or session is None:
            return None
        network = analysis.network
        possible = beginnings(analysis.groups, network, group)
        place = next(i for i, g in enumerate(analysis.groups) if g.id == group)
        if not possible:
            return None
        left, right = analysis.groups[place - 1 : place + 1]
        layers = sorted((*left.layers, *right.layers), key=network.index)
        mine = left if column.group == left.id else right
        n, expanded = len(mine.layers), mine.name in session.look.expanded
        if expanded:
            wanted = layers.index(column.layer) + (share >= 0.5)
        else:
            wanted = layers.index(mine.layers[0]) + round(share * n)
        layer = min(possible, key=lambda name: abs(layers.index(name) - wanted))
        stays = layer == right.layers[0]
        words = f"{right.name} begins at {layer}" + ("\nas it does now" if stays else "")
        if expanded or layer not in mine.layers:
            at = 0.0 if layers.index(layer) <= layers.index(column.layer) else 1.0
        else:
            at = mine.layers.index(layer) / n
        return Landing(layer, at, words, not stays)

    def told(self, key: Key) -> str:
        """The silhouette of a cluster, where it is known at once."""
        found = self._desk.silhouettes(str(key[1])) if key[0] == "cluster" else None
        if found is None or int(key[2]) not in found.clusters:
            return ""
        return f"silhouette {rounded(found.clusters[int(key[2])])}, of the layer {rounded(found.mean)}"
