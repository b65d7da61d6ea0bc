"""Random edits, undo and redo in any order: every invariant of an analysis holds, and every step can be done again."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sessions import made_up_session

import cnnvis as cv
from cnnvis.compute.cluster import recluster
from cnnvis.errors import InvalidValue
from cnnvis.gui import edits
from cnnvis.model.analysis import Analysis, Recipe
from cnnvis.model.document import Document
from cnnvis.model.groups import can_represent
from cnnvis.model.partition import Cluster, Partition
from cnnvis.model.plain import analysis_from_dict, analysis_to_dict
from cnnvis.model.regroup import beginnings

LAYERS = ("conv1", "conv2", "conv3")
RECIPES = (Recipe(k=2), Recipe("AgglomerativeClustering", 3), Recipe("MeanShift", magnitude=True))
layers = st.sampled_from(LAYERS)
anything = st.integers(0, 10**6)


def pick(found: list, number: int):
    """One of several things by any number, so that every draw is of use."""
    return found[number % len(found)]


class Editing(RuleBasedStateMachine):
    """A document in the hands of someone who tries everything; beside it a plain list of what it should hold."""

    @initialize()
    def open(self) -> None:
        self.session = made_up_session((6, 12, 8))
        self.document = Document(self.session)
        self.states, self.index = [self.session.analysis], 0

    @property
    def analysis(self) -> Analysis:
        return self.document.analysis

    def clusters(self, layer: str) -> Partition:
        return self.analysis.clusters[layer]

    def commit(self, edit: edits.Edit) -> None:
        before = self.analysis
        if edit.analysis is before:
            self.document.commit(edit.analysis, edit.label, edit.python)
            return
        names = {"analysis": before, "activations": self.session.activations, "cv": cv}
        exec(edit.python, names)
        assert analysis_to_dict(names["analysis"]) == analysis_to_dict(edit.analysis)
        self.document.commit(edit.analysis, edit.label, edit.python)
        self.states = [*self.states[: self.index + 1], edit.analysis]
        self.index += 1

    # Clusters

    @rule(layer=layers, number=anything, more=anything)
    def merge(self, layer: str, number: int, more: int) -> None:
        ids = [c.id for c in self.clusters(layer)]
        chosen = list(dict.fromkeys((pick(ids, number), pick(ids, more))))
        if len(chosen) == 2:
            self.commit(edits.merged(self.analysis, layer, chosen))

    @rule(layer=layers, number=anything, share=st.floats(0.1, 0.9))
    def split(self, layer: str, number: int, share: float) -> None:
        wide = [c for c in self.clusters(layer) if len(c) > 1]
        if wide:
            cluster: Cluster = pick(wide, number)
            some = cluster.members[: max(round(share * len(cluster)), 1)][: len(cluster) - 1]
            self.commit(edits.split(self.analysis, layer, cluster.id, some))

    @rule(layer=layers, units=st.sets(st.integers(0, 5), min_size=1))
    def gather(self, layer: str, units: set[int]) -> None:
        if all(set(c.members) != units for c in self.clusters(layer)):
            self.commit(edits.gathered(self.analysis, layer, sorted(units)))

    @rule(layer=layers, units=st.sets(st.integers(0, 5), min_size=1), number=anything)
    def move(self, layer: str, units: set[int], number: int) -> None:
        before = self.clusters(layer)
        to = pick([c.id for c in before], number)
        self.commit(edits.moved(self.analysis, layer, sorted(units), to))
        touched = {before.cluster_of(u).id for u in units} | {to}
        assert all(c in before.clusters for c in self.clusters(layer) if c.id not in touched)

    @rule(layer=layers, number=anything, name=st.sampled_from(["", "ears", " “quoted” 'twice' "]))
    def rename(self, layer: str, number: int, name: str) -> None:
        self.commit(edits.renamed(self.analysis, layer, pick(list(self.clusters(layer)), number).id, name))

    @rule(layer=layers, number=anything, note=st.text(max_size=8))
    def annotate(self, layer: str, number: int, note: str) -> None:
        self.commit(edits.noted(self.analysis, layer, pick(list(self.clusters(layer)), number).id, note))
        self.commit(edits.noted_name(self.analysis, f"{layer}:0", note))

    @rule(layer=layers, number=anything, colour=st.sampled_from(["", "#3f938a"]))
    def colour(self, layer: str, number: int, colour: str) -> None:
        self.commit(edits.coloured(self.analysis, layer, [pick(list(self.clusters(layer)), number).id], colour))

    @rule(layer=layers, number=anything)
    def lock(self, layer: str, number: int) -> None:
        self.commit(edits.locked(self.analysis, layer, pick(list(self.clusters(layer)), number).id))

    @rule(layer=layers, unit=st.integers(0, 5))
    def pin(self, layer: str, unit: int) -> None:
        self.commit(edits.pinned(self.analysis, layer, unit))

    @rule(layer=layers, recipe=st.sampled_from(RECIPES), all_layers=st.booleans(), keep=st.booleans())
    def recluster(self, layer: str, recipe: Recipe, all_layers: bool, keep: bool) -> None:
        locked = [c for c in self.clusters(layer) if c.locked]
        chosen = () if all_layers else (layer,)
        assert self.session.activations is not None
        found = recluster(self.analysis, self.session.activations, recipe, layers=chosen, keep_locked=keep)
        self.commit(edits.reclustered(self.analysis, found, recipe, chosen, keep))
        assert not keep or all(c in self.clusters(layer).clusters for c in locked)

    # Layer groups

    @rule(number=anything)
    def join(self, number: int) -> None:
        try:
            edit = edits.joined(self.analysis, pick([g.id for g in self.analysis.groups], number))
        except InvalidValue:
            return
        self.commit(edit)

    @rule(layer=layers)
    def part(self, layer: str) -> None:
        if self.analysis.group_of(layer).layers[0] != layer:
            self.commit(edits.parted(self.analysis, layer))

    @rule(number=anything, more=anything)
    def begin(self, number: int, more: int) -> None:
        id = pick([g.id for g in self.analysis.groups], number)
        found = beginnings(self.analysis.groups, self.analysis.network, id)
        if found:
            self.commit(edits.begun(self.analysis, id, pick(list(found), more)))

    @rule(layer=layers)
    def represent(self, layer: str) -> None:
        self.commit(edits.represented(self.analysis, layer))

    # The history

    @precondition(lambda self: self.index > 0)
    @rule()
    def undo(self) -> None:
        assert self.document.undo()
        self.index -= 1

    @rule()
    def redo(self) -> None:
        last = len(self.states) - 1
        assert self.document.redo() == (self.index < last)
        self.index = min(self.index + 1, last)

    @rule(number=anything)
    def go_to(self, number: int) -> None:
        self.index = number % len(self.states)
        self.document.go_to(self.index)

    # What holds after each of them

    @invariant()
    def the_document_holds_what_it_should(self) -> None:
        assert self.analysis is self.states[self.index]
        assert [step.analysis for step in self.document.history] == self.states

    @invariant()
    def every_neuron_is_in_one_cluster(self) -> None:
        for layer, partition in self.analysis.clusters.items():
            members = [m for c in partition for m in c.members]
            assert sorted(members) == list(range(self.analysis.network[layer].n_units))
            assert len({c.id for c in partition}) == len(partition)
            assert all(set(c.pinned) <= set(c.members) and c.members for c in partition)

    @invariant()
    def every_layer_is_in_one_group(self) -> None:
        network, groups = self.analysis.network, self.analysis.groups
        assert [x for g in groups for x in g.layers] == [x.name for x in network.drawn if x.role != "input"]
        assert len({g.name for g in groups}) == len({g.id for g in groups}) == len(groups)
        assert all(g.representative in g.layers and can_represent(network[g.representative]) for g in groups)
        assert groups[-1].layers == ("fc",)

    @invariant()
    def a_file_would_keep_it(self) -> None:
        values = analysis_to_dict(self.analysis)
        assert analysis_to_dict(analysis_from_dict(values)) == values


Editing.TestCase.settings = settings(
    max_examples=25,
    stateful_step_count=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
TestEditing = Editing.TestCase
